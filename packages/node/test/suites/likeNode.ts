import { RemoteFileSystem } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import { NodeFileSystem } from "@effect/platform-node"
import { isPlatformError, type PlatformError } from "@effect/platform/Error"
import { type File, FileSystem } from "@effect/platform/FileSystem"
import { assert, layer } from "@effect/vitest"
import { Array, Chunk, Effect, Either, Option, type Scope, Stream } from "effect"
import * as Fs from "node:fs"
import type { Suite } from "./support.js"

const isRoot = process.getuid?.() === 0

type Case = readonly [name: string, behaviour: Behaviour]

type Behaviour = (fs: FileSystem, at: (name: string) => string) => Effect.Effect<unknown, PlatformError, Scope.Scope>

const encode = (text: string) => new TextEncoder().encode(text)

/** Attributes of a file that both can know. */
const known = ({ atime, gid, mode, mtime, size, type, uid }: File.Info) => ({
  type,
  mode,
  ...(type === "File" && { size: Number(size) }),
  uid,
  gid,
  hasTimes: Option.isSome(mtime) && Option.isSome(atime)
})

const seconds = ({ atime, mtime }: File.Info) =>
  [atime, mtime].map((time) => Math.floor(Option.getOrThrow(time).getTime() / 1000))

/** The files before each verb. */
const build = (path: string) => {
  Fs.mkdirSync(path)
  const at = (name: string) => `${path}/${name}`
  Fs.writeFileSync(at("file"), "some text", { mode: 0o640 })
  Fs.writeFileSync(at("other"), "another text", { mode: 0o600 })
  Fs.writeFileSync(at("empty"), "")
  Fs.mkdirSync(at("directory"), { mode: 0o750 })
  Fs.writeFileSync(at("directory/inner"), "inside")
  Fs.mkdirSync(at("directory/deep/deeper"), { recursive: true })
  Fs.writeFileSync(at("directory/deep/deeper/deepest"), "below")
  Fs.mkdirSync(at("hollow"))
  Fs.symlinkSync("file", at("link"))
  Fs.symlinkSync("directory", at("link to directory"))
  Fs.symlinkSync("nowhere", at("dangling"))
  Fs.symlinkSync("loop", at("loop"))
  Fs.mkdirSync(at("forbidden"))
  Fs.writeFileSync(at("forbidden/hidden"), "hidden")
  Fs.chmodSync(at("forbidden"), 0)
  Fs.writeFileSync(at("unreadable"), "secret", { mode: 0 })
  Fs.mkdirSync(at("fixed"))
  Fs.writeFileSync(at("fixed/file"), "fixed")
  Fs.chmodSync(at("fixed"), 0o555)
  Fs.utimesSync(at("file"), 1_000_000_000, 1_000_000_000)
}

const tree = (path: string): ReadonlyArray<string> =>
  (Fs.readdirSync(path)).sort().flatMap((name) => {
    const at = `${path}/${name}`
    const found = Fs.lstatSync(at)
    const told = `${name} ${(found.mode & 0o7777).toString(8)} ${found.nlink}`
    if (found.isSymbolicLink()) return [`${name} -> ${Fs.readlinkSync(at)}`]
    if (!found.isDirectory()) {
      return [`${told} ${(found.mode & 0o400) !== 0 || isRoot ? JSON.stringify(Fs.readFileSync(at, "utf8")) : "?"}`]
    }
    const open = isRoot || (found.mode & 0o500) === 0o500
    return [`${told}/`, ...(open ? tree(at).map((line) => `  ${line}`) : [])]
  })

const long = "x".repeat(256)

const flags = ["r", "r+", "w", "wx", "w+", "wx+", "a", "ax", "a+", "ax+"] as const

/** Targets for the verbs. */
const things = [
  "file",
  "empty",
  "directory",
  "hollow",
  "link",
  "link to directory",
  "dangling",
  "loop",
  "forbidden",
  "forbidden/hidden",
  "unreadable",
  "fixed",
  "fixed/file",
  "fixed/new",
  "new",
  "file/below",
  "new/below",
  long
]

const onEach = (verb: string, behaviour: (name: string) => Behaviour, names = things) =>
  names.map((name) => [`${verb}: ${name === long ? "a long name" : name}`, behaviour(name)] as const)

