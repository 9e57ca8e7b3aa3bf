/**
 * One of the two sides of a transfer: the files of this machine, or those of a host.
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Source } from "../../Transfer.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Admit } from "../sftp/listDirectory.js"

/** @internal */
export type Fx<A> = Effect.Effect<A, PlatformError>

/**
 * What is known of an entry.
 *
 * @internal
 */
export interface FileInfo {
  readonly type: Source["type"]
  /** In words, of what is neither file, directory nor link. */
  readonly kind: string
  readonly size: bigint
  readonly permissions: number
  /** In milliseconds, as fine as the side has them. */
  readonly mtime: number
  readonly atime: number
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly id?: Identity | undefined
}

/**
 * Which file it is, whatever its name. SFTP does not carry it.
 *
 * @internal
 */
export interface Identity {
  readonly dev: number
  readonly ino: number
}

/** @internal */
export interface DirectoryEntry {
  readonly name: string
  /** Left out where the listing does not tell: `look` does. */
  readonly seen: FileInfo | undefined
}

/**
 * What a copy gets.
 *
 * @internal
 */
export interface PreservedAttributes {
  /** The mode to make it with, less what the umask takes. */
  readonly created: number | undefined
  /** The mode that it has in the end. Left out: the one that it was made with, within `limit`. */
  readonly permissions: number | undefined
  readonly limit: number | undefined
  /** Of the file that it replaces. */
  readonly owner: Owner | undefined
  readonly times: Times | undefined
}

/** @internal */
export interface Times {
  readonly atime: number
  readonly mtime: number
}

interface Owner {
  readonly uid: number
  readonly gid: number
  /** Whether anybody can have made that file for this user to write to. */
  readonly isSuspect: boolean
  /** Whether the mode is the source's, as asked. */
  readonly isAsked: boolean
}

/**
 * What is known of a file that was written.
 *
 * @internal
 */
export interface Written {
  readonly size: bigint
  readonly uid?: number | undefined
  readonly id?: Identity | undefined
}

/** @internal */
export interface Reading {
  readonly seen: FileInfo
  /** What is known of it now, whatever has its name. */
  readonly look: Fx<FileInfo>
  readonly stream: (offset: bigint, length?: bigint) => Stream.Stream<Uint8Array, PlatformError>
  /** Nobody uses what the stream gave any more: it may be overwritten. Whoever does not say so may keep it. */
  readonly reuse: (bytes: Uint8Array) => void
}

/** @internal */
export interface Writing {
  /** Puts bytes behind those before. They must not change until they are told to be `unused`. */
  readonly write: (bytes: Uint8Array, unused: () => void) => Fx<void>
  /** Waits for all of it, gives it what it is to have by its handle, and closes it. */
  readonly finish: (kept: PreservedAttributes, sync: boolean) => Fx<Written>
}

/** @internal */
export interface Endpoint {
  /** Whether names can be of any bytes. */
  readonly carriesBytes: boolean
  readonly look: (path: string) => Fx<FileInfo>
  /** As `look`, of what a link names. */
  readonly follow: (path: string) => Fx<FileInfo>
  readonly realPath: (path: string) => Fx<string>
  /**
   * What is at a path that a user has named, and where: a link is followed as by any write, also to where nothing is yet.
   * Fails with `PermissionDenied` for a link that another user may have made for others to follow.
   */
  readonly locate: (path: string) => Fx<readonly [path: string, existing: FileInfo | undefined]>
  /** Calls `admit` with what was listed, piece by piece if it comes so. */
  readonly list: (path: string, admit?: Admit) => Fx<ReadonlyArray<DirectoryEntry>>
  readonly readLink: (path: string) => Fx<string>
  readonly symlink: (path: string, target: string) => Fx<void>
  readonly makeDirectory: (path: string, permissions: number | undefined) => Fx<void>
  /** With what is missing above it; one that is there is fine. */
  readonly makeDirectories: (path: string) => Fx<void>
  /** Of a directory. */
  readonly changeDirectory: (path: string, change: Pick<PreservedAttributes, "permissions" | "times">) => Fx<void>
  readonly removeFile: (path: string) => Fx<void>
  /** One that is empty. */
  readonly removeDirectory: (path: string) => Fx<void>
  /** Replaces what has the name. Fails if `from` is another file than `id`. */
  readonly rename: (from: string, to: string, id?: Identity) => Fx<void>
  /** So many bytes of a file from its beginning, and what is known of it behind that, in as few steps as there can be. */
  readonly readSmall: (path: string, size: number) => Fx<readonly [bytes: Uint8Array, after: FileInfo]>
  /** A new file, closed, in as few steps as there can be. */
  readonly writeSmall: (path: string, bytes: Uint8Array, kept: PreservedAttributes, sync: boolean) => Fx<Written>
  /**
   * A new file that is written under the temporary name, and gets its own when it is as large as that, in as few steps as
   * there can be. Tells how large it is. Not for one that takes over an owner.
   */
  readonly place: (path: string, temporary: string, bytes: Uint8Array, kept: PreservedAttributes) => Fx<bigint>
  readonly read: (path: string) => Effect.Effect<Reading, PlatformError, Scope.Scope>
  /** A new file, or the end of the given one, which was found under that name: another one is `InvalidData`. */
  readonly write: (
    path: string,
    created: number | undefined,
    found: FileInfo | undefined
  ) => Effect.Effect<Writing, PlatformError, Scope.Scope>
  /** The SHA-256 of a file, or of its first bytes, where that takes no reading from here. */
  readonly digest: (path: string, length: bigint | undefined) => Fx<Option.Option<string>>
}

const types: Readonly<Record<number, readonly [FileInfo["type"], string]>> = {
  [0o010000]: ["Other", "a named pipe"],
  [0o020000]: ["Other", "a device"],
  [0o040000]: ["Directory", "a directory"],
  [0o060000]: ["Other", "a device"],
  [0o100000]: ["File", "a file"],
  [0o120000]: ["SymbolicLink", "a link"],
  [0o140000]: ["Other", "a socket"]
}
const unknown = ["Other", "of a type that nobody tells"] as const

/**
 * What the bits of a mode say that it is.
 *
 * @internal
 */
export const fromMode = (mode: number): readonly [FileInfo["type"], kind: string] => types[mode & 0o170000] ?? unknown

/**
 * Another file has the name of one that was looked at or written.
 *
 * @internal
 */
export const replaced = (call: CallContext): PlatformError =>
  errors.system(call, "InvalidData", undefined, "another file was put in its place during the transfer")
