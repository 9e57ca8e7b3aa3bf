import { RemoteFileSystem, type Transfer } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { NodeFileSystem } from "@effect/platform-node"
import type { PlatformError } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope, Stream } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { failsWith, reasonOf, resultText } from "../fixtures/resultText.js"
import { servers } from "../suites/servers.js"

const page = 4096

type Verb = (fs: FileSystem, at: (name: string) => string) => Effect.Effect<unknown, PlatformError, Scope.Scope>

const some = new Uint8Array(10 * page).fill(1)

/** Verbs that change a disk, and verbs that do not. It has `file`, `directory`, `directory/inner` and `link` to `file`. */
const verbs: Readonly<Record<string, Verb>> = {
  writeFile: (fs, at) => fs.writeFile(at("new"), some),
  overwrite: (fs, at) => fs.writeFile(at("file"), some),
  append: (fs, at) => fs.writeFile(at("file"), some, { flag: "a" }),
  sink: (fs, at) => Stream.run(Stream.make(some, some), fs.sink(at("new"))),
  "write to what is open": (fs, at) =>
    Effect.flatMap(fs.open(at("file"), { flag: "r+" }), (file) => Effect.asVoid(file.writeAll(some))),
  copyFile: (fs, at) => fs.copyFile(at("file"), at("new")),
  copy: (fs, at) => fs.copy(at("directory"), at("new")),
  makeDirectory: (fs, at) => fs.makeDirectory(at("new")),
  "makeDirectory recursive": (fs, at) => Effect.asVoid(fs.makeDirectory(at("new/a/b"), { recursive: true })),
  "makeTempDirectory in": (fs, at) => Effect.asVoid(fs.makeTempDirectory({ directory: at("directory") })),
  "makeTempFile in": (fs, at) => Effect.asVoid(fs.makeTempFile({ directory: at("directory") })),
  symlink: (fs, at) => fs.symlink("file", at("new")),
  link: (fs, at) => fs.link(at("file"), at("new")),
  rename: (fs, at) => fs.rename(at("file"), at("new")),
  "rename over": (fs, at) => fs.rename(at("file"), at("directory/inner")),
  "rename what is not there": (fs, at) => fs.rename(at("no"), at("new")),
  chmod: (fs, at) => fs.chmod(at("file"), 0o600),
  chown: (fs, at) => fs.chown(at("file"), 0, 0),
  utimes: (fs, at) => fs.utimes(at("file"), 1, 1),
  "truncate": (fs, at) => fs.truncate(at("file"), 1),
  "access to write": (fs, at) => fs.access(at("file"), { writable: true }),
  "access to read": (fs, at) => fs.access(at("file"), { readable: true }),
  remove: (fs, at) => fs.remove(at("file")),
  "remove recursive": (fs, at) => fs.remove(at("directory"), { recursive: true }),
  "remove what is not there": (fs, at) => fs.remove(at("no")),
  "open to write": (fs, at) => Effect.asVoid(fs.open(at("file"), { flag: "a" })),
  "open a new one": (fs, at) => Effect.asVoid(fs.open(at("new"), { flag: "wx" })),
  readFile: (fs, at) => Effect.map(fs.readFile(at("file")), ({ length }) => length),
  readDirectory: (fs, at) => Effect.map(fs.readDirectory(at("directory")), (names) => [...names].sort()),
  stat: (fs, at) => Effect.map(fs.stat(at("link")), ({ type }) => type)
}

const build = (path: string) => {
  Fs.writeFileSync(`${path}/file`, new Uint8Array(2 * page))
  Fs.mkdirSync(`${path}/directory`)
  Fs.writeFileSync(`${path}/directory/inner`, "inside")
  Fs.symlinkSync("file", `${path}/link`)
}

/** A disk of its own. `options` limit its pages and inodes. */
const disk = (sshd: Sshd.Sshd, name: string, options: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = `${sshd.directory}/${name}`
      Fs.mkdirSync(path, { recursive: true })
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path])
      return path
    }),
    // The server closes what was only read when it comes to it.
    (path) => Effect.sync(() => execFileSync("umount", ["--lazy", path]))
  )

const remount = (path: string, options: string) => execFileSync("mount", ["-o", `remount,${options}`, path])

/** Fills the disk until `left` pages are free. */
const fill = (path: string, left = 0) => {
  Fs.rmSync(`${path}/filler`, { force: true })
  const { bavail, bsize } = Fs.statfsSync(path)
  Fs.writeFileSync(`${path}/filler`, new Uint8Array(bavail * bsize - left * page))
}

