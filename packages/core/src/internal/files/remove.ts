/**
 * Removing: never what a link names, and never what nobody means to remove.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { RemoveOptions } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type { Attributes } from "../../protocol/Sftp.js"
import * as posixPath from "../lib/posixPath.js"
import type { Attempt } from "../sftp/failure.js"
import * as failure from "../sftp/failure.js"
import type { Operations } from "../sftp/requests.js"
import * as tree from "./tree.js"

type Fx<A> = Effect.Effect<A, PlatformError>

// Of a directory, by its name without links, so that no way of writing it is overlooked.
const checkDirectory = (operations: Operations, attempt: Attempt): Fx<void> =>
  Effect.gen(function*() {
    const [real, home] = yield* Effect.all(
      [operations.realPath(attempt), operations.realPath({ ...attempt, path: "." })],
      { concurrency: 2 }
    )
    const what = real === "/"
      ? "the root directory"
      : real === home
      ? "the home directory"
      : home.startsWith(`${real}/`)
      ? `a directory that holds the home directory ${home}`
      : undefined
    if (what !== undefined) {
      yield* Effect.fail(failure.badArgument(attempt, `${JSON.stringify(attempt.path)} is ${what}`))
    }
  })

const removeTree = (operations: Operations, root: Attempt, known: Attributes, limit?: number): Fx<void> => {
  const { method } = root
  // Somebody else may remove the same: what is gone already is none of our concern, and the rest is.
  const orGone = (attempt: Attempt) => <A>(removal: Fx<A>): Fx<A | undefined> =>
    attempt === root ? removal : Effect.catchIf(removal, failure.isNotFound, () => Effect.succeed(undefined))
  const enter = (attempt: Attempt, list: tree.List): Fx<tree.Listed<Attempt> | undefined> =>
    orGone(attempt)(Effect.gen(function*() {
      const { path } = attempt
      const found = attempt === root ? known : yield* operations.lstat(attempt)
      if (!failure.isDirectory(found)) {
        yield* operations.removeFile(attempt)
        return undefined
      }
      return {
        path,
        names: yield* list(path, found),
        below: (name) => ({ method, path: posixPath.join(path, name) }),
        leave: orGone(attempt)(operations.removeDirectory(attempt))
      }
    }))
  return tree.visit(operations, method, root, enter, limit)
}

/**
 * `limit` bounds the names that wait. Default: 1,000,000.
 *
 * @internal
 */
export const remove = (
  operations: Operations,
  attempt: Attempt,
  { force = false, recursive = false }: RemoveOptions = {},
  limit?: number
): Fx<void> => {
  const { method, path } = attempt
  if (path === "") return Effect.fail(failure.badArgument(attempt, "the path is empty"))
  const name = posixPath.base(path)
  if (name === "." || name === "..") {
    return Effect.fail(failure.badArgument(attempt, `${JSON.stringify(path)} does not name what is removed`))
  }
  // With a slash behind it a link stands for what it names.
  const named = posixPath.withoutSlashes(path)
  const removed = Effect.flatMap(operations.lstat({ method, path: named }), (found) => {
    if (!failure.isDirectory(found)) {
      return named === path
        ? operations.removeFile(attempt)
        : Effect.fail(failure.system(attempt, "BadResource", undefined, "it is no directory"))
    }
    return Effect.zipRight(
      checkDirectory(operations, attempt),
      recursive
        ? removeTree(operations, attempt, found, limit)
        : Effect.fail(
          failure.system(attempt, "Unknown", undefined, "it is a directory, which is removed with `recursive` only")
        )
    )
  })
  return force ? Effect.catchIf(removed, failure.isNotFound, () => Effect.void) : removed
}
