import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import * as Transfer from "@effect-remote/core/Transfer"
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import { ConformanceHost } from "../../ConformanceHost.js"
import { cases, type Need } from "./cases.js"
import {
  changing,
  contents,
  directions,
  modeOf,
  mtimeOf,
  outcomes,
  sameContents,
  stalling,
  type Trial,
  trial
} from "./sides.js"
import {
  directory,
  eventually,
  failsWith,
  isUtf8,
  localDirectory,
  localFiles,
  lostBy,
  nasty,
  pseudoRandom,
  type Services,
  unlessLost,
  write
} from "./support.js"

/** @internal */
export const transfers = cases("transfers", (test) => {
  const each = (
    title: string,
    body: (trial: Trial) => Effect.Effect<void, unknown, Services | Scope.Scope>,
    ...needs: ReadonlyArray<Need>
  ) => {
    for (const direction of directions) {
      test(`${direction}: ${title}`, () => Effect.flatMap(trial(direction), body), ...needs)
    }
  }

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
          "": "Made",
          ".dotfile": "Copied",
          ".hidden": "Made",
          ".hidden/deep": "Made",
          ".hidden/deep/er": "Made",
          ".hidden/deep/er/file": "Copied",
          ".hidden/up": "Linked",
          "dangling": "Linked",
          "empty": "Made",
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
        // Once more, onto what is there.
        yield* write(source.files, `${source.at}/from/script`, "#!/bin/sh")
        yield* source.files.remove(`${source.at}/from/link`)
        yield* source.files.symlink("large", `${source.at}/from/link`)
        yield* transfer(`${source.at}/from/`, `${target.at}/made/to/`)
        yield* sameContents([target.files, `${target.at}/made/to`], [source.files, `${source.at}/from`])
      })
  )

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

  each("names of any kind arrive", ({ source, target, transfer }) =>
    Effect.gen(function*() {
      yield* source.files.makeDirectory(`${source.at}/from`)
      yield* build(source.files, `${source.at}/from`, names.filter(isUtf8))
      yield* transfer(`${source.at}/from`, `${target.at}/to`)
      yield* sameContents([target.files, `${target.at}/to`], [source.files, `${source.at}/from`])
      yield* transfer(`${source.at}/from`, `${target.at}/again`, { resume: true, verify: "digest" })
      yield* sameContents([target.files, `${target.at}/again`], [source.files, `${source.at}/from`])
    }))

  test("names that are no UTF-8 are carried between hosts, and refused by a file system that has none", () =>
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
      assert.deepStrictEqual(outcomes(down), { "": "Made", "bad \udcff": "Failed BadArgument", "fine": "Copied" })
      assert.deepStrictEqual(yield* contents(local, `${here}/down`), { fine: "fine" })
      yield* build(fs, `${path}/from`, names)
      yield* fs.put(`${path}/from`, `${path}/both`, { local: fs, verify: "digest" })
      yield* sameContents([fs, `${path}/both`], [fs, `${path}/from`])
      yield* fs.get(`${path}/from`, `${path}/back`, { local: fs, resume: true })
      yield* sameContents([fs, `${path}/back`], [fs, `${path}/from`])
    }))

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
        const failed = yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/followed`, { links: "follow" }))
        assert(failed._tag === "TransferError")
        assert.deepStrictEqual(outcomes(failed), {
          "": "Made",
          "dangling": "Failed NotFound",
          "directory": "Made",
          "directory/file": "Copied",
          "file": "Copied",
          "itself": "Failed BadResource",
          "sub": "Made",
          "sub/up": "Failed BadResource"
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/followed`), {
          "directory": "/",
          "directory/file": "elsewhere",
          "file": "elsewhere",
          "sub": "/"
        })
        const result = yield* transfer(`${source.at}/from`, `${target.at}/without`, { links: "leaveOut" })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/without`), { sub: "/" })
        assert.strictEqual(outcomes(result)["sub/up"], "LeftOut")
        // The one that is named is what its link names.
        yield* transfer(`${source.at}/from/directory`, `${target.at}/named`)
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/named`), { file: "elsewhere" })
      })
  )

  each(
    "a pipe is left out, with the reason, and never opened",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        yield* source.pipe(`${source.at}/from/pipe`)
        yield* write(source.files, `${source.at}/from/file`, "file")
        const result = yield* transfer(`${source.at}/from`, `${target.at}/to`)
        assert.deepStrictEqual(result.entries.find((entry) => entry.path === "pipe")?.outcome, {
          _tag: "LeftOut",
          why: "it is a named pipe"
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

  each("what cannot begin fails before anything is sent", ({ source, target, transfer }) =>
    Effect.gen(function*() {
      for (const { at, files } of [source, target]) {
        yield* files.makeDirectory(`${at}/tree`)
        yield* write(files, `${at}/file`, "file")
      }
      const cases: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
        ["NotFound", transfer(`${target.at}/no`, `${target.at}/to`)],
        ["NotFound", transfer("", `${target.at}/to`)],
        ["NotFound", transfer(`${source.at}/file`, "")],
        ["BadArgument", transfer(`${source.at}/a\0b`, `${target.at}/to`)],
        ["BadArgument", transfer(`${source.at}/file`, `${target.at}/t\0o`)],
        ["BadArgument", transfer(`${source.at}/file`, `${target.at}/to`, { concurrency: 0 })],
        ["BadArgument", transfer(`${source.at}/file`, `${target.at}/to`, { concurrency: 1.5 })],
        ["BadResource", transfer(`${source.at}/file`, `${target.at}/tree`)],
        ["BadResource", transfer(`${source.at}/file`, `${target.at}/to/`)],
        ["BadResource", transfer(`${source.at}/tree`, `${target.at}/file`)]
      ]
      for (const [index, [reason, effect]] of cases.entries()) {
        assert.strictEqual(yield* failsWith(effect), reason, `case ${index}`)
      }
      for (const { at, files } of [source, target]) {
        assert.deepStrictEqual(yield* contents(files, at), { file: "file", tree: "/" })
      }
    }))

  each(
    "an entry that fails does not stop the others, unless asked",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from/taken`, { recursive: true })
        yield* write(source.files, `${source.at}/from/taken/below`, "")
        yield* target.files.makeDirectory(`${target.at}/to/blocked`, { recursive: true })
        yield* write(source.files, `${source.at}/from/blocked`, "a file, where a directory is")
        yield* write(target.files, `${target.at}/to/taken`, "a directory, where a file is")
        yield* write(source.files, `${source.at}/from/fine`, "fine")
        const error = yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`))
        assert(error._tag === "TransferError")
        assert.deepStrictEqual(outcomes(error), {
          "": "Made",
          "blocked": "Failed BadResource",
          "fine": "Copied",
          "taken": "Failed BadResource"
        })
        assert.include(error.message, "2 of 4 entries failed")
        assert.include(error.message, "blocked")
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {
          blocked: "/",
          fine: "fine",
          taken: "a directory, where a file is"
        })
        yield* source.files.makeDirectory(`${source.at}/many`)
        for (let index = 0; index < 40; index++) yield* write(source.files, `${source.at}/many/${index}`)
        for (let index = 0; index < 40; index++) {
          yield* target.files.makeDirectory(`${target.at}/full/${index}`, { recursive: true })
        }
        const stopped = yield* Effect.flip(
          transfer(`${source.at}/many`, `${target.at}/full`, { stopOnFailure: true, concurrency: 2 })
        )
        assert(stopped._tag === "TransferError")
        const became = Object.values(outcomes(stopped))
        assert.strictEqual(became.length, 41)
        assert.isBelow(became.filter((outcome) => outcome.startsWith("Failed")).length, 5)
        assert.isAbove(became.filter((outcome) => outcome === "LeftOut").length, 30)
      })
  )

  each("what cannot be read is a failed entry, but for root, who reads anything", (trial) =>
    Effect.gen(function*() {
      const { source, target, transfer } = trial
      yield* source.files.makeDirectory(`${source.at}/from/closed`, { recursive: true })
      yield* write(source.files, `${source.at}/from/secret`, "", { mode: 0 })
      yield* write(source.files, `${source.at}/from/fine`, "fine")
      yield* source.files.chmod(`${source.at}/from/closed`, 0)
      const result = yield* Effect.either(transfer(`${source.at}/from`, `${target.at}/to`))
      yield* source.files.chmod(`${source.at}/from/closed`, 0o700)
      if (yield* source.isRoot) {
        assert.isTrue(Either.isRight(result))
        return
      }
      const error = yield* Effect.flip(result)
      assert(error._tag === "TransferError")
      assert.deepStrictEqual(outcomes(error), {
        "": "Made",
        "closed": "Failed PermissionDenied",
        "fine": "Copied",
        "secret": "Failed PermissionDenied"
      })
    }))

  each(
    "modes and times are kept as asked, those of directories last",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const then = new Date("2020-02-03T04:05:06Z")
        yield* source.files.makeDirectory(`${source.at}/from/closed`, { recursive: true })
        yield* write(source.files, `${source.at}/from/closed/file`, "inside", { mode: 0o604 })
        yield* source.files.chmod(`${source.at}/from/closed/file`, 0o604)
        yield* write(source.files, `${source.at}/from/open`, pseudoRandom(100_000))
        yield* source.files.chmod(`${source.at}/from/open`, 0o666)
        for (const entry of ["closed/file", "open", "closed", ""]) {
          yield* source.files.utimes(`${source.at}/from/${entry}`, then, then)
        }
        yield* source.files.chmod(`${source.at}/from/closed`, 0o555)
        for (let round = 0; round < 2; round++) {
          yield* transfer(`${source.at}/from`, `${target.at}/to`, { preserve: { mode: true, times: true } })
          assert.strictEqual(yield* modeOf(target.files, `${target.at}/to/closed`), "555")
          assert.strictEqual(yield* modeOf(target.files, `${target.at}/to/closed/file`), "604")
          assert.strictEqual(yield* modeOf(target.files, `${target.at}/to/open`), "666")
          for (const entry of ["closed/file", "open", "closed"]) {
            assert.strictEqual(yield* mtimeOf(target.files, `${target.at}/to/${entry}`), then.getTime(), entry)
          }
        }
        yield* transfer(`${source.at}/from`, `${target.at}/plain`, { preserve: { mode: false } })
        yield* write(target.files, `${target.at}/fresh`, "")
        assert.strictEqual(
          yield* modeOf(target.files, `${target.at}/plain/open`),
          yield* modeOf(target.files, `${target.at}/fresh`)
        )
        assert.isAbove(yield* mtimeOf(target.files, `${target.at}/plain/open`), then.getTime())
        // The old mode stays where none is kept, and what would give somebody else's rights never comes.
        yield* target.files.chmod(`${target.at}/plain/open`, 0o640)
        yield* transfer(`${source.at}/from/open`, `${target.at}/plain/open`, { preserve: { mode: false } })
        assert.strictEqual(yield* modeOf(target.files, `${target.at}/plain/open`), "640")
        yield* source.files.chmod(`${source.at}/from/open`, 0o4755)
        yield* transfer(`${source.at}/from/open`, `${target.at}/plain/open`, { preserve: { mode: true } })
        assert.strictEqual(yield* modeOf(target.files, `${target.at}/plain/open`), "755")
        yield* source.files.chmod(`${source.at}/from/closed`, 0o755)
        for (const entry of ["to", "plain"]) {
          yield* target.files.chmod(`${target.at}/${entry}/closed`, 0o755)
        }
      })
  )

  each(
    "the filter leaves out, with a reason, and a directory with all that is in it",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from/node_modules/deep`, { recursive: true })
        yield* write(source.files, `${source.at}/from/node_modules/deep/file`, "")
        yield* write(source.files, `${source.at}/from/large`, "123456")
        yield* write(source.files, `${source.at}/from/small`, "1")
        const result = yield* transfer(`${source.at}/from`, `${target.at}/to`, {
          filter: (source) =>
            source.path === "node_modules" && source.type === "Directory"
              ? "made by npm"
              : source.size > 5n
              ? "too large"
              : undefined
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), { small: "1" })
        assert.deepStrictEqual(
          result.entries.flatMap(({ outcome, path }) => outcome._tag === "LeftOut" ? [[path, outcome.why]] : []),
          [["large", "too large"], ["node_modules", "made by npm"]]
        )
      })
  )

  each("skipUnchanged leaves the same alone", ({ source, target, transfer }) =>
    Effect.gen(function*() {
      yield* source.files.makeDirectory(`${source.at}/from`)
      yield* write(source.files, `${source.at}/from/same`, "same")
      yield* write(source.files, `${source.at}/from/longer`, "long")
      yield* write(source.files, `${source.at}/from/later`, "late")
      yield* source.files.symlink("same", `${source.at}/from/link`)
      yield* transfer(`${source.at}/from`, `${target.at}/to`, { skipUnchanged: "quick" })
      yield* write(source.files, `${source.at}/from/longer`, "longer")
      yield* write(source.files, `${source.at}/from/later`, "LATE")
      yield* source.files.utimes(`${source.at}/from/later`, 1e9, 1e9)
      const inode = (yield* target.files.stat(`${target.at}/to/same`)).ino
      const result = yield* transfer(`${source.at}/from`, `${target.at}/to`, { skipUnchanged: "quick" })
      assert.deepStrictEqual(outcomes(result), {
        "": "Made",
        "later": "Copied",
        "link": "Unchanged",
        "longer": "Copied",
        "same": "Unchanged"
      })
      assert.deepStrictEqual((yield* target.files.stat(`${target.at}/to/same`)).ino, inode)
      assert.strictEqual(result.bytes, 10n)
      yield* sameContents([target.files, `${target.at}/to`], [source.files, `${source.at}/from`])
    }))

  // FOUND A9
  each(
    "hidden files of writes that may be under way are neither copied nor deleted",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const temporary = `.effect-remote-${"a".repeat(32)}.tmp`
        const partial = ".effect-remote-0123456789abcdef-lfls-3uw.part"
        const alike = `.effect-remote-${"a".repeat(31)}.tmp`
        yield* source.files.makeDirectory(`${source.at}/from/below`, { recursive: true })
        yield* target.files.makeDirectory(`${target.at}/to/extra`, { recursive: true })
        for (const name of [temporary, partial, alike]) {
          yield* write(source.files, `${source.at}/from/below/${name}`, "x")
        }
        for (const name of [temporary, partial, "file"]) {
          yield* write(target.files, `${target.at}/to/extra/${name}`, "x")
        }
        const result = yield* transfer(`${source.at}/from`, `${target.at}/to`, { delete: true })
        assert.deepStrictEqual(outcomes(result), {
          "": "Made",
          below: "Made",
          [`below/${alike}`]: "Copied",
          [`below/${partial}`]: "LeftOut",
          [`below/${temporary}`]: "LeftOut",
          [`extra/${partial}`]: "LeftOut",
          [`extra/${temporary}`]: "LeftOut",
          "extra/file": "Deleted"
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {
          below: "/",
          [`below/${alike}`]: "x",
          extra: "/",
          [`extra/${partial}`]: "x",
          [`extra/${temporary}`]: "x"
        })
      })
  )

  each(
    "delete removes what the source has not, but nothing that is left out, and never through a link",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const prepare = Effect.gen(function*() {
          yield* target.files.remove(`${target.at}/to`, { recursive: true, force: true })
          yield* target.files.makeDirectory(`${target.at}/to/old/deep`, { recursive: true })
          yield* target.files.makeDirectory(`${target.at}/to/both`)
          yield* write(target.files, `${target.at}/to/old/deep/file`, "")
          yield* write(target.files, `${target.at}/to/old/precious.log`, "kept by the filter")
          yield* write(target.files, `${target.at}/to/both/extra`, "")
          yield* write(target.files, `${target.at}/to/both/here.log`, "counterpart")
          yield* target.files.symlink("../outside", `${target.at}/to/way out`)
        })
        yield* target.files.makeDirectory(`${target.at}/outside`)
        yield* write(target.files, `${target.at}/outside/file`, "safe")
        yield* source.files.makeDirectory(`${source.at}/from/both`, { recursive: true })
        yield* write(source.files, `${source.at}/from/both/here.log`, "left out")
        yield* write(source.files, `${source.at}/from/file`, "file")
        yield* prepare
        const filter = ({ path }: Transfer.Source) => path.endsWith(".log") ? "a log" : undefined
        const result = yield* transfer(`${source.at}/from`, `${target.at}/to`, { delete: true, filter })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {
          "both": "/",
          "both/here.log": "counterpart",
          "file": "file",
          "old": "/",
          "old/precious.log": "kept by the filter"
        })
        assert.deepStrictEqual(outcomes(result), {
          "": "Made",
          "both": "Made",
          "both/extra": "Deleted",
          "both/here.log": "LeftOut",
          "file": "Copied",
          "old/deep": "Deleted",
          "old/deep/file": "Deleted",
          "old/precious.log": "LeftOut",
          "way out": "Deleted"
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/outside`), { file: "safe" })
        // Not where something failed.
        yield* prepare
        yield* target.files.makeDirectory(`${target.at}/to/file`)
        yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`, { delete: true }))
        assert.isTrue(yield* target.files.exists(`${target.at}/to/old/deep/file`))
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

  each(
    "an interrupted one leaves nothing beside the target",
    ({ direction, source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        for (const file of ["one", "two", "three"]) {
          yield* write(source.files, `${source.at}/from/${file}`, pseudoRandom(900_000))
        }
        const { local, reached } = yield* stalling(300_000)
        const running = yield* Effect.fork(transfer(`${source.at}/from`, `${target.at}/to`, { local }))
        yield* reached
        assert.isAbove((yield* target.files.readDirectory(`${target.at}/to`)).length, 0, direction)
        yield* Fiber.interrupt(running)
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {})
        const single = yield* stalling(300_000)
        const one = yield* Effect.fork(transfer(`${source.at}/from/one`, `${target.at}/one`, { local: single.local }))
        yield* single.reached
        yield* Fiber.interrupt(one)
        assert.deepStrictEqual(yield* target.files.readDirectory(target.at), ["to"])
      })
  )

  each("resume goes on where an interrupted one was cut off", ({ source, target, transfer }) =>
    Effect.gen(function*() {
      const content = pseudoRandom(900_000)
      yield* target.files.makeDirectory(`${target.at}/to`)
      yield* write(source.files, `${source.at}/from`, content)
      const path = `${target.at}/to/${"long name ".repeat(25)}`
      const interrupted = Effect.gen(function*() {
        const { local, reached } = yield* stalling(500_000)
        const running = yield* Effect.fork(transfer(`${source.at}/from`, path, { local, resume: true }))
        const size = yield* reached
        // What is in flight may arrive after the interruption.
        yield* eventually(
          Effect.flatMap(target.files.readDirectory(`${target.at}/to`), (names) =>
            Effect.forEach(names, (name) => target.files.stat(`${target.at}/to/${name}`))),
          ([found]) =>
            found?.size === size
        )
        yield* Fiber.interrupt(running)
        const [partial = "", ...others] = yield* target.files.readDirectory(`${target.at}/to`)
        assert.match(partial, /^\.effect-remote-.*\.part$/)
        assert.deepStrictEqual(others, [])
        return `${target.at}/to/${partial}`
      })
      const size = (yield* target.files.stat(yield* interrupted)).size
      const result = yield* transfer(`${source.at}/from`, path, { resume: true, verify: "digest" })
      const outcome = result.entries[0]!.outcome
      assert(outcome._tag === "Copied")
      assert.strictEqual(outcome.resumedAt, size)
      assert.strictEqual(result.bytes, BigInt(content.length) - size)
      assert.isTrue(content.equals(yield* target.files.readFile(path)))
      assert.strictEqual((yield* target.files.readDirectory(`${target.at}/to`)).length, 1)
      // A partial file that holds something else is none to go on with.
      yield* target.files.remove(path)
      yield* write(target.files, yield* interrupted, Buffer.alloc(300_000, "x"))
      const again = yield* transfer(`${source.at}/from`, path, { resume: true })
      assert.deepStrictEqual(again.entries[0]!.outcome, Transfer.Outcome.Copied({ resumedAt: 0n }))
      assert.isTrue(content.equals(yield* target.files.readFile(path)))
      // Nor is that of another time, which is removed.
      yield* target.files.remove(path)
      yield* interrupted
      yield* write(source.files, `${source.at}/from`, content.subarray(1))
      yield* transfer(`${source.at}/from`, path, { resume: true })
      assert.isTrue(content.subarray(1).equals(yield* target.files.readFile(path)))
      assert.strictEqual((yield* target.files.readDirectory(`${target.at}/to`)).length, 1)
    }))

  each(
    "a connection lost on the way fails what is left at once, and is found in the error",
    ({ fs, source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        for (const file of Array.range(1, 20)) {
          yield* write(source.files, `${source.at}/from/${file}`, pseudoRandom(file === 5 ? 10_000_000 : 100_000, file))
        }
        const { dropConnections } = yield* ConformanceHost
        // With the large file half way, so that its handle is lost with the connection.
        const local = changing(yield* localFiles, (file) => {
          let size = 0
          const drop = (more: number) =>
            Effect.suspend(() => {
              const before = size
              size += more
              return before < 1_000_000 && size >= 1_000_000 ? dropConnections : Effect.void
            })
          return {
            read: (buffer) => Effect.tap(file.read(buffer), (count) => drop(Number(count))),
            writeAll: (bytes) => Effect.zipRight(drop(bytes.length), file.writeAll(bytes))
          }
        })
        const error = yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`, { concurrency: 2, local }))
        assert(error._tag === "TransferError")
        const failed = error.entries.flatMap(({ outcome }) => outcome._tag === "Failed" ? [outcome.error] : [])
        assert.isAbove(failed.length, 0)
        assert.isTrue(failed.every((error) => lostBy(error) !== undefined))
        assert.strictEqual(error.entries.length, 21)
        // With all that is left, the next one is whole.
        yield* unlessLost(fs.exists("."))
        yield* transfer(`${source.at}/from`, `${target.at}/to`, { resume: true })
        yield* sameContents([target.files, `${target.at}/to`], [source.files, `${source.at}/from`])
      })
  )

  test("a source that changes while it is copied is a failed entry", () =>
    Effect.gen(function*() {
      const { fs, source, target } = yield* trial("put")
      const local = source.files
      const content = pseudoRandom(700_000)
      yield* source.files.makeDirectory(`${source.at}/from`)
      // As soon as it is read from, it is something else.
      type Touch = (path: string) => Effect.Effect<void, PlatformError>
      const touched = (touch: Touch) =>
        changing(local, (file, path) => ({
          read: (buffer) => Effect.tap(file.read(buffer), () => touch(path))
        }))
      const cases: ReadonlyArray<readonly [string, Touch]> = [
        ["Failed InvalidData", (path) => write(local, path, "more", { flag: "a" })],
        ["Failed InvalidData", (path) => local.utimes(path, 1, 1)],
        ["Failed InvalidData", (path) => local.truncate(path, 100_000)]
      ]
      for (const [expected, touch] of cases) {
        yield* write(source.files, `${source.at}/from/file`, content)
        const error = yield* Effect.flip(fs.put(`${source.at}/from`, `${target.at}/to`, { local: touched(touch) }))
        assert(error._tag === "TransferError")
        assert.strictEqual(outcomes(error)["file"], expected)
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {})
      }
    }))

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

  each(
    "progress is told, the end always, and holds nothing up",
    ({ direction, source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        for (const file of Array.range(1, 20)) {
          yield* write(source.files, `${source.at}/from/${file}`, pseudoRandom(100_000, file))
        }
        const seen: Array<Transfer.Progress> = []
        yield* transfer(`${source.at}/from`, `${target.at}/to`, {
          onProgress: (progress) => Effect.sync(() => void seen.push(progress))
        })
        const last = seen[seen.length - 1]!
        assert.deepStrictEqual(
          [last.files, last.totalFiles, last.bytes, last.totalBytes, last.isCounted, last.isDone],
          [20, 20, 2_000_000n, 2_000_000n, true, true]
        )
        assert.strictEqual(seen.filter(({ isDone }) => isDone).length, 1)
        for (const [index, progress] of seen.entries()) {
          assert.isTrue(index === 0 || progress.bytes >= seen[index - 1]!.bytes)
        }
        // One that never returns, and one that is broken.
        if (direction === "put") {
          yield* transfer(`${source.at}/from`, `${target.at}/to`, { onProgress: () => Effect.never })
        }
        yield* transfer(`${source.at}/from`, `${target.at}/to`, { onProgress: () => Effect.die("broken") }).pipe(
          Effect.provide(Logger.remove(Logger.defaultLogger))
        )
        // A failed one ends, too.
        const ends: Array<boolean> = []
        yield* source.files.makeDirectory(`${source.at}/from/1.d`)
        yield* write(target.files, `${target.at}/to/1.d`, "")
        yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`, {
          onProgress: ({ isDone }) => Effect.sync(() => void ends.push(isDone))
        }))
        assert.isTrue(ends[ends.length - 1])
      })
  )

  each(
    "a digest that is not the source's is a failure",
    ({ direction, fs, source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        yield* write(source.files, `${source.at}/from/small`, "small")
        yield* write(source.files, `${source.at}/from/large`, pseudoRandom(500_000))
        yield* transfer(`${source.at}/from`, `${target.at}/to`, { verify: "digest" })
        yield* sameContents([target.files, `${target.at}/to`], [source.files, `${source.at}/from`])
        if (direction === "put") return
        const local = yield* localFiles
        const corrupt = changing(local, (file) => ({
          writeAll: (bytes) => file.writeAll(new Uint8Array(bytes).fill(0, 0, 1))
        }))
        const error = yield* Effect.flip(
          fs.get(`${source.at}/from`, `${target.at}/corrupt`, { local: corrupt, verify: "digest" })
        )
        assert(error._tag === "TransferError")
        assert.deepStrictEqual(outcomes(error), {
          "": "Made",
          "large": "Failed InvalidData",
          "small": "Failed InvalidData"
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/corrupt`), {})
      })
  )
})
