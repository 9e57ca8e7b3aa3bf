/**
 * A command from its launch to the end of its process group.
 */
import type * as Command from "@effect/platform/Command"
import { ExitCode, ProcessId } from "@effect/platform/CommandExecutor"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { RemoteConnectionError } from "../../RemoteError.js"
import { RemoteCommandError } from "../../RemoteError.js"
import type { Pty } from "../../RemoteHost.js"
import type { RemoteProcess, RunError } from "../../RemoteProcess.js"
import type { ExitStatus, Transport } from "../../Transport.js"
import * as Deadline from "../../unstable/Deadline.js"
import * as frame from "../../unstable/Frame.js"
import * as program from "../command/compile.js"
import * as failures from "../command/errors.js"
import type { Guardian } from "../guardian/client.js"
import * as plans from "../launch/plan.js"
import type { Scanned } from "../launch/reports.js"
import * as reports from "../launch/reports.js"
import type { Shells } from "../launch/shellPool.js"
import * as finalizer from "../lib/finalizer.js"
import * as outlet from "../lib/outlet.js"
import * as random from "../lib/random.js"
import * as text from "../lib/text.js"
import * as terminate from "../scripts/terminate.js"
import * as terminalInput from "./terminalInput.js"

/**
 * Where commands run, and who ends them when nobody else can.
 *
 * @internal
 */
export interface Host {
  readonly transport: Transport
  readonly guardian: Guardian
  readonly shells: Shells
}

/** @internal */
export interface Settings {
  readonly pty: Option.Option<Pty>
  /** Whether it goes on when the connection is lost. */
  readonly keep: boolean
  /** Whether the command is named in its span, secrets masked. */
  readonly traceCommand: boolean
  readonly killAfter: Duration.Duration
  /** Whether a pipeline fails when an earlier program does. */
  readonly pipefail: boolean
  /** Nothing is to be read from a stdin that is "pipe". */
  readonly endInput: boolean
  /** The last bytes of stderr that are kept until it is read. */
  readonly stderrKept: number
  /** This program's stdin, for commands that inherit it. */
  readonly stdin: Option.Option<Stream.Stream<Uint8Array, unknown>>
}

/**
 * A process, and what the verbs need of it.
 *
 * @internal
 */
export interface Started {
  readonly process: RemoteProcess
  readonly program: program.Program
  readonly failure: failures.CommandFailure
  /** What comes on stdout, piece by piece; fails with none at its end. */
  readonly pull: Effect.Effect<Uint8Array, Option.Option<RemoteConnectionError>>
  /** Waits until nothing more comes on stderr. */
  readonly stderrEnded: Effect.Effect<void, RemoteConnectionError>
  /** Fails when the stream given as stdin did. */
  readonly orInputFailed: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | RemoteCommandError, R>
}

type Failed = Extract<frame.Report, { readonly _tag: "Failed" }>

/** It has not run: the shell that waited for it is gone, or the guardian that it was to register with. */
class NotRun extends Data.TaggedError("NotRun")<{ readonly missed: Option.Option<frame.Guard> }> {}

// What is longer is written beside reading, for a host that reads nothing before it was read from.
const longFrame = 16 * 1024

// A command that was interrupted while it was launched tells its process id in this time, or it is not launched: its shell
// finds that nobody reads the report.
const reportedWithin = "5 seconds"

// What a command that has ended left in its pipes is read in this time; what holds them open longer is still there.
const drainedWithin = "200 millis"

// An interruption waits for the host no longer than the grace period and this.
const answeredWithin = "2 seconds"
const connectedWithin = "5 seconds"

const isEnding = (signal: string): boolean => signal === "SIGTERM" || signal === "SIGKILL"

/** @internal */
export const compile = (
  transport: Transport,
  command: Command.Command
): Either.Either<program.Program, RemoteCommandError> =>
  Either.mapLeft(
    program.compile(command),
    ({ detail, reason, shown }) =>
      new RemoteCommandError({ reason, host: String(transport.host), command: shown, detail })
  )

// A host that keeps saying that a command has not run is not asked for ever.
const mostLaunches = 5

/**
 * Starts in a scope of its own within the caller's, so that a launch that fails leaves nothing behind.
 *
 * @internal
 */
