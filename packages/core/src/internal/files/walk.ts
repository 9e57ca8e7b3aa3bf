/**
 * Directory trees as streams. A directory is listed when its first entry is pulled. It is listed as a whole, so that no handle
 * stays open between pulls.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Attributes, Entry } from "../../protocol/Sftp.js"
import { findConnectionError } from "../../RemoteError.js"
import * as fileMode from "../lib/fileMode.js"
import * as posixPath from "../lib/posixPath.js"
import * as errors from "../sftp/errors.js"
import { longestListing } from "../sftp/listDirectory.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenNames from "./hiddenNames.js"
import { WalkEntry, type WalkOptions } from "./models.js"
import * as remoteFile from "./remoteFile.js"

const { Directory, Failed, File, Other, SymbolicLink } = WalkEntry

/** The real paths of the directories above an entry. */
interface Way {
  readonly real: string
  readonly above: Way | undefined
}

interface Place {
  readonly path: string
  readonly depth: number
  /** Known only if links are followed. */
  readonly way: Way | undefined
}

interface Listing extends Place {
  readonly entries: ReadonlyArray<Entry>
  next: number
}

// Maximum number of entries in one pull. They are made during the pull.
const atOnce = 256

// Far longer than the limit of any host.
const longestPath = 32768

const isTyped = ({ permissions = 0 }: Attributes): boolean => fileMode.hasType(permissions)

/**
 * Whether a directory is on the way, or above a directory on it. Only targets of links need this check. If a directory that is
 * entered by name were on the way, it would lie below a link's target, and then that target is on the way, too.
 */
const isOn = (way: Way | undefined, real: string): boolean => {
  const inside = posixPath.join(real, "")
  for (let at = way; at !== undefined; at = at.above) {
    if (at.real === real || at.real.startsWith(inside)) return true
  }
  return false
}

// A dangling or circular link is an entry `SymbolicLink`.
const leadsNowhere = errors.isReason("NotFound", "BadResource")

interface Options extends WalkOptions {
  /** Whether to include hidden files of unfinished writes. Default: false. */
  readonly hidden?: boolean
  readonly recursive?: boolean
}

