import type { File, FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Change, Info, LocalFiles } from "../../LocalFiles.js"
import * as buffers from "../lib/buffers.js"
import * as fileMode from "../lib/fileMode.js"
import * as posixPath from "../lib/posixPath.js"
import * as errors from "../sftp/errors.js"
import type { Admit } from "../sftp/listDirectory.js"
import {
  describeType,
  type Endpoint,
  type FileInfo,
  type Fx,
  type Identity,
  type Reading,
  replaced
} from "./endpoint.js"
import { settle } from "./preserved.js"

const idOf = ({ dev, ino }: File.Info): Identity | undefined =>
  Option.getOrUndefined(Option.map(ino, (ino) => ({ dev, ino })))

const isSame = (one: Identity | undefined, other: Identity | undefined): boolean =>
  one === undefined || other === undefined || one.dev === other.dev && one.ino === other.ino

const seen = (info: File.Info): FileInfo => {
  const { atime, gid, mode, mtime, size, type, uid } = info
  const modified = Option.match(mtime, { onNone: () => 0, onSome: (date) => date.getTime() })
  return {
    ...describeType(type),
    size: type === "File" ? size : 0n,
    permissions: mode & fileMode.permissionBits,
    mtime: modified,
    atime: Option.match(atime, { onNone: () => modified, onSome: (date) => date.getTime() }),
    uid: Option.getOrUndefined(uid),
    gid: Option.getOrUndefined(gid),
    id: idOf(info)
  }
}

const told = ({ atime, dev, gid, ino, mode, mtime, size, uid }: Info): FileInfo => {
  const type = fileMode.typeOf(mode)
  return {
    ...describeType(type),
    size: type === "File" ? BigInt(size) : 0n,
    permissions: mode & fileMode.permissionBits,
    mtime,
    atime,
    uid,
    gid,
    id: { dev, ino }
  }
}

const link: FileInfo = { type: "SymbolicLink", kind: "a link", size: 0n, permissions: 0o777, mtime: 0, atime: 0 }

// The size of one write request. A larger piece would need another request.
const chunkSize = 255 * 1024

// Number of free pieces to keep: as many bytes as can be in flight at first.
const piecesKept = 16

type Read = (piece: Uint8Array) => Fx<number>

// `begin` returns a function that reads the next piece, starting at an offset.
const reading = (look: Fx<FileInfo>, begin: (offset: bigint) => Fx<Read>): Fx<Reading> => {
  const memory = buffers.make(chunkSize, piecesKept)
  const pieces = (read: Read, length: bigint | undefined) => {
    let left = length
    return Stream.repeatEffectOption(Effect.suspend(() => {
      const size = left === undefined || left > BigInt(chunkSize) ? chunkSize : Number(left)
      if (size === 0) return Effect.fail(Option.none())
      const piece = memory.take()
      return Effect.flatMap(Effect.mapError(read(piece.subarray(0, size)), Option.some), (read) => {
        if (read === 0) return Effect.fail(Option.none())
        if (left !== undefined) left -= BigInt(read)
        return Effect.succeed(piece.subarray(0, read))
      })
    }))
  }
  return Effect.map(look, (seen) => ({
    seen,
    look,
    reuse: memory.give,
    stream: (offset, length) => Stream.unwrap(Effect.map(begin(offset), (read) => pieces(read, length)))
  }))
}

const linksFollowed = 40

// The kernel follows a link first. If it refuses (`fs.protected_symlinks`), the link is not resolved by its name.
const locate = (side: Pick<Endpoint, "look" | "follow" | "readLink" | "realPath">): Endpoint["locate"] => {
  const from = (path: string, followed: number): ReturnType<Endpoint["locate"]> =>
    Effect.catchIf(
      Effect.flatMap(side.look(path), (existing): ReturnType<Endpoint["locate"]> =>
        existing.type !== "SymbolicLink"
          ? Effect.succeed([path, existing])
          : Effect.catchIf(
            Effect.flatMap(side.follow(path), (found) =>
              Effect.map(side.realPath(path), (real) => [real, found] as const)),
            (error) =>
              errors.isNotFound(error) && followed < linksFollowed,
            () =>
              Effect.flatMap(side.readLink(path), (leads) =>
                from(leads.startsWith("/") ? leads : posixPath.join(posixPath.parent(path), leads), followed + 1))
          )),
      errors.isNotFound,
      () =>
        Effect.succeed([path, undefined] as const)
    )
  return (path) => from(path, 0)
}

