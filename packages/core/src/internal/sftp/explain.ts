/**
 * Why a request failed. Version 3 of SFTP answers "failure" to most mistakes, so the reason is looked for on the host, by
 * requests that change nothing.
 */
import type { PlatformError, SystemErrorReason } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import { SftpStatusError } from "../../RemoteError.js"
import * as fileMode from "../lib/fileMode.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "./callContext.js"
import type { Client } from "./client.js"
import * as errors from "./errors.js"
import * as lookups from "./lookups.js"
import * as pathLimits from "./pathLimits.js"

/** @internal */
export type Status = Extract<Sftp.Response, { readonly _tag: "Status" }>

/**
 * The purpose of a request, which narrows down the reason of its failure. `open` and `openToWrite` are of a path, `read` and
 * `write` of an open file.
 *
 * @internal
 */
export type Intent =
  | "look"
  | "list"
  | "open"
  | "openToWrite"
  | "read"
  | "write"
  | "create"
  | "change"
  | "remove"
  | "removeDirectory"

/**
 * Without a description, the usual one of the reason, else the server's own message.
 *
 * @internal
 */
export type Explanation = readonly [reason: SystemErrorReason, description?: string]

type Lookup<A> = lookups.Lookup<A>

const unknown: Explanation = ["Unknown"]
const notFound: Explanation = ["NotFound"]
const alreadyExists: Explanation = ["AlreadyExists"]
const permissionDenied: Explanation = ["PermissionDenied"]
const tooLong: Explanation = ["Unknown", "the name is too long"]
const notEmpty: Explanation = ["Unknown", "the directory is not empty"]
const mountPoint: Explanation = ["Busy", "it is a mount point"]
const isDirectory: Explanation = ["BadResource", "it is a directory"]
const notDirectory: Explanation = ["BadResource", "it is not a directory"]
const belowFile: Explanation = ["BadResource", "a part of its path is not a directory"]
const linkLoop: Explanation = ["BadResource", "its links form a loop"]
const endsWithSlash: Explanation = ["BadResource", "a path that ends with a slash names a directory"]
const full: Explanation = ["Unknown", "no space left on the device"]

/** @internal */
export const readOnly: Explanation = ["Unknown", "the file system is read-only"]

const longestMessage = 500

const isOneOf = (intent: Intent, ...intents: ReadonlyArray<Intent>): boolean => intents.includes(intent)

const missing = (client: Client, path: string): Lookup<Explanation> =>
  Effect.gen(function*() {
    if (yield* lookups.isBelowFile(client, path)) return belowFile
    return (yield* lookups.isLinkLoop(client, path)) ? linkLoop : notFound
  })

/**
 * Advice for a host that refuses a new file or its renaming, if the target is a file.
 *
 * @internal
 */
export const inPlaceHint = (client: Client, { inPlace, target }: CallContext): Lookup<string> =>
  target === undefined || inPlace === undefined
    ? Effect.succeed("")
    : Effect.map(lookups.stat(client, target), (found) =>
      found === undefined || fileMode.isOtherThan("File", found)
        ? ""
        : `; if the file itself may be written, ${inPlace}`)

// EPERM and EACCES have one status.
const denied = (client: Client, call: CallContext, intent: Intent): Lookup<Explanation> => {
  const { path, step, target } = call
  if (intent === "change") {
    // Changing what can be seen fails with EPERM: only its owner may.
    return Effect.map(lookups.lstat(client, path), (found) =>
      found === undefined
        ? permissionDenied
        : ["Unknown", "the host permits this only to the owner and root, or not at all"])
  }
  if (intent === "look") return Effect.succeed(["PermissionDenied", "the host does not permit looking at it"])
  if (target === undefined) return Effect.succeed(permissionDenied)
  if (intent === "create") {
    const directory = JSON.stringify(posixPath.parent(path))
    return Effect.map(
      inPlaceHint(client, call),
      (hint) => ["PermissionDenied", `the host does not permit a new file in ${directory}${hint}`]
    )
  }
  return Effect.succeed(
    step === "setAttributes"
      ? ["PermissionDenied", "the host does not permit setting its mode, owner or times"]
      : permissionDenied
  )
}

const noSuchFile = (client: Client, path: string, intent: Intent): Lookup<Explanation> =>
  Effect.gen(function*() {
    if (intent === "list" || intent === "read" || intent === "write") {
      const found = yield* lookups.stat(client, path)
      if (found !== undefined && intent === "list") return notDirectory
      // OpenSSH has the same status for a handle that is not open for reading or for writing.
      if (found !== undefined) {
        return ["Unknown", `the file is not open for ${intent === "read" ? "reading" : "writing"}`]
      }
    }
    return yield* missing(client, path)
  })

const slashAtEnd = (client: Client, path: string, intent: Intent): Lookup<Explanation> =>
  intent !== "create"
    ? Effect.succeed(endsWithSlash)
    : Effect.map(
      lookups.lstat(client, posixPath.withoutSlashes(path)),
      (found) => found === undefined ? endsWithSlash : alreadyExists
    )

// Explains a failure by the attributes of the path.
const byAttributes = (
  intent: Intent,
  found: Sftp.Attributes | undefined,
  target: Sftp.Attributes | undefined
): Explanation | undefined => {
  if (intent === "create" && found !== undefined) return alreadyExists
  if (intent === "removeDirectory" && found !== undefined && fileMode.isOtherThan("Directory", found)) {
    return notDirectory
  }
  if (intent === "list" && target !== undefined && !fileMode.isDirectory(target)) return notDirectory
  if (target === undefined || !isOneOf(intent, "open", "openToWrite", "read", "write")) return undefined
  if (fileMode.isDirectory(target)) return isDirectory
  return fileMode.isSocket(target) ? ["Unknown", "it is a socket"] : undefined
}

