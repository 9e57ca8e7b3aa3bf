/**
 * Steps that are about files, as they are made.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import type { WalkEntry } from "@effect-remote/core/RemoteFileSystem"
import type { File } from "@effect/platform/FileSystem"
import { Effect, Match, Option, Stream } from "effect"
import * as outcome from "./outcome.js"
import type { Content, Use } from "./program.js"
import { type Side, SourceFailed } from "./side.js"

type Fx = Effect.Effect<outcome.Json, unknown>

export const bytesOf = ({ text, times }: Content): Uint8Array => Sftp.encodeName(text.repeat(times))

/** A stream of pieces. With `fails` it fails after them. */
export const source = (pieces: ReadonlyArray<Content>, fails: boolean): Stream.Stream<Uint8Array, SourceFailed> => {
  const whole: Stream.Stream<Uint8Array, SourceFailed> = Stream.map(Stream.fromIterable(pieces), bytesOf)
  return fails ? Stream.concat(whole, Stream.fail(new SourceFailed())) : whole
}

const withMode = (mode: number | undefined) => mode === undefined ? {} : { mode }

const done = (effect: Effect.Effect<unknown, unknown>): Fx => Effect.as(effect, "done")

const used = (side: Side, path: string, file: File) =>
  Match.typeTags<Use>()({
    Read: ({ size }): Fx =>
      Effect.map(file.readAlloc(size), Option.match({ onNone: () => "the end", onSome: outcome.content })),
    Write: ({ content }) => Effect.map(file.write(bytesOf(content)), Number),
    Seek: ({ from, offset }) => done(file.seek(offset, from)),
    Truncate: ({ size }) => done(file.truncate(size)),
    Stat: () => Effect.map(file.stat, outcome.info),
    Sync: () => done(file.sync),
    Unlink: () => done(side.files.remove(path)),
    RenameTo: (to) => done(side.files.rename(path, `${side.root}/${to.path}`))
  })

const walked = (entry: WalkEntry): outcome.Json => ({
  path: entry.path,
  depth: entry.depth,
  ...(entry._tag === "Failed" ? { error: outcome.error(entry.error) } : { info: outcome.info(entry.info) })
})

const sorted = (lines: Iterable<outcome.Json>): ReadonlyArray<outcome.Json> =>
  [...lines].map((line) => [JSON.stringify(line), line] as const).sort(([a], [b]) => a < b ? -1 : 1).map(([, line]) =>
    line
  )

type Tag =
  | "Access"
  | "AtomicWrite"
  | "Chmod"
  | "Chown"
  | "Copy"
  | "CopyFile"
  | "Digest"
  | "Link"
  | "ListFiles"
  | "Look"
  | "MakeDirectory"
  | "Open"
  | "Read"
  | "ReadDirectory"
  | "ReadPart"
  | "Remove"
  | "Rename"
  | "Sink"
  | "Sweep"
  | "Symlink"
  | "Temporary"
  | "Truncate"
  | "Utimes"
  | "Walk"
  | "Write"

