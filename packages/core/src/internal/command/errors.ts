/**
 * The errors of one command.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { RemoteCommandError, RemoteConnectionError } from "../../RemoteError.js"
import type { ExitStatus } from "../../Transport.js"
import type { Report } from "../../unstable/Frame.js"
import * as durations from "../lib/duration.js"
import * as outlet from "../lib/outlet.js"
import * as text from "../lib/text.js"
import type { Program } from "./compile.js"

type CommandFields = ConstructorParameters<typeof RemoteCommandError>[0]

/** @internal */
export type ErrorFields =
  & Pick<CommandFields, "reason" | "detail">
  & Partial<Pick<CommandFields, "exitCode" | "signal" | "stdout" | "cause">>

const stderrInErrors = 8 * 1024
// Kept in addition, so that a secret at the beginning of the shown part is usually complete and can be masked.
const longestSecret = 4 * 1024
const noiseInErrors = 16 * 1024

// From this total size of arguments and environment on, a failed `exec` of an executable file is reported as
// `ArgumentsTooLong`. Linux limits a word to 128 KiB (MAX_ARG_STRLEN) and the total to 3 MB. Other systems limit the total
// to 1 MB.
const suspiciousSize = 100_000

/** @internal */
export interface CommandFailure {
  /** The end of the command's stderr. */
  readonly stderr: outlet.Tail
  /** The output of the login shell. */
  readonly noise: outlet.Tail
  /** `noise` as text, secrets masked. */
  readonly loginOutput: () => string
  /** The end of the login shell's output and of the command's stderr, as text, secrets masked. */
  readonly output: () => string
  /** Clears the outputs before another launch. */
  readonly clear: () => void
  /** Makes an error with the host, the command and stderr. Secrets are masked. */
  readonly error: (fields: ErrorFields) => RemoteCommandError
  readonly fromReport: (report: Extract<Report, { readonly _tag: "Failed" }>) => RemoteCommandError
  /** Sets the exit codes of a failed pipeline. */
  readonly stagesEnded: (codes: ReadonlyArray<number>) => void
  readonly exit: (code: number, stdout?: Uint8Array) => RemoteCommandError
  readonly signal: (name: Option.Option<string>, stdout?: Uint8Array) => RemoteCommandError
  /** The time limit has passed. `ended`: how the command had ended until then. `undefined`: it had not started. */
  readonly timedOut: (
    limit: Duration.DurationInput,
    ended: Option.Option<ExitStatus> | undefined,
    stdout?: Uint8Array
  ) => RemoteCommandError
  /** The channel closed before the command was launched. */
  readonly notLaunched: (status: ExitStatus) => RemoteConnectionError
  /** The guardian terminated the command, because it received no message for that time. */
  readonly silence: (duration: Duration.Duration) => RemoteConnectionError
  readonly connection: (
    fields: Pick<RemoteConnectionError, "reason" | "detail"> & { readonly hint?: string }
  ) => RemoteConnectionError
}

/**
 * The hint for a channel that ended without a status.
 *
 * @internal
 */
export const channelClosed =
  "If the connection lives, sshd closed this channel alone: ChannelTimeout in sshd_config ends " +
  "sessions that were silent for long. A command that prints something from time to time is not silent."

const sizeOf = ({ stages }: Program): number =>
  stages.reduce(
    (total, { environment, words }) =>
      [...words, ...environment.map(([name, value]) => name + value)].reduce((sum, word) => sum + word.length, total),
    0
  )

/** The error of a step that failed before the command ran. */
const refusal = (
  program: Program,
  { code, step }: Extract<Report, { readonly _tag: "Failed" }>
): ErrorFields => {
  const names = program.stages.map(({ words }) => JSON.stringify(words[0])).join(" or ")
  switch (step) {
    case "directory": {
      const directories = program.stages.flatMap(({ directory }) => Option.toArray(directory))
      return {
        reason: "DirectoryNotFound",
        detail:
          `the working directory ${directories.map((path) => JSON.stringify(path)).join(" or ")} does not exist ` +
          `or cannot be entered; the command did not run`
      }
    }
    case "environment":
      return {
        reason: "Unsupported",
        detail: "the host's shell refused a variable of the environment; the command did not run"
      }
    case "setup":
      return { reason: "Unsupported", detail: "the host's shell could not launch the command" }
    case "exec":
    case "program": {
      const size = sizeOf(program)
      if (step === "exec" && size >= suspiciousSize) {
        return {
          reason: "ArgumentsTooLong",
          detail:
            `arguments and environment of ${size} characters exceed the limit of the host's system; the command did not run`
        }
      }
      return code === 126
        ? { reason: "ProgramNotExecutable", detail: `${names} cannot be executed` }
        : {
          reason: "ProgramNotFound",
          detail: `${names} was not found${
            step === "exec"
              ? ", or the interpreter in its first line was not found"
              : program.stages.some(({ words }) => !words[0].includes("/"))
              ? ": install it, or give its path if it is not in the host's PATH"
              : ""
          }`
        }
    }
  }
}