/** The verbs whose results differ between both file systems. `prepare` prepares the disk. */
const differences = Effect.fnUntraced(function*(
  ours: FileSystem,
  verbs: Readonly<Record<string, Verb>>,
  fresh: Effect.Effect<string, never, Scope.Scope>,
  prepare: (path: string) => void
) {
  const node = yield* Effect.provide(FileSystem, NodeFileSystem.layer)
  const found: Array<string> = []
  for (const [name, verb] of Object.entries(verbs)) {
    const results: Array<string> = []
    for (const fs of [node, ours]) {
      yield* Effect.scoped(Effect.gen(function*() {
        const path = yield* fresh
        build(path)
        prepare(path)
        results.push(resultText(yield* Effect.either(Effect.scoped(verb(fs, (name) => `${path}/${name}`)))))
      }))
    }
    if (results[0] !== results[1]) found.push(`${name}: ${results[1]}, on Node ${results[0]}`)
  }
  return found
})

const outcomes = ({ entries }: Pick<Transfer.Result, "entries">): Readonly<Record<string, string>> =>
  Object.fromEntries(entries.map(({ outcome, path }) => [
    path,
    outcome._tag === "Failed" ? `Failed ${reasonOf(outcome.error)}: ${outcome.error.message}` : outcome._tag
  ]))

