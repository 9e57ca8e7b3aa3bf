/**
 * SFTP's failures as the platform's file system tells them. Version 3 answers "failure" to most, so the reason is looked
 * for on the host, by requests that change nothing.
 */
import type { PlatformError, SystemErrorReason } from "@effect/platform/Error"
import { BadArgument, SystemError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import type { RemoteConnectionError } from "../../RemoteError.js"
import { SftpStatusError } from "../../RemoteError.js"
import * as posixPath from "../lib/posixPath.js"
import * as text from "../lib/text.js"
import type { Client } from "./client.js"

/** @internal */
export interface Attempt {
  /** As the platform's file system calls it. */
  readonly method: string
  readonly path: string
}

/** @internal */
export type Status = Extract<Sftp.Response, { readonly _tag: "Status" }>

const words: Readonly<Partial<Record<SystemErrorReason, string>>> = {
  NotFound: "there is no such file or directory",
  AlreadyExists: "it exists already",
  PermissionDenied: "the host does not permit it",
  BadResource: "it is a directory where a file is needed, or a file where a directory is needed"
}

/** @internal */
export const system = (
  { method, path }: Attempt,
  reason: SystemErrorReason,
  cause: unknown,
  description?: string
): PlatformError =>
  new SystemError({
    module: "FileSystem",
    method,
    reason,
    pathOrDescriptor: path,
    description: description === undefined ? words[reason] : text.printable(description),
    cause
  })

/** @internal */
export const isReason = (...reasons: ReadonlyArray<SystemErrorReason>) => (error: PlatformError): boolean =>
  error._tag === "SystemError" && reasons.includes(error.reason)

/** @internal */
export const connection = (attempt: Attempt) => (error: RemoteConnectionError): PlatformError =>
  system(attempt, error.reason === "TimedOut" ? "TimedOut" : "Unknown", error, error.message)

/** @internal */
export const badArgument = ({ method }: Attempt, description: string): PlatformError =>
  new BadArgument({ module: "FileSystem", method, description })

/**
 * A directory that is removed has become another one, or a link, which somebody may have put there for that.
 *
 * @internal
 */
export const replaced = (attempt: Attempt): PlatformError =>
  system(attempt, "BadResource", undefined, "something else took its place meanwhile")

/**
 * A name that a directory cannot hold.
 *
 * @internal
 */
export const invalidName = (attempt: Attempt, name: string): PlatformError =>
  system(
    attempt,
    "InvalidData",
    undefined,
    `the SFTP server lists a name that a directory cannot hold: ${JSON.stringify(name.slice(0, 100))}`
  )

/** @internal */
export const isNotFound = isReason("NotFound")

/**
 * What no path can be, and what was meant for a shell: nobody expands a `~`.
 *
 * @internal
 */
export const checkPath = (attempt: Attempt): Effect.Effect<void, PlatformError> => {
  const { path } = attempt
  return path.startsWith("~")
    ? Effect.fail(
      badArgument(
        attempt,
        `the path ${JSON.stringify(path)} begins with "~", which is not expanded: use the path of the home directory ` +
          `(\`expandPath\` finds a host's), or ${JSON.stringify(`./${path}`)} for a name that begins so`
      )
    )
    : checkName(attempt)
}

/**
 * What can name nothing: nothing, or with a NUL in it.
 *
 * @internal
 */
export const checkName = (attempt: Attempt): Effect.Effect<void, PlatformError> => {
  const { path } = attempt
  // As Node: the empty path names nothing.
  if (path.length === 0) return Effect.fail(system(attempt, "NotFound", undefined, "the path is empty"))
  if (path.includes("\0")) return Effect.fail(badArgument(attempt, `the path ${JSON.stringify(path)} holds a NUL`))
  return text.isEncodable(path)
    ? Effect.void
    : Effect.fail(
      badArgument(attempt, `the path ${JSON.stringify(path)} holds a lone surrogate, which stands for no bytes`)
    )
}

const fileType = 0o170000

const isType = (type: number) => ({ permissions }: Sftp.Attributes): boolean =>
  permissions !== undefined && (permissions & fileType) === type

/** @internal */
export const isDirectory = isType(0o040000)

/** @internal */
export const isRegularFile = isType(0o100000)

/** @internal */
export const isSymbolicLink = isType(0o120000)

const stat = (client: Client, packet: Sftp.Request) =>
  Effect.map(client.request(packet), (answer) => answer._tag === "Attrs" ? answer.attributes : undefined)

// Whether something on the way to the path is a file: OpenSSH answers ENOTDIR with "no such file".
const isBelowFile = (client: Client, path: string): Effect.Effect<boolean, RemoteConnectionError> =>
  Effect.gen(function*() {
    // With a slash behind it a name stands for a directory.
    let above = path.endsWith("/") ? posixPath.withoutSlashes(path) : posixPath.parent(path)
    while (true) {
      const found = yield* stat(client, Sftp.Request.Stat({ path: above }))
      if (found !== undefined) return !isDirectory(found)
      if (above === "/" || above === ".") return false
      above = posixPath.parent(above)
    }
  })

// A chain of links that does not end is "no such file" to OpenSSH as well.
const isLinkLoop = (client: Client, path: string): Effect.Effect<boolean, RemoteConnectionError> =>
  Effect.gen(function*() {
    let at = path
    for (let followed = 0; followed < 40; followed++) {
      const answer = yield* client.request(Sftp.Request.Readlink({ path: at }))
      if (answer._tag !== "Name") return false
      const target = answer.entries[0]?.filename ?? ""
      at = target.startsWith("/") ? target : `${posixPath.parent(at)}/${target}`
    }
    return true
  })

/**
 * What the request was meant to do with the path, which tells what may have been in its way.
 *
 * @internal
 */
export type Intent = "look" | "list" | "read" | "write" | "create" | "change" | "remove" | "removeDirectory"

type Guess = Effect.Effect<readonly [reason: SystemErrorReason, description?: string], RemoteConnectionError>

const guess = (client: Client, { path }: Attempt, intent: Intent, code: number): Guess =>
  Effect.gen(function*() {
    switch (code) {
      case Sftp.StatusCode.permissionDenied:
        // EPERM is told as EACCES is. What only an owner may do is the first.
        return intent === "change" && (yield* stat(client, Sftp.Request.Lstat({ path }))) !== undefined
          ? ["Unknown", "the host permits it to nobody but the owner, or to root"] as const
          : ["PermissionDenied"] as const
      case Sftp.StatusCode.unsupported:
        return ["Unknown", "the SFTP server does not support it"] as const
      case Sftp.StatusCode.noSuchFile:
        if (intent === "list" && (yield* stat(client, Sftp.Request.Stat({ path }))) !== undefined) {
          return ["BadResource", "it is no directory"] as const
        }
        // As well as a handle that is not for reading, or for writing.
        if (
          (intent === "read" || intent === "write") && (yield* stat(client, Sftp.Request.Stat({ path }))) !== undefined
        ) {
          return ["Unknown", "it is not open for that"] as const
        }
        return (yield* whyNotFound(client, path)) ?? ["NotFound"] as const
    }
    const found = yield* stat(client, Sftp.Request.Lstat({ path }))
    if (intent === "create" && found !== undefined) return ["AlreadyExists"] as const
    if (intent === "removeDirectory" && found !== undefined) {
      return isDirectory(found)
        ? ["Unknown", "the directory is not empty"] as const
        : ["BadResource", "it is no directory"] as const
    }
    const target = yield* stat(client, Sftp.Request.Stat({ path }))
    if (target !== undefined && isDirectory(target) && (intent === "read" || intent === "write")) {
      return ["BadResource", "it is a directory"] as const
    }
    if (path.endsWith("/") && (intent === "write" || intent === "create")) {
      return intent === "create" &&
          (yield* stat(client, Sftp.Request.Lstat({ path: posixPath.withoutSlashes(path) }))) !== undefined
        ? ["AlreadyExists"] as const
        : ["BadResource", "it is the name of a directory"] as const
    }
    if (hasLongName(path)) return tooLong
    if ((intent === "write" || intent === "create") && (yield* isFull(client, path))) {
      return ["Unknown", "there is no space left on the device"] as const
    }
    return ["Unknown"] as const
  })

const tooLong = ["Unknown", "the name is too long"] as const

const longestName = 255

// A path counts the NUL behind it.
const pathMax = 4096

const hasLongName = (path: string): boolean =>
  text.encode(path).length >= pathMax || path.split("/").some((name) => text.encode(name).length > longestName)

/**
 * Whether entries of a directory may have paths that are too long.
 *
 * @internal
 */
export const hasLongEntries = (path: string): boolean =>
  text.encode(posixPath.join(path, "")).length + longestName >= pathMax

const belowFile = ["BadResource", "something on its path is no directory"] as const

const whyNotFound = (client: Client, path: string) =>
  Effect.gen(function*() {
    if (yield* isBelowFile(client, path)) return belowFile
    if (yield* isLinkLoop(client, path)) return ["BadResource", "its links lead in a circle"] as const
    return undefined
  })

const isDots = (path: string): boolean => [".", ".."].includes(posixPath.base(path))

// As POSIX's rename and link have it, for what keeps its name or gets another.
const guessNames = (client: Client, from: string, to: string, intent: "create" | "replace", code: number): Guess =>
  Effect.gen(function*() {
    if (intent === "replace" && code === Sftp.StatusCode.failure && [from, to].some(isDots)) {
      return ["Busy", "`.` and `..` are no names to rename"] as const
    }
    const source = yield* stat(client, Sftp.Request.Lstat({ path: from }))
    if (source === undefined && code !== Sftp.StatusCode.permissionDenied) {
      if (intent === "replace" && (yield* isBelowFile(client, to))) return belowFile
      if (code !== Sftp.StatusCode.noSuchFile && hasLongName(from)) return tooLong
      return (yield* whyNotFound(client, from)) ?? ["NotFound"] as const
    }
    const target = yield* stat(
      client,
      Sftp.Request.Lstat({ path: intent === "create" ? posixPath.withoutSlashes(to) : to })
    )
    if (target !== undefined && intent === "create") return ["AlreadyExists"] as const
    if (code === Sftp.StatusCode.permissionDenied) {
      return intent === "create" && source !== undefined && isDirectory(source)
        ? ["Unknown", "a directory has no other name"] as const
        : ["PermissionDenied"] as const
    }
    if (target === undefined) {
      if (hasLongName(to)) return tooLong
      if (intent === "replace" && to.endsWith("/") && source !== undefined && !isDirectory(source)) {
        const above = yield* stat(client, Sftp.Request.Stat({ path: posixPath.parent(to) }))
        if (above !== undefined) return ["BadResource", "it is the name of a directory"] as const
      }
      if (code === Sftp.StatusCode.noSuchFile) return (yield* whyNotFound(client, to)) ?? ["NotFound"] as const
      return ["Unknown"] as const
    }
    if (source === undefined || isDirectory(source) === isDirectory(target)) {
      return code === Sftp.StatusCode.failure && isDirectory(target)
        ? ["Unknown", "the directory is not empty"] as const
        : ["Unknown"] as const
    }
    return isDirectory(target)
      ? ["BadResource", "it is a directory"] as const
      : ["BadResource", "it is no directory"] as const
  })

const isFull = (client: Client, path: string): Effect.Effect<boolean, RemoteConnectionError> =>
  client.has("statvfs")
    ? Effect.map(client.request(Sftp.Request.Statvfs({ path: posixPath.parent(path) })), (answer) => {
      if (answer._tag !== "ExtendedReply") return false
      const info = Sftp.decodeFileSystem(answer.data)
      return info._tag === "Right" && (info.right.bavail === 0n || info.right.favail === 0n && info.right.files > 0n)
    })
    : Effect.succeed(false)

// Of what a server says of its own failure.
const messageShown = 500

const told = (attempt: Attempt, { code, message }: Status, guess: Guess) =>
  guess.pipe(
    Effect.mapError(connection(attempt)),
    Effect.flatMap(([reason, description]) => {
      const said = message.slice(0, messageShown)
      const cause = new SftpStatusError({ code, detail: said })
      return Effect.fail(
        system(attempt, reason, cause, description ?? words[reason] ?? `the SFTP server said: ${said}`)
      )
    })
  )

/**
 * The platform's error for a status.
 *
 * @internal
 */
export const fromStatus = (
  client: Client,
  attempt: Attempt,
  intent: Intent,
  status: Status
): Effect.Effect<never, PlatformError> => told(attempt, status, guess(client, attempt, intent, status.code))

/**
 * As `fromStatus`, of what gives a file another name.
 *
 * @internal
 */
export const fromNames = (
  client: Client,
  attempt: Attempt,
  to: string,
  intent: "create" | "replace",
  status: Status
): Effect.Effect<never, PlatformError> =>
  told(attempt, status, guessNames(client, attempt.path, to, intent, status.code))
