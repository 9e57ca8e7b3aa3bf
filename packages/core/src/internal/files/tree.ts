/**
 * Trees that are removed or copied: depth first, within one budget of fibers and of names for the whole operation.
 */
import * as Effect from "effect/Effect"
import type { Attributes } from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import { longestListing } from "../sftp/listDirectory.js"
import type { Operations } from "../sftp/requests.js"
import * as listing from "./listing.js"
import * as quota from "./quota.js"

const atOnce = 8

/** @internal */
export type List = (path: string, known: Attributes) => Fx<ReadonlyArray<string>>

/**
 * A directory that was listed.
 *
 * @internal
 */
export interface Listed<A> {
  readonly path: string
  readonly names: ReadonlyArray<string>
  readonly below: (name: string) => A
  /** Runs after everything below the directory. */
  readonly leave: Fx<void>
}

interface Branch<A> extends Omit<Listed<A>, "names"> {
  readonly above: Branch<A> | undefined
  readonly waiting: Array<string>
  unfinished: number
}

/**
 * Visits `root` and everything below it. Fails with the first failure. `limit` bounds the names that were listed and not
 * visited yet, in the whole tree.
 *
 * @internal
 */
export const visit = <A>(
  operations: Operations,
  method: string,
  root: A,
  enter: (place: A, list: List) => Fx<Listed<A> | undefined>,
  limit = longestListing
): Fx<void> =>
  Effect.suspend(() => {
    interface Place extends quota.Place {
      readonly known: Attributes
    }
    const names = quota.make(
      method,
      ({ known, path }: Place, admit) =>
        Effect.map(
          listing.named(operations, { method, path }, { known, admit }),
          (entries) => entries.map(({ filename }) => ({ name: filename }))
        ),
      limit,
      "handle its directories one at a time"
    )
    const list: List = (path, known) =>
      Effect.map(names.list({ below: "", path, known }), (listed) => listed.map(({ name }) => name))

    // Those with names that wait. The last one is the deepest.
    const branches: Array<Branch<A>> = []
    const more = Effect.unsafeMakeLatch(false)
    let isDone = false

    const end = Effect.sync(() => {
      isDone = true
      branches.length = 0
      more.unsafeOpen()
    })
    const finish = (branch: Branch<A> | undefined): Fx<void> => {
      if (branch === undefined) return end
      if (--branch.unfinished > 0) return Effect.void
      return Effect.zipRight(branch.leave, Effect.suspend(() => finish(branch.above)))
    }
    const go = (place: A, above: Branch<A> | undefined): Fx<void> =>
      Effect.flatMap(enter(place, list), (listed) => {
        if (listed === undefined) return finish(above)
        if (listed.names.length === 0) return Effect.zipRight(listed.leave, Effect.suspend(() => finish(above)))
        const { below, leave, names, path } = listed
        branches.push({ above, below, leave, path, waiting: Array.from(names).reverse(), unfinished: names.length })
        more.unsafeOpen()
        return Effect.void
      })
    const work: Fx<void> = Effect.suspend(() => {
      if (isDone) return Effect.void
      const branch = branches.at(-1)
      if (branch === undefined) {
        more.unsafeClose()
        return Effect.zipRight(more.await, work)
      }
      const name = branch.waiting.pop()!
      if (branch.waiting.length === 0) branches.pop()
      names.release({ below: "", path: branch.path }, [{ name }])
      return Effect.zipRight(go(branch.below(name), branch), work)
    })
    // A worker that fails wakes the others, which may be uninterruptible.
    const worker = Effect.onError(work, () => end)
    return Effect.zipRight(
      go(root, undefined),
      Effect.suspend(() =>
        isDone
          ? Effect.void
          : Effect.all(Array.from({ length: atOnce }, () => worker), { concurrency: "unbounded", discard: true })
      )
    )
  })
