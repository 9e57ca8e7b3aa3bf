/**
 * The verbs of `RemoteContext`, over one started process.
 */
import type * as Command from "@effect/platform/Command"
import type { ExitCode } from "@effect/platform/CommandExecutor"
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
import type { RunError, RunOptions, StartOptions, TextOptions } from "../../RemoteProcess.js"
import type { Program } from "../command/compile.js"
import * as failures from "../command/errors.js"
import * as finalizer from "../lib/finalizer.js"
import * as collect from "./collect.js"
import * as decode from "./decode.js"
import * as processes from "./process.js"

/**
 * What a verb makes of the exit code at the end of stdout.
 *
 * @internal
 */
export type Judge = (
  code: ExitCode,
  failure: failures.CommandFailure,
  stdout?: Uint8Array
) => Effect.Effect<void, RunError>

/** @internal */
export const failUnlessZero: Judge = (code, failure, stdout) => code === 0 ? Effect.void : failure.exit(code, stdout)

/** @internal */
export interface Verbs {
  readonly start: (
    command: Command.Command,
    options: StartOptions
  ) => Effect.Effect<processes.Started, RunError, Scope.Scope>
  readonly bytes: (
    command: Command.Command,
    options: RunOptions,
    judge: Judge
  ) => Effect.Effect<Uint8Array, RunError>
  readonly string: (command: Command.Command, options: TextOptions, judge: Judge) => Effect.Effect<string, RunError>
  readonly stream: (command: Command.Command, options: RunOptions, judge: Judge) => Stream.Stream<Uint8Array, RunError>
  readonly lines: (
    command: Command.Command,
    options: TextOptions,
    judge: Judge
  ) => Effect.Effect<Array<string>, RunError>
  readonly streamLines: (
    command: Command.Command,
    options: TextOptions,
    judge: Judge
  ) => Stream.Stream<string, RunError>
  readonly exitCode: (command: Command.Command, options: RunOptions) => Effect.Effect<ExitCode, RunError>
}

const defaultMaxOutput = 64 * 1024 * 1024

// What is no duration has got past the types; told rather than replaced.
const checkDurations = (
  failure: failures.CommandFailure,
  options: RunOptions
): Effect.Effect<void, RemoteCommandError> => {
  const wrong = ([["timeout", options.timeout], ["killAfter", options.killAfter]] as const).find(([, input]) =>
    input !== undefined && Option.isNone(Duration.decodeUnknown(input))
  )
  return wrong === undefined ? Effect.void : Effect.fail(
    failure.error({ reason: "InvalidCommand", detail: `the option ${wrong[0]} is no duration: ${String(wrong[1])}` })
  )
}

