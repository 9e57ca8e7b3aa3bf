/**
 * One of the two sides of a transfer: the files of this machine, or those of a host.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { File } from "@effect/platform/FileSystem"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Source } from "../../Transfer.js"
import type { Hidden } from "../files/hiddenFile.js"
import * as fileMode from "../lib/fileMode.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Admit } from "../sftp/listDirectory.js"

/** @internal */
export type Fx<A> = Effect.Effect<A, PlatformError>

/**
 * The attributes of an entry.
 *
 * @internal
 */
export interface FileInfo {
  readonly type: Source["type"]
  /** The type in words, for messages. */
  readonly kind: string
  readonly size: bigint
  /** Undefined if the server does not report modes. */
  readonly permissions: number | undefined
  /** In milliseconds, with the precision of the endpoint. */
  readonly mtime: number
  readonly atime: number
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly id?: Identity | undefined
}

/**
 * Identifies a file independently of its name. SFTP does not report it.
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
  /** Undefined if the listing has no attributes. `look` reads them. */
  readonly seen: FileInfo | undefined
}

/**
 * The attributes that a copy gets.
 *
 * @internal
 */
export interface PreservedAttributes {
  /** The mode to create the file with, before the umask is applied. */
  readonly created: number | undefined
  /** The final mode. Undefined: the mode after creation, restricted to `limit`. */
  readonly permissions: number | undefined
  readonly limit: number | undefined
  /** Owner and group of the replaced file. */
  readonly owner: Owner | undefined
  readonly times: Times | undefined
  /** Whether the file may do without `permissions`, if the server refuses to set them and the file grants no more. */
  readonly isOptional: boolean
}

/** @internal */
export interface Times {
  readonly atime: number
  readonly mtime: number
}

interface Owner {
  readonly uid: number
  readonly gid: number
  /** Whether any user can have made that file, for this user to write to. */
  readonly isSuspect: boolean
  /** Whether the caller asked for the source's mode. */
  readonly isAsked: boolean
}

/**
 * The attributes of a file after writing.
 *
 * @internal
 */
export interface Written {
  /** Undefined if the server does not report sizes. */
  readonly size: bigint | undefined
  /** Whether the server refused to set the mode that was to be kept. The file grants no more than that mode. */
  readonly lacksMode?: boolean | undefined
  readonly uid?: number | undefined
  readonly id?: Identity | undefined
}

/** @internal */
export interface Reading {
  readonly seen: FileInfo
  /** Reads the current attributes of the open file, even if another file has taken its name. */
  readonly look: Fx<FileInfo>
  readonly stream: (offset: bigint, length?: bigint) => Stream.Stream<Uint8Array, PlatformError>
  /** Gives bytes of the stream back, to be overwritten. A caller that does not call this may keep them. */
  readonly reuse: (bytes: Uint8Array) => void
}

/** @internal */
export interface Writing {
  /** Appends bytes. They must not change until `unused` is called. */
  readonly write: (bytes: Uint8Array, unused: () => void) => Fx<void>
  /** Waits for all writes, sets the attributes by the handle, and closes the file. */
  readonly finish: (kept: PreservedAttributes, sync: boolean) => Fx<Written>
}

/** @internal */
export interface Endpoint {
  /** The method that errors name. */
  readonly method: "put" | "get"
  /** Whether names may contain any bytes. */
  readonly carriesBytes: boolean
  readonly look: (path: string) => Fx<FileInfo>
  /** As `look`, but follows links. */
  readonly follow: (path: string) => Fx<FileInfo>
  readonly realPath: (path: string) => Fx<string>
  /**
   * Resolves a target path, and reads the attributes of the entry there. Follows a link as any write does, even if its target
   * does not exist. Fails with `PermissionDenied` for a link that another user may have made for others to follow.
   */
  readonly locate: (path: string) => Fx<readonly [path: string, existing: FileInfo | undefined]>
  /** Lists a directory. Calls `admit` with the size of each piece of the listing. */
  readonly list: (path: string, admit?: Admit) => Fx<ReadonlyArray<DirectoryEntry>>
  readonly readLink: (path: string) => Fx<string>
  readonly symlink: (path: string, target: string) => Fx<void>
  readonly makeDirectory: (path: string, permissions: number | undefined) => Fx<void>
  /** Makes a directory and its missing parents. Succeeds if the directory exists. */
  readonly makeDirectories: (path: string) => Fx<void>
  /** Sets attributes of a directory. */
  readonly changeDirectory: (path: string, change: Pick<PreservedAttributes, "permissions" | "times">) => Fx<void>
  readonly removeFile: (path: string) => Fx<void>
  /** Removes an empty directory. */
  readonly removeDirectory: (path: string) => Fx<void>
  /** Renames a file, and replaces an existing one. Fails if `from` is not the file with this `id`. */
  readonly rename: (from: string, to: string, id?: Identity) => Fx<void>
  /** Reads at most the first `size` bytes of a file, then its attributes, in as few steps as possible. */
  readonly readSmall: (path: string, size: number) => Fx<readonly [bytes: Uint8Array, after: FileInfo]>
  /**
   * Writes and closes a new file, in as few steps as possible. Sets `isMade` once the file exists. Errors name the `target` that
   * it is to become.
   */
  readonly writeSmall: (
    file: Hidden,
    bytes: Uint8Array,
    kept: PreservedAttributes,
    sync: boolean,
    target: string
  ) => Fx<Written>
  readonly read: (path: string) => Effect.Effect<Reading, PlatformError, Scope.Scope>
  /**
   * Opens a new file, or `found` to append to it. Fails with `InvalidData` if another file has the name of `found`. Errors name
   * the `target` that it is to become.
   */
  readonly write: (
    path: string,
    created: number | undefined,
    found: FileInfo | undefined,
    target: string
  ) => Effect.Effect<Writing, PlatformError, Scope.Scope>
  /**
   * Opens the file `found` to overwrite it from its start. `finish` cuts it to the written length. Fails with `InvalidData` if
   * another file has the name.
   */
  readonly overwrite: (path: string, found: FileInfo) => Effect.Effect<Writing, PlatformError, Scope.Scope>
  /** The SHA-256 of a file, or of its first bytes. `None` if the endpoint can compute it only by reading the file. */
  readonly digest: (path: string, length: bigint | undefined) => Fx<Option.Option<string>>
}

/**
 * The type of an entry as a transfer distinguishes it, and as a message names it.
 *
 * @internal
 */
export const describeType = (type: File.Type): Pick<FileInfo, "kind" | "type"> => ({
  type: type === "File" || type === "Directory" || type === "SymbolicLink" ? type : "Other",
  kind: fileMode.nounOf(type)
})

/**
 * The error for a file whose name another file has taken, after it was examined or written.
 *
 * @internal
 */
export const replaced = (call: CallContext): PlatformError =>
  errors.system(call, "InvalidData", undefined, "another file was put in its place during the transfer")
