/**
 * Why a rename or a hard link failed, as POSIX specifies rename() and link().
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "./callContext.js"
import type { Client } from "./client.js"
import * as explain from "./explain.js"
import * as lookups from "./lookups.js"
import * as pathLimits from "./pathLimits.js"

/**
 * The fate of an existing file of the new name. `"create"`: it is kept, and the request fails. `"replace"`: it is replaced.
 * `"rename"`: the caller wants it replaced, but the server can only keep it.
 *
 * @internal
 */
export type NamingIntent = "create" | "replace" | "rename"

type Lookup<A> = lookups.Lookup<A>

/** A rename or a hard link, and the status that refused it. */
interface Naming {
  readonly from: string
  readonly to: string
  readonly intent: NamingIntent
  readonly code: number
  /** How a message names both. */
  readonly source: string
  readonly target: string
}

const unknown: explain.Explanation = ["Unknown"]

const tooLong: explain.Explanation = ["Unknown", "the name is too long"]

const isDots = (path: string): boolean => [".", ".."].includes(posixPath.base(path))

const belowFile = (
  what: string
): explain.Explanation => ["BadResource", `a part of the path of ${what} is not a directory`]

const withoutSource = (
  client: Client,
  { code, from, intent, source, target, to }: Naming
): Lookup<explain.Explanation> =>
  Effect.gen(function*() {
    if (intent !== "create" && (yield* lookups.isBelowFile(client, to))) return belowFile(target)
    if (code !== Sftp.StatusCode.noSuchFile && pathLimits.isTooLong(from)) return tooLong
    if (yield* lookups.isBelowFile(client, from)) return belowFile(source)
    return (yield* lookups.isLinkLoop(client, from))
      ? ["BadResource", `the links of ${source} form a loop`]
      : ["NotFound", `${source} does not exist`]
  })

const missingTarget = (client: Client, { target, to }: Naming): Lookup<explain.Explanation> =>
  Effect.gen(function*() {
    if (yield* lookups.isBelowFile(client, to)) return belowFile(target)
    const directory = posixPath.parent(to)
    return (yield* lookups.isLinkLoop(client, to))
      ? ["BadResource", `the links of ${target} form a loop`]
      : ["NotFound", `the directory ${JSON.stringify(directory)} does not exist`]
  })

// The checks that a kernel makes before it looks at the names.
const byDisk = (client: Client, { from, source, target, to }: Naming): Lookup<explain.Explanation | undefined> =>
  Effect.gen(function*() {
    const [left, right] = [
      yield* lookups.disk(client, posixPath.parent(from)),
      yield* lookups.disk(client, posixPath.parent(to))
    ]
    if (lookups.areDifferent(left, right)) {
      return ["Unknown", `${source} and ${target} are on different file systems`]
    }
    if (lookups.isReadOnly(right)) return explain.readOnly
    if (yield* lookups.isMountPoint(client, from)) return ["Busy", `${source} is a mount point`]
    return (yield* lookups.isMountPoint(client, to)) ? ["Busy", `${target} is a mount point`] : undefined
  })

const realPath = (client: Client, path: string): Lookup<string | undefined> =>
  Effect.map(
    client.request(Sftp.Request.Realpath({ path })),
    (answer) => answer._tag === "Name" ? answer.entries[0]?.filename : undefined
  )

const isIntoItself = (client: Client, { from, to }: Naming): Lookup<boolean> =>
  Effect.zipWith(
    realPath(client, from),
    realPath(client, posixPath.parent(to)),
    (from, above) => from !== undefined && above !== undefined && (above === from || posixPath.isWithin(above, from))
  )

const withoutTarget = (
  client: Client,
  naming: Naming,
  source: Sftp.Attributes | undefined
): Lookup<explain.Explanation> =>
  Effect.gen(function*() {
    const { code, intent, target, to } = naming
    if (pathLimits.isTooLong(to)) return tooLong
    if (intent !== "create" && to.endsWith("/") && source !== undefined && fileMode.isOtherThan("Directory", source)) {
      const above = yield* lookups.stat(client, posixPath.parent(to))
      if (above !== undefined) return ["BadResource", "a path that ends with a slash names a directory"]
    }
    if (code === Sftp.StatusCode.noSuchFile) return yield* missingTarget(client, naming)
    if (source !== undefined && fileMode.isDirectory(source) && (yield* isIntoItself(client, naming))) {
      return ["Unknown", `${target} is within ${naming.source}`]
    }
    return (yield* byDisk(client, naming)) ?? unknown
  })