const byDisk = (
  client: Client,
  path: string,
  intent: Intent,
  target: Sftp.Attributes | undefined
): Lookup<Explanation | undefined> =>
  Effect.gen(function*() {
    const isOfFile = target !== undefined && isOneOf(intent, "openToWrite", "write", "change")
    const disk = yield* lookups.disk(client, isOfFile ? path : posixPath.parent(path))
    if (lookups.isReadOnly(disk)) return readOnly
    if (isOneOf(intent, "openToWrite", "write", "create") && lookups.isFull(disk)) return full
    if (!isOneOf(intent, "remove", "removeDirectory")) return undefined
    if (yield* lookups.isMountPoint(client, path)) return mountPoint
    return intent === "removeDirectory" && (yield* lookups.hasEntries(client, path)) ? notEmpty : undefined
  })

const byHandles = (
  client: Client,
  path: string,
  intent: Intent,
  target: Sftp.Attributes | undefined
): Lookup<Explanation | undefined> =>
  Effect.gen(function*() {
    const readable = Sftp.Request.Open({ path, flags: Sftp.OpenFlags.read, attributes: {} })
    // The caller may hold the last handle, as a copy does.
    if (!client.hasTurn(readable)) return undefined
    if (!(yield* lookups.hasDescriptors(client))) {
      return ["Unknown", "the SFTP server can open no more files: close some, or raise its limit"]
    }
    // Everybody may be allowed to run it, so that it is a program.
    const mayRun = intent === "openToWrite" && target !== undefined && fileMode.isRegularFile(target) &&
      ((target.permissions ?? 0) & 0o111) !== 0
    return mayRun && (yield* lookups.opens(client, readable))
      ? ["Unknown", "the program is running, and cannot be written meanwhile: `atomicWrite` and `put` replace it"]
      : undefined
  })

const unexplainedWrite = ({ has }: Client, message: string): Explanation => [
  "Unknown",
  has("statvfs")
    ? `the SFTP server said: ${message}; the disk has free space, so a quota or the largest size of a file may be reached`
    : `the SFTP server said: ${message}; the disk may be full, or a quota reached`
]

const generalFailure = (
  client: Client,
  call: CallContext,
  intent: Intent,
  message: string
): Lookup<Explanation> =>
  Effect.gen(function*() {
    const { path, step } = call
    const [found, target] = yield* Effect.zip(lookups.lstat(client, path), lookups.stat(client, path), {
      concurrent: true
    })
    const seen = byAttributes(intent, found, target)
    if (seen !== undefined) return seen
    const writes = isOneOf(intent, "openToWrite", "write", "create")
    if (writes && path.endsWith("/")) return yield* slashAtEnd(client, path, intent)
    if (pathLimits.isTooLong(path)) return tooLong
    // Some servers answer ENOTDIR and ELOOP so.
    if (target === undefined) {
      const reason = yield* missing(client, path)
      if (reason !== notFound) return reason
    }
    if (writes || isOneOf(intent, "change", "remove", "removeDirectory")) {
      const reason = yield* byDisk(client, path, intent, target)
      // A file can be mounted into a read-only file system.
      if (reason === readOnly && intent === "create") {
        return [readOnly[0], `${readOnly[1]}${yield* inPlaceHint(client, call)}`]
      }
      if (reason !== undefined) return reason
    }
    if (isOneOf(intent, "open", "openToWrite", "create")) {
      const reason = yield* byHandles(client, path, intent, target)
      if (reason !== undefined) return reason
    }
    return intent === "write" && step !== "setAttributes" ? unexplainedWrite(client, message) : unknown
  })

const explain = (client: Client, call: CallContext, intent: Intent, { code, message }: Status): Lookup<Explanation> => {
  switch (code) {
    case Sftp.StatusCode.permissionDenied:
      return denied(client, call, intent)
    case Sftp.StatusCode.unsupported:
      return Effect.succeed(["Unknown", "the SFTP server does not support it"])
    case Sftp.StatusCode.noSuchFile:
      return noSuchFile(client, call.path, intent)
    default:
      return generalFailure(client, call, intent, message.slice(0, longestMessage))
  }
}

/**
 * Fails with an explanation of the status.
 *
 * @internal
 */
export const failWith = (
  call: CallContext,
  { code, message }: Status,
  explanation: Lookup<Explanation>,
  describe: (description: string) => string = (description) => description
): Effect.Effect<never, PlatformError> =>
  Effect.flatMap(
    Effect.mapError(explanation, errors.connection(call)),
    ([reason, description]) => {
      const detail = message.slice(0, longestMessage)
      return Effect.fail(errors.system(
        call,
        reason,
        new SftpStatusError({ code, detail }),
        describe(description ?? errors.usualDescription(reason) ?? `the SFTP server said: ${detail}`)
      ))
    }
  )

/**
 * Fails with the platform's error for a status.
 *
 * @internal
 */
export const status = (
  client: Client,
  call: CallContext,
  intent: Intent,
  status: Status
): Effect.Effect<never, PlatformError> => failWith(call, status, explain(client, call, intent, status))
