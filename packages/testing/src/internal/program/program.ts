/**
 * Programs of the in-memory host, as its shell and its scripts see them.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { OpenFile, SftpFileSystem } from "../sftp/sftpFileSystem.js"

/**
 * The arguments, environment and streams of a program that was started. Words, names and values are strings as
 * `Sftp.encodeName` encodes them, so any bytes survive.
 *
 * @internal
 */
export interface Invocation {
  /** The name, then the arguments. */
  readonly words: NonEmptyReadonlyArray<string>
  readonly environment: ReadonlyMap<string, string>
  /** An absolute path. */
  readonly directory: string
  /** The host's files as the user sees them. Relative paths begin in the home directory, so callers resolve paths first. */
  readonly files: SftpFileSystem
  /** The next bytes, `None` at the end. */
  readonly stdin: Effect.Effect<Option.Option<Uint8Array>>
  /** Writes bytes, then waits for room. `false` after the reader is gone. The program then ends as by SIGPIPE. */
  readonly stdout: (bytes: Uint8Array) => Effect.Effect<boolean>
  readonly stderr: (bytes: Uint8Array) => Effect.Effect<boolean>
  /** The file that `stdout` writes to, if it is a file. */
  readonly output?: OpenFile | undefined
}

/**
 * How a program ended.
 *
 * @internal
 */
export type ProgramExit = Data.TaggedEnum<{
  readonly Code: { readonly code: number }
  /** Without `SIG`. */
  readonly Signal: { readonly signal: string }
}>

/** @internal */
export const ProgramExit = Data.taggedEnum<ProgramExit>()

/**
 * A program runs until its end or until it is interrupted, which is how it is killed.
 *
 * @internal
 */
export type Program = (invocation: Invocation) => Effect.Effect<ProgramExit>

/**
 * Finds a program by its first word. Scripted programs take precedence over the host's own tools. `None` if neither has the name.
 *
 * @internal
 */
export type Lookup = (invocation: Pick<Invocation, "words" | "environment" | "directory" | "files">) => Effect.Effect<
  Option.Option<Program>
>