const bothExist = (
  client: Client,
  naming: Naming,
  source: Sftp.Attributes | undefined,
  found: Sftp.Attributes
): Lookup<explain.Explanation> =>
  Effect.gen(function*() {
    const { code, target, to } = naming
    if (source !== undefined) {
      if (fileMode.isDirectory(found) && fileMode.isOtherThan("Directory", source)) {
        return ["BadResource", `${target} is a directory`]
      }
      if (fileMode.isDirectory(source) && fileMode.isOtherThan("Directory", found)) {
        return ["BadResource", `${target} is not a directory`]
      }
    }
    const reason = yield* byDisk(client, naming)
    if (reason !== undefined) return reason
    if (fileMode.isDirectory(found)) {
      if (source !== undefined && (yield* isIntoItself(client, naming))) {
        return ["Unknown", `${target} is within ${naming.source}`]
      }
      if (code === Sftp.StatusCode.failure && (yield* lookups.hasEntries(client, to))) {
        return ["Unknown", `the directory ${target} is not empty`]
      }
    }
    return unknown
  })

const exists = ({ intent, target }: Naming): explain.Explanation => [
  "AlreadyExists",
  intent === "rename"
    ? `${target} exists already, and this SFTP server cannot replace it (it lacks posix-rename@openssh.com)`
    : `${target} exists already`
]

const explainNaming = (client: Client, naming: Naming): Lookup<explain.Explanation> =>
  Effect.gen(function*() {
    const { code, from, intent, to } = naming
    if (intent !== "create" && code === Sftp.StatusCode.failure && [from, to].some(isDots)) {
      return ["Busy", "`.` and `..` cannot be renamed"]
    }
    const source = yield* lookups.lstat(client, from)
    if (code === Sftp.StatusCode.permissionDenied) {
      return intent === "create" && source !== undefined && fileMode.isDirectory(source)
        ? ["Unknown", "a directory cannot have hard links"]
        : ["PermissionDenied"]
    }
    if (source === undefined) return yield* withoutSource(client, naming)
    const found = yield* lookups.lstat(client, intent === "create" ? posixPath.withoutSlashes(to) : to)
    const isOtherType = intent === "rename" && found !== undefined &&
      fileMode.isDirectory(found) !== fileMode.isDirectory(source)
    if (found !== undefined && intent !== "replace" && !isOtherType) return exists(naming)
    return found === undefined
      ? yield* withoutTarget(client, naming, source)
      : yield* bothExist(client, naming, source, found)
  })

// A new file that cannot be renamed to its target may still be written to it.
const withHint = (
  client: Client,
  call: CallContext,
  { intent }: Naming,
  explanation: explain.Explanation
): Lookup<explain.Explanation> => {
  const [reason, description] = explanation
  if (call.target === undefined || intent === "create") return Effect.succeed(explanation)
  const why = reason === "PermissionDenied"
    ? "the host does not permit renaming the new file to it"
    : reason === "Busy"
    ? description
    : reason === "Unknown" && description === undefined
    ? "the SFTP server refused to rename the new file to it and gave no reason: it may be in use or a mount point"
    : undefined
  return why === undefined
    ? Effect.succeed(explanation)
    : Effect.map(explain.inPlaceHint(client, call), (hint) => [reason, `${why}${hint}`])
}

/**
 * Fails with the platform's error for a status that refused to give the call's path another name. The message of a call with two
 * paths shows both.
 *
 * @internal
 */
export const status = (
  client: Client,
  call: CallContext,
  to: string,
  intent: NamingIntent,
  status: explain.Status
): Effect.Effect<never, PlatformError> => {
  const isHidden = call.target !== undefined
  const naming: Naming = {
    from: call.path,
    to,
    intent,
    code: status.code,
    source: isHidden ? "the new file" : JSON.stringify(call.path),
    target: isHidden ? "it" : JSON.stringify(to)
  }
  const reason = Effect.flatMap(explainNaming(client, naming), (found) => withHint(client, call, naming, found))
  return explain.failWith(
    call,
    status,
    reason,
    isHidden ? undefined : (description) => `to ${JSON.stringify(to)}: ${description}`
  )
}
