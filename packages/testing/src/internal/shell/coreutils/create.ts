/**
 * Tools that create files and change their attributes.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { Change, PosixError } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as directories from "../directories.js"
import * as fileMode from "../fileMode.js"
import * as message from "../message.js"
import { changeMode } from "../mode.js"
import * as options from "../options.js"
import * as tool from "../tool.js"
import { below, each, Failure, failure, hint, say, type Step } from "./operands.js"

const { quote, quoteText } = message

const mkdir: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("mkdir", self.words, {
      flags: "pv",
      values: "m",
      long: { parents: "p", verbose: "v", mode: "m" }
    })
    if (found.operands.length === 0) return yield* hint(self, "missing operand")
    const modeText = found.value("m")
    const mode = modeText === undefined ? undefined : changeMode(modeText, 0o777, true)
    if (modeText !== undefined && mode === undefined) return yield* tool.stop(`invalid mode ${quoteText(modeText)}`)
    const make = (path: string): Step =>
      Effect.mapError(self.files.mkdir(self.at(path), 0o777), (error) =>
        failure(`cannot create directory ${quoteText(path)}`, error))
    return yield* each(self, found.operands, (path) =>
      Effect.gen(function*() {
        if (found.has("p")) {
          const steps = path.split(/(?<=[^/])(?=\/)/)
          for (let count = 1; count <= steps.length; count++) {
            const part = steps.slice(0, count).join("")
            if (/^\/*$/.test(part.slice(-1)) && part.replace(/\/+$/, "") === "") {
              continue
            }
            const name = part.replace(/(?<=[^/])\/+$/, "")
            const there = yield* Effect.either(self.files.stat(self.at(name)))
            // mkdir enters each directory, and its message names the one that denies access
            if (there._tag === "Left" && there.left.errno === "EACCES" && count > 1) {
              const above = steps.slice(0, count - 1).join("").replace(/(?<=[^/])\/+$/, "")
              return yield* Effect.fail(failure(`cannot create directory ${quoteText(above)}`, there.left))
            }
            if (there._tag === "Left" && there.left.errno === "ELOOP") {
              const what = count < steps.length
                ? `cannot create directory ${quoteText(name)}`
                : `cannot stat ${quoteText(path)}`
              return yield* Effect.fail(failure(what, there.left))
            }
            if (there._tag === "Right") {
              if (directories.isDirectory(there.right)) {
                continue
              }
              const error = new PosixError({ errno: count === steps.length ? "EEXIST" : "ENOTDIR" })
              return yield* Effect.fail(failure(`cannot create directory ${quoteText(name)}`, error))
            }
            yield* make(name)
            yield* say(self, found, `mkdir: created directory ${quoteText(name)}`)
          }
        } else {
          yield* make(path)
          yield* say(self, found, `mkdir: created directory ${quoteText(path)}`)
        }
        if (mode !== undefined) {
          yield* Effect.ignore(self.files.change(self.at(path), Change.Mode({ mode })))
        }
      }))
  })

/** Seconds since 1970 of what `touch -d` or `touch -t` is given; of the many ways to say one, `@` and a number alone. */
const secondsOf = (letter: string, text: string, now: number): number | undefined => {
  if (letter === "d") return /^@-?[0-9]+$/.test(text) ? Number(text.slice(1)) : undefined
  const match = /^((?:[0-9]{2}){0,2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]{2}))?$/.exec(text)
  if (match === null) return undefined
  const [, year = "", ...rest] = match
  const [month = 1, day = 1, hour = 0, minute = 0, second = 0] = rest.map((part = "0") => Number(part))
  const whole = year === ""
    ? new Date(now * 1000).getUTCFullYear()
    : Number(year) + (year.length === 4 ? 0 : Number(year) < 69 ? 2000 : 1900)
  const time = Date.UTC(whole, month - 1, day, hour, minute, second)
  return month < 1 || new Date(time).getUTCMonth() !== month - 1 || hour > 23 || minute > 59 || second > 60
    ? undefined
    : time / 1000
}

