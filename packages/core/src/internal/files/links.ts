/**
 * Follows links at a path to write. The client follows them, because the new file replaces the link's target by name. This
 * would evade the kernel's protection (`fs.protected_symlinks`, proc_sys_fs(5)), so the same rule is applied here.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Attributes } from "../../protocol/Sftp.js"
import { findConnectionError } from "../../RemoteError.js"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import * as probe from "./probe.js"
import * as sharedDirectory from "./sharedDirectory.js"

const mostFollowed = 40

const unlessLost = <A>(effect: Fx<A>): Fx<Option.Option<A>> =>
  Effect.catchIf(Effect.asSome(effect), (error) => Option.isNone(findConnectionError(error)), () => Effect.succeedNone)

/**
 * Whether an entry is in a sticky directory that everybody may write to, and has another owner than that directory. Another
 * user may have planted it.
 *
 * @internal
 */
export const isByAnybody = (operations: Operations, { method, path }: CallContext, { uid }: Attributes): Fx<boolean> =>
  Effect.map(
    unlessLost(operations.stat({ method, path: posixPath.parent(path) })),
    (directory) => sharedDirectory.isSuspect(Option.getOrUndefined(directory), { uid })
  )

// In such a directory, any user could plant a link for root to follow. The owner of a new file is this user.
const mayFollow = (operations: Operations, call: CallContext, link: Attributes): Fx<boolean> =>
  Effect.gen(function*() {
    if (!(yield* isByAnybody(operations, call, link))) return true
    const directory = { method: call.method, path: posixPath.parent(call.path) }
    return Option.exists(yield* unlessLost(probe.attributes(operations, directory)), (own) => own.uid === link.uid)
  })

/**
 * Follows a link, and further links, to a path that is not a link. Returns that path and the entry there. Fails with
 * `PermissionDenied` for another user's link in a sticky directory that everybody may write to.
 *
 * @internal
 */
export const follow = (
  operations: Operations,
  call: CallContext,
  link: Attributes,
  path = call.path,
  followed = 0
): Fx<readonly [path: string, existing: Option.Option<Attributes>]> =>
  Effect.gen(function*() {
    const { method } = call
    if (followed === mostFollowed) {
      return yield* Effect.fail(errors.system(call, "BadResource", undefined, "its links lead in a circle"))
    }
    const [may, leads] = yield* Effect.all([
      mayFollow(operations, { method, path }, link),
      operations.readLink({ method, path })
    ], { concurrency: 2 })
    if (!may) {
      const above = posixPath.parent(path)
      return yield* Effect.fail(
        errors.system(
          call,
          "PermissionDenied",
          undefined,
          `${path} is a link of another user in ${above}, where everybody may make one; use the path that it should lead to`
        )
      )
    }
    const next = leads.startsWith("/") ? leads : posixPath.join(posixPath.parent(path), leads)
    const found = yield* Effect.catchIf(
      Effect.asSome(operations.lstat({ method, path: next })),
      errors.isNotFound,
      () => Effect.succeedNone
    )
    return Option.isSome(found) && fileMode.isSymbolicLink(found.value)
      ? yield* follow(operations, call, found.value, next, followed + 1)
      : [next, found]
  })