const timeOut = (limit: Duration.DurationInput, ended: Option.Option<ExitStatus> | undefined): string => {
  const after = `timed out after ${Duration.format(limit)}${durations.unitAdvice(limit)}`
  if (ended === undefined) {
    return `${after}, before the command had started: the limit includes connecting, ` +
      "and the wait for a free session (`MaxSessions` of the server)"
  }
  if (Option.isNone(ended)) return `${after} and was terminated`
  const status = ended.value
  const end = status._tag === "Code"
    ? `the command had exited with code ${status.code}`
    : status._tag === "Signal"
    ? "a signal had ended the command"
    : "the command had exited"
  return `${after}: ${end}, but its output had not ended. A process that it started may hold it open, and was terminated with ` +
    "the command's group. Redirect the output of a process that is to go on: `daemon >/dev/null 2>&1 &`"
}

type ConnectionFields = Parameters<CommandFailure["connection"]>[0]

const silence = (duration: Duration.Duration): ConnectionFields => ({
  reason: "ConnectionLost",
  detail: `the host received nothing from this program for ${Duration.format(duration)}, and terminated the command`,
  hint: "The program, its `ssh` or the link was silent for longer than `keepAlive` allows. " +
    "To let a command go on, set `onDisconnect: \"keep\"`."
})

const notLaunched = (status: ExitStatus): ConnectionFields =>
  status._tag === "None"
    ? {
      reason: "ConnectionLost",
      detail: "the channel closed before the command was launched",
      hint: channelClosed
    }
    : {
      reason: "ShellUnavailable",
      detail: `the login shell did not run /bin/sh: it exited with ${
        status._tag === "Code" ? `code ${status.code}` : "a signal"
      }`,
      hint:
        "Commands are launched by the host's /bin/sh. Check that this account may run commands: `ssh HOST true`. For a " +
        "host without a POSIX shell, set `shell: \"none\"`."
    }

/** @internal */
export const make = (host: string, program: Program): CommandFailure => {
  const stderr = outlet.tail(stderrInErrors + longestSecret)
  const noise = outlet.tail(noiseInErrors)
  // The output may also end within a secret.
  const end = ({ bytes, isCut }: outlet.Tail) => program.mask(text.display(bytes()), { start: isCut(), end: true })

  const error: CommandFailure["error"] = ({ detail, stdout, ...fields }) =>
    new RemoteCommandError({
      ...fields,
      host,
      command: program.shown,
      detail: program.mask(detail),
      stderr: end(stderr).slice(-stderrInErrors),
      ...(stdout === undefined
        ? {}
        : { stdout: program.hasSecrets ? text.encode(program.mask(text.decode(stdout), { end: true })) : stdout })
    })

  let ofStages: ReadonlyArray<string> = []

  const output = () => end(noise) + end(stderr)
  const connection: CommandFailure["connection"] = (fields) =>
    new RemoteConnectionError({ ...fields, host, output: output() })

  return {
    stderr,
    noise,
    loginOutput: () => end(noise),
    output,
    clear: () => {
      stderr.clear()
      noise.clear()
    },
    error,
    fromReport: (report) => error({ ...refusal(program, report), exitCode: report.code }),
    connection,
    stagesEnded: (codes) => {
      ofStages = program.stages.map(({ words }, index) => `${words[0]} ${codes[index] ?? "unknown"}`)
    },
    exit: (code, stdout) =>
      error({
        reason: "Exit",
        detail: `exited with code ${code}${ofStages.length === 0 ? "" : ` (pipeline: ${ofStages.join(", ")})`}`,
        exitCode: code,
        ...(stdout && { stdout })
      }),
    signal: (name, stdout) =>
      error({
        reason: "Signal",
        detail: Option.match(name, {
          onNone: () => "was ended by a signal",
          onSome: (signal) => `was ended by the signal ${signal}`
        }),
        ...(Option.isSome(name) && { signal: name.value }),
        ...(stdout && { stdout })
      }),
    timedOut: (limit, ended, stdout) =>
      error({
        reason: "TimedOut",
        detail: timeOut(limit, ended),
        ...(ended !== undefined && Option.isSome(ended) && ended.value._tag === "Code" &&
          { exitCode: ended.value.code }),
        ...(stdout && { stdout })
      }),
    silence: (duration) => connection(silence(duration)),
    notLaunched: (status) => connection(notLaunched(status))
  }
}