/** @see outcome.Handlers */
export const handlers = (side: Side): outcome.Handlers<Tag> => {
  const { files, root } = side
  const at = (path: string) => `${root}/${path}`

  // An operation on a tree fails at whichever entry comes first, so the work done before is not predictable.
  const wiped = (path: string) =>
    Effect.matchEffect(files.lstat(path), { onFailure: () => Effect.void, onSuccess: () => side.wipe(path) })
  const wholly = (from: string, to: string, effect: Fx): Fx =>
    Effect.catchAll(effect, (failure) =>
      Effect.flatMap(
        Effect.option(files.lstat(at(from))),
        (found) =>
          Option.isSome(found) && found.value.type === "Directory"
            ? Effect.as(wiped(at(to).replace(/(?:\/+\.?)+$/, "")), "failed within a tree")
            : Effect.fail(failure)
      ))

  const looked = (how: string, path: string): Fx => {
    switch (how) {
      case "stat":
      case "lstat":
        return Effect.map(files[how](path), outcome.info)
      case "exists":
      case "isDirectory":
      case "readLink":
      case "realPath":
        return files[how](path)
      default:
        return files.expandPath(path)
    }
  }

  return {
    Write: ({ content, flag, mode, path }) =>
      done(files.writeFile(at(path), bytesOf(content), { flag, ...withMode(mode) })),
    Read: ({ path }) => Effect.map(files.readFile(at(path)), outcome.content),
    ReadPart: ({ chunkSize, length, offset, path }) =>
      Effect.map(
        Stream.runCollect(files.stream(at(path), { bytesToRead: length, chunkSize, offset })),
        (chunks) => outcome.content(Buffer.concat([...chunks]))
      ),
    Sink: ({ fails, flag, mode, path, pieces }) =>
      done(Stream.run(source(pieces, fails), files.sink(at(path), { flag, ...withMode(mode) }))),
    AtomicWrite: ({ fails, options, path, pieces }) =>
      done(files.atomicWrite(at(path), source(pieces, fails), options)),
    Open: ({ flag, mode, path, uses }) =>
      Effect.scoped(
        Effect.flatMap(files.open(at(path), { flag, ...withMode(mode) }), (file) =>
          Effect.forEach(uses, (use) =>
            Effect.match(used(side, at(path), file)(use), {
              onFailure: (failure): outcome.Json => ({ failure: outcome.error(failure) }),
              onSuccess: (value) =>
                value
            })))
      ),
    MakeDirectory: ({ mode, path, recursive }) => done(files.makeDirectory(at(path), { recursive, ...withMode(mode) })),
    ReadDirectory: ({ path, recursive }) =>
      Effect.map(files.readDirectory(at(path), { recursive }), (names) => [...names].sort()),
    Walk: ({ path, symlinks }) =>
      Effect.map(Stream.runCollect(files.walk(at(path), { symlinks })), (found) => sorted([...found].map(walked))),
    ListFiles: ({ path }) => files.listFiles(at(path)),
    Rename: ({ from, to }) => done(files.rename(at(from), at(to))),
    Link: ({ from, to }) => done(files.link(at(from), at(to))),
    Symlink: ({ path, target }) => done(files.symlink(target.replaceAll("<root>", root), at(path))),
    Remove: ({ force, path, recursive }) => {
      const removed = done(files.remove(at(path), { force, recursive }))
      return recursive ? wholly(path, path, removed) : removed
    },
    Look: ({ how, path }) => looked(how, at(path)),
    Access: ({ path, readable, writable }) => done(files.access(at(path), { readable, writable })),
    Chmod: ({ mode, path }) => done(files.chmod(at(path), mode)),
    Chown: ({ gid, path, uid }) => done(files.chown(at(path), uid, gid)),
    Utimes: ({ atime, mtime, path }) => done(files.utimes(at(path), atime, mtime)),
    Truncate: ({ path, size }) => done(files.truncate(at(path), size)),
    Copy: ({ from, overwrite, preserveTimestamps, to }) =>
      wholly(from, to, done(files.copy(at(from), at(to), { overwrite, preserveTimestamps }))),
    CopyFile: ({ from, to }) => done(files.copyFile(at(from), at(to))),
    Digest: ({ algorithm, path }) => files.digest(at(path), { algorithm }),
    Temporary: ({ directory, kind }) => {
      const options = { directory: at(directory), prefix: ".temporary-" }
      return Effect.scoped(Effect.flatMap(
        kind === "file" ? files.makeTempFileScoped(options) : files.makeTempDirectoryScoped(options),
        (path) => Effect.map(files.stat(path), (info): outcome.Json => ({ path, info: outcome.info(info) }))
      ))
    },
    Sweep: ({ directory }) => Effect.map(files.sweepTemporary(at(directory), 0), (names) => names.length)
  }
}
