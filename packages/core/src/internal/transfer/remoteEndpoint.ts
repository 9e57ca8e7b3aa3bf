import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Attributes, OpenFlags } from "../../protocol/Sftp.js"
import * as hiddenNames from "../files/hiddenNames.js"
import * as links from "../files/links.js"
import * as makeDirectories from "../files/makeDirectories.js"
import * as fileMode from "../lib/fileMode.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { FileWriter } from "../sftp/fileWriter.js"
import type * as found from "../sftp/found.js"
import type { OpenFile } from "../sftp/openFile.js"
import type { Operations } from "../sftp/requests.js"
import {
  describeType,
  type Endpoint,
  type FileInfo,
  type PreservedAttributes,
  replaced,
  type Writing,
  type Written
} from "./endpoint.js"
import { mustLook, settle } from "./preserved.js"

const seen = (attributes: found.Found): FileInfo => {
  const { atime = 0, gid, mtime = 0, permissions, size = 0n, uid } = attributes
  const type = fileMode.typeIn(attributes)
  return {
    ...describeType(type),
    size: type === "File" ? size : 0n,
    permissions: permissions === undefined ? undefined : permissions & fileMode.permissionBits,
    mtime: mtime * 1000,
    atime: atime * 1000,
    uid,
    gid
  }
}

const isComplete = ({ mtime, permissions = 0, size }: Attributes): boolean =>
  fileMode.hasType(permissions) && mtime !== undefined && size !== undefined

// Times of version 3 of the protocol are unsigned.
const seconds = (time: number) => Math.min(0xffffffff, Math.max(0, Math.floor(time / 1000)))

type Change = Pick<PreservedAttributes, "permissions" | "times">

const attributes = ({ permissions, times }: Change): Attributes | undefined =>
  permissions === undefined && times === undefined ? undefined : {
    ...(permissions !== undefined && { permissions }),
    ...(times !== undefined && { atime: seconds(times.atime), mtime: seconds(times.mtime) })
  }

const written = ({ lacksMode, size, uid }: found.Written): Written => ({ size, uid, lacksMode })

// SFTP follows links when it opens a file, and does not report inodes. Another file at this path differs in one of these.
const isSame = (one: FileInfo, other: FileInfo): boolean =>
  one.type === other.type && one.size === other.size && one.mtime === other.mtime && one.uid === other.uid &&
  one.gid === other.gid && one.permissions === other.permissions

// The other hidden files are partial files of resumable transfers.
const isTemporary = (path: string): boolean => hiddenNames.isTemporary(posixPath.base(path))

const writing = (file: OpenFile, { sendSettle, write }: FileWriter): Writing => ({
  write,
  finish: (kept, sync) =>
    Effect.gen(function*() {
      const permissions = mustLook(kept)
        ? yield* settle(kept, yield* file.stat, (uid, gid) => Effect.isSuccess(file.setAttributes({ uid, gid })))
        : kept.permissions
      const changed = attributes({ permissions, times: kept.times })
      const settled = yield* sendSettle({
        ...(changed !== undefined && { attributes: changed }),
        isOptional: kept.isOptional,
        sync
      })
      const closed = yield* file.sendClose
      const attributesNow = yield* settled
      yield* closed
      return written(attributesNow)
    })
})