for (const kind of servers) {
  describe.skipIf(process.getuid?.() !== 0)(`disks, which only root can mount, ${kind} server`, () => {
    const onServer = <A, E>(
      use: (fs: RemoteFileSystem.RemoteFileSystem, sshd: Sshd.Sshd) => Effect.Effect<A, E, Scope.Scope>
    ) =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        yield* Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) => Effect.scoped(use(fs, sshd))).pipe(
          Effect.provide(OpenSsh.layer(sshd.host))
        )
      })

    it.scopedLive("a full one fails each verb as on Node", () =>
      onServer((fs, sshd) =>
        Effect.gen(function*() {
          const full = yield* differences(fs, verbs, disk(sshd, "full", "size=256k"), fill)
          assert.deepStrictEqual(full, [])
        })
      ), 60_000)

    it.scopedLive(
      "one that cannot be written fails each verb as on Node",
      () =>
        onServer((fs, sshd) =>
          Effect.gen(function*() {
            const {
              // Node reports that the parent is missing.
              "makeDirectory recursive": _recursive,
              // Either of the two errors may be reported.
              "rename what is not there": _missing,
              ...others
            } = verbs
            const fixed = yield* differences(
              fs,
              others,
              disk(sshd, "fixed", "size=256k"),
              (path) => remount(path, "ro")
            )
            assert.deepStrictEqual(fixed, [])
          })
        ),
      60_000
    )

    it.scopedLive(
      "a full disk keeps the old file and nothing else",
      () =>
        onServer((fs, sshd) =>
          Effect.gen(function*() {
            const path = yield* disk(sshd, "small", "size=512k")
            const source = `${sshd.directory}/source`
            Fs.writeFileSync(source, new Uint8Array(40 * page).fill(7))
            const writes: ReadonlyArray<() => Effect.Effect<unknown, PlatformError | Transfer.TransferError>> = [
              () => fs.atomicWrite(`${path}/target`, Fs.readFileSync(source)),
              () => fs.put(source, `${path}/target`),
              () => fs.get(source, `${path}/target`),
              () => fs.get(source, `${path}/target`, { verify: "digest" }),
              () => fs.copyFile(source, `${path}/target`)
            ]
            for (const [index, write] of writes.entries()) {
              for (const left of [0, 1, 20, 39]) {
                const label = `write ${index}, ${left} pages left`
                Fs.rmSync(`${path}/target`, { force: true })
                Fs.writeFileSync(`${path}/target`, "old")
                fill(path, left)
                const error = yield* Effect.flip(write())
                assert.match(error.message, /no space left/i, label)
                assert.strictEqual(Fs.readFileSync(`${path}/target`, "utf8"), "old", label)
                assert.sameMembers(Fs.readdirSync(path), ["filler", "target"], label)
              }
              fill(path, 45)
              yield* write()
              assert.strictEqual(Fs.statSync(`${path}/target`).size, 40 * page)
            }
          })
        ),
      60_000
    )

    it.scopedLive(
      "a full one fails the entries that do not fit, and a transfer goes on when there is room",
      () =>
        onServer((fs, sshd) =>
          Effect.gen(function*() {
            const path = yield* disk(sshd, "small", "size=512k")
            const source = `${sshd.directory}/tree`
            Fs.mkdirSync(source)
            Fs.writeFileSync(`${source}/large`, new Uint8Array(60 * page).fill(7))
            Fs.writeFileSync(`${source}/small`, "small")
            for (const transfer of [fs.put, fs.get]) {
              const to = `${path}/to`
              Fs.rmSync(to, { recursive: true, force: true })
              Fs.mkdirSync(to)
              fill(path, 30)
              const error = yield* Effect.flip(transfer(source, to, { resume: true, concurrency: 1 }))
              assert(error._tag === "TransferError")
              const became = outcomes(error)
              assert.match(became["large"]!, /^Failed Unknown: .*no space left/i)
              const [partial = "", ...others] = Fs.readdirSync(to).filter((name) => name !== "small")
              assert.match(partial, /^\.effect-remote-.*\.part$/)
              assert.deepStrictEqual(others, [])
              assert.isFalse(Fs.existsSync(`${to}/large`))
              fill(path, 60)
              const result = yield* transfer(source, to, { resume: true })
              const [, large] = result.entries
              assert(large?.path === "large" && large.outcome._tag === "Copied")
              assert.isAbove(Number(large.outcome.resumedAt), 0)
              assert.isTrue(Fs.readFileSync(`${to}/large`).equals(Fs.readFileSync(`${source}/large`)))
              assert.sameMembers(Fs.readdirSync(to), ["large", "small"])
            }
          })
        ),
      60_000
    )

    it.scopedLive(
      "a disk without free inodes fails new files",
      () =>
        onServer((fs, sshd) =>
          Effect.gen(function*() {
            const path = yield* disk(sshd, "few", "size=4m,nr_inodes=30")
            const source = `${sshd.directory}/tree`
            Fs.mkdirSync(source)
            for (let file = 0; file < 50; file++) Fs.writeFileSync(`${source}/${file}`, "content")
            for (const transfer of [fs.put, fs.get]) {
              Fs.rmSync(`${path}/to`, { recursive: true, force: true })
              const error = yield* Effect.flip(transfer(source, `${path}/to`))
              assert(error._tag === "TransferError")
              const failed = error.entries.flatMap(({ outcome }) => outcome._tag === "Failed" ? [outcome.error] : [])
              assert.deepStrictEqual(new Set(failed.map(reasonOf)), new Set(["Unknown"]))
              assert.match(failed[0]!.message, /no space left/i)
              const there = Fs.readdirSync(`${path}/to`)
              assert.strictEqual(there.length, 50 - failed.length)
              assert.isTrue(there.every((name) => /^\d+$/.test(name)))
              assert.isAbove(there.length, 10)
            }
          })
        ),
      60_000
    )

    it.scopedLive(
      "one that cannot be written takes nothing, and gives all",
      () =>
        onServer((fs, sshd) =>
          Effect.gen(function*() {
            const path = yield* disk(sshd, "fixed", "size=512k")
            build(path)
            remount(path, "ro")
            const source = `${sshd.directory}/tree`
            yield* fs.get(path, source, { preserve: { timestamps: true } })
            yield* fs.put(path, `${source} too`, { verify: "digest" })
            assert.sameMembers(Fs.readdirSync(`${source} too`), ["directory", "file", "link"])
            Fs.writeFileSync(`${source}/file`, "other")
            assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/file`, "x")), "Unknown")
            assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/a/b/file`, "x")), "Unknown")
            for (const transfer of [fs.put, fs.get]) {
              const error = yield* Effect.flip(transfer(source, path, { delete: true }))
              assert(error._tag === "TransferError")
              const became = outcomes(error)
              assert.match(became["file"]!, /^Failed Unknown/)
              assert.match(became["directory/inner"]!, /^Failed Unknown/)
            }
            remount(path, "rw")
            assert.sameMembers(Fs.readdirSync(path), ["directory", "file", "link"])
            assert.strictEqual(Fs.statSync(`${path}/file`).size, 2 * page)
          })
        ),
      60_000
    )

    it.scopedLive(
      "a device is not written to, replaced or copied",
      () =>
        onServer((fs, sshd) =>
          Effect.gen(function*() {
            const path = `${sshd.directory}/devices`
            Fs.mkdirSync(path)
            execFileSync("mknod", [`${path}/null`, "c", "1", "3"])
            Fs.symlinkSync("null", `${path}/link`)
            const source = `${sshd.directory}/tree`
            Fs.mkdirSync(source)
            Fs.writeFileSync(`${source}/null`, "content")
            for (const name of ["null", "link"]) {
              const target = `${path}/${name}`
              assert.strictEqual(yield* failsWith(fs.atomicWrite(target, "x")), "BadResource")
              for (const transfer of [fs.put, fs.get]) {
                assert.strictEqual(yield* failsWith(transfer(`${source}/null`, target)), "BadResource")
                assert.strictEqual(yield* failsWith(transfer(target, `${source}/device`)), "BadResource")
              }
            }
            for (const transfer of [fs.put, fs.get]) {
              const error = yield* Effect.flip(transfer(source, path))
              assert(error._tag === "TransferError")
              assert.match(outcomes(error)["null"]!, /^Failed BadResource/)
              const result = yield* transfer(path, `${source} too`)
              assert.strictEqual(outcomes(result)["null"], "Skipped")
            }
            assert.sameMembers(Fs.readdirSync(path), ["link", "null"])
            assert.isTrue(Fs.lstatSync(`${path}/null`).isCharacterDevice())
            assert.isTrue(Fs.lstatSync(`${path}/link`).isSymbolicLink())
          })
        ),
      60_000
    )
  })
}