const touch: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("touch", self.words, {
      flags: "amc",
      values: "dtr",
      long: { "no-create": "c", date: "d", reference: "r" }
    })
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const given = found.last("dt")
    const reference = found.value("r")
    let times = { atime: now, mtime: now }
    if (given !== undefined) {
      const [letter, text] = given
      const time = secondsOf(letter, text, now)
      if (time === undefined) {
        return yield* letter === "t"
          ? tool.stop(`invalid date format ${quoteText(text)}`)
          : tool.stop(`InMemoryHost does not understand the date ${text}`, 2)
      }
      times = { atime: time, mtime: time }
    } else if (reference !== undefined) {
      times = yield* Effect.mapError(
        self.files.stat(self.at(reference)),
        (error) => tool.stop(`failed to get attributes of ${quote(reference)}: ${message.of(error)}`)
      )
    }
    if (found.operands.length === 0) return yield* hint(self, "missing file operand")
    const both = found.has("a") === found.has("m")
    return yield* each(self, found.operands, (path) =>
      Effect.gen(function*() {
        const stat = yield* Effect.either(self.files.stat(self.at(path)))
        const isOpened = !found.has("c") && !(stat._tag === "Right" && directories.isDirectory(stat.right))
        const cannot = (error: PosixError) =>
          failure(`${isOpened ? "cannot touch" : "setting times of"} ${quote(path)}`, error)
        if (stat._tag === "Left") {
          if (found.has("c")) return stat.left.errno === "ENOENT" ? undefined : yield* Effect.fail(cannot(stat.left))
          const flags = { read: false, write: true, append: false, create: true, truncate: false, exclusive: false }
          yield* Effect.mapError(
            Effect.scoped(self.files.open(self.at(path), flags, 0o666)),
            (error) => error.errno === "EISDIR" ? failure(`setting times of ${quote(path)}`, stat.left) : cannot(error)
          )
          // a new file has the current time
          if (given === undefined && reference === undefined) return
        }
        const before = stat._tag === "Right" ? stat.right : { atime: now, mtime: now }
        const changed = Change.Times({
          atime: both || found.has("a") ? times.atime : before.atime,
          mtime: both || found.has("m") ? times.mtime : before.mtime
        })
        yield* Effect.mapError(self.files.change(self.at(path), changed), cannot)
      }))
  })

const chmod: tool.Run = (self) =>
  Effect.gen(function*() {
    // a mode may look like an option
    const words = self.words.map((word) => /^-[rwxXst]+$/.test(word) ? `a${word}` : word)
    const found = yield* options.read("chmod", words, { flags: "Rfv", long: { recursive: "R" } })
    const [mode, ...paths] = found.operands
    if (mode === undefined) return yield* hint(self, "missing operand")
    if (paths.length === 0) return yield* hint(self, `missing operand after ${quoteText(mode)}`)
    if (found.has("v")) return yield* tool.stop("InMemoryHost does not understand the option -v", 2)
    if (changeMode(mode, 0, false) === undefined) return yield* hint(self, `invalid mode: ${quoteText(mode)}`)
    const change = (path: string): Step =>
      Effect.gen(function*() {
        const stat = yield* Effect.catchAll(self.files.stat(self.at(path)), (error) =>
          Effect.flatMap(Effect.isSuccess(self.files.lstat(self.at(path))), (isThere) =>
            isThere && error.errno === "ENOENT"
              ? new Failure({ words: `cannot operate on dangling symlink ${quote(path)}` })
              : failure(`cannot access ${quote(path)}`, error)))
        const isDirectory = directories.isDirectory(stat)
        const changed = changeMode(mode, stat.mode & fileMode.permissionBits, isDirectory) ?? 0
        yield* Effect.mapError(
          self.files.change(self.at(path), Change.Mode({ mode: changed })),
          (error) => failure(`changing permissions of ${quote(path)}`, error)
        )
        if (!isDirectory || !found.has("R")) {
          return
        }
        const names = yield* Effect.mapError(
          directories.list(self.files, directories.resolve(self.directory, path)),
          (error) =>
            failure(`cannot read directory ${quote(path)}`, error)
        )
        for (const name of names) {
          const inner = below(path, name)
          const entry = yield* Effect.option(self.files.lstat(self.at(inner)))
          if (entry._tag === "Some" && !directories.isLink(entry.value)) yield* change(inner)
        }
      })
    return yield* each(self, paths, change)
  })

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

const mktemp: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("mktemp", self.words, { flags: "d", long: { directory: "d" } })
    const [given] = found.operands
    const template = given ?? `${bytes.fromText(self.environment.get("TMPDIR") ?? "/tmp")}/tmp.XXXXXXXXXX`
    const match = /X{3,}$/.exec(template)
    if (match === null) return yield* tool.stop(`too few X's in template ${quote(template)}`)
    while (true) {
      const random = yield* Effect.forEach(match[0].split(""), () => Random.nextIntBetween(0, letters.length))
      const path = template.slice(0, match.index) + random.map((index) => letters.charAt(index)).join("")
      const flags = { read: false, write: true, append: false, create: true, truncate: false, exclusive: true }
      const made = yield* Effect.either(
        found.has("d")
          ? self.files.mkdir(self.at(path), 0o700)
          : Effect.scoped(Effect.asVoid(self.files.open(self.at(path), flags, 0o600)))
      )
      if (made._tag === "Right") {
        yield* self.print(`${path}\n`)
        return 0
      }
      if (made.left.errno !== "EEXIST") {
        return yield* tool.stop(
          `failed to create ${found.has("d") ? "directory" : "file"} via template ${quote(template)}: ${
            message.of(made.left)
          }`
        )
      }
    }
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { chmod, mkdir, mktemp, touch }
