/**
 * One of the two sides of a transfer: the files of this machine, or those of a host.
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Source } from "../../TransferError.js"

/** @internal */
export type Fx<A> = Effect.Effect<A, PlatformError>

/**
 * What is known of an entry.
 *
 * @internal
 */
export interface Seen {
  readonly type: Source["type"]
  /** In words, of what is neither file, directory nor link. */
  readonly kind: string
  readonly size: bigint
  readonly permissions: number
  /** In milliseconds, as fine as the side has them. */
  readonly mtime: number
  readonly atime: number
}

/** @internal */
export interface Listed {
  readonly name: string
  /** Left out where the listing does not tell: `look` does. */
  readonly seen: Seen | undefined
}

/**
 * What a copy gets of its source.
 *
 * @internal
 */
export interface Kept {
  readonly permissions: number | undefined
  readonly times: { readonly atime: number; readonly mtime: number } | undefined
}

/** @internal */
export interface Reading {
  readonly seen: Seen
  readonly stream: (offset: bigint, length?: bigint) => Stream.Stream<Uint8Array, PlatformError>
  /** Nobody uses what the stream gave any more: it may be overwritten. Whoever does not say so may keep it. */
  readonly reuse: (bytes: Uint8Array) => void
}

/** @internal */
export interface Writing {
  /** Puts bytes behind those before. They must not change until they are told to be `unused`. */
  readonly write: (bytes: Uint8Array, unused: () => void) => Fx<void>
  /** Waits for all of it, closes the file, and tells how large it is. */
  readonly finish: (kept: Kept, sync: boolean) => Fx<bigint>
}

/** @internal */
export interface Side {
  /** Whether names can be of any bytes. */
  readonly carriesBytes: boolean
  readonly look: (path: string) => Fx<Seen>
  /** As `look`, of what a link names. */
  readonly follow: (path: string) => Fx<Seen>
  readonly realPath: (path: string) => Fx<string>
  readonly list: (path: string) => Fx<ReadonlyArray<Listed>>
  readonly readLink: (path: string) => Fx<string>
  readonly symlink: (path: string, target: string) => Fx<void>
  readonly makeDirectory: (path: string, permissions: number | undefined) => Fx<void>
  /** With what is missing above it; one that is there is fine. */
  readonly makeDirectories: (path: string) => Fx<void>
  readonly change: (path: string, kept: Kept) => Fx<void>
  readonly removeFile: (path: string) => Fx<void>
  /** One that is empty. */
  readonly removeDirectory: (path: string) => Fx<void>
  /** Replaces what has the name. */
  readonly rename: (from: string, to: string) => Fx<void>
  /** So many bytes of a file from its beginning, and what is known of it behind that, in as few steps as there can be. */
  readonly readSmall: (path: string, size: number) => Fx<readonly [bytes: Uint8Array, after: Seen]>
  /** A new file, closed, and how large it is, in as few steps as there can be. */
  readonly writeSmall: (path: string, bytes: Uint8Array, kept: Kept, sync: boolean) => Fx<bigint>
  /**
   * A new file that is written under the temporary name, and gets its own when it is as large as that, in as few steps as
   * there can be. Tells how large it is.
   */
  readonly place: (path: string, temporary: string, bytes: Uint8Array, kept: Kept) => Fx<bigint>
  readonly read: (path: string) => Effect.Effect<Reading, PlatformError, Scope.Scope>
  /** A new file, or with `offset` one that is there and is written from there on. */
  readonly write: (
    path: string,
    permissions: number | undefined,
    offset: bigint | undefined
  ) => Effect.Effect<Writing, PlatformError, Scope.Scope>
  /** The SHA-256 of a file, or of its first bytes, where that takes no reading from here. */
  readonly digest: (path: string, length: bigint | undefined) => Fx<Option.Option<string>>
}

const types: Readonly<Record<number, readonly [Seen["type"], string]>> = {
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
export const fromMode = (mode: number): readonly [Seen["type"], kind: string] => types[mode & 0o170000] ?? unknown
