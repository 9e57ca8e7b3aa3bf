import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Stream } from "effect"
import * as linkedPath from "../../src/internal/sftp/linkedPath.js"
import * as Sftp from "../../src/protocol/Sftp.js"
import * as scriptedSftp from "../fixtures/scriptedSftp.js"

const { attributes, eof, failure, handle, handleText, missing } = scriptedSftp

type Links = Readonly<Record<string, string>>

/** Resolves a path with a table of links. Returns the path and how often links were read. */
const resolve = (links: Links, path: string, directory = "/home") => {
  let at = linkedPath.begin(directory, path)
  let steps = 0
  while (at.names.length > 0 && at.followed <= 40) {
    at = linkedPath.advance(at, linkedPath.ahead(at).map((path) => links[path]))
    steps++
  }
  return { path: at.names.length === 0 ? at.real : undefined, steps }
}

describe("the real path of a path with links", () => {
  const links = {
    "/a/link": "../b/deep",
    "/a/absolute": "/b",
    "/a/chain": "link",
    "/a/loop": "loop",
    "/home/here": "."
  }
  const rows: ReadonlyArray<readonly [path: string, real: string | undefined, steps: number]> = [
    ["/", "/", 0],
    ["/a/plain//file/", "/a/plain/file", 1],
    ["relative", "/home/relative", 1],
    ["", "/home", 1],
    ["here/here/file", "/home/file", 3],
    ["/a/link/file", "/b/deep/file", 2],
    ["/a/link/../file", "/b/file", 3],
    ["/a/absolute/..", "/", 2],
    ["/a/chain", "/b/deep", 3],
    ["/../../x", "/x", 1],
    ["/a/loop", undefined, 41]
  ]
  for (const [path, real, steps] of rows) {
    it(`is ${real ?? "missing in a loop"} for ${JSON.stringify(path)}`, () =>
      assert.deepStrictEqual(resolve(links, path), { path: real, steps }))
  }
})

const directories = ["/", "/root", "/root/a", "/root/a/b"]
const files = ["/root/a/file"]
const links: Links = {
  "/root/a/self": ".",
  "/root/a/everything": "/",
  "/root/a/b/up": "..",
  "/root/other": "a"
}

/** Resolves a path as the kernel does. `undefined` for a path with too many links. */
const kernel = (path: string): string | undefined => resolve(links, path).path

const below = (directory: string): ReadonlyArray<string> =>
  [...directories, ...files, ...Object.keys(links)].filter((path) =>
    path !== "/" && path.slice(0, path.lastIndexOf("/")) === (directory === "/" ? "" : directory)
  )

const modeOf = (path: string | undefined): number | undefined =>
  path === undefined
    ? undefined
    : directories.includes(path)
    ? 0o040755
    : files.includes(path)
    ? 0o100644
    : path in links
    ? 0o120777
    : undefined

/** A server whose REALPATH only makes a path absolute, as those of paramiko and `pkg/sftp`. */
const make = Effect.suspend(() => {
  const listed = new Set<string>()
  let opened = 0
  const found = (path: string | undefined) => {
    const mode = modeOf(path)
    return mode === undefined ? missing : attributes(mode)
  }
  const real = (path: string): string => kernel(path.slice(0, path.lastIndexOf("/")) || "/") ?? "/none"
  const entry = (path: string) => `${real(path)}/${path.slice(path.lastIndexOf("/") + 1)}`.replace("//", "/")
  return scriptedSftp.make({
    answer: (request) => {
      switch (request._tag) {
        case "Realpath":
          return scriptedSftp.names(request.path.startsWith("/") ? request.path : `/root/${request.path}`)
        case "Readlink": {
          const target = links[entry(request.path)]
          return target === undefined ? failure : scriptedSftp.names(target)
        }
        case "Stat":
          return found(kernel(request.path))
        case "Lstat":
          return found(entry(request.path).endsWith("/.") ? kernel(request.path) : entry(request.path))
        case "Opendir": {
          const path = kernel(request.path)
          return path !== undefined && directories.includes(path) ? handle(`${++opened} ${path}`) : missing
        }
        case "Readdir": {
          const name = handleText(request.handle)
          if (listed.has(name)) return eof
          listed.add(name)
          const paths = below(name.slice(name.indexOf(" ") + 1))
          return paths.length === 0 ? eof : Sftp.Response.Name({
            entries: paths.map((path) => ({
              filename: path.slice(path.lastIndexOf("/") + 1),
              longname: "",
              attributes: { permissions: modeOf(path)! }
            }))
          })
        }
        default:
          return scriptedSftp.ok
      }
    }
  })
})

// FOUND D3, D5
describe("a server whose REALPATH leaves links as they are", () => {
  it.scoped("has real paths", () =>
    Effect.gen(function*() {
      const { fs } = yield* make
      assert.strictEqual(yield* fs.realPath("/root/other/b/up/self/file"), "/root/a/file")
      assert.strictEqual(yield* fs.realPath("/root/a/b/../everything/root"), "/root")
    }))

  it.scoped("is walked without a circle", () =>
    Effect.gen(function*() {
      const { fs } = yield* make
      const walked = yield* Stream.runCollect(fs.walk("/root", { symlinks: "follow" }))
      assert.deepStrictEqual(Chunk.toReadonlyArray(walked).map(({ _tag, path }) => `${_tag} ${path}`), [
        "Directory /root/a",
        "Directory /root/a/b",
        "SymbolicLink /root/a/b/up",
        "File /root/a/file",
        "SymbolicLink /root/a/self",
        "SymbolicLink /root/a/everything",
        "Directory /root/other",
        "Directory /root/other/b",
        "SymbolicLink /root/other/b/up",
        "File /root/other/file",
        "SymbolicLink /root/other/self",
        "SymbolicLink /root/other/everything"
      ])
    }))

  it.scoped("copies no directory into itself by way of a link", () =>
    Effect.gen(function*() {
      const { fs, sessions } = yield* make
      const error = yield* Effect.flip(fs.copy("/root/a", "/root/other/b/new"))
      assert.include(error.message, "it lies in the directory that is copied")
      assert.isFalse(sessions.some(({ requests }) => requests.some(({ _tag }) => _tag === "Mkdir")))
    }))
})
