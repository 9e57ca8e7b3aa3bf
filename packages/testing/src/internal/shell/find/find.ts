/**
 * `find`: walks trees, and asks its expression about each entry.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Stat } from "../../sftp/sftpFileSystem.js"
import { baseOf, below } from "../coreutils/operands.js"
import { spawn } from "../coreutils/spawn.js"
import * as directories from "../directories.js"
import * as message from "../message.js"
import { matches, type Piece } from "../pattern.js"
import * as tool from "../tool.js"
import { type Amount, type Expression, parse, type Search } from "./expression.js"

interface Entry {
  readonly path: string
  readonly stat: Stat
  isPruned: boolean
}

type Exec = Extract<Expression, { readonly _tag: "Exec" }>

// The size limit of the paths that are passed to one run of a command.
const mostTogether = 100_000

const pieces = (pattern: string): ReadonlyArray<Piece> =>
  pattern.split(/(\\[^])/).filter((text) => text !== "").map((text) =>
    /^\\[^]$/.test(text) ? { text: text.slice(1), quoted: true } : { text, quoted: false }
  )

const fits = ({ number, sign }: Amount, value: number): boolean =>
  sign === "+" ? value > number : sign === "-" ? value < number : value === number

const typeOf = ({ mode }: Stat): string =>
  ({ 0o010000: "p", 0o020000: "c", 0o040000: "d", 0o060000: "b", 0o100000: "f", 0o120000: "l", 0o140000: "s" })[
    mode & 0o170000
  ] ?? "?"

const find: tool.Run = (self) =>
  Effect.gen(function*() {
    const isExpression = (word: string) => /^-./.test(word) || word === "!" || word === "("
    const begin = self.words.findIndex(isExpression)
    const given = begin < 0 ? self.words : self.words.slice(0, begin)
    const search = yield* parse(begin < 0 ? [] : self.words.slice(begin))
    const now = (yield* Clock.currentTimeMillis) / 1000
    const ages = new Map<string, number>()
    let code = 0
    const complain = (words: string) => {
      code = 1
      return self.complain(words)
    }
    const execs: Array<Exec> = []
    // before anything is done, as the words are read
    const prepare = (one: Expression): Effect.Effect<void, tool.Stop> =>
      Effect.gen(function*() {
        if (one._tag === "And" || one._tag === "Or") yield* Effect.zipRight(prepare(one.left), prepare(one.right))
        else if (one._tag === "Not") yield* prepare(one.inner)
        else if (one._tag === "Exec" && one.together) execs.push(one)
        else if (one._tag === "Newer") {
          const stat = yield* Effect.mapError(
            self.files.lstat(self.at(one.than)),
            (error) => tool.stop(`${message.quote(one.than)}: ${message.of(error)}`)
          )
          ages.set(one.than, stat.mtime)
        }
      })
    yield* prepare(search.expression)

    const runTogether = (exec: Exec): Effect.Effect<void, tool.Closed> =>
      Effect.suspend(() => {
        const paths = exec.paths.splice(0)
        if (paths.length === 0) return Effect.void
        return Effect.map(spawn(self, [...exec.words, ...paths]), (exit) => {
          if (!Option.exists(exit, (one) => one._tag === "Code" && one.code === 0)) code = 1
        })
      })

    const list = (path: string) => directories.list(self.files, directories.resolve(self.directory, path))

    const remove = (entry: Entry): Effect.Effect<boolean, tool.Closed> => {
      if (entry.path === ".") return Effect.succeed(true)
      const path = self.at(entry.path)
      return Effect.matchEffect(
        directories.isDirectory(entry.stat) ? self.files.rmdir(path) : self.files.unlink(path),
        {
          onFailure: (error) =>
            Effect.as(complain(`cannot delete ${message.quote(entry.path)}: ${message.of(error)}`), false),
          onSuccess: () => Effect.succeed(true)
        }
      )
    }

    const test = (one: Expression, entry: Entry): Effect.Effect<boolean, tool.Closed> =>
      Effect.suspend(() => {
        const { path, stat } = entry
        switch (one._tag) {
          case "And":
            return Effect.flatMap(test(one.left, entry), (met) => met ? test(one.right, entry) : Effect.succeed(false))
          case "Or":
            return Effect.flatMap(test(one.left, entry), (met) => met ? Effect.succeed(true) : test(one.right, entry))
          case "Not":
            return Effect.map(test(one.inner, entry), (met) => !met)
          case "Name":
          case "Path": {
            const text = one._tag === "Name" ? baseOf(path) : path
            return Effect.succeed(
              one.anyCase
                ? matches(pieces(one.pattern.toLowerCase()), text.toLowerCase())
                : matches(pieces(one.pattern), text)
            )
          }
          case "Type":
            return Effect.succeed(one.letters.includes(typeOf(stat)))
          case "Age": {
            const seconds = now - stat.mtime
            return Effect.succeed(
              fits(one.amount, one.unit === "day" ? Math.floor(seconds / 86_400) : seconds / 60)
            )
          }
          case "Size":
            return Effect.succeed(fits(one.amount, Math.ceil(Number(stat.size) / one.unit)))
          case "Newer":
            return Effect.succeed(stat.mtime > (ages.get(one.than) ?? Infinity))
          case "Empty":
            if (directories.isRegular(stat)) return Effect.succeed(stat.size === 0n)
            return directories.isDirectory(stat)
              ? Effect.match(list(path), { onFailure: () => false, onSuccess: ({ length }) => length === 0 })
              : Effect.succeed(false)
          case "Print":
            return Effect.as(self.print(path + one.end), true)
          case "Prune":
            entry.isPruned = true
            return Effect.succeed(true)
          case "Delete":
            return remove(entry)
          case "Exec": {
            if (one.together) {
              one.paths.push(path)
              const size = one.paths.reduce((sum, { length }) => sum + length + 1, 0)
              return Effect.as(size > mostTogether ? runTogether(one) : Effect.void, true)
            }
            const [first, ...rest] = one.words
            const filled = (word: string) => word.replaceAll("{}", () => path)
            return Effect.map(
              spawn(self, [filled(first), ...rest.map(filled)]),
              Option.exists((exit) => exit._tag === "Code" && exit.code === 0)
            )
          }
          case "True":
          case "False":
            return Effect.succeed(one._tag === "True")
        }
      })

    const walk = (path: string, depth: number, { deepest, depthFirst, expression, shallowest }: Search): Effect.Effect<
      void,
      tool.Closed
    > =>
      Effect.gen(function*() {
        const stat = yield* Effect.either(self.files.lstat(self.at(path)))
        if (stat._tag === "Left") return yield* complain(`${message.quote(path)}: ${message.of(stat.left)}`)
        const entry: Entry = { path, stat: stat.right, isPruned: false }
        const isAsked = depth >= shallowest
        if (isAsked && !depthFirst) yield* test(expression, entry)
        if (directories.isDirectory(stat.right) && depth < deepest && !entry.isPruned) {
          const names = yield* Effect.either(list(path))
          if (names._tag === "Left") yield* complain(`${message.quote(path)}: ${message.of(names.left)}`)
          else for (const name of names.right) yield* walk(below(path, name), depth + 1, search)
        }
        if (isAsked && depthFirst) yield* test(expression, entry)
      })

    for (const path of given.length === 0 ? ["."] : given) yield* walk(path, 0, search)
    for (const exec of execs) yield* runTogether(exec)
    return code
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { find }