const pairs = [
  "file",
  "directory",
  "hollow",
  "link",
  "dangling",
  "new",
  "forbidden/x",
  "fixed/x",
  "file/x",
  "new/x",
  long
]

const onPairs = (verb: string, behaviour: (from: string, to: string) => Behaviour, sources: ReadonlyArray<string>) =>
  sources.flatMap((from) =>
    // Of two mistakes Node finds one or the other: its copy looks at both at once.
    pairs.filter((to) => from !== "new" || ![long, ...verb === "copy" ? ["file/x", "forbidden/x"] : []].includes(to))
      .map((to) => [`${verb}: ${from} to ${to === long ? "a long name" : to}`, behaviour(from, to)] as const)
  )

const behaviours: ReadonlyArray<Case> = [
  ...onEach("access", (name) => (fs, at) => fs.access(at(name))),
  ...onEach("access to read", (name) => (fs, at) => fs.access(at(name), { readable: true })),
  ...onEach("access to write", (name) => (fs, at) => fs.access(at(name), { writable: true })),
  ...onEach("exists", (name) => (fs, at) => fs.exists(at(name))),
  ...onEach("stat", (name) => (fs, at) => Effect.map(fs.stat(at(name)), known)),
  ...onEach(
    "readFile",
    (name) => (fs, at) => Effect.map(fs.readFile(at(name)), (bytes) => Buffer.from(bytes).toString())
  ),
  ...onEach("readFileString", (name) => (fs, at) => fs.readFileString(at(name))),
  ...onEach(
    "stream",
    (name) => (fs, at) =>
      Effect.map(Stream.mkString(Stream.decodeText(fs.stream(at(name), { offset: 2, bytesToRead: 4 }))), String)
  ),
  ...onEach(
    "readDirectory",
    (name) => (fs, at) =>
      Effect.map(fs.readDirectory(at(name)), Array.sort((a: string, b: string) => a < b ? -1 : a > b ? 1 : 0))
  ),
  ...onEach("readLink", (name) => (fs, at) => fs.readLink(at(name))),
  ...onEach("realPath", (name) => (fs, at) => fs.realPath(at(name))),
  ...onEach("chmod", (name) => (fs, at) => fs.chmod(at(name), 0o604)),
  ...onEach(
    "utimes",
    (name) => (fs, at) =>
      Effect.zipRight(
        fs.utimes(at(name), 1_500_000_000, new Date(1_600_000_000_000)),
        Effect.map(fs.stat(at(name)), seconds)
      )
  ),
  ...onEach("truncate", (name) => (fs, at) => fs.truncate(at(name), 4)),
  ...onEach("truncate to nothing", (name) => (fs, at) => fs.truncate(at(name))),
  ...onEach("writeFileString", (name) => (fs, at) => fs.writeFileString(at(name), "new text", { mode: 0o644 })),
  ...onEach("writeFile and append", (name) => (fs, at) => fs.writeFile(at(name), encode("more"), { flag: "a" })),
  ...onEach("sink into", (name) => (fs, at) => Stream.run(Stream.make(encode("a"), encode("b")), fs.sink(at(name)))),
  ...onEach("makeDirectory", (name) => (fs, at) => fs.makeDirectory(at(name))),
  ...onEach("makeDirectory with mode", (name) => (fs, at) => fs.makeDirectory(at(name), { mode: 0o700 })),
  ...onEach(
    "makeDirectory recursive",
    (name) => (fs, at) => Effect.asVoid(fs.makeDirectory(at(name), { recursive: true }))
  ),
  ...onEach(
    "makeDirectory recursive below",
    (name) => (fs, at) => Effect.asVoid(fs.makeDirectory(at(`${name}/a/b`), { recursive: true }))
  ),
  ...onEach("remove", (name) => (fs, at) => fs.remove(at(name))),
  ...onEach("remove by force", (name) => (fs, at) => fs.remove(at(name), { force: true })),
  ...onEach(
    "remove recursive",
    (name) => (fs, at) => fs.remove(at(name), { recursive: true }),
    things.filter((name) => name !== "forbidden")
  ),
  ...onEach(
    "remove recursive by force",
    (name) => (fs, at) => fs.remove(at(name), { recursive: true, force: true }),
    things.filter((name) => name !== "forbidden")
  ),
  ...onEach("chown to oneself", (name) => (fs, at) => fs.chown(at(name), process.getuid!(), process.getgid!())),
  ...onEach("chown to root", (name) => (fs, at) => fs.chown(at(name), 0, 0)),
  ...onEach(
    "makeTempDirectory in",
    (name) => (fs, at) =>
      Effect.map(
        fs.makeTempDirectory({ directory: at(name), prefix: "pre-" }),
        (path) => path.replace(/pre-\w+$/, "pre-")
      ),
    ["new", "file"]
  ),
  ...flags.flatMap((flag) =>
    onEach(`open ${flag}`, (name) => (fs, at) => Effect.asVoid(fs.open(at(name), { flag, mode: 0o640 })))
  ),
  ...onPairs("rename", (from, to) => (fs, at) => fs.rename(at(from), at(to)), [
    "file",
    "directory",
    "link",
    "dangling",
    "new",
    "hollow"
  ]),
  ...onPairs("symlink", (_, to) => (fs, at) => fs.symlink("file", at(to)), ["file"]),
  ...onPairs("copyFile", (from, to) => (fs, at) => fs.copyFile(at(from), at(to)), [
    "other",
    "link",
    "new",
    "dangling"
  ]),
  ...onPairs("copy", (from, to) => (fs, at) => fs.copy(at(from), at(to)), [
    "other",
    "directory",
    "link",
    "new",
    "dangling"
  ]),
  ...onPairs("copy and overwrite", (from, to) => (fs, at) => fs.copy(at(from), at(to), { overwrite: true }), [
    "other",
    "directory",
    "link"
  ]),
  ["rename into itself", (fs, at) => fs.rename(at("directory"), at("directory/deep/directory"))],
  ["copy into itself", (fs, at) => fs.copy(at("directory"), at("directory/deep/directory"))],
  ["copy onto itself", (fs, at) => fs.copy(at("file"), at("file"))],
  ["copyFile onto itself", (fs, at) => fs.copyFile(at("file"), at("file"))],
  ["copy with times", (fs, at) =>
    Effect.zipRight(
      fs.copy(at("file"), at("new"), { preserveTimestamps: true }),
      Effect.map(fs.stat(at("new")), (info) => seconds(info)[1])
    )],
  ["an empty path", (fs) => fs.stat("")],
  ["a NUL", (fs, at) => fs.stat(at("a\0b"))],
  ["a link to nothing", (fs, at) => fs.symlink("", at("new"))],
  ["reads at offsets", (fs, at) =>
    Effect.gen(function*() {
      const file = yield* fs.open(at("file"))
      yield* file.seek(5, "start")
      const first = yield* file.readAlloc(2)
      yield* file.seek(-3, "current")
      const buffer = new Uint8Array(20)
      const count = yield* file.read(buffer)
      const rest = yield* file.readAlloc(1)
      return [
        Option.map(first, (bytes) => Buffer.from(bytes).toString()),
        Number(count),
        Buffer.from(buffer).toString(),
        rest
      ]
    })],
  ["writes at offsets", (fs, at) =>
    Effect.gen(function*() {
      const file = yield* fs.open(at("file"), { flag: "r+" })
      yield* file.seek(20, "start")
      const count = Number(yield* file.write(encode("far")))
      yield* file.seek(0, "start")
      yield* file.writeAll(encode("SOME"))
      yield* file.sync
      yield* file.truncate(22)
      return [count, Number((yield* file.stat).size)]
    })],
  ["append wherever the position is", (fs, at) =>
    Effect.gen(function*() {
      const file = yield* fs.open(at("file"), { flag: "a+" })
      yield* file.seek(2, "start")
      yield* file.writeAll(encode("!"))
      return Option.map(yield* file.readAlloc(3), (bytes) => Buffer.from(bytes).toString())
    })],
  [
    "write to a file open for reading",
    (fs, at) => Effect.flatMap(fs.open(at("file")), (file) => file.writeAll(encode("x")))
  ],
  [
    "read from a file open for writing",
    (fs, at) => Effect.flatMap(fs.open(at("new"), { flag: "w" }), (file) => file.readAlloc(1))
  ],
  ["read from a directory", (fs, at) => Effect.flatMap(fs.open(at("directory")), (file) => file.readAlloc(1))],
  ["a temporary directory goes with its scope", (fs) =>
    Effect.gen(function*() {
      const path = yield* Effect.scoped(
        Effect.tap(fs.makeTempDirectoryScoped(), (path) => fs.writeFileString(`${path}/file`, "x"))
      )
      return yield* fs.exists(path)
    })],
  ["a temporary file goes with its scope, and its directory", (fs) =>
    Effect.gen(function*() {
      const path = yield* Effect.scoped(
        Effect.tap(fs.makeTempFileScoped({ suffix: ".txt" }), (path) => fs.writeFileString(path, "x"))
      )
      return [path.endsWith(".txt"), yield* fs.exists(path), yield* fs.exists(path.slice(0, path.lastIndexOf("/")))]
    })],
  ["modes of temporary files", (fs) =>
    Effect.gen(function*() {
      const directory = yield* fs.makeTempDirectoryScoped({ prefix: "x" })
      return (yield* fs.stat(directory)).mode
    })],
  [
    "readDirectory recursive",
    (fs, at) =>
      Effect.map(
        fs.readDirectory(at("directory"), { recursive: true }),
        Array.sort((a: string, b: string) => a < b ? -1 : a > b ? 1 : 0)
      )
  ],
  [
    "a stream in chunks",
    (fs, at) =>
      Effect.map(
        Stream.runCollect(fs.stream(at("file"), { chunkSize: 4 })),
        (chunks) => Chunk.toReadonlyArray(chunks).map((bytes) => Buffer.from(bytes).toString())
      )
  ],
  ["an encoding that is none", (fs, at) => fs.readFileString(at("file"), "no-such-encoding")]
]

