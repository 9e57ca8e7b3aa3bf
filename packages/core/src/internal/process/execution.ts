/**
 * A command on its channel, as the stages of its life share it.
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
 * The transport on which commands run, and the guardian that ends them when this program cannot.
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
  /** Whether the command goes on when the connection is lost. */
  readonly keep: boolean
  /** Whether the span names the command, secrets masked. */
  readonly traceCommand: boolean
  readonly killAfter: Duration.Duration
  /** Whether a pipeline fails when an earlier program does. */
  readonly pipefail: boolean
  /** Whether to end a stdin that is `"pipe"` at once. */
  readonly endInput: boolean
  /** The last bytes of stderr that are kept until it is read. */
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
  /** Whether the shell was there before its command. It may have ended, then, without having read anything. */
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
