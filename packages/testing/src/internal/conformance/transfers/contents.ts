/**
 * Contents of transfers.
 */
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type * as FileSystem from "@effect/platform/FileSystem"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { words as nasty } from "../../../unstable/Words.js"
import { contents, inBothDirections, modeOf, outcomes, sameContents } from "../sides.js"
import { directory, failsWith, isUtf8, localDirectory, localFiles, pseudoRandom, write } from "../support.js"

const names = [
  ...nasty.filter((part) => part !== "" && !part.includes("/")),
  "-rf",
  "$(x)",
  "e\u0301",
  "\u00e9",
  "x".repeat(255),
  "é".repeat(127)
]

const build = (files: FileSystem.FileSystem, path: string, names: ReadonlyArray<string>) =>
  Effect.forEach(names, (part) =>
    Effect.zipRight(
      write(files, `${path}/${part}`, `in ${part.length}`),
      files.makeDirectory(`${path}/${part.slice(0, 100)}.d`, { recursive: true })
    ), { discard: true })

/** @internal */
export const trees = inBothDirections((each) => {
  each(
    "a tree arrives as it is, with dotfiles, empty directories and links",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from/.hidden/deep/er`, { recursive: true })
        yield* source.files.makeDirectory(`${source.at}/from/empty`)
        yield* write(source.files, `${source.at}/from/.dotfile`, "dot")
        yield* write(source.files, `${source.at}/from/empty file`, "")
        yield* write(source.files, `${source.at}/from/.hidden/deep/er/file`, "deep", { mode: 0o640 })
        yield* write(source.files, `${source.at}/from/large`, pseudoRandom(700_001))
        yield* write(source.files, `${source.at}/from/script`, "#!", { mode: 0o755 })
        yield* source.files.symlink(".dotfile", `${source.at}/from/link`)
        yield* source.files.symlink("/no/such thing", `${source.at}/from/dangling`)
        yield* source.files.symlink("..", `${source.at}/from/.hidden/up`)
        const result = yield* transfer(`${source.at}/from`, `${target.at}/made/to`)
        yield* sameContents([target.files, `${target.at}/made/to`], [source.files, `${source.at}/from`])
        assert.deepStrictEqual(outcomes(result), {
          "": "Created",
          ".dotfile": "Copied",
          ".hidden": "Created",
          ".hidden/deep": "Created",
          ".hidden/deep/er": "Created",
          ".hidden/deep/er/file": "Copied",
          ".hidden/up": "Linked",
          "dangling": "Linked",
          "empty": "Created",
          "empty file": "Copied",
          "large": "Copied",
          "link": "Linked",
          "script": "Copied"
        })
        assert.deepStrictEqual(
          result.entries.map((entry) => entry.path),
          result.entries.map(({ path }) => path).sort()
        )
        assert.strictEqual(result.files, 5)
        assert.strictEqual(result.bytes, 700_010n)
        assert.strictEqual(yield* modeOf(target.files, `${target.at}/made/to/script`), "755")
        assert.strictEqual(yield* modeOf(target.files, `${target.at}/made/to/.hidden/deep/er/file`), "640")
        // Once more, onto the existing tree.
        yield* write(source.files, `${source.at}/from/script`, "#!/bin/sh")
        yield* source.files.remove(`${source.at}/from/link`)
        yield* source.files.symlink("large", `${source.at}/from/link`)
        yield* transfer(`${source.at}/from/`, `${target.at}/made/to/`)
        yield* sameContents([target.files, `${target.at}/made/to`], [source.files, `${source.at}/from`])
      })
  )
})

/** @internal */
export const fileNames = inBothDirections((each, test) => {
  each("names of any kind arrive", ({ source, target, transfer }) =>
    Effect.gen(function*() {
      yield* source.files.makeDirectory(`${source.at}/from`)
      yield* build(source.files, `${source.at}/from`, names.filter(isUtf8))
      yield* transfer(`${source.at}/from`, `${target.at}/to`)
      yield* sameContents([target.files, `${target.at}/to`], [source.files, `${source.at}/from`])
      yield* transfer(`${source.at}/from`, `${target.at}/again`, { resume: true, verify: "digest" })
      yield* sameContents([target.files, `${target.at}/again`], [source.files, `${source.at}/from`])
    }))

  test("names that are not UTF-8 are carried between hosts, and refused by a file system that lacks them", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const local = yield* localFiles
      const here = yield* localDirectory
      const path = yield* directory
      yield* fs.makeDirectory(`${path}/from`)
      yield* write(fs, `${path}/from/fine`, "fine")
      yield* write(fs, `${path}/from/bad \udcff`, "bad")
      const down = yield* Effect.flip(fs.get(`${path}/from`, `${here}/down`))
      assert(down._tag === "TransferError")
      assert.deepStrictEqual(outcomes(down), { "": "Created", "bad \udcff": "Failed BadArgument", "fine": "Copied" })
      assert.deepStrictEqual(yield* contents(local, `${here}/down`), { fine: "fine" })
      yield* build(fs, `${path}/from`, names)
      yield* fs.put(`${path}/from`, `${path}/both`, { local: fs, verify: "digest" })
      yield* sameContents([fs, `${path}/both`], [fs, `${path}/from`])
      yield* fs.get(`${path}/from`, `${path}/back`, { local: fs, resume: true })
      yield* sameContents([fs, `${path}/back`], [fs, `${path}/from`])
    }))
})

/** @internal */
export const links = inBothDirections((each) => {
  each(
    "links are followed where asked, loops survived, and left out where asked",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from/sub`, { recursive: true })
        yield* source.files.makeDirectory(`${source.at}/elsewhere`)
        yield* write(source.files, `${source.at}/elsewhere/file`, "elsewhere")
        yield* source.files.symlink("..", `${source.at}/from/sub/up`)
        yield* source.files.symlink("itself", `${source.at}/from/itself`)
        yield* source.files.symlink("nowhere", `${source.at}/from/dangling`)
        yield* source.files.symlink("../elsewhere", `${source.at}/from/directory`)
        yield* source.files.symlink("../elsewhere/file", `${source.at}/from/file`)
        const failed = yield* Effect.flip(
          transfer(`${source.at}/from`, `${target.at}/followed`, { symlinks: "follow" })
        )
        assert(failed._tag === "TransferError")
        assert.deepStrictEqual(outcomes(failed), {
          "": "Created",
          "dangling": "Failed NotFound",
          "directory": "Created",
          "directory/file": "Copied",
          "file": "Copied",
          "itself": "Failed BadResource",
          "sub": "Created",
          "sub/up": "Failed BadResource"
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/followed`), {
          "directory": "/",
          "directory/file": "elsewhere",
          "file": "elsewhere",
          "sub": "/"
        })
        const result = yield* transfer(`${source.at}/from`, `${target.at}/without`, { symlinks: "skip" })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/without`), { sub: "/" })
        assert.strictEqual(outcomes(result)["sub/up"], "Skipped")
        // The one that is named is what its link names.
        yield* transfer(`${source.at}/from/directory`, `${target.at}/named`)
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/named`), { file: "elsewhere" })
      })
  )

  each(
    "one file onto a link replaces what it names, one of a tree replaces the link",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        yield* target.files.makeDirectory(`${target.at}/to`)
        yield* write(source.files, `${source.at}/from/file`, "new")
        yield* write(target.files, `${target.at}/named`, "old")
        yield* target.files.symlink("../named", `${target.at}/to/file`)
        yield* transfer(`${source.at}/from/file`, `${target.at}/to/file`)
        assert.strictEqual(yield* target.files.readLink(`${target.at}/to/file`), "../named")
        assert.strictEqual(yield* target.files.readFileString(`${target.at}/named`), "new")
        yield* write(target.files, `${target.at}/named`, "old")
        yield* transfer(`${source.at}/from`, `${target.at}/to`)
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), { file: "new" })
        assert.strictEqual(yield* target.files.readFileString(`${target.at}/named`), "old")
        // A link where a directory must go leads elsewhere.
        yield* source.files.makeDirectory(`${source.at}/from/sub`)
        yield* write(source.files, `${source.at}/from/sub/file`, "")
        yield* target.files.makeDirectory(`${target.at}/outside`)
        yield* target.files.symlink("../outside", `${target.at}/to/sub`)
        const error = yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`))
        assert(error._tag === "TransferError")
        assert.strictEqual(outcomes(error)["sub"], "Failed BadResource")
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/outside`), {})
      })
  )
})

/** @internal */
export const specialFiles = inBothDirections((each) => {
  each(
    "a pipe is left out, with the reason, and never opened",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        yield* source.pipe(`${source.at}/from/pipe`)
        yield* write(source.files, `${source.at}/from/file`, "file")
        const result = yield* transfer(`${source.at}/from`, `${target.at}/to`)
        assert.deepStrictEqual(result.entries.find((entry) => entry.path === "pipe")?.outcome, {
          _tag: "Skipped",
          reason: "it is a named pipe"
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), { file: "file" })
        assert.strictEqual(yield* failsWith(transfer(`${source.at}/from/pipe`, `${target.at}/no`)), "BadResource")
        // Nor is one at the target.
        yield* target.pipe(`${target.at}/to/other`)
        yield* write(source.files, `${source.at}/from/other`, "other")
        const failed = yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`))
        assert(failed._tag === "TransferError")
        assert.strictEqual(outcomes(failed)["other"], "Failed BadResource")
        assert.strictEqual((yield* contents(target.files, `${target.at}/to`))["other"], "other")
      }),
    "specialFiles"
  )

  each(
    "files of /proc, which have no size, arrive with what they hold",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* transfer("/proc/version", `${target.at}/version`)
        const expected = yield* source.files.readFileString("/proc/version")
        assert.strictEqual(yield* target.files.readFileString(`${target.at}/version`), expected)
      }),
    "specialFiles"
  )
})