const admitted = (names: ReadonlyArray<string>, admit: Admit | undefined): Fx<void> =>
  admit === undefined ? Effect.void : admit(names.length, names.reduce((sum, { length }) => sum + length, 0))

/**
 * The endpoint of a `FileSystem`. Its `stat` follows links: an entry is a link if `readLink` succeeds.
 *
 * @internal
 */
export const make = (
  method: "put" | "get",
  fs: FileSystem & { readonly lstat?: (path: string) => ReturnType<FileSystem["stat"]> },
  carriesBytes: boolean,
  files: Option.Option<LocalFiles>
): Endpoint => {
  const follow: Endpoint["follow"] = (path) => Effect.map(fs.stat(path), seen)
  const { lstat } = fs

  const look: Endpoint["look"] = lstat !== undefined
    ? (path) => Effect.map(lstat(path), seen)
    : (path) =>
      Effect.matchEffect(fs.readLink(path), {
        onSuccess: () => Effect.succeed(link),
        onFailure: () => follow(path)
      })

  const change = (path: string, { owner, permissions, times }: Change) =>
    Effect.gen(function*() {
      if (owner !== undefined) yield* fs.chown(path, owner.uid, owner.gid)
      if (permissions !== undefined) yield* fs.chmod(path, permissions)
      if (times !== undefined) yield* fs.utimes(path, new Date(times.atime), new Date(times.mtime))
    })

  const checkSame = (path: string, id: Identity | undefined) =>
    Effect.flatMap(look(path), (found) =>
      found.type !== "SymbolicLink" && isSame(found.id, id)
        ? Effect.void
        : Effect.fail(replaced({ method, path })))

  // A `FileSystem` changes files only by name. Another file can still take the name after this check.
  const changeOpen: (path: string, file: File, change: Change) => Fx<void> = Option.match(files, {
    onSome: (files) => (_, file, change) => files.change(file.fd, change),
    onNone: () => (path, file, changed) =>
      Effect.gen(function*() {
        yield* checkSame(path, idOf(yield* file.stat))
        yield* change(path, changed)
      })
  })

  // A failure of an open file names its descriptor.
  const ofFile = (path: string) => Effect.mapError(errors.ofDescriptor({ method, path }))

  const write: Endpoint["write"] = (path, created, found, target) =>
    Effect.gen(function*() {
      const file = yield* fs.open(path, {
        flag: found === undefined ? "wx" : "r+",
        ...(created !== undefined && { mode: created })
      })
      if (found !== undefined) {
        const opened = seen(yield* file.stat)
        if (opened.type !== "File" || opened.size !== found.size || !isSame(opened.id, found.id)) {
          return yield* Effect.fail(replaced({ method, path }))
        }
        yield* file.seek(found.size, "start")
      }
      return {
        write: (bytes, unused) => ofFile(target)(Effect.map(file.writeAll(bytes), unused)),
        finish: (kept, sync) =>
          Effect.gen(function*() {
            const own = yield* file.stat
            const now = own.mode & fileMode.permissionBits
            const give = (uid: number, gid: number) => Effect.isSuccess(changeOpen(path, file, { owner: { uid, gid } }))
            const permissions = yield* settle(kept, seen(own), give)
            // Changing the owner may have cleared bits of the mode.
            const isSet = kept.owner === undefined && permissions === now
            if (!isSet && permissions !== undefined || kept.times !== undefined) {
              yield* changeOpen(path, file, { permissions: isSet ? undefined : permissions, times: kept.times })
            }
            if (sync) yield* file.sync
            const { size, uid } = yield* file.stat
            return { size, uid: Option.getOrUndefined(uid), id: idOf(own) }
          }).pipe(ofFile(target))
      }
    })

  const writeSmall: Endpoint["writeSmall"] = (hidden, bytes, kept, sync, target) =>
    Effect.scoped(
      Effect.flatMap(write(hidden.path, kept.created, undefined, target), ({ finish, write }) => {
        hidden.isMade = true
        return Effect.zipRight(bytes.length === 0 ? Effect.void : write(bytes, () => {}), finish(kept, sync))
      })
    )

  const rename: Endpoint["rename"] = (from, to, id) =>
    id === undefined ? fs.rename(from, to) : Effect.zipRight(checkSame(from, id), fs.rename(from, to))

  const side: Omit<Endpoint, "locate"> = {
    method,
    carriesBytes,
    look,
    follow,
    realPath: fs.realPath,
    list: (path, admit) =>
      Effect.map(
        Effect.tap(fs.readDirectory(path), (names) => admitted(names, admit)),
        (names) => names.map((name) => ({ name, seen: undefined }))
      ),
    readLink: fs.readLink,
    symlink: (path, target) => fs.symlink(target, path),
    makeDirectory: (path, mode) => fs.makeDirectory(path, mode === undefined ? {} : { mode }),
    makeDirectories: (path) =>
      Effect.catchIf(
        fs.makeDirectory(path, { recursive: true }),
        errors.isReason("AlreadyExists"),
        (error) => Effect.flatMap(follow(path), ({ type }) => type === "Directory" ? Effect.void : Effect.fail(error))
      ),
    changeDirectory: change,
    removeFile: (path) => fs.remove(path),
    removeDirectory: (path) =>
      Effect.flatMap(fs.readDirectory(path), (names) =>
        names.length > 0
          ? Effect.fail(errors.system({ method, path }, "Unknown", undefined, "the directory is not empty"))
          : fs.remove(path, { recursive: true })),
    rename,
    readSmall: (path, size) =>
      Effect.scoped(Effect.gen(function*() {
        const file = yield* fs.open(path, { flag: "r" })
        // One more byte shows whether the file has grown, or reports size 0 as in /proc.
        const bytes = yield* file.readAlloc(size + 1)
        return [Option.getOrElse(bytes, () => new Uint8Array()), seen(yield* file.stat)] as const
      })),
    writeSmall,
    read: (path) =>
      Effect.flatMap(
        fs.open(path, { flag: "r" }),
        (file) =>
          reading(Effect.map(file.stat, seen), (offset) =>
            Effect.as(file.seek(offset, "start"), (piece) => Effect.map(file.read(piece), Number)))
      ),
    write,
    digest: () => Effect.succeedNone
  }
  const whole = Option.match(files, {
    onNone: () => side,
    onSome: (files): Omit<Endpoint, "locate"> => ({
      ...side,
      look: (path) => Effect.map(files.look(path), told),
      list: (path, admit) =>
        Effect.map(
          Effect.tap(files.list(path), (entries) => admitted(entries.map(([name]) => name), admit)),
          (entries) => entries.map(([name, info]) => ({ name, seen: info && told(info) }))
        ),
      readSmall: (path, size) =>
        // One more byte shows whether the file has grown, or reports size 0 as in /proc.
        Effect.map(files.read(path, size + 1), ([bytes, info]) => [bytes, told(info)]),
      read: (path) =>
        Effect.flatMap(files.open(path), (file) =>
          reading(Effect.map(file.look, told), (offset) =>
            Effect.sync(() => {
              let at = Number(offset)
              return (piece) => Effect.tap(file.read(piece, at), (read) => Effect.sync(() => at += read))
            }))),
      changeDirectory: files.changeDirectory,
      rename: (from, to, id) => id === undefined ? fs.rename(from, to) : files.rename(from, to, id),
      writeSmall: (hidden, bytes, kept, sync, target) => {
        if (sync || kept.owner !== undefined) return writeSmall(hidden, bytes, kept, sync, target)
        const { created, permissions, times } = kept
        const onCreated = () => {
          hidden.isMade = true
        }
        return Effect.map(
          files.write({ path: hidden.path, bytes, created, permissions, times, onCreated }),
          ({ dev, ino, size, uid }) => ({ size: BigInt(size), uid, id: { dev, ino } })
        )
      }
    })
  })
  return { ...whole, locate: locate(whole) }
}
