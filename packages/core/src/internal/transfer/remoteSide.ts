import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { type Attributes, OpenFlags } from "../../protocol/Sftp.js"
import { makeDirectories } from "../files/atomicWrite.js"
import type * as failure from "../sftp/failure.js"
import type { Operations } from "../sftp/operations.js"
import { fromMode, type Kept, type Seen, type Side } from "./side.js"

/**
 * What the methods of a remote file system do their work with, for when it is the local side of another's transfer.
 *
 * @internal
 */
export const operationsOf = new WeakMap<FileSystem, Operations>()

const seen = ({ atime = 0, mtime = 0, permissions = 0, size = 0n }: Attributes): Seen => {
  const [type, kind] = fromMode(permissions)
  return {
    type,
    kind,
    size: type === "File" ? size : 0n,
    permissions: permissions & 0o7777,
    mtime: mtime * 1000,
    atime: atime * 1000
  }
}

// Times of version 3 of the protocol are unsigned.
const seconds = (time: number) => Math.min(0xffffffff, Math.max(0, Math.floor(time / 1000)))

const attributes = ({ permissions, times }: Kept): Attributes => ({
  ...(permissions !== undefined && { permissions }),
  ...(times !== undefined && { atime: seconds(times.atime), mtime: seconds(times.mtime) })
})

const isNothing = ({ permissions, times }: Kept) => permissions === undefined && times === undefined

/** @internal */
export const make = (method: string, operations: Operations, digest: Side["digest"]): Side => {
  const at = (path: string): failure.Attempt => ({ method, path })
  const withPermissions = (permissions: number | undefined) => permissions === undefined ? {} : { permissions }
  return {
    carriesBytes: true,
    look: (path) => Effect.map(operations.lstat(at(path)), seen),
    follow: (path) => Effect.map(operations.stat(at(path)), seen),
    realPath: (path) => operations.realPath(at(path)),
    list: (path) =>
      Effect.map(operations.list(at(path)), (entries) =>
        entries.map(({ attributes, filename }) => ({
          name: filename,
          seen: attributes.permissions === undefined || attributes.mtime === undefined || attributes.size === undefined
            ? undefined
            : seen(attributes)
        }))),
    readLink: (path) => operations.readLink(at(path)),
    symlink: (path, target) => operations.symlink(at(path), target),
    makeDirectory: (path, permissions) => operations.makeDirectory(at(path), withPermissions(permissions)),
    makeDirectories: (path) => makeDirectories(operations, at(path), {}),
    change: (path, kept) => isNothing(kept) ? Effect.void : operations.setAttributes(at(path), attributes(kept)),
    removeFile: (path) => operations.removeFile(at(path)),
    removeDirectory: (path) => operations.removeDirectory(at(path)),
    rename: (from, to) => operations.rename(at(from), to),
    readSmall: (path, size) =>
      Effect.map(operations.readWhole(at(path), size), ([bytes, after]) => [bytes, seen(after)]),
    writeSmall: (path, bytes, kept, sync) =>
      Effect.map(
        operations.writeWhole(at(path), bytes, isNothing(kept) ? undefined : attributes(kept), sync),
        ({ size = 0n }) => size
      ),
    place: (path, temporary, bytes, kept) =>
      Effect.map(
        operations.place(at(path), temporary, bytes, isNothing(kept) ? undefined : attributes(kept)),
        ({ size = 0n }) => size
      ),
    read: (path) =>
      Effect.gen(function*() {
        const file = yield* operations.open(at(path), OpenFlags.read, {})
        return { seen: seen(yield* file.stat), stream: file.stream, reuse: file.opened.client.reuse }
      }),
    write: (path, permissions, offset) =>
      Effect.gen(function*() {
        const flags = offset === undefined
          ? OpenFlags.write | OpenFlags.create | OpenFlags.exclusive
          : OpenFlags.write
        const file = yield* operations.open(at(path), flags, withPermissions(permissions))
        const { settling, write } = file.writer(offset ?? 0n)
        return {
          write,
          finish: (kept, sync) =>
            Effect.gen(function*() {
              const settled = yield* settling({ ...(!isNothing(kept) && { attributes: attributes(kept) }), sync })
              const closed = yield* file.closing
              const { size = 0n } = yield* settled
              yield* closed
              return size
            })
        }
      }),
    digest
  }
}
