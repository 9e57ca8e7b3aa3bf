/**
 * Descriptors of the shell: sources and targets of bytes. Programs that inherit a descriptor share it, including the position in
 * a file.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Pipe } from "../program/pipe.js"
import { fail, type OpenFile, type OpenFlags, type PosixError, type SftpFileSystem } from "../sftp/sftpFileSystem.js"

/** @internal */
export interface Source {
  /** The next bytes, `None` at the end. */
  readonly read: Effect.Effect<Option.Option<Uint8Array>, PosixError>
  /** Gives bytes back, to be read next. */
  readonly unread: (bytes: Uint8Array) => Effect.Effect<void>
}

/** @internal */
export interface Target {
  /** Writes bytes. `false` after the reader is gone. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean, PosixError>
  /** The file written to, if the target is a file. */
  readonly file?: OpenFile | undefined
}

/** @internal */
export interface Descriptor {
  readonly source: Source | undefined
  readonly target: Target | undefined
}

/** @internal */
export type Descriptors = ReadonlyMap<number, Descriptor>

/** @internal */
export const sourceOf = (pull: Source["read"]): Source => {
  const returned: Array<Uint8Array> = []
  return {
    read: Effect.suspend(() => {
      const bytes = returned.pop()
      return bytes === undefined ? pull : Effect.succeedSome(bytes)
    }),
    unread: (bytes) =>
      Effect.sync(() => {
        if (bytes.length > 0) returned.push(bytes)
      })
  }
}

const none: Descriptor = {
  source: sourceOf(Effect.succeedNone),
  target: { write: () => Effect.succeed(true) }
}

/** @internal */
export const ofBytes = (bytes: Uint8Array): Descriptor => {
  let pending = bytes.length === 0 ? Option.none<Uint8Array>() : Option.some(bytes)
  const take = Effect.sync(() => {
    const taken = pending
    pending = Option.none()
    return taken
  })
  return { source: sourceOf(take), target: undefined }
}

/** @internal */
export const reader = (pipe: Pipe): Descriptor => ({ source: sourceOf(pipe.read), target: undefined })

/** @internal */
export const writer = (pipe: Pipe): Descriptor => ({ source: undefined, target: { write: pipe.write } })

const readAtOnce = 65536

/** @internal */
export const read = (file: OpenFile): Source => {
  let offset = 0n
  return sourceOf(
    Effect.map(Effect.suspend(() => file.read(offset, readAtOnce)), (bytes) => {
      offset += BigInt(bytes.length)
      return bytes.length === 0 ? Option.none() : Option.some(bytes)
    })
  )
}

/** @internal */
export const write = (file: OpenFile): Target => {
  let offset = 0n
  return {
    file,
    write: (bytes) =>
      Effect.gen(function*() {
        for (let at = 0; at < bytes.length;) {
          const count = yield* file.write(offset, bytes.subarray(at))
          if (count === 0) return yield* fail("EIO")
          offset += BigInt(count)
          at += count
        }
        return true
      })
  }
}

/**
 * The files of a host need not have those that every system has, which are what they are everywhere.
 *
 * @internal
 */
export const open = (
  files: SftpFileSystem,
  path: string,
  flags: OpenFlags
): Effect.Effect<Descriptor, PosixError, Scope.Scope> =>
  path === "/dev/null"
    ? Effect.succeed(none)
    : Effect.map(files.open(path, flags, 0o666), (file) => ({
      source: flags.read ? read(file) : undefined,
      target: flags.write ? write(file) : undefined
    }))

/** @internal */
export const flagsOf = (operator: "<" | ">" | ">>"): OpenFlags => ({
  read: operator === "<",
  write: operator !== "<",
  append: operator === ">>",
  create: operator !== "<",
  truncate: operator === ">",
  exclusive: false
})
