/**
 * Tools that report on files.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Stat } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as directories from "../directories.js"
import * as fileMode from "../fileMode.js"
import * as identity from "../identity.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"
import { monthNames, pad } from "./date.js"

const modeText = (mode: number): string => {
  const rights = (shift: number, special: number, letter: string) => {
    const bits = mode >> shift & 7
    const executes = (bits & 1) !== 0
    const last = (mode & special) !== 0 ? (executes ? letter : letter.toUpperCase()) : executes ? "x" : "-"
    return (bits & 4 ? "r" : "-") + (bits & 2 ? "w" : "-") + last
  }
  const type = fileMode.typeOf(mode)
  return (type === "f" ? "-" : type) + rights(6, fileMode.setUserId, "s") + rights(3, fileMode.setGroupId, "s") +
    rights(0, fileMode.sticky, "t")
}

// The host's time zone is UTC.
const dateText = (mtime: number, now: number): string => {
  const date = new Date(mtime * 1000)
  const isRecent = mtime <= now && mtime > now - 31556952 / 2
  const day = `${monthNames[date.getUTCMonth()]} ${`${date.getUTCDate()}`.padStart(2)}`
  return isRecent
    ? `${day} ${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`
    : `${day}  ${date.getUTCFullYear()}`
}

/** As `-h` has it. @internal */
export const humanSize = (size: bigint): string => {
  let value = Number(size)
  if (value < 1024) return `${value}`
  for (const unit of "KMGTPE") {
    value /= 1024
    if (Math.ceil(value * 10) / 10 < 10) return `${(Math.ceil(value * 10) / 10).toFixed(1)}${unit}`
    if (Math.ceil(value) < 1024) return `${Math.ceil(value)}${unit}`
  }
  return `${value}`
}

interface Entry {
  readonly name: string
  readonly path: string
  readonly stat: Stat
}

const indicator = ({ stat: { mode } }: Entry, found: options.Options): string => {
  if (found.has("p") && !found.has("F")) return directories.isDirectory({ mode }) ? "/" : ""
  if (!found.has("F")) return ""
  if (directories.isDirectory({ mode })) return "/"
  if (directories.isLink({ mode })) return found.has("l") ? "" : "@"
  return directories.isRegular({ mode }) && (mode & fileMode.executeBits) !== 0 ? "*" : ""
}

const printEntries = (self: tool.Tool, found: options.Options, entries: ReadonlyArray<Entry>, total: boolean) =>
  Effect.gen(function*() {
    const sorted = [...entries].sort((left, right) =>
      (found.has("t")
        ? right.stat.mtime - left.stat.mtime
        : found.has("S")
        ? Number(right.stat.size - left.stat.size)
        : 0) ||
      bytes.compare(left.name, right.name)
    )
    if (found.has("r")) sorted.reverse()
    if (!found.has("l") && !found.has("n")) {
      return yield* self.print(
        sorted.map((entry) => `${found.has("i") ? `${entry.stat.ino} ` : ""}${entry.name}${indicator(entry, found)}\n`)
          .join("")
      )
    }
    const now = (yield* Clock.currentTimeMillis) / 1000
    const rows: Array<{ readonly cells: ReadonlyArray<string>; readonly end: string }> = []
    for (const entry of sorted) {
      const { stat } = entry
      const user = found.has("n") ? `${stat.uid}` : yield* identity.userName(self.files, stat.uid)
      const group = found.has("n") ? `${stat.gid}` : yield* identity.groupName(self.files, stat.gid)
      const target = directories.isLink(stat)
        ? yield* Effect.option(self.files.readlink(self.at(entry.path)))
        : undefined
      const arrow = target?._tag === "Some" ? ` -> ${bytes.fromText(target.value)}` : ""
      const size = found.has("h") ? humanSize(stat.size) : `${stat.size}`
      rows.push({
        cells: [modeText(stat.mode), `${stat.nlink}`, user, group, size],
        end: `${dateText(stat.mtime, now)} ${entry.name}${indicator(entry, found)}${arrow}`
      })
    }
    const width = (column: number) => Math.max(0, ...rows.map(({ cells }) => cells[column]?.length ?? 0))
    const widths = [0, 1, 2, 3, 4].map(width)
    // blocks as a file system with pages of 4 KiB has them
    const blocks = sorted.reduce(
      (sum, { stat }) => sum + (directories.isLink(stat) ? 0 : Math.ceil(Number(stat.size) / 4096) * 4),
      0
    )
    if (total) yield* self.print(`total ${found.has("h") ? humanSize(BigInt(blocks) * 1024n) : blocks}\n`)
    yield* self.print(
      rows.map(({ cells: [mode = "", links = "", user = "", group = "", size = ""], end }) =>
        `${mode} ${links.padStart(widths[1] ?? 0)} ${user.padEnd(widths[2] ?? 0)} ${group.padEnd(widths[3] ?? 0)} ${
          size.padStart(widths[4] ?? 0)
        } ${end}\n`
      ).join("")
    )
  })

