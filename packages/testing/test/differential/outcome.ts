/**
 * Describes the outcome of a step in words that do not depend on the host.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import { RemoteCommandError, RemoteConnectionError, SftpStatusError } from "@effect-remote/core/RemoteError"
import { TransferError } from "@effect-remote/core/Transfer"
import { BadArgument, SystemError } from "@effect/platform/Error"
import type { File } from "@effect/platform/FileSystem"
import { Cause, type Effect, Exit, Option } from "effect"
import type { Commands, Step, StepOf } from "./program.js"
import { type Side, SourceFailed } from "./side.js"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | {
  readonly [name: string]: Json | undefined
}

/** Bytes as text. Long ones are shown as their beginning, their end and a checksum. */
export const content = (bytes: Uint8Array): Json => {
  const text = Sftp.decodeName(bytes)
  if (bytes.length <= 200) return text
  const sum = bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 7)
  return `${bytes.length} bytes of sum ${sum}: ${text.slice(0, 40)}...${text.slice(-40)}`
}

const recent = 3600_000

/** A time, unless it is that of the test. */
export const time = (date: number): string =>
  Math.abs(Date.now() - date) < recent ? "now" : new Date(date).toISOString()

const optional = <A>(option: Option.Option<A>, show: (value: A) => Json): Json =>
  Option.match(option, { onNone: () => "none", onSome: show })

/** The attributes of a file that are the same on both hosts. The size of a directory is not. */
export const info = ({ gid, mode, mtime, size, type, uid }: File.Info): Json => ({
  type,
  mode: mode.toString(8),
  owner: `${optional(uid, Number)}:${optional(gid, Number)}`,
  ...(type !== "Directory" && { size: Number(size) }),
  mtime: optional(mtime, (date) => time(date.getTime()))
})

/** The outcomes of the entries of a transfer. */
export const entries = (result: Pick<TransferError, "bytes" | "entries" | "files">): Json => ({
  files: result.files,
  bytes: Number(result.bytes),
  entries: result.entries.map(({ outcome, path, size, type }) => ({
    path,
    type,
    ...(type !== "Directory" && { size: Number(size) }),
    outcome: outcome._tag,
    ...(outcome._tag === "Failed" && { error: error(outcome.error) }),
    ...(outcome._tag === "Copied" && { resumedAt: Number(outcome.resumedAt) }),
    ...(outcome._tag === "Linked" && { target: outcome.target }),
    ...(outcome._tag === "Skipped" && { reason: outcome.reason })
  }))
})

/** An error with all that is promised of it. Of a connection that is lost there is but the reason. */
export const error = (failure: unknown): Json => {
  if (failure instanceof SystemError) {
    const { cause, description, method, module, pathOrDescriptor, reason } = failure
    // the words of these are in the cause
    const isToldByCause = cause instanceof RemoteConnectionError || cause instanceof RemoteCommandError
    return {
      tag: failure._tag,
      reason,
      module,
      method,
      path: String(pathOrDescriptor),
      ...(!isToldByCause && { description }),
      ...(cause !== undefined && { cause: error(cause) })
    }
  }
  if (failure instanceof BadArgument) {
    return { tag: failure._tag, module: failure.module, method: failure.method, description: failure.description }
  }
  if (failure instanceof SftpStatusError) return { tag: failure._tag, code: failure.code, detail: failure.detail }
  if (failure instanceof RemoteConnectionError) return { tag: failure._tag, reason: failure.reason }
  if (failure instanceof RemoteCommandError) {
    const { cause, command, detail, exitCode, reason, signal, stderr, stdout } = failure
    return {
      tag: failure._tag,
      reason,
      command,
      detail,
      exitCode,
      signal,
      stderr: complaints(command, stderr),
      stdout: content(stdout),
      ...(cause !== undefined && { cause: error(cause) })
    }
  }
  if (failure instanceof TransferError) return { tag: failure._tag, ...entries(failure) as Record<string, Json> }
  return failure instanceof SourceFailed ? failure._tag : String(failure)
}

/** A command in words, for `complaints`. */
export const shownCommand = ({ words }: Commands): string => words.map((stage) => stage.join(" ")).join(" | ")

/**
 * The part of a command's stderr that is promised. Concurrent writers have no order, and neither have the entries of a directory.
 * The line number of an error in a script of several lines is not promised.
 */
export const complaints = (command: string, stderr: string): string => {
  const told = command.includes("\n") ? stderr.replace(/^sh: \d+:/gm, "sh:") : stderr
  return / \| |\$\(|`/.test(command)
    ? [...told].sort().join("")
    : /(?:rm|cp|ls|chmod) -[a-z-]*[rR]/.test(command)
    ? told.split("\n").sort().join("\n")
    : told
}

/** How something ended. */
export const ofExit = (exit: Exit.Exit<Json, unknown>): Json =>
  Exit.match(exit, {
    onSuccess: (value) => ({ success: value }),
    onFailure: (cause) =>
      Option.match(Cause.failureOption(cause), {
        onSome: (failure) => ({ failure: error(failure) }),
        onNone: () => Cause.isInterruptedOnly(cause) ? "interrupted" : { defect: Cause.pretty(cause) }
      })
  })

// Names that are made up.
const hidden: ReadonlyArray<readonly [RegExp, string]> = [
  [/\.effect-remote-[0-9a-f]{32}\.tmp/g, "<temporary>"],
  [/\.effect-remote-[0-9a-f]{16}-[0-9a-z]+--?[0-9a-z]+\.part/g, "<part>"],
  [/\.temporary-[0-9a-f]{12}(?:\/[0-9a-f]{12})?/g, "<made up>"]
]

/** How it ended, as one text. */
export const show = ({ local, root }: Side, exit: Exit.Exit<Json, unknown>): string =>
  hidden.reduce(
    (text, [pattern, name]) => text.replace(pattern, name),
    JSON.stringify(ofExit(exit)).replaceAll(root, "<root>").replaceAll(local.target, "<target>").replaceAll(
      local.source,
      "<source>"
    )
  )

/** Handlers for each kind of step. Each succeeds with the outcome. */
export type Handlers<Tag extends Step["_tag"]> = {
  readonly [K in Tag]: (step: StepOf<K>) => Effect.Effect<Json, unknown>
}
