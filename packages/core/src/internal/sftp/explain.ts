/**
 * Why a request failed. Version 3 of SFTP answers "failure" to most mistakes, so the reason is looked for on the host, by
 * requests that change nothing.
 */
import type { PlatformError, SystemErrorReason } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import type { RemoteConnectionError } from "../../RemoteError.js"
import { SftpStatusError } from "../../RemoteError.js"
import * as fileMode from "../lib/fileMode.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "./callContext.js"
import type { Client } from "./client.js"
import * as errors from "./errors.js"
import * as pathLimits from "./pathLimits.js"

/** @internal */
export type Status = Extract<Sftp.Response, { readonly _tag: "Status" }>

/**
 * The purpose of a request, which narrows down the reason of its failure.
 *
 * @internal
 */
export type Intent = "look" | "list" | "read" | "write" | "create" | "change" | "remove" | "removeDirectory"

// Without a description, the usual one of the reason, else the server's own message.
type Explanation = readonly [reason: SystemErrorReason, description?: string]

type Lookup<A> = Effect.Effect<A, RemoteConnectionError>

const unknown: Explanation = ["Unknown"]
const notFound: Explanation = ["NotFound"]
const alreadyExists: Explanation = ["AlreadyExists"]
const permissionDenied: Explanation = ["PermissionDenied"]
const tooLong: Explanation = ["Unknown", "the name is too long"]
const notEmpty: Explanation = ["Unknown", "the directory is not empty"]
const isDirectory: Explanation = ["BadResource", "it is a directory"]
const notDirectory: Explanation = ["BadResource", "it is not a directory"]
const belowFile: Explanation = ["BadResource", "a part of its path is not a directory"]
const endsWithSlash: Explanation = ["BadResource", "a path that ends with a slash names a directory"]

const linksFollowed = 40

const longestMessage = 500

const attributesOf = (client: Client, request: Sftp.Request): Lookup<Sftp.Attributes | undefined> =>
  Effect.map(client.request(request), (answer) => answer._tag === "Attrs" ? answer.attributes : undefined)

const stat = (client: Client, path: string) => attributesOf(client, Sftp.Request.Stat({ path }))

const lstat = (client: Client, path: string) => attributesOf(client, Sftp.Request.Lstat({ path }))

// OpenSSH answers ENOTDIR with "no such file".
const isBelowFile = (client: Client, path: string): Lookup<boolean> => {
  const search = (above: string): Lookup<boolean> =>
    Effect.flatMap(stat(client, above), (found) => {
      if (found !== undefined) return Effect.succeed(!fileMode.isDirectory(found))
      return above === "/" || above === "." ? Effect.succeed(false) : search(posixPath.parent(above))
    })
  // A name that ends with a slash stands for a directory.
  return search(path.endsWith("/") ? posixPath.withoutSlashes(path) : posixPath.parent(path))
}

// OpenSSH answers ELOOP with "no such file", too.
const isLinkLoop = (client: Client, path: string, followed = 0): Lookup<boolean> =>
  followed === linksFollowed
    ? Effect.succeed(true)
    : Effect.flatMap(client.request(Sftp.Request.Readlink({ path })), (answer) => {
      if (answer._tag !== "Name") return Effect.succeed(false)
      const target = answer.entries[0]?.filename ?? ""
      return isLinkLoop(
        client,
        target.startsWith("/") ? target : `${posixPath.parent(path)}/${target}`,
        followed + 1
      )
    })

const missing = (client: Client, path: string): Lookup<Explanation> =>
  Effect.gen(function*() {
    if (yield* isBelowFile(client, path)) return belowFile
    return (yield* isLinkLoop(client, path)) ? ["BadResource", "its links form a loop"] : notFound
  })

const isFull = (client: Client, path: string): Lookup<boolean> =>
  client.has("statvfs")
    ? Effect.map(client.request(Sftp.Request.Statvfs({ path: posixPath.parent(path) })), (answer) => {
      if (answer._tag !== "ExtendedReply") return false
      const info = Sftp.decodeFileSystem(answer.data)
      return info._tag === "Right" && (info.right.bavail === 0n || info.right.favail === 0n && info.right.files > 0n)
    })
    : Effect.succeed(false)

// EPERM and EACCES have one status. Changing what can be seen fails with EPERM: only its owner may.
const denied = (client: Client, path: string, intent: Intent): Lookup<Explanation> =>
  intent !== "change"
    ? Effect.succeed(permissionDenied)
    : Effect.map(lstat(client, path), (found) =>
      found === undefined ? permissionDenied : ["Unknown", "only the owner and root may do this"])

const noSuchFile = (client: Client, path: string, intent: Intent): Lookup<Explanation> =>
  Effect.gen(function*() {
    if (intent === "list" && (yield* stat(client, path)) !== undefined) return notDirectory
    // OpenSSH has the same status for a handle that is not open for reading or for writing.
    if ((intent === "read" || intent === "write") && (yield* stat(client, path)) !== undefined) {
      return ["Unknown", `the file is not open for ${intent === "read" ? "reading" : "writing"}`]
    }
    return yield* missing(client, path)
  })

