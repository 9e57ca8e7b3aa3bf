/**
 * The platform's errors, for calls of the file system.
 */
import type { PlatformError, SystemErrorReason } from "@effect/platform/Error"
import { BadArgument, SystemError } from "@effect/platform/Error"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import { RemoteConnectionError, SftpStatusError } from "../../RemoteError.js"
import * as text from "../lib/text.js"
import type { CallContext } from "./callContext.js"

const descriptions: Readonly<Partial<Record<SystemErrorReason, string>>> = {
  NotFound: "no such file or directory",
  AlreadyExists: "it exists already",
  PermissionDenied: "the host does not permit it",
  BadResource: "it is a directory where a file is needed, or a file where a directory is needed"
}

/** @internal */
export const usualDescription = (reason: SystemErrorReason): string | undefined => descriptions[reason]

/**
 * Without a description, the usual one of the reason.
 *
 * @internal
 */
export const system = (
  { method, path, target }: CallContext,
  reason: SystemErrorReason,
  cause: unknown,
  description?: string
): PlatformError =>
  new SystemError({
    module: "FileSystem",
    method,
    reason,
    pathOrDescriptor: target ?? path,
    description: description === undefined ? usualDescription(reason) : text.printable(description),
    cause
  })

/** @internal */
export const connection = (call: CallContext) => (error: RemoteConnectionError): PlatformError =>
  system(call, error.reason === "TimedOut" ? "TimedOut" : "Unknown", error, error.message)

/** @internal */
export const badArgument = ({ method }: CallContext, description: string): PlatformError =>
  new BadArgument({ module: "FileSystem", method, description })

const fieldsOf = ({ cause, description, method, module, pathOrDescriptor, reason, syscall }: SystemError) => ({
  cause,
  description,
  method,
  module,
  pathOrDescriptor,
  reason,
  syscall
})

/**
 * The directory at the path is another one than before, or a link. Another user may have put it there to mislead this one.
 *
 * @internal
 */
export const replaced = (call: CallContext): PlatformError =>
  system(call, "BadResource", undefined, "something else took its place meanwhile")

/**
 * The server lists a name that a directory cannot contain.
 *
 * @internal
 */
export const invalidName = (call: CallContext, name: string): PlatformError =>
  system(
    call,
    "InvalidData",
    undefined,
    `the SFTP server lists a name that a directory cannot contain: ${JSON.stringify(name.slice(0, 100))}`
  )

/**
 * The failure of a request about a hidden file, as one about the file that it was to become.
 *
 * @internal
 */
export const ofHidden = (hidden: string, { method, path }: CallContext) => (error: PlatformError): PlatformError =>
  error._tag === "SystemError" && error.pathOrDescriptor === hidden
    ? new SystemError({
      ...fieldsOf(error),
      method,
      pathOrDescriptor: path,
      description: error.description?.replaceAll(hidden, path)
    })
    : error

/**
 * The same failure for another path.
 *
 * @internal
 */
export const at = (path: string) => (error: PlatformError): PlatformError =>
  error._tag === "SystemError" ? new SystemError({ ...fieldsOf(error), pathOrDescriptor: path }) : error

/**
 * The failure of a step on this machine, as one of the method that was called.
 *
 * @internal
 */
export const by = (method: string) => (error: PlatformError): PlatformError =>
  error._tag === "SystemError" && error.method !== method ? new SystemError({ ...fieldsOf(error), method }) : error

/**
 * The failure of a file that is open on this machine, which names a descriptor, as one of the call.
 *
 * @internal
 */
export const ofDescriptor = ({ method, path }: CallContext) => (error: PlatformError): PlatformError =>
  error._tag === "SystemError" && typeof error.pathOrDescriptor === "number"
    ? new SystemError({ ...fieldsOf(error), method, pathOrDescriptor: path })
    : error

/**
 * The failure of a step at another path, as one of the call.
 *
 * @internal
 */
export const ofStep = ({ method, path }: CallContext, step: string) => (error: PlatformError): PlatformError =>
  error._tag === "SystemError" && !(error.cause instanceof RemoteConnectionError)
    ? new SystemError({
      ...fieldsOf(error),
      method,
      pathOrDescriptor: path,
      description: `${step}: ${error.description ?? error.reason}`
    })
    : error

/**
 * Whether the server has answered that it does not do what was asked.
 *
 * @internal
 */
export const isRefusedByServer = (error: PlatformError): boolean =>
  error._tag === "SystemError" && error.cause instanceof SftpStatusError

/** @internal */
export const isReason = (...reasons: ReadonlyArray<SystemErrorReason>) => (error: PlatformError): boolean =>
  error._tag === "SystemError" && reasons.includes(error.reason)

/**
 * Whether a request was refused, by the server or before it was sent. Otherwise its answer was lost or not awaited, and the
 * host may have done what was asked.
 *
 * @internal
 */
export const isRefusal = (cause: Cause.Cause<PlatformError>): boolean =>
  !Cause.isInterrupted(cause) &&
  Option.exists(
    Cause.failureOption(cause),
    (error) => !("cause" in error && error.cause instanceof RemoteConnectionError)
  )

/** @internal */
export const isNotFound = isReason("NotFound")
