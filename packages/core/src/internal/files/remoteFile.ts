/**
 * A file of the host as the platform's `File`. The position is kept locally, under one lock.
 */
import { FileDescriptor, FileTypeId, Size } from "@effect/platform/FileSystem"
import type { File } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import type { Found } from "../sftp/found.js"
import type { OpenFile } from "../sftp/openFile.js"

// SFTP handles are not numbers. This number only distinguishes open files.
let lastDescriptor = 0

const seconds = (time: number | undefined): Option.Option<Date> =>
  Option.map(Option.fromNullable(time), (value) => new Date(value * 1000))

/**
 * Converts the attributes of SFTP. They lack the device, the inode and the number of links.
 *
 * @internal
 */
export const info = ({ atime, gid, mtime, permissions = 0, size = 0n, type, uid }: Found): File.Info => ({
  type: type ?? fileMode.typeOf(permissions),
  mtime: seconds(mtime),
  atime: seconds(atime),
  birthtime: Option.none(),
  dev: 0,
  ino: Option.none(),
  mode: permissions,
  nlink: Option.none(),
  uid: Option.fromNullable(uid),
  gid: Option.fromNullable(gid),
  rdev: Option.none(),
  size: Size(size),
  blksize: Option.none(),
  blocks: Option.none()
})

/**
 * Makes a `File`. `end` is the offset of the first write, if the file was opened for appending. A server with its own append
 * mode ignores it. `resize` changes the size.
 *
 * @internal
 */
export const make = (
  open: OpenFile,
  end: Option.Option<bigint>,
  resize: (size: bigint) => Fx<void>
): File => {
  const locked = Effect.unsafeMakeSemaphore(1).withPermits(1)
  const append = Option.isSome(end)
  let position = 0n
  let writeAt = Option.getOrElse(end, () => 0n)

  const readAlloc = (size: number) =>
    Effect.map(
      open.read(position, size),
      Option.map((bytes) => {
        position += BigInt(bytes.length)
        return bytes
      })
    )
  const writeAll = (bytes: Uint8Array) =>
    Effect.map(open.write(append ? writeAt : position, bytes), () => {
      if (append) writeAt += BigInt(bytes.length)
      else position += BigInt(bytes.length)
    })

  return {
    [FileTypeId]: FileTypeId,
    fd: FileDescriptor(++lastDescriptor),
    stat: Effect.map(open.stat, info),
    sync: open.sync,
    // The platform types this as void. Node's implementation also returns the position.
    seek: (offset, from) =>
      locked(Effect.sync(() => position = from === "start" ? Size(offset) : Size(position + Size(offset)))),
    read: (buffer) =>
      locked(Effect.suspend(() =>
        Effect.map(
          buffer.length === 0 ? Effect.succeedNone : readAlloc(buffer.length),
          Option.match({
            onNone: () => Size(0),
            onSome: (bytes) => {
              buffer.set(bytes)
              return Size(bytes.length)
            }
          })
        )
      )),
    readAlloc: (size) => locked(Effect.suspend(() => readAlloc(Number(size)))),
    truncate: (length = 0) =>
      locked(Effect.map(resize(Size(length)), () => {
        if (append) writeAt = Size(length)
        else if (position > Size(length)) position = Size(length)
      })),
    write: (bytes) => locked(Effect.suspend(() => Effect.as(writeAll(bytes), Size(bytes.length)))),
    writeAll: (bytes) => locked(Effect.suspend(() => writeAll(bytes)))
  }
}