/** @internal */
export const walk = (
  operations: Operations,
  method: string,
  path: string,
  { hidden = false, limit = longestListing, recursive = true, symlinks = "list" }: Options = {}
): Stream.Stream<WalkEntry, PlatformError> => {
  const followsLinks = symlinks === "follow"
  const entry = ({ depth, path }: Place, attributes: Attributes): WalkEntry => {
    const told = { path, depth, info: remoteFile.info(attributes) }
    return fileMode.isDirectory(attributes)
      ? Directory(told)
      : fileMode.isRegularFile(attributes)
      ? File(told)
      : fileMode.isSymbolicLink(attributes)
      ? SymbolicLink(told)
      : Other(told)
  }

  // A lost connection fails the whole walk, not one entry.
  const failed = ({ depth, path }: Place) => (error: PlatformError): Effect.Effect<WalkEntry, PlatformError> =>
    Option.isSome(findConnectionError(error)) ? Effect.fail(error) : Effect.succeed(Failed({ path, depth, error }))

  return Stream.suspend(() => {
    const listings: Array<Listing> = []
    let toEnter: Place | undefined = { path, depth: 0, way: undefined }

    const child = ({ depth, path, way }: Place, name: string): Place => ({
      path: posixPath.join(path, name),
      depth: depth + 1,
      way: way === undefined ? undefined : { real: posixPath.join(way.real, name), above: way }
    })

    const enter = Effect.fnUntraced(function*(place: Place) {
      const isRoot = place.depth === 0
      const way = isRoot && followsLinks
        ? { real: yield* operations.realPath({ method, path }), above: undefined }
        : place.way
      const call = { method, path: place.path }
      if (place.path.length > longestPath) {
        return yield* Effect.fail(errors.system(call, "Unknown", undefined, "the path is too long"))
      }
      // All listed names that wait count towards the limit of one directory.
      const waiting = listings.reduce((sum, { entries, next }) => sum + entries.length - next, 0)
      listings.push({ ...place, way, entries: yield* operations.list(call, { limit: limit - waiting }), next: 0 })
      return Chunk.empty<WalkEntry>()
    })

    const follow = Effect.fnUntraced(function*(place: Place, link: Attributes) {
      const call = { method, path: place.path }
      const found = yield* Effect.catchIf(operations.stat(call), leadsNowhere, () => Effect.succeed(link))
      if (!fileMode.isDirectory(found)) return entry(place, found)
      const real = yield* operations.realPath(call)
      const above = place.way?.above
      if (isOn(above, real)) return entry(place, link)
      if (recursive) toEnter = { ...place, way: { real, above } }
      return entry(place, found)
    })

    const look = Effect.fnUntraced(function*(place: Place, listed: Attributes) {
      const attributes = isTyped(listed) ? listed : yield* operations.lstat({ method, path: place.path })
      if (followsLinks && fileMode.isSymbolicLink(attributes)) return yield* follow(place, attributes)
      if (recursive && fileMode.isDirectory(attributes)) toEnter = place
      return entry(place, attributes)
    })

    const take = (listing: Listing): Effect.Effect<Chunk.Chunk<WalkEntry>, PlatformError> => {
      const taken: Array<WalkEntry> = []
      while (listing.next < listing.entries.length && toEnter === undefined && taken.length < atOnce) {
        const { attributes, filename } = listing.entries[listing.next]!
        if (!posixPath.isName(filename)) {
          const error = errors.invalidName({ method, path: listing.path }, filename)
          taken.push(Failed({ path: listing.path, depth: listing.depth + 1, error }))
        } else if (hidden || !hiddenNames.isHidden(filename)) {
          const place = child(listing, filename)
          if (!isTyped(attributes) || followsLinks && fileMode.isSymbolicLink(attributes)) {
            // Waits for a request to the host, so the entries before it are returned first.
            if (taken.length > 0) break
            listing.next++
            return Effect.map(Effect.catchAll(look(place, attributes), failed(place)), Chunk.of)
          }
          taken.push(entry(place, attributes))
          if (recursive && fileMode.isDirectory(attributes)) toEnter = place
        }
        listing.next++
      }
      if (listing.next === listing.entries.length) listings.pop()
      return Effect.succeed(Chunk.unsafeFromArray(taken))
    }

    return Stream.repeatEffectChunkOption(Effect.suspend(() => {
      const place = toEnter
      toEnter = undefined
      if (place !== undefined) {
        return Effect.mapError(
          place.depth === 0
            ? enter(place)
            : Effect.catchAll(enter(place), (error) => Effect.map(failed(place)(error), Chunk.of)),
          Option.some
        )
      }
      const listing = listings.at(-1)
      return listing === undefined ? Effect.fail(Option.none()) : Effect.mapError(take(listing), Option.some)
    }))
  })
}

const pathsOf = (
  operations: Operations,
  method: string,
  path: string,
  limit: number | undefined,
  isWanted: (entry: WalkEntry) => boolean,
  options?: Options
): Effect.Effect<Array<string>, PlatformError> => {
  const most = limit ?? longestListing
  let count = 0
  return walk(operations, method, path, { ...options, limit: most }).pipe(
    Stream.mapEffect((entry) => entry._tag === "Failed" ? Effect.fail(entry.error) : Effect.succeed(entry)),
    Stream.filter(isWanted),
    Stream.mapEffect((entry) =>
      ++count > most
        ? Effect.fail(errors.system({ method, path }, "Unknown", undefined, `there are more than ${most} names`))
        : Effect.succeed(entry.path)
    ),
    Stream.runCollect,
    Effect.map((paths) => Array.from(paths))
  )
}

/** @internal */
export const listFiles = (
  operations: Operations,
  method: string,
  path: string,
  limit?: number
): Effect.Effect<Array<string>, PlatformError> =>
  Effect.map(pathsOf(operations, method, path, limit, ({ _tag }) => _tag === "File"), (paths) => paths.sort())

/**
 * The paths of all entries below a directory, relative to it.
 *
 * @internal
 */
export const readDirectory = (
  operations: Operations,
  method: string,
  path: string,
  limit?: number
): Effect.Effect<Array<string>, PlatformError> => {
  const { length } = posixPath.join(path, "")
  return Effect.map(
    pathsOf(operations, method, path, limit, () => true, { hidden: true }),
    (paths) => paths.map((path) => path.slice(length))
  )
}