/** @internal */
export const make = (method: "put" | "get", operations: Operations, digest: Endpoint["digest"]): Endpoint => {
  const at = (path: string): CallContext => ({ method, path })
  const withPermissions = (permissions: number | undefined) => permissions === undefined ? {} : { permissions }

  // The call of a request for a hidden file.
  const toward = (path: string, target: string): CallContext =>
    path === target ? at(path) : { method, path, target, ...(method === "put" && { inPlace: "set `inPlace`" }) }

  // Some servers empty a file that is opened for writing alone.
  const openFound = (call: CallContext, found: FileInfo) =>
    Effect.gen(function*() {
      const file = yield* operations.open(call, OpenFlags.read | OpenFlags.write, {})
      const own = yield* file.stat
      if (!isSame(found, seen(own))) return yield* Effect.fail(replaced(at(call.path)))
      return [file, own] as const
    })

  const openNew = (call: CallContext, created: number | undefined) =>
    operations.open(call, OpenFlags.write | OpenFlags.create | OpenFlags.exclusive, withPermissions(created), {
      isTemporary: isTemporary(call.path)
    })

  const write: Endpoint["write"] = (path, created, found, target) =>
    found === undefined
      ? Effect.map(openNew(toward(path, target), created), (file) => writing(file, file.writer(0n)))
      : Effect.map(openFound(toward(path, target), found), ([file]) => writing(file, file.writer(found.size)))

  // Some servers lose the content when the size is changed (`files/resize.ts`), so the file is emptied first.
  const overwriteEmptied: Endpoint["overwrite"] = (path, found) =>
    Effect.scoped(openFound(at(path), found)).pipe(
      Effect.zipRight(operations.open(at(path), OpenFlags.read | OpenFlags.write | OpenFlags.truncate, {})),
      Effect.map((file) => writing(file, file.writer(0n)))
    )

  const overwriteAndCut: Endpoint["overwrite"] = (path, found) =>
    Effect.map(openFound(at(path), found), ([file, { size }]): Writing => {
      const writer = file.writer(0n)
      const { finish, write } = writing(file, writer)
      let end = 0n
      return {
        write: (bytes, unused) =>
          Effect.suspend(() => {
            end += BigInt(bytes.length)
            return write(bytes, unused)
          }),
        finish: (kept, sync) =>
          Effect.gen(function*() {
            yield* writer.flush
            // Some servers report no sizes.
            if (size === undefined || size > end) yield* file.setAttributes({ size: end })
            return yield* finish(kept, sync)
          })
      }
    })

  return {
    method,
    carriesBytes: true,
    look: (path) => Effect.map(operations.lstat(at(path)), seen),
    follow: (path) => Effect.map(operations.stat(at(path)), seen),
    realPath: (path) => operations.realPath(at(path)),
    locate: (path) =>
      Effect.gen(function*() {
        const named = yield* Effect.catchIf(
          Effect.asSome(operations.lstat(at(path))),
          errors.isNotFound,
          () => Effect.succeedNone
        )
        const [real, found] = Option.isSome(named) && fileMode.isSymbolicLink(named.value)
          ? yield* links.follow(operations, at(path), named.value)
          : [path, named]
        return [real, Option.getOrUndefined(Option.map(found, seen))]
      }),
    list: (path, admit) =>
      Effect.map(operations.list(at(path), { admit }), (entries) =>
        entries.map(({ attributes, filename }) => ({
          name: filename,
          seen: isComplete(attributes) ? seen(attributes) : undefined
        }))),
    readLink: (path) => operations.readLink(at(path)),
    symlink: (path, target) => operations.symlink(at(path), target),
    makeDirectory: (path, permissions) => operations.makeDirectory(at(path), withPermissions(permissions)),
    makeDirectories: (path) => makeDirectories.make(operations, at(path), {}),
    changeDirectory: (path, change) => {
      const changed = attributes(change)
      return changed === undefined ? Effect.void : operations.setAttributes(at(path), changed)
    },
    removeFile: (path) => operations.removeFile(at(path)),
    removeDirectory: (path) => operations.removeDirectory(at(path)),
    rename: (from, to) => operations.rename(toward(from, to), to),
    readSmall: (path, size) =>
      Effect.map(operations.readSmallFile(at(path), size), ([bytes, after]) => [bytes, seen(after)]),
    writeSmall: (hidden, bytes, kept, sync, target) =>
      kept.owner === undefined
        ? Effect.map(
          operations.writeSmallFile(toward(hidden.path, target), {
            bytes,
            attributes: attributes(kept),
            isOptional: kept.isOptional,
            sync,
            created: kept.created,
            isTemporary: true,
            onCreated: () => {
              hidden.isMade = true
            }
          }),
          written
        )
        : Effect.scoped(
          Effect.flatMap(write(hidden.path, kept.created, undefined, target), ({ finish, write }) => {
            hidden.isMade = true
            return Effect.zipRight(write(bytes, () => {}), finish(kept, sync))
          })
        ),
    read: (path) =>
      Effect.gen(function*() {
        const file = yield* operations.open(at(path), OpenFlags.read, {})
        const look = Effect.map(file.stat, seen)
        return { seen: yield* look, look, stream: file.stream, reuse: file.opened.client.reuse }
      }),
    write,
    // OpenSSH's server is known by its `lsetstat`.
    overwrite: (path, found) =>
      Effect.flatMap(
        operations.offers(at(path), "lsetstat"),
        (offered) => offered ? overwriteAndCut(path, found) : overwriteEmptied(path, found)
      ),
    digest
  }
}