export const start = (
  host: Host,
  compiled: program.Program,
  settings: Settings,
  launches = 1
): Effect.Effect<Started, RunError, Scope.Scope> =>
  Effect.catchTag(
    attempt(host, compiled, settings, launches > 1),
    "NotRun",
    ({ missed }) =>
      launches === mostLaunches
        ? failures.make(String(host.transport.host), compiled).connection({
          reason: "Protocol",
          detail: `the host said ${launches} times that it had not run the command, since its guardian was gone`
        })
        : Effect.zipRight(
          Option.match(missed, { onNone: () => Effect.void, onSome: ({ fifo }) => host.guardian.missed(fifo) }),
          start(host, compiled, settings, launches + 1)
        )
  )

const attempt = Effect.fnUntraced(function*(
  host: Host,
  compiled: program.Program,
  settings: Settings,
  isAgain: boolean
) {
  const { transport } = host
  const failure = failures.make(String(transport.host), compiled)
  const input = compiled.stdin === "inherit"
    ? yield* Option.match(settings.stdin, {
      onSome: Effect.succeed,
      onNone: () =>
        failure.error({ reason: "Unsupported", detail: "stdin is \"inherit\", and LocalMachine has no `stdio`" })
    })
    : compiled.stdin
  const plan = yield* plans.make(transport, compiled, settings.pty, failure, settings.pipefail)
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Effect.flatMap(Effect.scope, (parent) => Scope.fork(parent, ExecutionStrategy.sequential))
      return yield* launch(host, compiled, settings, failure, plan, input, isAgain, restore).pipe(
        Scope.extend(scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
    })
  )
})

