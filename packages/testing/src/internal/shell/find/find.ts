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
import * as fileMode from "../fileMode.js"
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

/** State of a search. */
interface Walk {
  readonly tool: tool.Tool
  /** Seconds since 1970. */
  readonly now: number
  /** The times of the files that `-newer` names. */
  readonly ages: Map<string, number>
  readonly execs: Array<Exec>
  code: number
}

const isExpression = (word: string) => /^-./.test(word) || word === "!" || word === "("

const complain = (walk: Walk, words: string) => {
  walk.code = 1
  return walk.tool.complain(words)
}

// before anything is done, as the words are read
const prepare = (walk: Walk, one: Expression): Effect.Effect<void, tool.Stop> =>
  Effect.gen(function*() {
    if (one._tag === "And" || one._tag === "Or") {
      yield* Effect.zipRight(prepare(walk, one.left), prepare(walk, one.right))
    } else if (one._tag === "Not") yield* prepare(walk, one.inner)
    else if (one._tag === "Exec" && one.together) walk.execs.push(one)
    else if (one._tag === "Newer") {
      const stat = yield* Effect.mapError(
        walk.tool.files.lstat(walk.tool.at(one.than)),
        (error) => tool.stop(`${message.quote(one.than)}: ${message.of(error)}`)
      )
      walk.ages.set(one.than, stat.mtime)
    }
  })

const runTogether = (walk: Walk, exec: Exec): Effect.Effect<void, tool.Closed> =>
  Effect.suspend(() => {
    const paths = exec.paths.splice(0)
    if (paths.length === 0) return Effect.void
    return Effect.map(spawn(walk.tool, [...exec.words, ...paths]), (exit) => {
      if (!Option.exists(exit, (one) => one._tag === "Code" && one.code === 0)) walk.code = 1
    })
  })

const list = (walk: Walk, path: string) =>
  directories.list(walk.tool.files, directories.resolve(walk.tool.directory, path))

const remove = (walk: Walk, entry: Entry): Effect.Effect<boolean, tool.Closed> => {
  if (entry.path === ".") return Effect.succeed(true)
  const path = walk.tool.at(entry.path)
  return Effect.matchEffect(
    directories.isDirectory(entry.stat) ? walk.tool.files.rmdir(path) : walk.tool.files.unlink(path),
    {
      onFailure: (error) =>
        Effect.as(complain(walk, `cannot delete ${message.quote(entry.path)}: ${message.of(error)}`), false),
      onSuccess: () => Effect.succeed(true)
    }
  )
}

const test = (walk: Walk, one: Expression, entry: Entry): Effect.Effect<boolean, tool.Closed> =>
  Effect.suspend(() => {
    const { path, stat } = entry
    switch (one._tag) {
      case "And":
        return Effect.flatMap(test(walk, one.left, entry), (met) =>
          met ? test(walk, one.right, entry) : Effect.succeed(false))
      case "Or":
        return Effect.flatMap(test(walk, one.left, entry), (met) =>
          met ? Effect.succeed(true) : test(walk, one.right, entry))
      case "Not":
        return Effect.map(test(walk, one.inner, entry), (met) =>
          !met)
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
        return Effect.succeed(one.letters.includes(fileMode.typeOf(stat.mode)))
      case "Age": {
        const seconds = walk.now - stat.mtime
        return Effect.succeed(
          fits(one.amount, one.unit === "day" ? Math.floor(seconds / 86_400) : seconds / 60)
        )
      }
      case "Size":
        return Effect.succeed(fits(one.amount, Math.ceil(Number(stat.size) / one.unit)))
      case "Newer":
        return Effect.succeed(stat.mtime > (walk.ages.get(one.than) ?? Infinity))
      case "Empty":
        if (directories.isRegular(stat)) {
          return Effect.succeed(stat.size === 0n)
        }
        return directories.isDirectory(stat)
          ? Effect.match(list(walk, path), {
            onFailure: () =>
              false,
            onSuccess: ({ length }) =>
              length === 0
          })
          : Effect.succeed(false)
      case "Print":
        return Effect.as(walk.tool.print(path + one.end), true)
      case "Prune":
        entry.isPruned = true
        return Effect.succeed(true)
      case "Delete":
        return remove(walk, entry)
      case "Exec": {
        if (one.together) {
          one.paths.push(path)
          const size = one.paths.reduce((sum, { length }) => sum + length + 1, 0)
          return Effect.as(size > mostTogether ? runTogether(walk, one) : Effect.void, true)
        }
        const [first, ...rest] = one.words
        const filled = (word: string) => word.replaceAll("{}", () => path)
        return Effect.map(
          spawn(walk.tool, [filled(first), ...rest.map(filled)]),
          Option.exists((exit) => exit._tag === "Code" && exit.code === 0)
        )
      }
      case "True":
      case "False":
        return Effect.succeed(one._tag === "True")
    }
  })

const visit = (walk: Walk, path: string, depth: number, search: Search): Effect.Effect<void, tool.Closed> =>
  Effect.gen(function*() {
    const { deepest, depthFirst, expression, shallowest } = search
    const stat = yield* Effect.either(walk.tool.files.lstat(walk.tool.at(path)))
    if (stat._tag === "Left") return yield* complain(walk, `${message.quote(path)}: ${message.of(stat.left)}`)
    const entry: Entry = { path, stat: stat.right, isPruned: false }
    const isAsked = depth >= shallowest
    if (isAsked && !depthFirst) yield* test(walk, expression, entry)
    if (directories.isDirectory(stat.right) && depth < deepest && !entry.isPruned) {
      const names = yield* Effect.either(list(walk, path))
      if (names._tag === "Left") yield* complain(walk, `${message.quote(path)}: ${message.of(names.left)}`)
      else for (const name of names.right) yield* visit(walk, below(path, name), depth + 1, search)
    }
    if (isAsked && depthFirst) yield* test(walk, expression, entry)
  })

const find: tool.Run = (self) =>
  Effect.gen(function*() {
    const begin = self.words.findIndex(isExpression)
    const given = begin < 0 ? self.words : self.words.slice(0, begin)
    const search = yield* parse(begin < 0 ? [] : self.words.slice(begin))
    const now = (yield* Clock.currentTimeMillis) / 1000
    const walk: Walk = { tool: self, now, ages: new Map(), execs: [], code: 0 }
    yield* prepare(walk, search.expression)
    for (const path of given.length === 0 ? ["."] : given) yield* visit(walk, path, 0, search)
    for (const exec of walk.execs) yield* runTogether(walk, exec)
    return walk.code
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { find }
