/**
 * Tools that give files other names, or more of them.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Stat } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as directories from "../directories.js"
import { quote, quoteIfNeeded } from "../message.js"
import * as options from "../options.js"
import type * as tool from "../tool.js"
import { baseOf, below, each, Failure, failure, isSame, look, pairs, say } from "./operands.js"

const mv: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("mv", self.words, {
      flags: "fnvT",
      values: "t",
      long: { force: "f", "no-clobber": "n", verbose: "v", "no-target-directory": "T", "target-directory": "t" }
    })
    return yield* each(self, yield* pairs(self, found, "mv"), ([from, to]) =>
      Effect.gen(function*() {
        const source = yield* Effect.mapError(
          self.files.lstat(self.at(from)),
          (error) => failure(`cannot stat ${quote(from)}`, error)
        )
        const target = yield* look(self.files.lstat(self.at(to)), to)
        if (target._tag === "Some") {
          if (found.has("n")) return
          if (isSame(source, target.value) || (yield* isLinkTo(self, from, to, source, target.value))) {
            return yield* new Failure({ words: `${quote(from)} and ${quote(to)} are the same file` })
          }
          const [one, other] = [directories.isDirectory(source), directories.isDirectory(target.value)]
          if (one && !other) {
            return yield* new Failure({
              words: `cannot overwrite non-directory ${quote(to)} with directory ${quote(from)}`
            })
          }
          if (!one && other) {
            return yield* new Failure({ words: `cannot overwrite directory ${quote(to)} with non-directory` })
          }
        }
        yield* Effect.mapError(self.files.rename(self.at(from), self.at(to)), (error) =>
          error.errno === "EINVAL"
            ? new Failure({ words: `cannot move ${quote(from)} to a subdirectory of itself, ${quote(to)}` })
            : failure(`cannot move ${quote(from)} to ${quote(to)}`, error))
        yield* say(self, found, `renamed ${quote(from)} -> ${quote(to)}`)
      }))
  })

// Whether a link would replace the file that it names. The file would be lost unless it has another name.
const isLinkTo = (self: tool.Tool, from: string, to: string, source: Stat, target: Stat): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    if (!directories.isLink(source) || directories.isLink(target)) return false
    const named = yield* Effect.option(self.files.stat(self.at(from)))
    if (named._tag === "None" || !isSame(named.value, target)) return false
    if (target.nlink === 1) return true
    const real = (path: string) =>
      Effect.option(directories.real(self.files, directories.resolve(self.directory, path), true))
    const [one, other] = yield* Effect.all([real(from), real(directoryOf(to))])
    return one._tag === "Some" && other._tag === "Some" && one.value === below(other.value, baseOf(to))
  })

// Whether the new link would replace its own target, which would be lost.
const isOnly = (self: tool.Tool, from: string, to: string, there: Stat, symbolic: boolean): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const source = yield* Effect.option((symbolic ? self.files.stat : self.files.lstat)(self.at(from)))
    if (source._tag === "None" || !isSame(source.value, there)) return false
    if (source.value.nlink === 1) return true
    const [one, other] = yield* Effect.forEach(
      [from, to],
      (path) => Effect.option(self.files.stat(self.at(directoryOf(path))))
    )
    return baseOf(from) === baseOf(to) && one?._tag === "Some" && other?._tag === "Some" &&
      isSame(one.value, other.value)
  })

const directoryOf = (path: string): string => path.replace(/\/+$/, "").replace(/[^/]*$/, "") || "."

const ln: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("ln", self.words, {
      flags: "sfnvT",
      values: "t",
      long: {
        symbolic: "s",
        force: "f",
        "no-dereference": "n",
        verbose: "v",
        "no-target-directory": "T",
        "target-directory": "t"
      }
    })
    const symbolic = found.has("s")
    const { operands } = found
    const [first = "", second] = operands
    const here = second === undefined && operands.length === 1
    const whole = second === undefined ? undefined : yield* Effect.option(self.files.lstat(self.at(second)))
    const replacesLink = found.has("n") && operands.length === 2 && whole?._tag === "Some" &&
      directories.isLink(whole.value)
    const all = here && found.value("t") === undefined
      ? [[first, below(".", baseOf(first))] as const]
      : replacesLink && second !== undefined
      ? [[first, second] as const]
      : yield* pairs(self, found, "ln")
    return yield* each(self, all, ([from, to]) =>
      Effect.gen(function*() {
        if (!symbolic) {
          const stat = yield* Effect.mapError(
            self.files.lstat(self.at(from)),
            (error) => failure(`failed to access ${quote(from)}`, error)
          )
          if (directories.isDirectory(stat)) {
            return yield* new Failure({ words: `${quoteIfNeeded(from)}: hard link not allowed for directory` })
          }
        }
        const there = found.has("f")
          ? yield* look(self.files.lstat(self.at(to)), to, "failed to access")
          : Option.none()
        if (Option.exists(there, directories.isDirectory)) {
          return yield* new Failure({ words: `${quoteIfNeeded(to)}: cannot overwrite directory` })
        }
        if (Option.isSome(there) && (yield* isOnly(self, from, to, there.value, symbolic))) {
          return yield* new Failure({ words: `${quote(from)} and ${quote(to)} are the same file` })
        }
        const link = symbolic
          ? self.files.symlink(bytes.toText(from), self.at(to))
          : self.files.link(self.at(from), self.at(to))
        const kind = symbolic ? "symbolic" : "hard"
        const forced = found.has("f")
          ? Effect.catchIf(
            link,
            ({ errno }) => errno === "EEXIST",
            () => Effect.zipRight(self.files.unlink(self.at(to)), link)
          )
          : link
        yield* Effect.mapError(forced, (error) =>
          failure(
            `failed to create ${kind} link ${quote(to)}${
              symbolic || error.errno === "EEXIST" ? "" : ` => ${quote(from)}`
            }`,
            error
          ))
        yield* say(self, found, `${quote(to)} ${symbolic ? "->" : "=>"} ${quote(from)}`)
      }))
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { ln, mv }
