import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"

/**
 * The command that a program is a part of.
 *
 * @internal
 */
export interface Running {
  readonly pid: number
  /** Whether the process of that id is the program itself. */
  readonly isLeader: boolean
  /** Reports what the host in memory lacks. Does not return if that is a fault of the test. */
  readonly lacks: (lack: Lack) => Effect.Effect<void>
}

/** @internal */
export interface Lack {
  readonly program: string
  /** The construct that the program does not understand. Undefined if the host lacks the program. */
  readonly construct?: string | undefined
}

/** @internal */
export const current: FiberRef.FiberRef<Running> = FiberRef.unsafeMake<Running>({
  pid: 0,
  isLeader: false,
  lacks: () => Effect.void
})