const outcome = (fs: FileSystem, path: string, behaviour: Behaviour) =>
  Effect.scoped(behaviour(fs, (name) => `${path}/${name}`)).pipe(
    Effect.either,
    Effect.map((result) => {
      const told = Either.isRight(result)
        ? JSON.stringify(result.right ?? null)
        : isPlatformError(result.left)
        ? `${result.left._tag}${result.left._tag === "SystemError" ? ` ${result.left.reason}` : ""}`
        : String(result.left)
      return { told: told.replaceAll(path, "DIR"), tree: tree(path) }
    })
  )

type Found = Effect.Effect.Success<ReturnType<typeof outcome>>

const difference = (name: string, node: Found, ours: Found): ReadonlyArray<string> => {
  return [
    ...(node.told === ours.told ? [] : [`${name} is ${ours.told}, on Node ${node.told}`]),
    ...Array.difference(ours.tree, node.tree).map((line) => `${name} leaves ${line}`),
    ...Array.difference(node.tree, ours.tree).map((line) => `${name} leaves no ${line}`)
  ]
}

const clear = (path: string) => {
  const open = (path: string) => {
    Fs.chmodSync(path, 0o700)
    for (const entry of Fs.readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) open(`${path}/${entry.name}`)
    }
  }
  open(path)
  Fs.rmSync(path, { recursive: true })
}

// One test for each verb. It reports every difference.
const groups = Object.entries(
  Array.groupBy(behaviours, ([name]) => name.split(":")[0]!)
)

/** The same as Node's `FileSystem` for the same files and the same user. */
export const likeNode = ({ layer: live, name: suite }: Suite) =>
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`files on ${suite}, as on Node`, (it) => {
    for (const [verb, cases] of groups) {
      it.effect(verb, () =>
        Effect.gen(function*() {
          const { directory } = yield* Sshd.Sshd
          const node = yield* Effect.provide(FileSystem, NodeFileSystem.layer)
          const ours = yield* RemoteFileSystem.RemoteFileSystem
          const differences: Array<string> = []
          for (const [name, behaviour] of cases) {
            const path = `${directory}/like node`
            const found: Array<Found> = []
            for (const fs of [node, ours]) {
              build(path)
              found.push(yield* Effect.ensuring(outcome(fs, path, behaviour), Effect.sync(() => clear(path))))
            }
            for (const told of difference(name, found[0]!, found[1]!)) differences.push(told)
          }
          assert.deepStrictEqual(differences, [])
        }))
    }
  })
