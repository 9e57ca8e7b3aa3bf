/**
 * Removes files and trees. Never removes the target of a link, the root directory or the home directory.
 */
import type { RemoveOptions } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type { Attributes } from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import * as tree from "./tree.js"

// Compares the real path of a directory, so that every way of writing it is recognized.
const checkDirectory = (operations: Operations, call: CallContext): Fx<void> =>
  Effect.gen(function*() {
    const [real, home] = yield* Effect.all(
      [operations.realPath(call), operations.realPath({ ...call, path: "." })],
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
      yield* Effect.fail(errors.badArgument(call, `${JSON.stringify(call.path)} is ${what}`))
    }
  })

const removeTree = (operations: Operations, root: CallContext, known: Attributes, limit?: number): Fx<void> => {
  const { method } = root
  // Another process may remove the same tree. Entries that are gone already are skipped.
  const orGone = (call: CallContext) => <A>(removal: Fx<A>): Fx<A | undefined> =>
    call === root ? removal : Effect.catchIf(removal, errors.isNotFound, () => Effect.succeed(undefined))
  const enter = (call: CallContext, list: tree.List): Fx<tree.Listed<CallContext> | undefined> =>
    orGone(call)(Effect.gen(function*() {
      const { path } = call
      const found = call === root ? known : yield* operations.lstat(call)
      if (!fileMode.isDirectory(found)) {
        yield* operations.removeFile(call)
        return undefined
      }
      return {
        path,
        names: yield* list(path, found),
        below: (name) => ({ method, path: posixPath.join(path, name) }),
        leave: orGone(call)(operations.removeDirectory(call))
      }
    }))
  return tree.visit(operations, method, root, enter, limit)
}

/**
 * Removes a file, or a tree with `recursive`. `limit`: maximum number of listed names that wait. Default: 1,000,000.
 *
 * @internal
 */
export const remove = (
  operations: Operations,
  call: CallContext,
  { force = false, recursive = false }: RemoveOptions = {},
  limit?: number
): Fx<void> => {
  const { method, path } = call
  if (path === "") return Effect.fail(errors.badArgument(call, "the path is empty"))
  const name = posixPath.base(path)
  if (name === "." || name === "..") {
    return Effect.fail(errors.badArgument(call, `${JSON.stringify(path)} does not name what is removed`))
  }
  // With a slash at its end, the path of a link means the link's target.
  const named = posixPath.withoutSlashes(path)
  const removed = Effect.flatMap(operations.lstat({ method, path: named }), (found) => {
    if (!fileMode.isDirectory(found)) {
      return named === path
        ? operations.removeFile(call)
        : Effect.fail(errors.system(call, "BadResource", undefined, "it is not a directory"))
    }
    return Effect.zipRight(
      checkDirectory(operations, call),
      recursive
        ? removeTree(operations, call, found, limit)
        : Effect.fail(
          errors.system(call, "Unknown", undefined, "it is a directory: set `recursive` to remove it")
        )
    )
  })
  return force ? Effect.catchIf(removed, errors.isNotFound, () => Effect.void) : removed
}
