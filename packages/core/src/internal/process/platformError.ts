import { BadArgument, type PlatformError, SystemError, type SystemErrorReason } from "@effect/platform/Error"
import type { RemoteCommandError, RemoteCommandReason, RemoteConnectionError } from "../../RemoteError.js"

const reasons: Readonly<Record<RemoteCommandReason, SystemErrorReason | "BadArgument">> = {
  Exit: "Unknown",
  Signal: "Unknown",
  ProgramNotFound: "NotFound",
  ProgramNotExecutable: "PermissionDenied",
  DirectoryNotFound: "NotFound",
  ArgumentsTooLong: "Unknown",
  TimedOut: "TimedOut",
  OutputTooLarge: "Unknown",
  InvalidCommand: "BadArgument",
  Unsupported: "BadArgument",
  InputFailed: "Unknown"
}

/**
 * Converts an error to the `PlatformError` of Node's executor, with the error as its cause.
 *
 * @internal
 */
export const fromCommand = (method: string) => (error: RemoteCommandError | RemoteConnectionError): PlatformError => {
  const reason = error._tag === "RemoteCommandError"
    ? reasons[error.reason]
    : error.reason === "TimedOut"
    ? "TimedOut"
    : "Unknown"
  const fields = { module: "Command", method, description: error.message, cause: error } as const
  return reason === "BadArgument"
    ? new BadArgument(fields)
    : new SystemError({
      ...fields,
      reason,
      ...(error._tag === "RemoteCommandError" ? { pathOrDescriptor: error.command } : {})
    })
}
