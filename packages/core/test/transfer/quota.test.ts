import { SystemError } from "@effect/platform/Error"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as quota from "../../src/internal/files/quota.js"

const place = (path: string, below = ""): quota.Place => ({ path, below })

const make = (limit: number, listings: Readonly<Record<string, ReadonlyArray<string>>>, asked: Array<string> = []) =>
  quota.make(
    "put",
    ({ path }: quota.Place, admit) =>
      Effect.suspend(() => {
        asked.push(path)
        const names = listings[path]!
        return Effect.as(admit(names.length, names.join("").length), names.map((name) => ({ name })))
      }),
    limit
  )

const messageOf = <A>(listed: Effect.Effect<A, { readonly message: string }>) =>
  Effect.map(Effect.flip(listed), ({ message }) => message)

it.effect("a quota counts the names of all listings that are held", () =>
  Effect.gen(function*() {
    const names = make(3, { "/a": ["1", "2"], "/b": ["3", "4"] })
    yield* names.list(place("/a"))
    assert.include(yield* messageOf(names.list(place("/b"))), "the tree has more than 3 names: raise `limit`")
  }))

it.effect("a quota makes room for names that are released", () =>
  Effect.gen(function*() {
    const names = make(3, { "/a": ["1", "2"], "/b": ["3", "4"] })
    names.release(place("/a"), yield* names.list(place("/a")))
    assert.strictEqual((yield* names.list(place("/b"))).length, 2)
  }))

it.effect("a quota that was exceeded asks for no further listing", () =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const names = make(1, { "/a": ["1", "2"], "/b": [] }, asked)
    yield* Effect.flip(names.list(place("/a")))
    yield* Effect.flip(names.list(place("/b")))
    assert.deepStrictEqual(asked, ["/a"])
  }))

it.effect("a quota counts the characters of paths below long directories", () =>
  Effect.gen(function*() {
    const names = make(2, { "/a": ["1", "2"] })
    assert.include(
      yield* messageOf(names.list(place("/a", "d".repeat(300)))),
      "the paths of the tree have more than 512 characters"
    )
  }))

it.effect("a quota does not count a listing that failed", () =>
  Effect.gen(function*() {
    let fails = true
    const names = quota.make(
      "put",
      (_: quota.Place, admit) =>
        Effect.zipRight(
          admit(2, 2),
          fails
            ? Effect.fail(new SystemError({ module: "FileSystem", method: "list", reason: "Unknown" }))
            : Effect.succeed([{ name: "1" }, { name: "2" }])
        ),
      2
    )
    yield* Effect.flip(names.list(place("/a")))
    fails = false
    assert.strictEqual((yield* names.list(place("/a"))).length, 2)
  }))
