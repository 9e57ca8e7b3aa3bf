import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { FileInfo } from "../../src/internal/transfer/endpoint.js"
import * as preserved from "../../src/internal/transfer/preserved.js"

const info = (permissions: number, more: Partial<FileInfo> = {}): FileInfo => ({
  type: "File",
  kind: "a file",
  size: 1n,
  permissions,
  mtime: 100_000,
  atime: 200_000,
  ...more
})
const fresh = { existing: undefined, isSuspect: false }
const later = 1_000_000

describe("a new file", () => {
  it("gets the permission bits of its source under the umask, without special bits", () => {
    assert.deepStrictEqual(preserved.ofFile({}, info(0o4755), fresh, later), {
      ...preserved.nothing,
      created: 0o755,
      limit: 0o755
    })
  })

  it("gets exactly the permission bits of its source if asked", () => {
    assert.deepStrictEqual(preserved.ofFile({ preserve: { mode: true } }, info(0o640), fresh, later), {
      ...preserved.nothing,
      created: 0o640,
      permissions: 0o640,
      isOptional: false
    })
  })

  it("gets no mode of a source whose mode is unknown", () => {
    const unknown = { ...info(0o644), permissions: undefined }
    assert.deepStrictEqual(preserved.ofFile({}, unknown, fresh, later), preserved.nothing)
  })
})

describe("a file that is overwritten in place", () => {
  it("keeps its mode unless the source's is asked for", () => {
    assert.deepStrictEqual(preserved.inPlace({}, info(0o640), later), preserved.nothing)
    assert.deepStrictEqual(preserved.inPlace({ preserve: { mode: true } }, info(0o4640), later), {
      ...preserved.nothing,
      permissions: 0o640,
      isOptional: false
    })
  })
})

describe("a replaced file", () => {
  const existing = info(0o664, { uid: 1, gid: 2 })

  it("keeps its owner, group and permission bits", () => {
    assert.deepStrictEqual(preserved.ofFile({}, info(0o755), { existing, isSuspect: false }, later), {
      created: 0o600,
      permissions: 0o664,
      limit: 0o755,
      owner: { uid: 1, gid: 2, isSuspect: false, isAsked: false },
      times: undefined,
      isOptional: true
    })
  })

  it("does not keep an unknown mode", () => {
    const found = { existing: { ...existing, permissions: undefined }, isSuspect: false }
    assert.deepStrictEqual(preserved.ofFile({}, info(0o755), found, later), {
      ...preserved.nothing,
      created: 0o755,
      limit: 0o755
    })
  })

  it("is made with the rights of both files if another user may have put it there", () => {
    assert.strictEqual(preserved.ofFile({}, info(0o755), { existing, isSuspect: true }, later).created, 0o644)
  })
})

describe("times", () => {
  it("are those of the source with preserve.timestamps or quick checks", () => {
    for (const options of [{ preserve: { timestamps: true } }, { skipUnchanged: "quick" }] as const) {
      const { times } = preserved.ofFile(options, info(0o644), fresh, later)
      assert.deepInclude(times, { atime: 200_000, mtime: 100_000 })
    }
    assert.isUndefined(preserved.ofFile({ skipUnchanged: "content" }, info(0o644), fresh, later).times)
  })

  it("are one second earlier for a young file that a quick check must not trust", () => {
    const { times } = preserved.ofFile({ skipUnchanged: "quick" }, info(0o644), fresh, 101_999)
    assert.deepStrictEqual(times, { atime: 200_000, mtime: 99_000 })
  })

  it("count as young up to two seconds, and in the future", () => {
    assert.deepStrictEqual([99_000, 101_999, 102_000].map((now) => preserved.isYoung({ mtime: 100_000 }, now)), [
      true,
      true,
      false
    ])
  })
})

describe("settle", () => {
  const settled = (
    { isAsked = false, isSuspect = false, own, refuses = [], limit = 0o777 }: {
      readonly isAsked?: boolean
      readonly isSuspect?: boolean
      readonly own: { readonly uid: number; readonly gid: number; readonly permissions?: number }
      readonly refuses?: ReadonlyArray<string>
      readonly limit?: number
    }
  ) => {
    const given: Array<string> = []
    return Effect.map(
      preserved.settle(
        { ...preserved.nothing, limit, permissions: 0o664, owner: { uid: 1, gid: 2, isSuspect, isAsked } },
        own,
        (uid, gid) => {
          given.push(`${uid}:${gid}`)
          return Effect.succeed(!refuses.includes(`${uid}:${gid}`))
        }
      ),
      (mode) => [mode?.toString(8), ...given]
    )
  }

  it.effect("sets the mode alone if owner and group are right", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* settled({ own: { uid: 1, gid: 2 } }), ["664"])
    }))

  it.effect("gives the file to the owner of the replaced one", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* settled({ own: { uid: 9, gid: 9 } }), ["664", "1:2"])
    }))

  it.effect("gives the group alone if the owner is refused, and limits others to the source's rights", () =>
    Effect.gen(function*() {
      const found = yield* settled({ own: { uid: 9, gid: 9 }, refuses: ["1:2"], limit: 0o660 })
      assert.deepStrictEqual(found, ["660", "1:2", "9:2"])
    }))

  it.effect("gives a group that could not be kept the rights of others", () =>
    Effect.gen(function*() {
      const found = yield* settled({ own: { uid: 9, gid: 9 }, refuses: ["1:2", "9:2"] })
      assert.deepStrictEqual(found, ["644", "1:2", "9:2"])
    }))

  it.effect("keeps a requested mode for every owner of the file", () =>
    Effect.gen(function*() {
      const found = yield* settled({ isAsked: true, own: { uid: 9, gid: 9 }, refuses: ["1:2", "9:2"] })
      assert.deepStrictEqual(found, ["664", "1:2", "9:2"])
    }))

  it.effect("does not keep attributes of a file that another user may have made", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* settled({ isSuspect: true, own: { uid: 9, gid: 9 } }), [undefined])
    }))

  it.effect("narrows a new file that inherited more rights than its source has", () =>
    Effect.gen(function*() {
      const keep = { ...preserved.nothing, limit: 0o640 }
      const give = () => Effect.dieMessage("gave it away")
      assert.strictEqual(yield* preserved.settle(keep, { permissions: 0o666 }, give), 0o640)
      assert.isUndefined(yield* preserved.settle(keep, { permissions: 0o600 }, give))
    }))
})

describe("a directory", () => {
  it("that is new keeps inherited bits, within the source's rights", () => {
    const found = preserved.ofDirectory({}, { existing: undefined, seen: info(0o750) }, 0o2777)
    assert.strictEqual(found, 0o2750)
  })

  it("keeps its mode if it existed, and gets it back if it was opened", () => {
    const directories = { existing: info(0o1500), seen: info(0o755) }
    assert.isUndefined(preserved.ofDirectory({}, directories, 0o1500))
    assert.strictEqual(preserved.ofDirectory({}, directories, 0o1700), 0o1500)
  })

  it("gets the source's rights and keeps its special bits with preserve.mode", () => {
    const directories = { existing: info(0o1500), seen: info(0o755) }
    assert.strictEqual(preserved.ofDirectory({ preserve: { mode: true } }, directories, 0o1500), 0o1755)
  })
})
