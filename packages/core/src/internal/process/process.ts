/**
 * Starts a command: opens a channel, launches it, and adds the finalizer that terminates it.
 */
import type * as Command from "@effect/platform/Command"
import { ProcessId } from "@effect/platform/CommandExecutor"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RemoteConnectionError } from "../../RemoteError.js"
import { RemoteCommandError } from "../../RemoteError.js"
import type { RemoteProcess, RunError } from "../../RemoteProcess.js"
import type { Transport } from "../../Transport.js"
import * as Frame from "../../unstable/Frame.js"
import * as commandCompile from "../command/compile.js"
import * as errors from "../command/errors.js"
import * as plans from "../launch/plan.js"
import type { Shell } from "../launch/shellPool.js"
import * as scopes from "../lib/scopes.js"
import * as terminate from "../scripts/terminate.js"
import * as ending from "./ending.js"
import type { Compiled, Execution, Host, Settings } from "./execution.js"
import * as executions from "./execution.js"
import * as launching from "./launching.js"
import * as outcome from "./outcome.js"
import * as signals from "./signal.js"
import * as stdins from "./stdin.js"
import type { Tracking } from "./tracking.js"

/**
 * A running process, and the internal parts of it that the verbs use.
 *
 * @internal
 */
export interface Started extends Compiled {
  readonly process: RemoteProcess
  /** The next bytes of stdout. Fails with `None` at the end. */
  readonly pull: Effect.Effect<Uint8Array, Option.Option<RemoteConnectionError>>
  /** Waits for the end of stderr. */
  readonly stderrEnded: Effect.Effect<void, RemoteConnectionError>
  /** Fails if the stream given as stdin fails. */
  readonly orInputFailed: stdins.Stdin["orInputFailed"]
  /** How the command has ended, if it has. */
  readonly ended: Tracking["ended"]
}

/** @internal */
export const compile = (
  transport: Transport,
  command: Command.Command
): Either.Either<Compiled, RemoteCommandError> => {
  const host = String(transport.host)
  return Either.mapBoth(commandCompile.compile(command), {
    onLeft: ({ detail, reason, shown }) => new RemoteCommandError({ reason, host, command: shown, detail }),
    onRight: (program) => ({ program, failure: errors.make(host, program) })
  })
}

// Maximum number of launches, for a host that always reports that the command has not run.
const mostLaunches = 5

/**
 * Starts a command in its own scope within the caller's, so that a failed launch leaves nothing open.
 *
 * @internal
 */
export const start = (
  host: Host,
  compiled: Compiled,
  settings: Settings,
  launches = 1
): Effect.Effect<Started, RunError, Scope.Scope> =>
  Effect.catchTag(
    attempt(host, compiled, settings, launches > 1),
    "NotRun",
    ({ missed }) =>
      launches === mostLaunches
        ? compiled.failure.connection({
          reason: "Protocol",
          detail: `the host reported ${launches} times that it had not run the command, because its guardian was gone`
        })
        : Effect.zipRight(
          Option.match(missed, { onNone: () => Effect.void, onSome: ({ fifo }) => host.guardian.missed(fifo) }),
          start(host, compiled, settings, launches + 1)
        )
  )

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

type Input = "pipe" | Stream.Stream<Uint8Array, unknown>

const inputOf = (
  { failure, program }: Compiled,
  settings: Settings
): Effect.Effect<Input, RemoteCommandError> =>
  program.stdin !== "inherit" ? Effect.succeed(program.stdin) : Option.match(settings.stdin, {
    onSome: (stdin) => Effect.succeed<Input>(stdin),
    onNone: () =>
      failure.error({
        reason: "Unsupported",
        detail: "stdin is \"inherit\", and `LocalMachine` lacks `stdio`: provide it, or use another stdin"
      })
  })

