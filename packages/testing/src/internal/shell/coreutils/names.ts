/**
 * Tools for paths and names.
 */
import * as Effect from "effect/Effect"
import type { PosixError } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as directories from "../directories.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"

const each = (
  self: tool.Tool,
  paths: ReadonlyArray<string>,
  run: (path: string) => Effect.Effect<string, PosixError>,
  end: string,
  words: (path: string, error: PosixError) => string | undefined
) =>
  Effect.map(
    Effect.forEach(paths, (path) =>
      Effect.matchEffect(run(path), {
        onFailure: (error) => {
          const said = words(path, error)
          return Effect.as(said === undefined ? Effect.void : self.complain(said), 1)
        },
        onSuccess: (text) => Effect.as(self.print(`${text}${end}`), 0)
      })),
    (codes) => Math.max(0, ...codes)
  )

const readlink: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("readlink", self.words, {
      flags: "fenv",
      long: { canonicalize: "f", "canonicalize-existing": "e", "no-newline": "n", verbose: "v" }
    })
    if (found.operands.length === 0) {
      return yield* tool.stop("missing operand\nTry 'readlink --help' for more information.")
    }
    const run = (path: string) =>
      found.has("f") || found.has("e")
        ? directories.real(self.files, directories.resolve(self.directory, path), found.has("f"))
        : Effect.map(self.files.readlink(self.at(path)), bytes.fromText)
    return yield* each(self, found.operands, run, found.has("n") ? "" : "\n", (path, error) =>
      found.has("v") ? `${message.quoteIfNeeded(path)}: ${message.of(error)}` : undefined)
  })

const realpath: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("realpath", self.words, { flags: "e", long: { "canonicalize-existing": "e" } })
    if (found.operands.length === 0) {
      return yield* tool.stop("missing operand\nTry 'realpath --help' for more information.")
    }
    return yield* each(
      self,
      found.operands,
      (path) => directories.real(self.files, directories.resolve(self.directory, path), !found.has("e")),
      "\n",
      (path, error) => `${message.quoteIfNeeded(path)}: ${message.of(error)}`
    )
  })

const lastStep = (path: string): string => path === "" ? "" : path.replace(/\/+$/, "").split("/").pop() || "/"

const basename: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("basename", self.words, {
      flags: "a",
      values: "s",
      long: { multiple: "a", suffix: "s" },
      leading: true
    })
    const [first, second, third] = found.operands
    if (first === undefined) return yield* tool.stop("missing operand\nTry 'basename --help' for more information.")
    const many = found.has("a") || found.has("s")
    if (!many && third !== undefined) {
      return yield* tool.stop(`extra operand ${message.quoteText(third)}\nTry 'basename --help' for more information.`)
    }
    const suffix = found.value("s") ?? (many ? "" : second ?? "")
    for (const path of many ? found.operands : [first]) {
      const name = lastStep(path)
      yield* self.print(
        `${suffix !== "" && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name}\n`
      )
    }
    return 0
  })

const dirname: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("dirname", self.words, {})
    if (found.operands.length === 0) {
      return yield* tool.stop("missing operand\nTry 'dirname --help' for more information.")
    }
    for (const path of found.operands) {
      const trimmed = path.replace(/\/+$/, "")
      const at = trimmed.lastIndexOf("/")
      const parent = trimmed === ""
        ? (path === "" ? "." : "/")
        : at < 0
        ? "."
        : trimmed.slice(0, at).replace(/\/+$/, "") || "/"
      yield* self.print(`${parent}\n`)
    }
    return 0
  })

const pwd: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("pwd", self.words, { flags: "LP" })
    const path = found.has("L")
      ? self.directory
      : yield* Effect.mapError(directories.real(self.files, self.directory, false), (error) =>
        tool.stop(`couldn't find directory entry: ${message.of(error)}`))
    yield* self.print(`${path}\n`)
    return 0
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { basename, dirname, pwd, readlink, realpath }