interface Listing {
  readonly self: tool.Tool
  readonly found: options.Options
  /** The exit code so far. */
  code: number
  /** Whether something was printed. An empty line separates it from the next directory. */
  printed: boolean
  /** Whether directories are printed with their names. */
  readonly headed: boolean
}

const complain = (listing: Listing, words: string, status: number) => {
  listing.code = Math.max(listing.code, status)
  return listing.self.complain(words)
}

// The attributes of an operand: of a link, or of what it leads to.
const statOperand = ({ found, self }: Listing, path: string) =>
  Effect.gen(function*() {
    const follow = !found.has("l") && !found.has("n") && !found.has("d") && !found.has("F")
    const link = yield* Effect.either(self.files.lstat(self.at(path)))
    const target = yield* Effect.either(self.files.stat(self.at(path)))
    const toDirectory = target._tag === "Right" && directories.isDirectory(target.right)
    const isLinkToDirectory = link._tag === "Right" && directories.isLink(link.right) && toDirectory
    const isFollowed = follow && (target._tag === "Right" || target.left.errno !== "ENOENT")
    return isLinkToDirectory && path.endsWith("/") || isFollowed ? target : link
  })

// The entries of a directory that are listed.
const entriesOf = (listing: Listing, path: string, names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { found, self } = listing
    const looks = [..."lntSFi"].some(found.has)
    const shown = names.filter((name) => found.has("a") || found.has("A") || !name.startsWith("."))
    const entries: Array<Entry> = []
    for (const name of found.has("a") ? [".", "..", ...shown] : shown) {
      const inner = path.endsWith("/") ? `${path}${name}` : `${path}/${name}`
      const stat = yield* Effect.either(self.files.lstat(self.at(inner)))
      if (stat._tag === "Left" && !looks) {
        // anyone who may read the directory sees the names
        entries.push({
          name,
          path: inner,
          stat: { ...(yield* Effect.orDie(self.files.stat(self.at(path)))), mode: 0 }
        })
      } else if (stat._tag === "Left") {
        yield* complain(listing, `cannot access ${message.quote(inner)}: ${message.of(stat.left)}`, 1)
      } else entries.push({ name, path: inner, stat: stat.right })
    }
    return entries
  })

const listDirectory = (listing: Listing, path: string, isTop: boolean): Effect.Effect<void, tool.Closed> =>
  Effect.gen(function*() {
    const { found, headed, self } = listing
    const names = yield* Effect.either(directories.list(self.files, directories.resolve(self.directory, path)))
    if (names._tag === "Left") {
      return yield* complain(
        listing,
        `cannot open directory ${message.quote(path)}: ${message.of(names.left)}`,
        isTop ? 2 : 1
      )
    }
    if (headed) yield* self.print(`${listing.printed ? "\n" : ""}${path}:\n`)
    listing.printed = true
    const entries = yield* entriesOf(listing, path, names.right)
    yield* printEntries(self, found, entries, true)
    if (!found.has("R")) return
    const inner = entries.filter(({ name, stat }) => name !== "." && name !== ".." && directories.isDirectory(stat))
    for (const one of found.has("r") ? inner.reverse() : inner) yield* listDirectory(listing, one.path, false)
  })

