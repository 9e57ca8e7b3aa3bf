/**
 * The verbs that emit stdout while the command runs.
 */
import type * as Command from "@effect/platform/Command"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RunError, RunOptions } from "../../RemoteProcess.js"
import type { CommandFailure } from "../command/errors.js"
import * as finalizer from "../lib/finalizer.js"
import * as scopes from "../lib/scopes.js"
import * as decode from "./decode.js"
import * as processes from "./process.js"
import * as starts from "./start.js"
import * as toEnd from "./toEnd.js"

/** The output of a command. */
interface Opened {
  /** Ends without a failure only if the exit code is accepted. */
  readonly stdout: Stream.Stream<Uint8Array, RunError>
  readonly failure: CommandFailure
}

const open = (
  setting: starts.Setting,
  command: Command.Command,
  { timeout, ...options }: RunOptions,
  checkExitCode: toEnd.CheckExitCode
): Effect.Effect<Opened, RunError, Scope.Scope> =>
  Effect.gen(function*() {
    const compiled = yield* processes.compile(setting.host.transport, command)
    const { failure } = compiled
    yield* starts.checkOptions(failure, { ...options, timeout })
    let running: processes.Started | undefined = undefined
    const timer = timeout === undefined
      ? Effect.interruptible(Effect.never)
      : Effect.interruptible(Fiber.join(
        yield* scopes.forkInterruptible(Effect.flatten(toEnd.expire(failure, timeout, () => running)))
      ))
    const started = yield* finalizer.apart(
      Effect.raceFirst(Effect.interruptible(starts.start(setting, compiled, { ...options, endInput: true })), timer)
    )
    running = started
    const outcome = yield* toEnd.awaitEnd(started)
    const end = Stream.execute(Effect.flatMap(outcome, (code) => checkExitCode(code, failure)))
    const stdout = Stream.interruptWhen(
      Stream.concat(started.process.stdout, end),
      Effect.interruptible(started.orInputFailed(timer))
    )
    return { failure, stdout }
  })

/** @internal */
export const bytes = (
  setting: starts.Setting,
  command: Command.Command,
  options: RunOptions,
  checkExitCode: toEnd.CheckExitCode
): Stream.Stream<Uint8Array, RunError> =>
  Stream.unwrapScoped(Effect.map(open(setting, command, options, checkExitCode), ({ stdout }) => stdout))

/** @internal */
export const lines = (
  setting: starts.Setting,
  command: Command.Command,
  options: RunOptions,
  checkExitCode: toEnd.CheckExitCode,
  decoder: () => TextDecoder
): Stream.Stream<string, RunError> =>
  Stream.unwrapScoped(Effect.map(open(setting, command, options, checkExitCode), ({ failure, stdout }) => {
    const limit = options.maxOutput ?? toEnd.defaultMaxOutput
    const tooLong = Effect.suspend(() =>
      failure.error({
        reason: "OutputTooLarge",
        detail:
          `printed a line of more than ${limit} characters and was terminated: raise \`maxOutput\`, or use \`stream\``
      })
    )
    return stdout.pipe(decode.text(decoder), decode.splitLines(limit, tooLong))
  }))
