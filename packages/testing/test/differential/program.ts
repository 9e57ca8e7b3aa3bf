/**
 * Programs of operations on a host: on files and by commands. A program is plain data, and can be written as JSON.
 *
 * A path is relative to the directory in which a program runs. `<root>` in any text stands for that directory.
 */
import type { OpenFlag } from "@effect/platform/FileSystem"
import { Data } from "effect"

/** A text, repeated `times` times. */
export interface Content {
  readonly text: string
  readonly times: number
}

/** An operation on an open file. */
export type Use = Data.TaggedEnum<{
  readonly Read: { readonly size: number }
  readonly Write: { readonly content: Content }
  readonly Seek: { readonly offset: number; readonly from: "start" | "current" }
  readonly Truncate: { readonly size: number }
  readonly Stat: {}
  readonly Sync: {}
  /** Removes the name of the open file. */
  readonly Unlink: {}
  readonly RenameTo: { readonly path: string }
}>

export const Use = Data.taggedEnum<Use>()

/** The input of a command. */
export type Input = Data.TaggedEnum<{
  readonly None: {}
  readonly Text: { readonly content: Content }
  /** A stream that fails after the content. */
  readonly Failing: { readonly content: Content }
}>

export const Input = Data.taggedEnum<Input>()

export type Verb = "start" | "string" | "lines" | "exitCode" | "checkOutput" | "stream" | "executor"

export interface Commands {
  /** More than one are a pipeline. */
  readonly words: ReadonlyArray<readonly [string, ...ReadonlyArray<string>]>
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
  readonly input: Input
}

export interface TransferOptions {
  readonly symlinks: "preserve" | "follow" | "skip"
  readonly skipUnchanged: "quick" | undefined
  readonly delete: boolean
  readonly timestamps: boolean
  readonly mode: boolean
  readonly verify: "size" | "digest"
}

export interface AtomicOptions {
  readonly mode?: number
  readonly ifAbsent: boolean
  readonly durable: boolean
  readonly symlinks: "follow" | "replace"
}

/** The operation in progress when the connection is lost. */
export type Ongoing = "command" | "sink" | "atomicWrite" | "file"

export type Step = Data.TaggedEnum<{
  readonly Write: { readonly path: string; readonly content: Content; readonly flag: OpenFlag; readonly mode?: number }
  readonly Read: { readonly path: string }
  readonly ReadPart: {
    readonly path: string
    readonly offset: number
    readonly length: number
    readonly chunkSize: number
  }
  /** `fails`: the source fails after all its pieces. */
  readonly Sink: {
    readonly path: string
    readonly pieces: ReadonlyArray<Content>
    readonly fails: boolean
    readonly flag: OpenFlag
    readonly mode?: number
  }
  readonly AtomicWrite: {
    readonly path: string
    readonly pieces: ReadonlyArray<Content>
    readonly fails: boolean
    readonly options: AtomicOptions
  }
  readonly Open: {
    readonly path: string
    readonly flag: OpenFlag
    readonly mode?: number
    readonly uses: ReadonlyArray<Use>
  }
  readonly MakeDirectory: { readonly path: string; readonly recursive: boolean; readonly mode?: number }
  readonly ReadDirectory: { readonly path: string; readonly recursive: boolean }
  readonly Walk: { readonly path: string; readonly symlinks: "list" | "follow" }
  readonly ListFiles: { readonly path: string }
  readonly Rename: { readonly from: string; readonly to: string }
  readonly Link: { readonly from: string; readonly to: string }
  readonly Symlink: { readonly target: string; readonly path: string }
  readonly Remove: { readonly path: string; readonly recursive: boolean; readonly force: boolean }
  readonly Look: {
    readonly path: string
    readonly how: "stat" | "lstat" | "exists" | "isDirectory" | "readLink" | "realPath" | "expandPath"
  }
  readonly Access: { readonly path: string; readonly readable: boolean; readonly writable: boolean }
  readonly Chmod: { readonly path: string; readonly mode: number }
  readonly Chown: { readonly path: string; readonly uid: number; readonly gid: number }
  readonly Utimes: { readonly path: string; readonly atime: number; readonly mtime: number }
  readonly Truncate: { readonly path: string; readonly size: number }
  readonly Copy: {
    readonly from: string
    readonly to: string
    readonly overwrite: boolean
    readonly preserveTimestamps: boolean
  }
  readonly CopyFile: { readonly from: string; readonly to: string }
  readonly Digest: { readonly path: string; readonly algorithm: "md5" | "sha1" | "sha256" | "sha512" }
  readonly Temporary: { readonly directory: string; readonly kind: "file" | "directory" }
  readonly Sweep: { readonly directory: string }
  readonly Put: { readonly source: string; readonly path: string; readonly options: TransferOptions }
  readonly Get: { readonly path: string; readonly options: TransferOptions }
  readonly Run: { readonly verb: Verb; readonly commands: Commands; readonly maxOutput?: number }
  /** Interrupts the fiber of a command after the command has printed something. */
  readonly Interrupt: { readonly commands: Commands }
  /** Sends a signal to a command after the command has printed something. */
  readonly Kill: {
    readonly commands: Commands
    readonly signal: "SIGTERM" | "SIGKILL" | "SIGHUP" | "SIGUSR1"
  }
  readonly Drop: {}
  readonly DropDuring: { readonly ongoing: Ongoing; readonly path: string }
}>

export const Step = Data.taggedEnum<Step>()

export interface Program {
  /** The seed that the program was generated from. */
  readonly seed: number
  readonly steps: ReadonlyArray<Step>
}

/** A step of one kind. */
export type StepOf<Tag extends Step["_tag"]> = Extract<Step, { readonly _tag: Tag }>
