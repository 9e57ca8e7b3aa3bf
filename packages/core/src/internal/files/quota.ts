/**
 * How many names of a tree an operation holds.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as errors from "../sftp/errors.js"
import { type Admit, usualName } from "../sftp/listDirectory.js"

type Fx<A> = Effect.Effect<A, PlatformError>

interface Named {
  readonly name: string
}

/** @internal */
export interface Place {
  /** The path of each entry begins with it, as far as it is held with the entry's name. */
  readonly below: string
  readonly path: string
}

/** @internal */
export interface Quota<P extends Place, A extends Named> {
  /** Lists a directory. After the first one with too many names, all fail, and the host is not asked. */
  readonly list: (place: P) => Fx<ReadonlyArray<A>>
  /** Makes room again, for a listing that is no longer held. */
  readonly release: (place: Place, listed: ReadonlyArray<Named>) => void
}

/**
 * The names of one side, with their paths. `advice` ends the message of its failure.
 *
 * @internal
 */
export const make = <P extends Place, A extends Named>(
  method: string,
  list: (place: P, admit: Admit) => Fx<ReadonlyArray<A>>,
  limit: number,
  advice = "raise `limit`"
): Quota<P, A> => {
  const most = limit * usualName
  let names = 0
  let characters = 0
  let why: string | undefined

  const add = ({ below }: Place, count: number, length: number) => {
    names += count
    characters += length + count * (below.length + 1)
  }
  const check = ({ path }: Place): Fx<void> =>
    why === undefined
      ? Effect.void
      : Effect.fail(errors.system({ method, path }, "Unknown", undefined, `${why}: ${advice}`))

  return {
    list: (place) =>
      Effect.suspend(() => {
        let count = 0
        let length = 0
        const admit = (more: number, size: number) =>
          Effect.suspend(() => {
            count += more
            length += size
            add(place, more, size)
            if (names > limit) why ??= `the tree has more than ${limit} names`
            else if (characters > most) why ??= `the paths of the tree have more than ${most} characters`
            return check(place)
          })
        return Effect.zipRight(
          check(place),
          Effect.tapError(list(place, admit), () => Effect.sync(() => add(place, -count, -length)))
        )
      }),
    release: (place, listed) => add(place, -listed.length, -listed.reduce((sum, { name }) => sum + name.length, 0))
  }
}
