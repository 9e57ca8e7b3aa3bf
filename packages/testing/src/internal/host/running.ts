import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
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
  /** Has the client get that in place of any further answer. */
  readonly fail: (error: () => RemoteConnectionError) => Effect.Effect<void>
}

/** @internal */
export const current: FiberRef.FiberRef<Running> = FiberRef.unsafeMake<Running>({
  pid: 0,
  isLeader: false,
  fail: () => Effect.void
})
