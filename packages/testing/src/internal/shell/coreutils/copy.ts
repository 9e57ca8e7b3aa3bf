import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Change, type Stat } from "../../sftp/sftpFileSystem.js"
import * as descriptor from "../descriptor.js"
import * as directories from "../directories.js"
import * as fileMode from "../fileMode.js"
import { quote } from "../message.js"
import * as options from "../options.js"
import type * as tool from "../tool.js"
import { below, each, Failure, failure, isSame, look, pairs, say, type Step } from "./operands.js"

interface Copying {
  readonly recursive: boolean
  readonly preserves: boolean
  readonly keepsLinks: boolean
  readonly force: boolean
  readonly report: (from: string, to: string) => Effect.Effect<void, tool.Closed>
}

/** The directory that all is copied to, which may be within the one that is copied. */
interface Root {
  readonly from: string
  readonly to: string
  readonly stat: Stat
}

const preserve = (self: tool.Tool, to: string, { atime, gid, mode, mtime, uid }: Stat) =>
  Effect.gen(function*() {
    const before = yield* Effect.option(self.files.stat(self.at(to)))
    const isSameOwner = before._tag === "Some" && before.value.uid === uid && before.value.gid === gid
    if (!isSameOwner) yield* Effect.ignore(self.files.change(self.at(to), Change.Owner({ uid, gid })))
    // set as a list of rights, which has no set-user-id and its like: those of the target stay, where the source has none
    const special = mode & fileMode.specialBits
    const kept = special === 0 && isSameOwner ? before.value.mode & fileMode.specialBits : special
    yield* Effect.ignore(self.files.change(self.at(to), Change.Mode({ mode: mode & fileMode.accessBits | kept })))
    yield* Effect.ignore(self.files.change(self.at(to), Change.Times({ atime, mtime })))
  })

interface Copy {
  readonly self: tool.Tool
  readonly how: Copying
  readonly from: string
  readonly to: string
  readonly stat: Stat
  /** The entry at `to`. A link there is followed unless the source is a directory or a link. */
  readonly target: Option.Option<Stat>
}

const checkDirectory = ({ from, stat, target, to }: Copy, root: Root | undefined): Effect.Effect<void, Failure> => {
  if (Option.isSome(target) && !directories.isDirectory(target.value)) {
    return new Failure({ words: `cannot overwrite non-directory ${quote(to)} with directory ${quote(from)}` })
  }
  return root !== undefined && isSame(stat, root.stat)
    ? new Failure({ words: `cannot copy a directory, ${quote(root.from)}, into itself, ${quote(root.to)}` })
    : Effect.void
}

const createDirectory = ({ self, stat, to }: Copy): Effect.Effect<void, Failure> =>
  Effect.mapError(
    self.files.mkdir(self.at(to), stat.mode & fileMode.accessBits | 0o700),
    (error) => failure(`cannot create directory ${quote(to)}`, error)
  )

const copyDirectory = (copy: Copy, root: Root | undefined): Step =>
  Effect.gen(function*() {
    const { from, how, self, stat, target, to } = copy
    yield* checkDirectory(copy, root)
    if (Option.isNone(target)) yield* createDirectory(copy)
    const names = yield* Effect.mapError(
      directories.list(self.files, directories.resolve(self.directory, from)),
      (error) => failure(`cannot access ${quote(from)}`, error)
    )
    const made = yield* Effect.mapError(
      self.files.stat(self.at(to)),
      (error) => failure(`cannot stat ${quote(to)}`, error)
    )
    const inner = root ?? { from, to, stat: made }
    yield* how.report(from, to)
    let failed: Failure | undefined
    for (const name of names) {
      const copied = yield* Effect.either(copyOne(self, how, below(from, name), below(to, name), inner))
      if (copied._tag === "Right") continue
      if (copied.left._tag === "Closed") return yield* copied.left
      if (failed !== undefined) yield* self.complain(failed.words)
      failed = copied.left
    }
    if (how.preserves) yield* preserve(self, to, stat)
    else if (Option.isNone(target) && (stat.mode & 0o700) !== 0o700) {
      yield* Effect.ignore(self.files.change(self.at(to), Change.Mode({ mode: stat.mode & fileMode.accessBits })))
    }
    if (failed !== undefined) return yield* failed
  })

// A directory is not replaced, and nothing is copied to itself.
const checkReplaced = ({ from, self, stat, to }: Copy, target: Stat): Effect.Effect<void, Failure> =>
  Effect.gen(function*() {
    const source = directories.isLink(stat) && !directories.isLink(target)
      ? yield* Effect.option(self.files.stat(self.at(from)))
      : Option.some(stat)
    if (Option.isSome(source) && isSame(source.value, target)) {
      return yield* new Failure({ words: `${quote(from)} and ${quote(to)} are the same file` })
    }
    if (directories.isDirectory(target)) {
      return yield* new Failure({ words: `cannot overwrite directory ${quote(to)} with non-directory` })
    }
  })