const attempt = Effect.fnUntraced(function*(host: Host, compiled: Compiled, settings: Settings, isAgain: boolean) {
  compiled.failure.clear()
  const input = yield* inputOf(compiled, settings)
  const plan = yield* plans.make(
    host.transport,
    compiled.program,
    settings.pty,
    compiled.failure,
    settings.pipefail
  )
  const parent = yield* Effect.scope
  return yield* Effect.uninterruptibleMask((restore) =>
    scopes.below(
      parent,
      (scope) => Scope.extend(launch(host, compiled, settings, plan, input, isAgain, restore), scope)
    )
  )
})

const makeSpan = ({ transport }: Host, { program }: Compiled, settings: Settings) => {
  const { host, port } = transport.host
  return Effect.makeSpanScoped("ssh.exec", {
    attributes: {
      "server.address": host,
      ...(port !== undefined && { "server.port": port }),
      ...(settings.traceCommand && { "process.command_line": program.shown })
    },
    captureStackTrace: false,
    kind: "client"
  })
}

/** Waits for the guardian now, or returns an effect that waits for it. */
const awaitGuardian = Effect.fnUntraced(function*({ guardian, transport }: Host, restore: Restore) {
  // Skips the guardian if connecting fails: the command reports the failure itself.
  const guarded = Effect.zipRight(transport.ready, guardian.ready)
  // On one connection, the guardian opens its session first, because a command can reclaim the guardian's session but not
  // the reverse. With a connection for each channel, both log in at the same time.
  if (transport.capabilities.oneConnection) return yield* restore(Effect.as(guarded, Effect.void))
  return Fiber.await(yield* scopes.forkInterruptible(guarded))
})

const openShell = (
  { shells, transport }: Host,
  plan: plans.Plan,
  settings: Settings,
  isAgain: boolean
): Effect.Effect<Shell, RemoteConnectionError, Scope.Scope> =>
  // If one prewarmed shell had exited, the next one may have exited, too.
  plan.line === Frame.launchLine && !isAgain
    ? shells.acquire
    : Effect.map(
      transport.exec(plan.line, { pty: Option.getOrUndefined(settings.pty) }),
      (channel) => ({ channel, isPrewarmed: false })
    )

const launch = Effect.fnUntraced(function*(
  host: Host,
  compiled: Compiled,
  settings: Settings,
  plan: plans.Plan,
  input: Input,
  isAgain: boolean,
  restore: Restore
) {
  const span = yield* makeSpan(host, compiled, settings)
  const guarded = yield* awaitGuardian(host, restore)
  const shell = yield* restore(openShell(host, plan, settings, isAgain))
  const execution = yield* executions.make(host, compiled, settings, plan, shell, span)
  if (plan.pid === undefined) yield* Effect.addFinalizer(() => ending.end(execution))
  const { guard, pid } = yield* Effect.tapErrorTag(
    restore(launching.launch(execution, guarded)),
    "RemoteConnectionError",
    () => execution.tracking.abandon
  )
  // A process without a group cannot be ended by the guardian.
  if (terminate.leadsGroup(pid)) {
    yield* host.guardian.started(pid, { keep: settings.keep, registered: Option.map(guard, ({ fifo }) => fifo) })
  }
  span.attribute("process.pid", pid)
  return makeStarted(execution, pid, yield* stdins.make(execution, input))
})

const makeStarted = (execution: Execution, pid: number, { orInputFailed, sink }: stdins.Stdin): Started => {
  const { failure, program, stderr, stdout, tracking } = execution
  return {
    process: {
      pid: ProcessId(pid),
      stdin: sink,
      stdout: Stream.repeatEffectOption(stdout.pull),
      stderr: stderr.stream,
      exitCode: orInputFailed(outcome.make(execution, pid)),
      isRunning: Effect.map(Deferred.isDone(tracking.exited), (done) => !done),
      kill: (signal = "SIGTERM") => signals.kill(execution, pid, signal),
      loginOutput: Effect.sync(failure.loginOutput)
    },
    program,
    failure,
    pull: stdout.pull,
    stderrEnded: stderr.ended,
    orInputFailed,
    ended: tracking.ended
  }
}
