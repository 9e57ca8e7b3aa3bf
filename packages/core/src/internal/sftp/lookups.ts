/**
 * Looks at the host for the reason of a failure, by requests that change nothing.
 */
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import type { RemoteConnectionError } from "../../RemoteError.js"
import * as fileMode from "../lib/fileMode.js"
import * as posixPath from "../lib/posixPath.js"
import type { Client } from "./client.js"

/** @internal */
export type Lookup<A> = Effect.Effect<A, RemoteConnectionError>

const linksFollowed = 40

// SSH_FXE_STATVFS_ST_RDONLY of PROTOCOL, section 4.3.
const readOnlyFlag = 1n

const attributesOf = (client: Client, request: Sftp.Request): Lookup<Sftp.Attributes | undefined> =>
  Effect.map(client.request(request), (answer) => answer._tag === "Attrs" ? answer.attributes : undefined)

/** @internal */
export const stat = (client: Client, path: string): Lookup<Sftp.Attributes | undefined> =>
  attributesOf(client, Sftp.Request.Stat({ path }))

/** @internal */
export const lstat = (client: Client, path: string): Lookup<Sftp.Attributes | undefined> =>
  attributesOf(client, Sftp.Request.Lstat({ path }))

const opened = (client: Client, request: Sftp.Request): Lookup<Uint8Array | undefined> =>
  Effect.map(client.request(request), (answer) => answer._tag === "Handle" ? answer.handle : undefined)

/**
 * Whether a request that opens something succeeds.
 *
 * @internal
 */
export const opens = (client: Client, request: Sftp.Request): Lookup<boolean> =>
  Effect.map(opened(client, request), (handle) => {
    if (handle !== undefined) client.close(handle)
    return handle !== undefined
  })

/**
 * Whether the server can open the directory `/` or is not allowed to. It fails to if it has no descriptor left.
 *
 * @internal
 */
export const hasDescriptors = (client: Client): Lookup<boolean> =>
  Effect.map(client.request(Sftp.Request.Opendir({ path: "/" })), (answer) => {
    if (answer._tag === "Handle") client.close(answer.handle)
    return answer._tag !== "Status" || answer.code !== Sftp.StatusCode.failure
  })

// Some servers report no types.
const isDirectory = (client: Client, path: string, found: Sftp.Attributes): Lookup<boolean> =>
  fileMode.hasType(found.permissions ?? 0)
    ? Effect.succeed(fileMode.isDirectory(found))
    : opens(client, Sftp.Request.Opendir({ path }))

/**
 * Whether a part of the path is not a directory. OpenSSH answers ENOTDIR with "no such file".
 *
 * @internal
 */
export const isBelowFile = (client: Client, path: string): Lookup<boolean> => {
  const search = (above: string): Lookup<boolean> =>
    Effect.flatMap(stat(client, above), (found) => {
      if (found !== undefined) return Effect.map(isDirectory(client, above, found), (is) => !is)
      return above === "/" || above === "." ? Effect.succeed(false) : search(posixPath.parent(above))
    })
  // A name that ends with a slash stands for a directory.
  return search(path.endsWith("/") ? posixPath.withoutSlashes(path) : posixPath.parent(path))
}

/**
 * Whether the path leads through links in a circle. OpenSSH answers ELOOP with "no such file", too.
 *
 * @internal
 */
export const isLinkLoop = (client: Client, path: string, followed = 0): Lookup<boolean> =>
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

/**
 * The file system that holds the path. `undefined` if the server does not report it.
 *
 * @internal
 */
export const disk = (client: Client, path: string): Lookup<Sftp.FileSystemInfo | undefined> =>
  client.has("statvfs")
    ? Effect.map(client.request(Sftp.Request.Statvfs({ path })), (answer) => {
      if (answer._tag !== "ExtendedReply") return undefined
      const info = Sftp.decodeFileSystem(answer.data)
      return info._tag === "Right" ? info.right : undefined
    })
    : Effect.succeed(undefined)

/** @internal */
export const isReadOnly = (disk: Sftp.FileSystemInfo | undefined): boolean =>
  disk !== undefined && (disk.flag & readOnlyFlag) !== 0n

/** @internal */
export const isFull = (disk: Sftp.FileSystemInfo | undefined): boolean =>
  disk !== undefined && (disk.bavail === 0n || disk.favail === 0n && disk.files > 0n)

/**
 * Whether both are known to be different file systems. Some servers and file systems report no id.
 *
 * @internal
 */
export const areDifferent = (one: Sftp.FileSystemInfo | undefined, other: Sftp.FileSystemInfo | undefined): boolean =>
  one !== undefined && other !== undefined && one.fsid !== 0n && other.fsid !== 0n && one.fsid !== other.fsid

/**
 * Whether another file system begins at the path.
 *
 * @internal
 */
export const isMountPoint = (client: Client, path: string): Lookup<boolean> =>
  Effect.zipWith(disk(client, path), disk(client, posixPath.parent(path)), areDifferent)

/**
 * Whether a directory has entries, as far as it can be listed without waiting for a handle.
 *
 * @internal
 */
export const hasEntries = (client: Client, path: string): Lookup<boolean> => {
  const request = Sftp.Request.Opendir({ path })
  if (!client.hasTurn(request)) return Effect.succeed(false)
  return Effect.flatMap(opened(client, request), (handle) => {
    if (handle === undefined) return Effect.succeed(false)
    // `.` and `..` may come alone in the first answer.
    const next = (left: number): Lookup<boolean> =>
      Effect.flatMap(client.request(Sftp.Request.Readdir({ handle })), (answer) => {
        if (answer._tag !== "Name") return Effect.succeed(false)
        const isFound = answer.entries.some(({ filename }) => filename !== "." && filename !== "..")
        return isFound || left === 0 ? Effect.succeed(isFound) : next(left - 1)
      })
    return Effect.ensuring(next(2), Effect.sync(() => client.close(handle)))
  })
}