const launch = Effect.fnUntraced(function*(
  { guardian, shells, transport }: Host,
  compiled: program.Program,
  settings: Settings,
  failure: failures.CommandFailure,
  plan: plans.Plan,
  input: "pipe" | Stream.Stream<Uint8Array, unknown>,
  isAgain: boolean,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
) {
  const { connectTimeout } = transport.host
  const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(Effect.interruptible(effect))

  const { keep, killAfter } = settings
  const { host, port } = transport.host
  const span = yield* Effect.makeSpanScoped("ssh.exec", {
    attributes: {
      "server.address": host,
      ...(port !== undefined && { "server.port": port }),
      ...(settings.traceCommand && { "process.command_line": compiled.shown })
    },
    captureStackTrace: false,
    kind: "client"
  })
  const pty = Option.getOrUndefined(settings.pty)
  const isTerminal = pty !== undefined
  const endsAtOnce = settings.endInput && input === "pipe"
  // A host that cannot be reached is tried by the command alone.
  const guarded = Effect.zipRight(transport.ready, guardian.ready)
  // Where sessions are few the guardian's comes first: it can be had back for a command, and a command's cannot. Elsewhere
  // the two log in at the same time.
  const guarding = transport.capabilities.oneConnection
    ? yield* restore(Effect.as(guarded, Effect.void))
    : Fiber.await(yield* fork(guarded))
  const { channel, hasWaited } = yield* restore(
    // Another shell that has waited may be gone as well.
    plan.line === frame.launchLine && !isAgain
      ? shells.take
      : Effect.map(transport.exec(plan.line, { pty }), (channel) => ({ channel, hasWaited: false }))
  )

  let pid = plan.pid
  let guard = Option.none<frame.Guard>()
  let failed: Failed | undefined
  let isGuarded = true
  // A host may send stderr to stdout, as a terminal does, at once or on a longer way: reports may come on stdout then.
  let comesOnStderr = false
  const output = ({ noise, output, reports }: Scanned, on: frame.Output): Uint8Array => {
    failure.noise.push(noise)
    for (const report of reports) {
      if (report._tag === "Started") {
        pid ??= report.pid
        if (report.on === "stderr" && on === "stderr") {
          comesOnStderr = true
          stdoutScanner.settle()
        }
      } else if (report._tag === "Unguarded") isGuarded = false
      else if (report._tag === "Stages") failure.stagesEnded(report.codes.map(([, code]) => code))
      else if (report.code !== 0) failed ??= report
    }
    return output
  }

  // Known to whoever reads first, maybe before `exited` is.
  let lost = false
  const noticing = <A>(read: Effect.Effect<A, RemoteConnectionError>) =>
    Effect.tapError(read, () =>
      Effect.sync(() => {
        lost = true
      }))

  const exited = yield* Deferred.make<ExitStatus, RemoteConnectionError>()
  yield* fork(Effect.intoDeferred(
    Effect.tap(channel.exit, (status) =>
      Effect.sync(() => {
        if (status._tag === "Code") span.attribute("process.exit.code", status.code)
      })),
    exited
  ))

  const stderr = outlet.make<RemoteConnectionError>(settings.stderrKept)
  const stderrEnded = yield* Deferred.make<void, RemoteConnectionError>()
  const stdoutScanner = plan.stdout()
  const stderrScanner = plan.stderr()
  const pump: Effect.Effect<void, RemoteConnectionError> = Effect.flatMap(noticing(channel.readStderr), (read) => {
    const bytes = output(Option.isSome(read) ? stderrScanner.push(read.value) : stderrScanner.end(), "stderr")
    failure.stderr.push(bytes)
    return Effect.zipRight(stderr.offer(bytes), Option.isSome(read) ? pump : Effect.void)
  })
  yield* fork(Effect.onExit(pump, (exit) => {
    // Whoever still reads when the scope closes is told so, rather than interrupted.
    const end = Exit.isInterrupted(exit)
      ? Exit.fail(failure.connection({ reason: "ConnectionLost", detail: "the scope of the command was closed" }))
      : exit
    return Effect.zipRight(stderr.end(end), Deferred.done(stderrEnded, end))
  }))

  const ready: Array<Uint8Array> = []
  let ended = false
  let discarding = false
  const oneReader = Effect.unsafeMakeSemaphore(1).withPermits(1)
  const readOn = oneReader(Effect.map(noticing(channel.read), (read) => {
    const bytes = output(Option.isSome(read) ? stdoutScanner.push(read.value) : stdoutScanner.end(), "stdout")
    if (bytes.length > 0 && !discarding) ready.push(bytes)
    ended = Option.isNone(read)
  }))
  const pull: Effect.Effect<Uint8Array, Option.Option<RemoteConnectionError>> = Effect.suspend(() => {
    const bytes = ready.shift()
    if (bytes !== undefined) return Effect.succeed(bytes)
    return ended ? Effect.fail(Option.none()) : Effect.zipRight(Effect.mapError(readOn, Option.some), pull)
  })

  const drain: Effect.Effect<void, RemoteConnectionError> = Effect.suspend(() =>
    ended ? Effect.void : Effect.zipRight(readOn, drain)
  )

  // Of a command that has ended, so that little is left to be read. It is kept for whoever reads stdout.
  const untilReported = finalizer.apart(Effect.timeoutOption(
    Effect.interruptible(
      Effect.ignore(Effect.repeat(readOn, { until: () => ended || failed !== undefined }))
    ),
    drainedWithin
  ))

  const awaitReport: Effect.Effect<number, RunError | NotRun> = Effect.suspend(() =>
    pid !== undefined
      ? Effect.succeed(pid)
      : ended
      ? Effect.gen(function*() {
        yield* Effect.exit(Deferred.await(stderrEnded))
        const status = yield* Deferred.await(exited)
        if (!isGuarded) return yield* new NotRun({ missed: guard })
        if (hasWaited && failed === undefined) return yield* new NotRun({ missed: Option.none() })
        return yield* failed === undefined ? failure.notLaunched(status) : failure.fromReport(failed)
      })
      : Effect.zipRight(readOn, awaitReport)
  )
  const introduce = Effect.gen(function*() {
    yield* guarding
    const known = Option.map(yield* guardian.fifo, (fifo) => ({ fifo, keep }))
    const first = plan.first(known)
    if (Option.isSome(first)) guard = known
    // A write that fails is left to the reader, which learns why.
    const send = Effect.ignore(Effect.zipRight(
      Option.match(first, { onNone: () => Effect.void, onSome: channel.write }),
      endsAtOnce && !isTerminal ? channel.end : Effect.void
    ))
    yield* Option.exists(first, ({ length }) => length > longFrame) ? fork(send) : send
    yield* shells.anticipate
  })

  // Whether nothing of it is left: it has ended, and so have the outputs that it shared with what it started. A lost
  // connection says nothing, and there is no way to ask.
  const isOver = Effect.gen(function*() {
    if (lost) return true
    const status = yield* Deferred.poll(exited)
    if (Option.isNone(status)) return false
    if (Exit.isFailure(yield* Effect.exit(status.value))) return true
    if (ended && (yield* Deferred.isDone(stderrEnded))) return true
    return yield* Effect.timeoutTo(
      Effect.interruptible(Effect.exit(Effect.zipRight(drain, Deferred.await(stderrEnded)))),
      { duration: drainedWithin, onSuccess: () => true, onTimeout: () => false }
    )
  })

  let late = false
  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      if (plan.pid !== undefined) return
      discarding = true
      yield* stderr.discard
      // A launch that was given up is left alone: its shell finds that nobody reads the report, and runs nothing. One that
      // has not had its whole frame ends with its input.
      const group = pid ?? (late ? undefined : yield* Effect.flatten(Effect.timeoutTo(
        Effect.option(Effect.interruptible(Effect.zipRight(Effect.ignore(channel.end), awaitReport))),
        {
          duration: reportedWithin,
          onSuccess: (reported) => Effect.succeed(Option.getOrUndefined(reported)),
          onTimeout: () =>
            Effect.as(
              Effect.logWarning(
                `${compiled.shown} may still run on ${transport.host}: its start was not reported within ${reportedWithin}`
              ),
              undefined
            )
        }
      )))
      if (group === undefined) return
      if (yield* isOver) return yield* lost ? guardian.lost(group) : guardian.done(group)
      if (!terminate.leadsGroup(group)) {
        return yield* Effect.logWarning(`The command with process id ${group} may still run on ${transport.host}`)
      }
      // A command that prints while it ends must not be held back.
      yield* Effect.forkScoped(Effect.interruptible(Effect.ignore(drain)))
      const grace = Duration.toMillis(killAfter)
      const confirmedWithin = (patience: Duration.DurationInput) => {
        const duration = Duration.sum(killAfter, patience)
        const detail = `the host did not confirm the end of ${compiled.shown} within ${Duration.format(duration)}`
        return <A, E>(effect: Effect.Effect<A, E>) =>
          Effect.timeoutFail(Effect.interruptible(effect), {
            duration,
            onTimeout: () => failure.connection({ reason: "TimedOut", detail })
          })
      }
      yield* Effect.if(confirmedWithin(answeredWithin)(guardian.end(group, grace)), {
        onTrue: () => Effect.void,
        onFalse: () =>
          confirmedWithin(Duration.min(connectTimeout, connectedWithin))(
            control(transport, terminate.group(group, grace))
          )
      }).pipe(
        Effect.catchAll((error) =>
          Effect.logWarning(`The process group ${group} may still run on ${transport.host}: ${error.message}`)
        )
      )
    }).pipe(Effect.scoped, finalizer.apart)
  )

  const processId = yield* restore(
    Deadline.within(transport.host, "launching the command")(Effect.zipRight(introduce, awaitReport))
  ).pipe(
    Effect.tapErrorTag("RemoteConnectionError", () =>
      Effect.sync(() => {
        late = true
      }))
  )
  yield* guardian.started(processId, { keep, registered: Option.map(guard, ({ fifo }) => fifo) })
  span.attribute("process.pid", processId)

  const keyboard = isTerminal ? terminalInput.make(channel) : channel
  const stdin: RemoteProcess["stdin"] = Sink.forEachWhile(keyboard.write).pipe(
    Sink.ignoreLeftover,
    Sink.mapEffect(() => keyboard.end)
  )
  // What breaks is left to those who read.
  if (endsAtOnce && isTerminal) yield* fork(Effect.ignore(keyboard.end))

  const inputFailure = yield* Deferred.make<never, RemoteCommandError>()
  if (input !== "pipe") {
    yield* input.pipe(
      Stream.mapError((cause) =>
        failure.error({ reason: "InputFailed", detail: "the stream given as stdin failed", cause })
      ),
      Stream.run(stdin),
      // What breaks on the way to the host is left to those who read from it.
      Effect.catchTag("RemoteConnectionError", () => Effect.void),
      Effect.tapErrorCause((cause) =>
        Cause.isInterruptedOnly(cause) ? Effect.void : Deferred.failCause(inputFailure, cause)
      ),
      fork
    )
  }

  const outcome = Effect.flatMap(Deferred.await(exited), (status) =>
    Effect.gen(function*() {
      // The shell's reports, which come on stderr, may be behind the status.
      const mayBeReported = status._tag === "Code" &&
        (status.code === 126 || status.code === 127 ||
          (compiled.stages.length > 1 && (status.code !== 0 || !settings.pipefail)))
      if (mayBeReported) {
        // It has ended, so what is to come is what the pipes hold: a reader that has stopped must not hold it back.
        yield* stderr.release
        yield* Effect.exit(Deferred.await(stderrEnded))
        if (!comesOnStderr) yield* untilReported
      }
      if (failed !== undefined) return yield* failure.fromReport(failed)
      // Only the guardian's signals are worth asking it about.
      const ask = status._tag === "Signal" && Option.match(status.signal, { onNone: () => true, onSome: isEnding })
      const silence = keep ? Option.none() : yield* guardian.silence(processId, { ask })
      if (Option.isSome(silence)) return yield* failure.silence(silence.value)
      switch (status._tag) {
        case "Code":
          return ExitCode(status.code)
        case "Signal":
          return yield* failure.signal(status.signal)
        case "None":
          return yield* failure.connection({
            reason: "ConnectionLost",
            detail: "the channel was closed without an exit status: whether the command succeeded is unknown"
          })
      }
    }))

  const orInputFailed: Started["orInputFailed"] = (effect) =>
    input === "pipe"
      ? effect
      // This await normally never completes, so it must stay interruptible even in an uninterruptible region.
      : finalizer.apart(Effect.raceFirst(effect, Effect.interruptible(Deferred.await(inputFailure))))
  const process: RemoteProcess = {
    pid: ProcessId(processId),
    stdin,
    stdout: Stream.repeatEffectOption(pull),
    stderr: stderr.stream,
    exitCode: orInputFailed(outcome),
    isRunning: Effect.map(Deferred.isDone(exited), (done) => !done),
    kill: Effect.fnUntraced(function*(signal = "SIGTERM") {
      if (plan.pid !== undefined) {
        return yield* failure.error({
          reason: "Unsupported",
          detail: "on a host with shell \"none\" no process can be signalled"
        })
      }
      if (!/^SIG[A-Z0-9]{2,8}$/.test(signal)) {
        return yield* failure.error({ reason: "InvalidCommand", detail: `${JSON.stringify(signal)} is no signal` })
      }
      if (!terminate.leadsGroup(processId)) {
        return yield* failure.error({
          reason: "Unsupported",
          detail: `the host says that its process id is ${processId}, which no signal can be sent to`
        })
      }
      if (!(yield* Deferred.isDone(exited))) {
        const { code, output } = yield* control(transport, terminate.signal(processId, signal)).pipe(
          Deadline.within(transport.host, `sending ${signal}`)
        )
        if (code !== 0) {
          return yield* failure.error({
            reason: "InvalidCommand",
            detail: `the host sent no ${signal}: ${output.trim()}`
          })
        }
      }
      yield* Deferred.await(exited)
    }),
    loginOutput: Effect.sync(failure.loginOutput)
  }
  const handle: Started = {
    process,
    program: compiled,
    failure,
    pull,
    stderrEnded: Deferred.await(stderrEnded),
    orInputFailed
  }
  return handle
})

