/**
 * The verbs that run a command to its end and return its output.
 */
import type * as Command from "@effect/platform/Command"
import type { ExitCode } from "@effect/platform/CommandExecutor"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RemoteCommandError } from "../../RemoteError.js"
import type { RunError, RunOptions, RunResult } from "../../RemoteProcess.js"
import type { CommandFailure } from "../command/errors.js"
import * as finalizer from "../lib/finalizer.js"
import * as collect from "./collect.js"
import * as processes from "./process.js"
import * as starts from "./start.js"

/**
 * Fails if the exit code is a failure for the verb.
 *
 * @internal
 */
export type CheckExitCode = (
  code: ExitCode,
  failure: CommandFailure,
  stdout?: Uint8Array
) => Effect.Effect<void, RunError>

/** @internal */
export const defaultMaxOutput = 64 * 1024 * 1024

/**
 * Redirects stderr as the command specifies. Returns an effect that waits for the end of stderr and of the command.
 *
 * @internal
 */
export const awaitEnd = ({ orInputFailed, process, program, stderrEnded }: processes.Started) =>
  Effect.map(
    program.stderr === "pipe"
      ? Effect.succeed(stderrEnded)
      : Effect.map(Effect.forkScoped(Stream.runDrain(process.stderr)), Fiber.join),
    (stderr) => Effect.zipRight(orInputFailed(stderr), process.exitCode)
  )

/**
 * Waits for `timeout`. Returns the failure with `TimedOut`, which holds what was printed until that failure runs. `started`
 * returns the command once it has started, and `partial` the stdout so far.
 *
 * @internal
 */
export const expire = (
  failure: CommandFailure,
  timeout: Duration.DurationInput,
  started: () => processes.Started | undefined,
  partial?: () => Uint8Array
): Effect.Effect<Effect.Effect<never, RemoteCommandError>> =>
  // An invalid timeout would make `sleep` throw before the options are checked.
  Effect.suspend(() => Effect.sleep(timeout)).pipe(
    Effect.flatMap(() => started()?.ended ?? Effect.succeed(undefined)),
    Effect.map((ended) => Effect.suspend(() => failure.timedOut(timeout, ended, partial?.()))),
    Effect.interruptible
  )

const forEachOfStdout = <E>(
  { orInputFailed, process, program, pull }: processes.Started,
  take: (bytes: Uint8Array) => Effect.Effect<void, E>
): Effect.Effect<void, E | RunError> => {
  const next: Effect.Effect<void, E | RunError> = Effect.matchEffect(pull, {
    onFailure: Option.match({ onNone: () => Effect.void, onSome: Effect.fail }),
    onSuccess: (bytes) => Effect.zipRight(take(bytes), next)
  })
  return orInputFailed(program.stdout === "pipe" ? next : Stream.runForEach(process.stdout, take))
}

// Runs a command within its `timeout`. `partial` is the stdout for the `TimedOut` error.
const toEnd = <A>(
  setting: starts.Setting,
  command: Command.Command,
  { stderrKept, timeout, ...options }: RunOptions & { readonly stderrKept?: number },
  partial: () => Uint8Array,
  use: (started: processes.Started) => Effect.Effect<A, RunError, Scope.Scope>
): Effect.Effect<A, RunError> => {
  const { transport } = setting.host
  return Effect.flatMap(processes.compile(transport, command), (compiled) => {
    const { failure } = compiled
    const start = starts.start(setting, compiled, {
      ...options,
      endInput: true,
      ...(stderrKept === undefined ? {} : { stderrKept })
    })
    let started: processes.Started | undefined
    const whole = Effect.scoped(Effect.flatMap(start, (process) => {
      started = process
      return use(process)
    }))
    return Effect.zipRight(
      starts.checkOptions(failure, { ...options, timeout }),
      timeout === undefined ? whole : finalizer.apart(
        // The command prints until its interruption has ended it.
        Effect.flatten(
          Effect.raceFirst(
            Effect.map(Effect.interruptible(whole), Effect.succeed),
            expire(failure, timeout, () => started, partial)
          )
        )
      )
    )
  })
}

const tooLarge = (failure: CommandFailure, limit: number, output: "stdout" | "stderr", stdout: Uint8Array) =>
  failure.error({
    reason: "OutputTooLarge",
    detail: `printed more than ${limit} bytes on ${output} and was terminated: raise \`maxOutput\`, or use \`stream\``,
    stdout
  })

/** @internal */
export const bytes = (
  setting: starts.Setting,
  command: Command.Command,
  options: RunOptions,
  checkExitCode: CheckExitCode
): Effect.Effect<Uint8Array, RunError> =>
  Effect.suspend(() => {
    const limit = options.maxOutput ?? defaultMaxOutput
    const collector = collect.make(limit)
    return toEnd(setting, command, options, collector.bytes, (started) =>
      Effect.gen(function*() {
        const outcome = yield* awaitEnd(started)
        yield* Effect.catchIf(
          forEachOfStdout(started, collector.take),
          (error) => error === "TooLarge",
          () => tooLarge(started.failure, limit, "stdout", collector.bytes())
        )
        const code = yield* outcome
        const whole = collector.bytes()
        yield* checkExitCode(code, started.failure, whole)
        return whole
      }))
  })

type Ending = Pick<RunResult, "exitCode" | "signal">

const endingOf = (exitCode: Effect.Effect<ExitCode, RunError>): Effect.Effect<Ending, RunError> =>
  exitCode.pipe(
    Effect.map((exitCode): Ending => ({ exitCode, signal: undefined })),
    Effect.catchIf(
      (error): error is RemoteCommandError => error.reason === "Signal",
      ({ signal }) => Effect.succeed<Ending>({ exitCode: undefined, signal })
    )
  )

/**
 * Runs a command and returns both outputs, and the exit code or the signal.
 *
 * @internal
 */
export const result = (
  setting: starts.Setting,
  command: Command.Command,
  options: RunOptions
): Effect.Effect<RunResult<Uint8Array>, RunError> =>
  Effect.suspend(() => {
    const limit = options.maxOutput ?? defaultMaxOutput
    const stdout = collect.make(limit)
    const stderr = collect.make(limit)
    // Output on stderr before the reader starts must not be dropped, unless it is too large anyway.
    return toEnd(setting, command, { ...options, stderrKept: limit + 1 }, stdout.bytes, (started) => {
      const { failure, orInputFailed, process } = started
      const collected = (output: "stdout" | "stderr", reading: Effect.Effect<void, RunError | "TooLarge">) =>
        Effect.catchIf(
          reading,
          (error) => error === "TooLarge",
          () => tooLarge(failure, limit, output, stdout.bytes())
        )
      return Effect.all([
        collected("stdout", forEachOfStdout(started, stdout.take)),
        collected("stderr", orInputFailed(Stream.runForEach(process.stderr, stderr.take)))
      ], { concurrency: "unbounded", discard: true }).pipe(
        Effect.zipRight(endingOf(process.exitCode)),
        Effect.map((ending) => ({ stdout: stdout.bytes(), stderr: stderr.bytes(), ...ending }))
      )
    })
  })

/** @internal */
export const exitCode = (
  setting: starts.Setting,
  command: Command.Command,
  options: RunOptions
): Effect.Effect<ExitCode, RunError> =>
  toEnd(setting, command, options, () => new Uint8Array(), (started) =>
    Effect.gen(function*() {
      const outcome = yield* awaitEnd(started)
      yield* forEachOfStdout(started, () => Effect.void)
      return yield* outcome
    }))