const copyLink = ({ from, how, self, target, to }: Copy): Step =>
  Effect.gen(function*() {
    if (Option.isSome(target)) yield* Effect.ignore(self.files.unlink(self.at(to)))
    const text = yield* Effect.mapError(
      self.files.readlink(self.at(from)),
      (error) => failure(`cannot read symbolic link ${quote(from)}`, error)
    )
    yield* Effect.mapError(
      self.files.symlink(text, self.at(to)),
      (error) => failure(`cannot create symbolic link ${quote(to)}`, error)
    )
    yield* how.report(from, to)
  })

const copyContent = ({ from, how, self, stat, to }: Copy): Effect.Effect<void, Failure> =>
  Effect.scoped(Effect.gen(function*() {
    const source = yield* Effect.mapError(
      self.files.open(self.at(from), descriptor.flagsOf("<"), 0),
      (error) => failure(`cannot open ${quote(from)} for reading`, error)
    )
    const open = self.files.open(self.at(to), descriptor.flagsOf(">"), stat.mode & fileMode.accessBits)
    const opened = yield* Effect.mapError(
      how.force
        ? Effect.catchTag(open, "PosixError", () => Effect.zipRight(self.files.unlink(self.at(to)), open))
        : open,
      (error) => failure(`cannot create regular file ${quote(to)}`, error)
    )
    const writer = descriptor.write(opened)
    const reader = descriptor.read(source)
    yield* Effect.mapError(
      Effect.gen(function*() {
        for (let next = yield* reader.read; next._tag === "Some"; next = yield* reader.read) {
          yield* writer.write(next.value)
        }
      }),
      (error) => failure(`error writing ${quote(to)}`, error)
    )
  }))

const copyFile = (copy: Copy): Step =>
  Effect.gen(function*() {
    const { from, how, self, stat, target, to } = copy
    if (Option.isNone(target) && (yield* Effect.isSuccess(self.files.lstat(self.at(to))))) {
      return yield* new Failure({ words: `not writing through dangling symlink ${quote(to)}` })
    }
    yield* copyContent(copy)
    if (how.preserves) yield* preserve(self, to, stat)
    yield* how.report(from, to)
  })

const copyOne = (self: tool.Tool, how: Copying, from: string, to: string, root?: Root): Step =>
  Effect.gen(function*() {
    const stat = yield* Effect.mapError(
      how.keepsLinks ? self.files.lstat(self.at(from)) : self.files.stat(self.at(from)),
      (error) => failure(`cannot stat ${quote(from)}`, error)
    )
    const isDirectory = directories.isDirectory(stat)
    if (isDirectory && !how.recursive) {
      return yield* new Failure({ words: `-r not specified; omitting directory ${quote(from)}` })
    }
    const there = Effect.option(self.files.stat(self.at(to)))
    if (isDirectory && Option.exists(yield* there, (target) => isSame(stat, target))) {
      return yield* new Failure({ words: `${quote(from)} and ${quote(to)} are the same file` })
    }
    // A copy that replaces a link, instead of writing through it, looks at the link itself.
    const looksAtLink = isDirectory || directories.isLink(stat)
    const target = yield* look(looksAtLink ? self.files.lstat(self.at(to)) : self.files.stat(self.at(to)), to)
    const copy: Copy = { self, how, from, to, stat, target }
    if (isDirectory) return yield* copyDirectory(copy, root)
    if (Option.isSome(target)) yield* checkReplaced(copy, target.value)
    yield* directories.isLink(stat) ? copyLink(copy) : copyFile(copy)
  })

const cp: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("cp", self.words, {
      flags: "rRapPLfnvTd",
      values: "t",
      long: {
        recursive: "r",
        archive: "a",
        force: "f",
        "no-clobber": "n",
        verbose: "v",
        "no-target-directory": "T",
        "target-directory": "t",
        "no-dereference": "P",
        dereference: "L",
        preserve: "p"
      }
    })
    const recursive = found.has("r") || found.has("R") || found.has("a")
    const how: Copying = {
      recursive,
      preserves: found.has("p") || found.has("a"),
      keepsLinks: (recursive || found.has("P") || found.has("d")) && !found.has("L"),
      force: found.has("f"),
      report: (from, to) => say(self, found, `${quote(from)} -> ${quote(to)}`)
    }
    return yield* each(self, yield* pairs(self, found, "cp"), ([from, to]) =>
      Effect.flatMap(Effect.option(self.files.lstat(self.at(to))), (there) =>
        found.has("n") && there._tag === "Some"
          ? Effect.void
          : copyOne(self, how, from, to)))
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { cp }
