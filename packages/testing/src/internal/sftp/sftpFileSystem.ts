/**
 * The file system that an SFTP server serves, shaped as POSIX: what a call means, and which error it ends in, is as in
 * POSIX where nothing else is said here. Names are strings as `Sftp.encodeName` has them, so that any bytes survive.
 */
import type { FileSystemInfo } from "@effect-remote/core/protocol/Sftp"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

const errnos = [
  "EACCES",
  "EBADF",
  "EBUSY",
  "EDQUOT",
  "EEXIST",
  "EFAULT",
  "EFBIG",
  "EINVAL",
  "EIO",
  "EISDIR",
  "ELOOP",
  "EMFILE",
  "EMLINK",
  "ENAMETOOLONG",
  "ENFILE",
  "ENODEV",
  "ENOENT",
  "ENOMEM",
  "ENOSPC",
  "ENOSYS",
  "ENOTDIR",
  "ENOTEMPTY",
  "ENXIO",
  "EOPNOTSUPP",
  "EPERM",
  "EROFS",
  "ESPIPE",
  "ESTALE",
  "ETXTBSY",
  "EXDEV"
] as const

/** @internal */
export type Errno = typeof errnos[number]

/** @internal */
export const isErrno = (name: string | undefined): name is Errno => errnos.some((errno) => errno === name)

/** @internal */
export class PosixError extends Data.TaggedError("PosixError")<{
  readonly errno: Errno
  readonly cause?: unknown
}> {
  override get message(): string {
    return this.errno
  }
}

/** @internal */
export const fail = (errno: Errno): Effect.Effect<never, PosixError> => new PosixError({ errno })

type Fx<A> = Effect.Effect<A, PosixError>

/**
 * How a file is opened: neither `read` nor `write` is `read`.
 *
 * @internal
 */
export interface OpenFlags {
  readonly read: boolean
  readonly write: boolean
  readonly append: boolean
  readonly create: boolean
  readonly truncate: boolean
  readonly exclusive: boolean
}

/**
 * The attributes of a file, as from `stat`. Times are whole seconds since 1970, rounded down.
 *
 * @internal
 */
export interface Stat {
  /** With the bits of the file's type. */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly size: bigint
  readonly atime: number
  readonly mtime: number
  /** Identifies the file, together with `ino`. */
  readonly dev: bigint
  readonly ino: bigint
}

/**
 * One change to the attributes of a file: `truncate`, `chmod`, `utimes` or `chown`. An owner of 2^32 - 1 stays as it is.
 *
 * @internal
 */
export type Change = Data.TaggedEnum<{
  readonly Size: { readonly size: bigint }
  readonly Mode: { readonly mode: number }
  readonly Times: { readonly atime: number; readonly mtime: number }
  readonly Owner: { readonly uid: number; readonly gid: number }
}>

/** @internal */
export const Change = Data.taggedEnum<Change>()

/** @internal */
export interface OpenFile {
  /** Reads up to `length` bytes. Empty at the end of the file. */
  readonly read: (offset: bigint, length: number) => Fx<Uint8Array>
  /** How many bytes were written. With `append` the offset is not heeded. */
  readonly write: (offset: bigint, bytes: Uint8Array) => Fx<number>
  readonly stat: Fx<Stat>
  readonly change: (change: Change) => Fx<void>
  readonly statvfs: Fx<FileSystemInfo>
  readonly sync: Fx<void>
  /** Closes the file early. Otherwise the end of the scope closes it. */
  readonly close: Fx<void>
}

/** @internal */
export interface OpenDirectory {
  /** Reads up to `most` further names, including `.` and `..`. Empty at the end. */
  readonly read: (most: number) => Fx<ReadonlyArray<string>>
}

/**
 * Paths do not contain a NUL. Relative paths begin in `home`. The empty path fails with `ENOENT`.
 *
 * @internal
 */
export interface SftpFileSystem {
  /** An absolute path, without links. */
  readonly home: string
  /** `mode` applies to a new file, before the umask. */
  readonly open: (path: string, flags: OpenFlags, mode: number) => Effect.Effect<OpenFile, PosixError, Scope.Scope>
  readonly openDirectory: (path: string) => Effect.Effect<OpenDirectory, PosixError, Scope.Scope>
  readonly stat: (path: string) => Fx<Stat>
  readonly lstat: (path: string) => Fx<Stat>
  readonly change: (path: string, change: Change) => Fx<void>
  /** Of a link itself. The mode of one cannot be changed: `EOPNOTSUPP`. */
  readonly changeLink: (path: string, change: Exclude<Change, { readonly _tag: "Size" }>) => Fx<void>
  readonly mkdir: (path: string, mode: number) => Fx<void>
  readonly rmdir: (path: string) => Fx<void>
  readonly unlink: (path: string) => Fx<void>
  /** Replaces an entry with the new name. */
  readonly rename: (from: string, to: string) => Fx<void>
  /** Does not follow a link. */
  readonly link: (from: string, to: string) => Fx<void>
  readonly symlink: (target: string, path: string) => Fx<void>
  readonly readlink: (path: string) => Fx<string>
  readonly statvfs: (path: string) => Fx<FileSystemInfo>
  readonly userName: (uid: number) => Effect.Effect<Option.Option<string>>
  readonly groupName: (gid: number) => Effect.Effect<Option.Option<string>>
  /** The home directory of a user, as the list of users has it; `""` is the session's. */
  readonly homeOf: (user: string) => Effect.Effect<Option.Option<string>>
}