/** @internal */
export const make = (host: processes.Host, stdio: Option.Option<LocalStdio>, defaults: StartOptions): Verbs => {
  const { transport } = host
  const local = Option.getOrUndefined(stdio)

  const startCompiled = Effect.fnUntraced(function*(program: Program, options: StartOptions, endInput: boolean) {
    const failure = failures.make(String(transport.host), program)
    const killAfter = options.killAfter ?? defaults.killAfter ?? "5 seconds"
    const pty = options.pty ?? defaults.pty ?? transport.host.pty ?? false
    yield* checkDurations(failure, { killAfter })
    if ([program.stdout, program.stderr].includes("inherit") && local === undefined) {
      return yield* failure.error({
        reason: "Unsupported",
        detail: "its output is \"inherit\", and no LocalStdio was provided"
      })
    }
    const started = yield* processes.start(host, program, {
      pty: pty === false ? Option.none() : Option.some(pty === true ? new Pty({}) : pty),
      keep: (options.onDisconnect ?? defaults.onDisconnect) === "keep",
      traceCommand: options.traceCommand ?? defaults.traceCommand ?? false,
      pipefail: options.pipefail ?? defaults.pipefail ?? true,
      killAfter: Duration.decode(killAfter),
      endInput,
      stdin: Option.map(stdio, ({ stdin }) => stdin)
    })
    const { process } = started
    const stdout = yield* redirect(process.stdout, program.stdout, local?.stdout)
    const stderr = yield* redirect(process.stderr, program.stderr, local?.stderr)
    return { ...started, process: { ...process, stdout, stderr } }
  })

  const start: Verbs["start"] = (command, options) =>
    Effect.flatMap(processes.compile(transport, command), (program) => startCompiled(program, options, false))

  // Has stderr go where the command wants it. What is returned waits for the end of stderr and of the command.
  const attend = ({ orInputFailed, process, program, stderrEnded }: processes.Started) =>
    Effect.map(
      program.stderr === "pipe"
        ? Effect.succeed(stderrEnded)
        : Effect.map(Effect.forkScoped(Stream.runDrain(process.stderr)), Fiber.join),
      (stderr) => Effect.zipRight(orInputFailed(stderr), process.exitCode)
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

  const timedOut = (failure: failures.CommandFailure, timeout: Duration.DurationInput, stdout?: Uint8Array) =>
    failure.error({
      reason: "TimedOut",
      detail: `did not end within ${Duration.format(timeout)}; it was ended`,
      ...(stdout && { stdout })
    })

  // Runs a command to its end under the `timeout` of its options. What is known when it passes goes into the error.
  const run = <A>(
    command: Command.Command,
    options: RunOptions,
    partial: () => Uint8Array,
    use: (started: processes.Started) => Effect.Effect<A, RunError, Scope.Scope>
  ): Effect.Effect<A, RunError> =>
    Effect.flatMap(processes.compile(transport, command), (program) => {
      let failure = failures.make(String(transport.host), program)
      const whole = Effect.scoped(Effect.flatMap(startCompiled(program, options, true), (started) => {
        failure = started.failure
        return use(started)
      }))
      const { timeout } = options
      return Effect.zipRight(
        checkDurations(failure, options),
        timeout === undefined ? whole : finalizer.apart(Effect.timeoutFail(Effect.interruptible(whole), {
          duration: timeout,
          onTimeout: () => timedOut(failure, timeout, partial())
        }))
      )
    })

  const bytes: Verbs["bytes"] = (command, options, judge) =>
    Effect.suspend(() => {
      const limit = options.maxOutput ?? defaultMaxOutput
      const collector = collect.make(limit)
      return run(command, options, collector.bytes, (started) =>
        Effect.gen(function*() {
          const outcome = yield* attend(started)
          yield* forEachOfStdout(started, collector.take).pipe(
            Effect.catchIf((error) => error === "TooLarge", () =>
              started.failure.error({
                reason: "OutputTooLarge",
                detail: `printed more than ${limit} bytes and was ended: raise maxOutput, or take a stream`,
                stdout: collector.bytes()
              }))
          )
          yield* judge(yield* outcome, started.failure, collector.bytes())
          return collector.bytes()
        }))
    })

  // stdout to its end, at which the exit code is judged.
  const open = (command: Command.Command, options: RunOptions, judge: Judge) =>
    Effect.gen(function*() {
      const program = yield* processes.compile(transport, command)
      let failure = failures.make(String(transport.host), program)
      yield* checkDurations(failure, options)
      const { timeout } = options
      const timer = timeout === undefined
        ? Effect.interruptible(Effect.never)
        : Effect.interruptible(Fiber.join(
          yield* Effect.forkScoped(
            Effect.interruptible(Effect.delay(Effect.suspend(() => timedOut(failure, timeout)), timeout))
          )
        ))
      const started = yield* finalizer.apart(
        Effect.raceFirst(Effect.interruptible(startCompiled(program, options, true)), timer)
      )
      failure = started.failure
      const outcome = yield* attend(started)
      const end = Stream.execute(Effect.flatMap(outcome, (code) => judge(code, failure)))
      const stdout = Stream.interruptWhen(
        Stream.concat(started.process.stdout, end),
        Effect.interruptible(started.orInputFailed(timer))
      )
      return { failure, stdout }
    })

  const stream: Verbs["stream"] = (command, options, judge) =>
    Stream.unwrapScoped(Effect.map(open(command, options, judge), ({ stdout }) => stdout))

  const exitCode: Verbs["exitCode"] = (command, options) =>
    run(command, options, () => new Uint8Array(), (started) =>
      Effect.gen(function*() {
        const outcome = yield* attend(started)
        yield* forEachOfStdout(started, () => Effect.void)
        return yield* outcome
      }))

  const encodingOf = (command: Command.Command, encoding = "utf-8"): Effect.Effect<string, RemoteCommandError> =>
    Effect.orElse(
      Effect.try(() => new TextDecoder(encoding).encoding),
      () =>
        Effect.flatMap(
          processes.compile(transport, command),
          (program) =>
            failures.make(String(transport.host), program).error({
              reason: "InvalidCommand",
              detail: `there is no encoding ${JSON.stringify(encoding)}`
            })
        )
    )

  const string: Verbs["string"] = (command, { encoding, ...options }, judge) =>
    Effect.flatMap(
      encodingOf(command, encoding),
      (label) => Effect.map(bytes(command, options, judge), (all) => new TextDecoder(label).decode(all))
    )

  const streamLines: Verbs["streamLines"] = (command, { encoding, ...options }, judge) =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const label = yield* encodingOf(command, encoding)
      const limit = options.maxOutput ?? defaultMaxOutput
      const { failure, stdout } = yield* open(command, options, judge)
      const tooLong = Effect.suspend(() =>
        failure.error({
          reason: "OutputTooLarge",
          detail: `printed a line of more than ${limit} characters and was ended: raise maxOutput, or take a stream`
        })
      )
      return stdout.pipe(decode.text(() => new TextDecoder(label)), decode.splitLines(limit, tooLong))
    }))

  const lines: Verbs["lines"] = (command, options, judge) => Effect.map(string(command, options, judge), decode.lines)

  return { start, bytes, string, lines, stream, streamLines, exitCode }
}

// As Node's executor: a sink transforms the output for whoever reads it; what is inherited flows by itself.
const redirect = (
  source: Stream.Stream<Uint8Array, RemoteConnectionError>,
  output: Command.Command.Output,
  inherited: Sink.Sink<void, Uint8Array, never, unknown> | undefined
): Effect.Effect<Stream.Stream<Uint8Array, RemoteConnectionError>, never, Scope.Scope> => {
  if (typeof output !== "string") return Effect.succeed(Stream.transduce(source, output))
  if (output === "pipe" || inherited === undefined) return Effect.succeed(source)
  return Effect.map(
    // When this program's own output is closed, the command's is still read, so that it does not block.
    Effect.forkScoped(
      Stream.run(source, Sink.mapError(inherited, () => "closed" as const)).pipe(
        Effect.catchIf((error) => error === "closed", () => Stream.runDrain(source))
      )
    ),
    (fiber) => Stream.execute(Fiber.join(fiber))
  )
}