const ls: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("ls", self.words, {
      flags: "aAl1dRrtSFphin",
      long: {
        all: "a",
        "almost-all": "A",
        directory: "d",
        recursive: "R",
        reverse: "r",
        classify: "F",
        "human-readable": "h",
        inode: "i",
        "numeric-uid-gid": "n"
      }
    })
    const operands = found.operands.length === 0 ? ["."] : found.operands
    const headed = operands.length > 1 || found.has("R")
    const listing: Listing = { self, found, code: 0, printed: false, headed }
    const files: Array<Entry> = []
    const listed: Array<Entry> = []
    for (const path of operands) {
      const stat = yield* statOperand(listing, path)
      if (stat._tag === "Left") {
        yield* complain(listing, `cannot access ${message.quote(path)}: ${message.of(stat.left)}`, 2)
      } else if (directories.isDirectory(stat.right) && !found.has("d")) {
        listed.push({ name: path, path, stat: stat.right })
      } else files.push({ name: path, path, stat: stat.right })
    }
    if (files.length > 0) yield* printEntries(self, found, files, false)
    listing.printed = files.length > 0
    listed.sort((left, right) => bytes.compare(left.name, right.name))
    if (found.has("r")) listed.reverse()
    for (const { path } of listed) yield* listDirectory(listing, path, true)
    return listing.code
  })

const kinds: Readonly<Record<string, string>> = {
  p: "fifo",
  c: "character special file",
  d: "directory",
  b: "block special file",
  "-": "regular file",
  l: "symbolic link",
  s: "socket"
}

// GNU's `stat` prints UNKNOWN for an id without a name. `ls` prints the number.
const nameOr = (name: Option.Option<string>): string =>
  Option.match(name, { onNone: () => "UNKNOWN", onSome: bytes.fromText })

const stat: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("stat", self.words, {
      flags: "L",
      values: "c",
      long: { dereference: "L", format: "c" }
    })
    const format = found.value("c")
    if (format === undefined) return yield* tool.stop("InMemoryHost does not understand stat without -c", 2)
    const unknown = /%(?![aAfFgGhinNsuUYX%])[^]?/.exec(format)
    if (unknown !== null) return yield* tool.stop(`InMemoryHost does not understand ${unknown[0]}`, 2)
    if (found.operands.length === 0) return yield* tool.stop("missing operand\nTry 'stat --help' for more information.")
    return yield* input.each(self, found.operands, (path) =>
      Effect.gen(function*() {
        const one = yield* (found.has("L") ? self.files.stat : self.files.lstat)(self.at(path))
        const user = nameOr(yield* self.files.userName(one.uid))
        const group = nameOr(yield* self.files.groupName(one.gid))
        const link = directories.isLink(one)
          ? ` -> ${message.quote(bytes.fromText(yield* self.files.readlink(self.at(path))))}`
          : ""
        const kind = kinds[modeText(one.mode).charAt(0)] ?? "unknown"
        const values: Readonly<Record<string, string>> = {
          a: (one.mode & fileMode.permissionBits).toString(8),
          A: modeText(one.mode),
          f: one.mode.toString(16),
          F: kind === "regular file" && one.size === 0n ? "regular empty file" : kind,
          g: `${one.gid}`,
          G: group,
          h: `${one.nlink}`,
          i: `${one.ino}`,
          n: path,
          N: message.quote(path) + link,
          s: `${one.size}`,
          u: `${one.uid}`,
          U: user,
          X: `${one.atime}`,
          Y: `${one.mtime}`,
          "%": "%"
        }
        yield* self.print(`${format.replace(/%([^])/g, (_, letter: string) => values[letter] ?? "")}\n`)
      }), (path, error) => `cannot statx ${message.quote(path)}: ${message.of(error)}`)
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { ls, stat }