/** Runs a program of ours on a channel of its own, and tells how it ended and the end of what it printed. */
const control = (
  transport: Transport,
  stage: frame.Stage
): Effect.Effect<{ readonly code: number; readonly output: string }, RemoteConnectionError> =>
  Effect.scoped(Effect.gen(function*() {
    const channel = yield* transport.exec(frame.launchLine, { priority: "urgent" })
    const marker = yield* random.hex
    const printed = outlet.tail(1024)
    const drain = (
      read: typeof channel.read,
      scanner: reports.Scanner
    ): Effect.Effect<void, RemoteConnectionError> =>
      Effect.flatMap(read, (bytes) => {
        if (Option.isNone(bytes)) return Effect.void
        printed.push(scanner.push(bytes.value).output)
        return drain(read, scanner)
      })
    yield* Effect.all([
      Effect.zipRight(
        channel.write(frame.encode({ marker, stages: [stage], terminal: Option.none() })),
        channel.end
      ),
      drain(channel.read, reports.scanner(marker, "stdout")),
      drain(channel.readStderr, reports.scanner(marker, "stderr"))
    ], { concurrency: "unbounded", discard: true })
    const status = yield* channel.exit
    return { code: status._tag === "Code" ? status.code : 1, output: text.display(printed.bytes()) }
  }))
