import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { User } from "../src/internal/memory/accounts.js"
import { entries, entry } from "../src/internal/memory/entries.js"
import type { Options } from "../src/internal/memory/memory.js"
import { seed, type Seeds } from "../src/internal/memory/seed.js"
import { luigi, make, peach, text } from "./fixtures/memoryFiles.js"

describe("a seed", () => {
  it.effect("creates its entries and their missing parent directories", () =>
    Effect.gen(function*() {
      const memory = yield* make({
        files: {
          "/etc/motd": "welcome",
          "/home/luigi/deep/down/file": new Uint8Array([0, 255]),
          "/srv/secret": { content: "s", mode: 0o600, owner: "peach", group: "plumbers", mtime: new Date(5000) }
        },
        directories: { "/data": { owner: 1001, mode: 0o750 }, "/data/below": {} },
        links: { "/data/current": "below" },
        pipes: ["/data/pipe"]
      })
      const found = (path: string) => {
        const one = entry(memory, path)
        return one === undefined ? undefined : [one.type, one.mode.toString(8), one.owner, one.group].join(" ")
      }
      assert.deepStrictEqual(
        [
          "/etc",
          "/etc/motd",
          "/home/luigi/deep/down/file",
          "/srv/secret",
          "/data",
          "/data/below",
          "/data/current",
          "/data/pipe"
        ].map(found),
        [
          "directory 755 root root",
          "file 644 root root",
          "file 644 luigi luigi",
          "file 600 peach plumbers",
          "directory 750 luigi luigi",
          "directory 755 luigi luigi",
          "link 777 luigi luigi",
          "pipe 644 luigi luigi"
        ]
      )
      const secret = entry(memory, "/srv/secret")
      assert.isTrue(secret?.type === "file" && text(secret.content) === "s" && secret.size === 1)
      assert.strictEqual(secret?.mtime, 5000)
      assert.isUndefined(entry(memory, "/data/current/x"))
      assert.deepStrictEqual([...entries(memory, "/data").keys()], [
        "/data",
        "/data/below",
        "/data/current",
        "/data/pipe"
      ])
    }))

  it.effect("adds to existing entries", () =>
    Effect.gen(function*() {
      const memory = yield* make({ directories: ["/a"] })
      yield* seed(memory, { files: { "/a/file": "text" }, directories: { "/a": { mode: 0o700 } } })
      assert.strictEqual(entry(memory, "/a")?.mode, 0o700)
      assert.strictEqual(entry(memory, "/a/file")?.type, "file")
    }))

  const bad: Readonly<Record<string, readonly [Seeds, string]>> = {
    "a relative path": [{ files: { "etc/motd": "" } }, "file \"etc/motd\": the path is relative"],
    "an empty path": [{ directories: [""] }, "directory \"\": the path is empty"],
    "a NUL": [{ links: { "/a\0": "x" } }, "link \"/a\\u0000\": the path has a NUL in it"],
    "a path below a file": [
      { files: { "/a": "", "/a/b/c": "" } },
      "file \"/a/b/c\": /a is a file, no directory"
    ],
    "a path over a link": [
      { links: { "/a": "etc", "/a/b": "x" } },
      "link \"/a/b\": /a is a link, no directory"
    ],
    "dots": [{ files: { "/a/../b": "" } }, "file \"/a/../b\": the path has a component \"..\""],
    "a name too long": [
      { files: { [`/${"x".repeat(256)}`]: "" } },
      `file "/${"x".repeat(256)}": the name "${"x".repeat(20)}"... is longer than 255 bytes`
    ],
    "a slash behind a file": [{ files: { "/a/": "" } }, "file \"/a/\": the path ends with a slash"],
    "the root": [{ links: { "/.": "x" } }, "link \"/.\": the path has a component \".\""],
    "two of one path": [{ files: { "/a": "" }, links: { "/a": "x" } }, "link \"/a\": there is a file at that path"],
    "a file where a directory is": [
      { directories: ["/a"], files: { "/a": "" } },
      "file \"/a\": there is a directory at that path"
    ],
    "an unknown owner": [
      { files: { "/a": { content: "", owner: "bowser" } } },
      "file \"/a\": the user \"bowser\" does not exist"
    ],
    "an unknown group": [
      { directories: { "/a": { group: "koopas" } } },
      "directory \"/a\": the group \"koopas\" does not exist"
    ],
    "a number of nobody": [
      { files: { "/a": { content: "", owner: -1 } } },
      "file \"/a\": -1 is not a valid id of a user"
    ],
    "a mode that is none": [
      { files: { "/a": { content: "", mode: 0o100644 } } },
      "file \"/a\": the mode must be an integer from 0 to 0o7777, got 33188"
    ],
    "a time that is none": [
      { files: { "/a": { content: "", mtime: new Date("never") } } },
      "file \"/a\": its mtime is not a valid time"
    ],
    "an empty target": [{ links: { "/a": "" } }, "link \"/a\": its target is empty"],
    "more than fits": [{ files: { "/a": "12345678901" } }, "file \"/a\": its 11 bytes do not fit a quota of 10"]
  }

  for (const [name, [seeds, message]] of Object.entries(bad)) {
    it.effect(`is refused for ${name}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(make(seeds, { quota: 10 }))
        assert.strictEqual(error._tag, "SeedError")
        assert.strictEqual(error.message, message)
      }))
  }
})

describe("users", () => {
  const changed = (change: Partial<User>): Partial<Options> => ({ users: [{ ...luigi, ...change }] })

  const bad: Readonly<Record<string, readonly [Partial<Options>, string]>> = {
    "an empty name": [changed({ name: "" }), "user \"\": the name is empty"],
    "a name with a colon": [changed({ name: "a:b" }), "user \"a:b\": the name has a character that no name may have"],
    "two of one name": [
      { users: [luigi, { ...peach, name: "luigi" }] },
      "user \"luigi\": there are two of that name"
    ],
    "a number that is none": [changed({ uid: 1.5 }), "user \"luigi\": 1.5 is not a valid id of a user or group"],
    "a relative home": [
      changed({ home: "home" }),
      "user \"luigi\": the home directory \"home\" is not an absolute path"
    ],
    "a group of a number that is none": [
      { groups: [{ name: "all", gid: -1 }] },
      "group \"all\": -1 is not a valid id of a group"
    ]
  }

  for (const [name, [options, message]] of Object.entries(bad)) {
    it.effect(`are refused for ${name}`, () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* Effect.flip(make({}, options))).message, message)
      }))
  }

  it.effect("have homes of their own", () =>
    Effect.gen(function*() {
      const memory = yield* make()
      const homes = ["/root", "/home/luigi"].map((path) => entry(memory, path))
      assert.deepStrictEqual(homes.map((home) => `${home?.owner} ${home?.mode.toString(8)}`), ["root 700", "luigi 755"])
    }))
})