const slashAtEnd = (client: Client, path: string, intent: "write" | "create"): Lookup<Explanation> =>
  intent === "write"
    ? Effect.succeed(endsWithSlash)
    : Effect.map(
      lstat(client, posixPath.withoutSlashes(path)),
      (found) => found === undefined ? endsWithSlash : alreadyExists
    )

const generalFailure = (client: Client, path: string, intent: Intent): Lookup<Explanation> =>
  Effect.gen(function*() {
    const found = yield* lstat(client, path)
    if (intent === "create" && found !== undefined) return alreadyExists
    if (intent === "removeDirectory" && found !== undefined) {
      return fileMode.isDirectory(found)
        ? notEmpty
        : notDirectory
    }
    const target = yield* stat(client, path)
    if (target !== undefined && fileMode.isDirectory(target) && (intent === "read" || intent === "write")) {
      return isDirectory
    }
    const writes = intent === "write" || intent === "create"
    if (writes && path.endsWith("/")) return yield* slashAtEnd(client, path, intent)
    if (pathLimits.isTooLong(path)) return tooLong
    return writes && (yield* isFull(client, path)) ? ["Unknown", "no space left on the device"] : unknown
  })

const explain = (client: Client, path: string, intent: Intent, code: number): Lookup<Explanation> => {
  switch (code) {
    case Sftp.StatusCode.permissionDenied:
      return denied(client, path, intent)
    case Sftp.StatusCode.unsupported:
      return Effect.succeed(["Unknown", "the SFTP server does not support it"])
    case Sftp.StatusCode.noSuchFile:
      return noSuchFile(client, path, intent)
    default:
      return generalFailure(client, path, intent)
  }
}

/** A rename or a hard link, and the status that refused it. */
interface Naming {
  readonly from: string
  readonly to: string
  /** Whether an existing `to` is an error. */
  readonly intent: "create" | "replace"
  readonly code: number
}

const isDots = (path: string): boolean => [".", ".."].includes(posixPath.base(path))

const withoutSource = (client: Client, { code, from, intent, to }: Naming): Lookup<Explanation> =>
  Effect.gen(function*() {
    if (intent === "replace" && (yield* isBelowFile(client, to))) return belowFile
    if (code !== Sftp.StatusCode.noSuchFile && pathLimits.isTooLong(from)) return tooLong
    return yield* missing(client, from)
  })

const withoutTarget = (
  client: Client,
  { code, intent, to }: Naming,
  source: Sftp.Attributes | undefined
): Lookup<Explanation> =>
  Effect.gen(function*() {
    if (pathLimits.isTooLong(to)) return tooLong
    if (intent === "replace" && to.endsWith("/") && source !== undefined && !fileMode.isDirectory(source)) {
      const above = yield* stat(client, posixPath.parent(to))
      if (above !== undefined) return endsWithSlash
    }
    return code === Sftp.StatusCode.noSuchFile ? yield* missing(client, to) : unknown
  })

const bothExist = (
  { code }: Naming,
  source: Sftp.Attributes | undefined,
  target: Sftp.Attributes
): Explanation => {
  if (source !== undefined && fileMode.isDirectory(source) !== fileMode.isDirectory(target)) {
    return fileMode.isDirectory(target) ? isDirectory : notDirectory
  }
  return code === Sftp.StatusCode.failure && fileMode.isDirectory(target) ? notEmpty : unknown
}

// As POSIX specifies rename() and link().
const explainNaming = (client: Client, naming: Naming): Lookup<Explanation> =>
  Effect.gen(function*() {
    const { code, from, intent, to } = naming
    if (intent === "replace" && code === Sftp.StatusCode.failure && [from, to].some(isDots)) {
      return ["Busy", "`.` and `..` cannot be renamed"]
    }
    const isDenied = code === Sftp.StatusCode.permissionDenied
    const source = yield* lstat(client, from)
    if (source === undefined && !isDenied) return yield* withoutSource(client, naming)
    const target = yield* lstat(client, intent === "create" ? posixPath.withoutSlashes(to) : to)
    if (target !== undefined && intent === "create") return alreadyExists
    if (isDenied) {
      return intent === "create" && source !== undefined && fileMode.isDirectory(source)
        ? ["Unknown", "a directory cannot have hard links"]
        : permissionDenied
    }
    return target === undefined ? yield* withoutTarget(client, naming, source) : bothExist(naming, source, target)
  })

const failWith = (
  call: CallContext,
  { code, message }: Status,
  explanation: Lookup<Explanation>
): Effect.Effect<never, PlatformError> =>
  Effect.flatMap(
    Effect.mapError(explanation, errors.connection(call)),
    ([reason, description]) => {
      const detail = message.slice(0, longestMessage)
      return Effect.fail(errors.system(
        call,
        reason,
        new SftpStatusError({ code, detail }),
        description ?? errors.usualDescription(reason) ?? `the SFTP server said: ${detail}`
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
): Effect.Effect<never, PlatformError> => failWith(call, status, explain(client, call.path, intent, status.code))

/**
 * As `status`, for a rename or a hard link from the call's path to another.
 *
 * @internal
 */
export const naming = (
  client: Client,
  call: CallContext,
  to: string,
  intent: "create" | "replace",
  status: Status
): Effect.Effect<never, PlatformError> =>
  failWith(call, status, explainNaming(client, { from: call.path, to, intent, code: status.code }))
