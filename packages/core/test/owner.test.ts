import type { Attributes } from "@effect-remote/core/protocol/Sftp"
import { SystemError } from "@effect/platform/Error"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as owner from "../src/internal/files/owner.js"

const denied = new SystemError({ module: "FileSystem", method: "chown", reason: "PermissionDenied" })

/** A file of user 1 and group 1, which may be given to the groups in `groups`, by root to anybody. */
const file = (groups: ReadonlyArray<number>, isRoot = false) => {
  const is = { uid: 1, gid: 1 }
  const change = ({ gid = is.gid, uid = is.uid }: Attributes) =>
    isRoot || uid === is.uid && groups.includes(gid)
      ? Effect.sync(() => void Object.assign(is, { uid, gid }))
      : denied
  return { is, change }
}

const keep = (uid: number, gid: number, of: ReturnType<typeof file>, made = 0o644, isShared = false) =>
  Effect.map(
    owner.keep(of.change, { ...of.is, permissions: made }, { uid, gid }, 0o664, Effect.succeed(isShared)),
    ({ isChanged, permissions }) => [of.is.uid, of.is.gid, isChanged ? permissions : "as it is"]
  )

it.effect("a file keeps the owner and the group of what it replaces, or the group, or no right of it", () =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* keep(1, 1, file([])), [1, 1, "as it is"])
    assert.deepStrictEqual(yield* keep(2, 2, file([], true)), [2, 2, 0o664])
    assert.deepStrictEqual(yield* keep(1, 2, file([2])), [1, 2, 0o664])
    assert.deepStrictEqual(yield* keep(3, 2, file([2])), [1, 2, 0o664])
    assert.deepStrictEqual(yield* keep(3, 1, file([2])), [1, 1, 0o664])
    assert.deepStrictEqual(yield* keep(1, 3, file([2])), [1, 1, 0o644])
    assert.deepStrictEqual(yield* keep(3, 3, file([2])), [1, 1, 0o644])
  }))

// FOUND E8
it.effect("the mode of another owner's file gives others no more than the new file has", () =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* keep(3, 3, file([]), 0o600), [1, 1, 0o600])
    assert.deepStrictEqual(yield* keep(3, 2, file([2]), 0o600), [1, 2, 0o660])
    assert.deepStrictEqual(yield* keep(2, 2, file([], true), 0o600), [2, 2, 0o664])
    assert.deepStrictEqual(yield* keep(1, 3, file([]), 0o600), [1, 1, 0o644])
    assert.deepStrictEqual(yield* keep(2, 2, file([2], true), 0o600, true), [1, 1, "as it is"])
    assert.deepStrictEqual([0o664, 0o640, 0o604, 0o777, 0o4755].map(owner.untilOwned), [
      0o644,
      0o600,
      0o604,
      0o777,
      0o755
    ])
  }))

it.effect("another user's file in a directory that everybody may write to gives away nothing", () =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* keep(2, 2, file([], true), 0o600, true), [1, 1, "as it is"])
    assert.deepStrictEqual(yield* keep(3, 2, file([2]), 0o644, true), [1, 1, "as it is"])
    assert.deepStrictEqual(yield* keep(1, 2, file([2]), 0o644, true), [1, 2, 0o664])
  }))
