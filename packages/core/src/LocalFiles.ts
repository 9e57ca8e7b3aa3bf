/**
 * What transfers of many small files do with the files of this machine, in one step for each where a `FileSystem` takes
 * many. `@effect-remote/node` provides it; without it the `FileSystem` does everything.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * What is known of an entry: its mode with the bits of its type, and times in milliseconds.
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
 * What becomes of a file: its owner first, then its mode, then its times.
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
 * A new file.
 *
 * @since 0.1.0
 * @category models
 */
export interface NewFile {
  readonly path: string
  /** The name it is written under, which nothing has yet. */
  readonly temporary: string
  readonly bytes: Uint8Array
  /** The mode to make it with, less what the umask takes. */
  readonly created: number | undefined
  /** The mode to set. Left out: none. */
  readonly permissions: number | undefined
  readonly times: { readonly atime: number; readonly mtime: number } | undefined
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
  /** Whose files these are: for a `FileSystem` that does anything in another way it is not asked. */
  readonly fileSystem: FileSystem
  /** Does not follow a link. */
  readonly look: (path: string) => Effect.Effect<Info, PlatformError>
  /** The names in a directory, and what `look` tells of them, where it does. */
  readonly list: (
    path: string
  ) => Effect.Effect<ReadonlyArray<readonly [name: string, info: Info | undefined]>, PlatformError>
  /** Opens a file for reading, and closes it with the scope. Does not wait for the writer of a named pipe. */
  readonly open: (path: string) => Effect.Effect<OpenedFile, PlatformError, Scope.Scope>
  /**
   * The first bytes of a file, so many where there are as many, and what is known of it behind that. Does not wait for the
   * writer of a named pipe.
   */
  readonly read: (path: string, size: number) => Effect.Effect<readonly [bytes: Uint8Array, info: Info], PlatformError>
  /**
   * Writes it, and tells how large it is; it gets its name when that is all of it. The temporary file is whoever's asked to
   * remove when this fails or is interrupted. Another file under the temporary name is not renamed.
   */
  readonly place: (file: NewFile) => Effect.Effect<number, PlatformError>
  /** Changes an open file by the descriptor that its `File` has, whatever has its name. */
  readonly change: (descriptor: number, change: Change) => Effect.Effect<void, PlatformError>
  /** As `change`, of a directory. Fails for a link to one. */
  readonly changeDirectory: (path: string, change: Change) => Effect.Effect<void, PlatformError>
  /** Renames a file. Fails with `InvalidData` if the name has gone to another one. */
  readonly rename: (
    from: string,
    to: string,
    id: { readonly dev: number; readonly ino: number }
  ) => Effect.Effect<void, PlatformError>
}
