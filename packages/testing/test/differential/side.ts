/**
 * A host on which programs run, whichever it is.
 */
import type { RemoteContext } from "@effect-remote/core/RemoteContext"
import type { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
import type { Transport } from "@effect-remote/core/Transport"
import { Data, Effect, Stream } from "effect"

export interface Side {
  readonly name: string
  readonly transport: Transport
  readonly context: RemoteContext
  readonly files: RemoteFileSystem
  /** The directory in which programs run. */
  readonly root: string
  /** A directory of this machine. `source` holds the sources of uploads, and downloads are written to `target`. */
  readonly local: { readonly source: string; readonly target: string }
  /** Breaks the connection. */
  readonly drop: Effect.Effect<void>
  /** Removes a path below the root, bypassing the connection and all permissions. */
  readonly wipe: (path: string) => Effect.Effect<void>
  /** The final tree, one entry a line. */
  readonly tree: Effect.Effect<ReadonlyArray<string>>
}

/** Why a stream of a program fails. */
export class SourceFailed extends Data.TaggedError("SourceFailed")<{}> {}

/** Breaks the connection, and waits until that is known here. */
export const lose = ({ drop, transport }: Side): Effect.Effect<void> =>
  Effect.zipRight(
    drop,
    Stream.runDrain(Stream.takeUntil(transport.state, (state) => state === "lost"))
  )
