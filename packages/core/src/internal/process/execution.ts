/**
 * A command and its channel: the context that all stages of a command share.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type { Span } from "effect/Tracer"
import type { Pty } from "../../RemoteHost.js"
import type { Channel, Transport } from "../../Transport.js"
import type { Program } from "../command/compile.js"
import type { CommandFailure } from "../command/errors.js"
import type { Guardian } from "../guardian/client.js"
import type { Plan } from "../launch/plan.js"
import type { Shell, ShellPool } from "../launch/shellPool.js"
import * as stderrs from "./stderr.js"
import * as stdouts from "./stdout.js"
import * as trackings from "./tracking.js"

/**
 * The transport on which commands run, and the guardian that terminates them after a lost connection.
 *
 * @internal
 */
export interface Host {
  readonly transport: Transport
  readonly guardian: Guardian
  readonly shells: ShellPool
}

/** @internal */
export interface Settings {
  readonly pty: Option.Option<Pty>
  /** Whether the command goes on after a lost connection. */
  readonly keep: boolean
  /** Whether the span has the command line, secrets masked. */
  readonly traceCommand: boolean
  readonly killAfter: Duration.Duration
  /** Whether a pipeline fails if an earlier program fails. */
  readonly pipefail: boolean
  /** Whether to close a stdin that is `"pipe"` at once. */
  readonly endInput: boolean
  /** Number of last bytes of stderr to keep until it is read. */
  readonly stderrKept: number
  /** The stdin of this program, for commands that inherit it. */
  readonly stdin: Option.Option<Stream.Stream<Uint8Array, unknown>>
}

/** @internal */
export interface Compiled {
  readonly program: Program
  readonly failure: CommandFailure
}

/** @internal */
export interface Execution extends Compiled {
  readonly host: Host
  readonly settings: Settings
  readonly plan: Plan
  readonly channel: Channel
  /** Whether the shell was started before the command. It may then have exited before it read the frame. */
  readonly isPrewarmed: boolean
  readonly tracking: trackings.Tracking
  readonly stdout: stdouts.Stdout
  readonly stderr: stderrs.Stderr
}

/** @internal */
export const make = Effect.fnUntraced(function*(
  host: Host,
  { failure, program }: Compiled,
  settings: Settings,
  plan: Plan,
  { channel, isPrewarmed }: Shell,
  span: Span
) {
  const tracking = yield* trackings.make(channel, plan, failure, span)
  const execution: Execution = {
    host,
    program,
    failure,
    settings,
    plan,
    channel,
    isPrewarmed,
    tracking,
    stdout: stdouts.make(tracking.next("stdout")),
    stderr: yield* stderrs.make(tracking.next("stderr"), settings.stderrKept, failure)
  }
  return execution
})
