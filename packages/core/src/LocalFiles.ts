/**
 * Fast operations on local files, for transfers of many small files. Each replaces several calls of a `FileSystem`.
 * `@effect-remote/node` provides them. Without them, transfers use the `FileSystem`.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * Attributes of an entry. `mode` includes the type bits. Times are in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Info {
  readonly mode: number
  readonly size: number
  readonly mtime: number
  readonly atime: number
  readonly uid: number
  readonly gid: number
  readonly dev: number
  readonly ino: number
}

/**
 * Attributes to set on a file, in this order: owner, mode, times.
 *
 * @since 0.1.0
 * @category models
 */
export interface Change {
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
  readonly permissions?: number | undefined
  readonly times?: { readonly atime: number; readonly mtime: number } | undefined
}

/**
 * A new file and its content.
 *
 * @since 0.1.0
 * @category models
 */
export interface NewFile {
  /** The path to write to. It must not exist. */
  readonly path: string
  readonly bytes: Uint8Array
  /** The mode to create the file with, before the umask is applied. */
  readonly created: number | undefined
  /** The mode to set afterwards. `undefined`: keeps the mode of creation. */
  readonly permissions: number | undefined
  readonly times: { readonly atime: number; readonly mtime: number } | undefined
  /** Called once the file exists. The write may still fail. */
  readonly onCreated?: (() => void) | undefined
}

/**
 * A file that is open for reading.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenedFile {
  readonly look: Effect.Effect<Info, PlatformError>
  /** Fills the bytes from an offset. Returns how many were read, 0 at the end. */
  readonly read: (bytes: Uint8Array, offset: number) => Effect.Effect<number, PlatformError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalFiles {
  /** The `FileSystem` whose files these are. Transfers with any other `FileSystem` do not use this service. */
  readonly fileSystem: FileSystem
  /** Reads the attributes of a path. Does not follow a link. */
  readonly look: (path: string) => Effect.Effect<Info, PlatformError>
  /** Lists the names in a directory, each with the result of `look`, or `undefined` if `look` fails. */
  readonly list: (
    path: string
  ) => Effect.Effect<ReadonlyArray<readonly [name: string, info: Info | undefined]>, PlatformError>
  /** Opens a file for reading, and closes it with the scope. Does not wait for the writer of a named pipe. */
  readonly open: (path: string) => Effect.Effect<OpenedFile, PlatformError, Scope.Scope>
  /**
   * Reads at most the first `size` bytes of a file, and its attributes after that. Does not wait for the writer of a named
   * pipe.
   */
  readonly read: (path: string, size: number) => Effect.Effect<readonly [bytes: Uint8Array, info: Info], PlatformError>
  /**
   * Writes and closes a new file, and returns its attributes after the content was written. On failure or interruption, the
   * caller must remove the file.
   */
  readonly write: (file: NewFile) => Effect.Effect<Info, PlatformError>
  /** Changes an open file by the descriptor of its `File`, even if another file has taken its name. */
  readonly change: (descriptor: number, change: Change) => Effect.Effect<void, PlatformError>
  /** Changes a directory. Fails for a link to a directory. */
  readonly changeDirectory: (path: string, change: Change) => Effect.Effect<void, PlatformError>
  /** Renames a file. Fails with `InvalidData` if another file has taken its name (`id` differs). */
  readonly rename: (
    from: string,
    to: string,
    id: { readonly dev: number; readonly ino: number }
  ) => Effect.Effect<void, PlatformError>
}
