/**
 * Starts a compiled command with the options of a verb.
 */
import type * as Command from "@effect/platform/Command"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { LocalStdio } from "../../LocalStdio.js"
import type { RemoteCommandError, RemoteConnectionError } from "../../RemoteError.js"
import { Pty } from "../../RemoteHost.js"
import type { RunError, RunOptions, StartOptions } from "../../RemoteProcess.js"
import type { CommandFailure } from "../command/errors.js"
import * as durations from "../lib/duration.js"
import type { Compiled, Host } from "./execution.js"
import * as processes from "./process.js"

/**
 * The host, the standard streams and the defaults of a `RemoteContext`.
 *
 * @internal
 */
export interface Setting {
  readonly host: Host
  readonly stdio: Option.Option<LocalStdio>
  /** Defaults for the options of a command. */
  readonly defaults: StartOptions
}

/** @internal */
export interface InternalOptions extends StartOptions {
  /** Whether to close a stdin that is `"pipe"` at once. */
  readonly endInput: boolean
  /** Number of last bytes of stderr to keep until it is read. Default: 256 KiB. */
  readonly stderrKept?: number
}

const defaultStderrKept = 256 * 1024

/**
 * Fails if an option is invalid. The types allow only durations and numbers, but plain JavaScript may pass anything.
 *
 * @internal
 */
export const checkOptions = (
  failure: CommandFailure,
  { killAfter, maxOutput = 0, timeout }: Pick<RunOptions, "timeout" | "killAfter" | "maxOutput">
): Effect.Effect<void, RemoteCommandError> => {
  const problem = durations.problem("timeout", timeout) ?? durations.problem("killAfter", killAfter) ??
    (maxOutput >= 0 ? undefined : `\`maxOutput\` must be a non-negative number of bytes, got ${maxOutput}`)
  return problem === undefined ? Effect.void : failure.error({ reason: "InvalidCommand", detail: problem })
}

/** @internal */
export const start = Effect.fnUntraced(function*(
  { defaults, host, stdio }: Setting,
  compiled: Compiled,
  options: InternalOptions
): Effect.fn.Return<processes.Started, RunError, Scope.Scope> {
  const { transport } = host
  const local = Option.getOrUndefined(stdio)
  const { failure, program } = compiled
  const killAfter = options.killAfter ?? defaults.killAfter ?? "5 seconds"
  const pty = options.pty ?? defaults.pty ?? transport.host.pty ?? false
  yield* checkOptions(failure, { killAfter })
  if ([program.stdout, program.stderr].includes("inherit") && local === undefined) {
    return yield* failure.error({
      reason: "Unsupported",
      detail: "an output is \"inherit\", and `LocalMachine` lacks `stdio`: provide it, or use another output"
    })
  }
  const started = yield* processes.start(host, compiled, {
    pty: pty === false ? Option.none() : Option.some(pty === true ? new Pty({}) : pty),
    keep: (options.onDisconnect ?? defaults.onDisconnect) === "keep",
    traceCommand: options.traceCommand ?? defaults.traceCommand ?? false,
    pipefail: options.pipefail ?? defaults.pipefail ?? true,
    killAfter: Duration.decode(killAfter),
    endInput: options.endInput,
    stderrKept: options.stderrKept ?? defaultStderrKept,
    stdin: Option.map(stdio, ({ stdin }) => stdin)
  })
  const { process } = started
  const stdout = yield* redirect(process.stdout, program.stdout, local?.stdout)
  const stderr = yield* redirect(process.stderr, program.stderr, local?.stderr)
  return { ...started, process: { ...process, stdout, stderr } }
})

// As in Node's executor, a sink transforms the output for its reader, and an inherited output is read without a reader.
const redirect = (
  source: Stream.Stream<Uint8Array, RemoteConnectionError>,
  output: Command.Command.Output,
  inherited: Sink.Sink<void, Uint8Array, never, unknown> | undefined
): Effect.Effect<Stream.Stream<Uint8Array, RemoteConnectionError>, never, Scope.Scope> => {
  if (typeof output !== "string") return Effect.succeed(Stream.transduce(source, output))
  if (output === "pipe" || inherited === undefined) return Effect.succeed(source)
  return Effect.map(
    // If this program's output is closed, the command's output is still read, so that the command does not block.
    Effect.forkScoped(
      Stream.run(source, Sink.mapError(inherited, () => "closed" as const)).pipe(
        Effect.catchIf((error) => error === "closed", () => Stream.runDrain(source))
      )
    ),
    (fiber) => Stream.execute(Fiber.join(fiber))
  )
}
