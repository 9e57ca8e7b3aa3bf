import * as Effect from "effect/Effect"
import { PosixError } from "../../sftp/sftpFileSystem.js"
import * as directories from "../directories.js"
import { quote } from "../message.js"
import * as options from "../options.js"
import type * as tool from "../tool.js"
import { below, each, Failure, failure, hint, say, type Step } from "./operands.js"

const rmdir: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("rmdir", self.words, { flags: "pv", long: { parents: "p", verbose: "v" } })
    if (found.operands.length === 0) return yield* hint(self, "missing operand")
    return yield* each(self, found.operands, (path) =>
      Effect.gen(function*() {
        const steps = found.has("p")
          ? path.replace(/\/+$/, "").split("/").map((_, index, all) => all.slice(0, all.length - index).join("/"))
          : [path]
        for (const [index, step] of steps.filter((one) => one !== "").entries()) {
          yield* say(self, found, `rmdir: removing directory, ${quote(step)}`)
          yield* Effect.mapError(
            self.files.rmdir(self.at(step)),
            (error) => failure(`failed to remove ${index === 0 ? "" : "directory "}${quote(step)}`, error)
          )
        }
      }))
  })

const removeTree = (self: tool.Tool, found: options.Options, path: string): Step =>
  Effect.gen(function*() {
    const cannot = (error: PosixError) => failure(`cannot remove ${quote(path)}`, error)
    const stat = yield* Effect.mapError(self.files.lstat(self.at(path)), cannot)
    if (!directories.isDirectory(stat)) {
      yield* Effect.mapError(self.files.unlink(self.at(path)), cannot)
      return yield* say(self, found, `removed ${quote(path)}`)
    }
    let failed: Failure | undefined
    for (
      const name of yield* Effect.mapError(
        directories.list(self.files, directories.resolve(self.directory, path)),
        cannot
      )
    ) {
      const removed = yield* Effect.either(removeTree(self, found, below(path, name)))
      if (removed._tag === "Right") continue
      if (removed.left._tag === "Closed") return yield* removed.left
      if (failed !== undefined) yield* self.complain(failed.words)
      failed = removed.left
    }
    if (failed !== undefined) return yield* Effect.fail(failed)
    yield* Effect.mapError(self.files.rmdir(self.at(path)), cannot)
    yield* say(self, found, `removed directory ${quote(path)}`)
  })

const rm: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("rm", self.words, {
      flags: "rRfvd",
      long: { recursive: "r", force: "f", verbose: "v", dir: "d" }
    })
    const recursive = found.has("r") || found.has("R")
    if (found.operands.length === 0) return found.has("f") ? 0 : yield* hint(self, "missing operand")
    return yield* each(self, found.operands, (path) =>
      Effect.gen(function*() {
        if (/(?:^|\/)\.\.?\/*$/.test(path) && recursive) {
          return yield* new Failure({ words: `refusing to remove '.' or '..' directory: skipping ${quote(path)}` })
        }
        const stat = yield* Effect.either(self.files.lstat(self.at(path)))
        if (stat._tag === "Left") {
          if (found.has("f") && (stat.left.errno === "ENOENT" || stat.left.errno === "ENOTDIR")) return
          return yield* Effect.fail(failure(`cannot remove ${quote(path)}`, stat.left))
        }
        if (!directories.isDirectory(stat.right) || recursive) {
          if (recursive && /^\/+$/.test(path)) {
            return yield* new Failure({
              words:
                "it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe"
            })
          }
          return yield* removeTree(self, found, path)
        }
        const remove = Effect.gen(function*() {
          if (!found.has("d")) return yield* new PosixError({ errno: "EISDIR" })
          const names = yield* directories.list(self.files, directories.resolve(self.directory, path))
          yield* names.length > 0 ? new PosixError({ errno: "ENOTEMPTY" }) : self.files.rmdir(self.at(path))
        })
        yield* Effect.mapError(remove, (error) => failure(`cannot remove ${quote(path)}`, error))
      }))
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { rm, rmdir }
