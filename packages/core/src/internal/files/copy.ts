/**
 * Copies within the host. The server copies the bytes if it supports `copy-data`. A copied file appears atomically.
 */
import type { CopyOptions } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Attributes } from "../../protocol/Sftp.js"
import * as Sftp from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as checkPath from "../sftp/checkPath.js"
import * as errors from "../sftp/errors.js"
import * as explain from "../sftp/explain.js"
import type { OpenFile } from "../sftp/openFile.js"
import type { Operations } from "../sftp/requests.js"
import * as atomicWrite from "./atomicWrite.js"
import * as hiddenNames from "./hiddenNames.js"
import * as makeDirectories from "./makeDirectories.js"
import * as owner from "./owner.js"
import * as realPath from "./realPath.js"
import * as tree from "./tree.js"

// The server does not answer other requests while it copies.
const copiedAtOnce = 16n * 1024n * 1024n

const copyContent = (call: CallContext, source: OpenFile, target: atomicWrite.AtomicFile): Fx<void> => {
  const { client, handle: from } = source.opened
  const { handle: to } = target.file.opened
  if (!client.has("copyData") || target.file.opened.client !== client) {
    return Stream.runForEach(source.stream(0n), target.write)
  }
  const next = (offset: bigint): Fx<void> =>
    Effect.flatMap(
      Effect.mapError(
        client.request(
          Sftp.Request.CopyData({ from, fromOffset: offset, length: copiedAtOnce, to, toOffset: offset })
        ),
        errors.connection(call)
      ),
      (answer) => {
        if (answer._tag === "Status" && answer.code === Sftp.StatusCode.ok) return next(offset + copiedAtOnce)
        if (answer._tag === "Status" && answer.code === Sftp.StatusCode.eof) return Effect.void
        // The server cannot copy some files, such as those of `/proc`. They are read and written instead.
        return offset === 0n
          ? Stream.runForEach(source.stream(0n), target.write)
          : answer._tag === "Status"
          ? explain.status(client, call, "write", answer)
          : Effect.fail(errors.system(call, "Unknown", undefined, `the SFTP server answered with ${answer._tag}`))
      }
    )
  return next(0n)
}

// Opening follows a link. Another user may have replaced a file with a link, so that this user copies another file.
const open = (operations: Operations, call: CallContext, seen: Attributes) =>
  Effect.gen(function*() {
    const source = yield* operations.open(call, Sftp.OpenFlags.read, {})
    const found = yield* source.stat
    if (owner.differs(found, seen)) return yield* Effect.fail(errors.replaced(call))
    return [source, found] as const
  })

/**
 * Copies a file. `known`: the attributes of the entry before, if a link that replaced it must not be followed.
 *
 * @internal
 */
export const copyFile = (
  operations: Operations,
  call: CallContext,
  to: string,
  symlinks: "follow" | "replace" = "follow",
  known?: Attributes
): Fx<void> =>
  Effect.scoped(Effect.gen(function*() {
    const { method } = call
    yield* checkPath.checkPath({ method, path: to })
    const seen = known ?? (yield* operations.stat(call))
    if (fileMode.isDirectory(seen)) {
      return yield* Effect.fail(errors.system(call, "BadResource", undefined, "it is a directory"))
    }
    const [source, found] = yield* open(operations, call, seen)
    const target = yield* atomicWrite.acquire(operations, method, to, {
      mode: (found.permissions ?? 0o644) & fileMode.accessBits,
      isModeOptional: true,
      makesParents: false,
      symlinks
    })
    yield* copyContent(call, source, target)
    yield* target.commit
  }))

interface Pair {
  readonly from: string
  readonly to: string
}

/**
 * `limit`: maximum number of names that are listed but not copied yet. Default: 1,000,000.
 *
 * @internal
 */
export const copy = (
  operations: Operations,
  { method, path: from }: CallContext,
  to: string,
  { overwrite = false, preserveTimestamps = false }: CopyOptions = {},
  limit?: number
): Fx<void> => {
  const root: Pair = { from, to }
  const at = (path: string): CallContext => ({ method, path })
  const refused = (path: string, description: string) =>
    Effect.fail(errors.system(at(path), "Unknown", undefined, description))
  const look = (path: string) =>
    Effect.catchIf(Effect.asSome(operations.lstat(at(path))), errors.isNotFound, () => Effect.succeedNone)

  const keepTimes = (to: string, { atime, mtime }: Attributes): Fx<void> =>
    preserveTimestamps && atime !== undefined && mtime !== undefined
      ? operations.setAttributes(at(to), { atime, mtime })
      : Effect.void

  // A new directory grants its owner more than the source until its mode is set.
  const setMode = (to: string, permissions: number): Fx<void> =>
    Effect.catchIf(
      operations.setAttributes(at(to), { permissions }),
      (error) => (permissions & fileMode.ownerBits) === fileMode.ownerBits && errors.isRefusedByServer(error),
      () => Effect.logWarning(`The mode of ${JSON.stringify(to)} was not set: the server refuses it`)
    )

  const copyLink = (from: string, to: string, existing: Option.Option<Attributes>): Fx<void> =>
    Effect.gen(function*() {
      const target = yield* operations.readLink(at(from))
      // Same as in the platform: the copied link leads to the same entry.
      const absolute = target.startsWith("/")
        ? target
        : posixPath.normalize(posixPath.join(yield* operations.realPath(at(posixPath.parent(from))), target))
      if (Option.isSome(existing)) {
        if (fileMode.isDirectory(existing.value)) return yield* refused(to, "a link does not replace a directory")
        if (!fileMode.isSymbolicLink(existing.value)) {
          return yield* Effect.fail(errors.system(at(to), "AlreadyExists", undefined))
        }
        // Same as in Node: a dangling link does not replace an entry.
        yield* operations.stat(at(from))
        yield* operations.removeFile(at(to))
      }
      yield* operations.symlink(at(to), absolute)
    })

  const copyDirectory = ({ from, to }: Pair, found: Attributes, isThere: boolean, list: tree.List) =>
    Effect.gen(function*() {
      const permissions = (found.permissions ?? 0o755) & fileMode.accessBits
      // The source's permissions may forbid to add entries, so they are set at the end.
      if (!isThere) yield* operations.makeDirectory(at(to), { permissions: permissions | fileMode.ownerBits })
      const names = yield* list(from, found)
      return {
        path: from,
        names,
        below: (name: string) => ({ from: posixPath.join(from, name), to: posixPath.join(to, name) }),
        leave: Effect.zipRight(
          isThere ? Effect.void : setMode(to, permissions),
          keepTimes(to, found)
        )
      }
    })

  const copyEntry = (pair: Pair, list: tree.List): Fx<tree.Listed<Pair> | undefined> =>
    Effect.gen(function*() {
      const { from, to } = pair
      if (pair !== root && hiddenNames.isHidden(posixPath.base(from))) return undefined
      const [found, existing] = yield* Effect.all([operations.lstat(at(from)), look(to)], { concurrency: 2 })
      if (fileMode.isSymbolicLink(found)) {
        yield* copyLink(from, to, existing)
        return undefined
      }
      if (fileMode.isDirectory(found)) {
        if (Option.isSome(existing) && !fileMode.isDirectory(existing.value)) {
          return yield* refused(to, "a directory does not replace another entry")
        }
        return yield* copyDirectory(pair, found, Option.isSome(existing), list)
      }
      if (!fileMode.isRegularFile(found)) return yield* refused(from, "it is not a file, a directory or a link")
      if (Option.isSome(existing)) {
        if (fileMode.isDirectory(existing.value)) return yield* refused(to, "a file does not replace a directory")
        if (!overwrite) return undefined
      }
      yield* copyFile(operations, at(from), to, "replace", found)
      yield* keepTimes(to, found)
      return undefined
    })

  // Links are not followed.
  const realName = (path: string, found: Option.Option<Attributes>): Fx<string> =>
    Option.isSome(found) && !fileMode.isSymbolicLink(found.value)
      ? operations.realPath(at(path))
      : Effect.map(
        operations.realPath(at(posixPath.parent(path))),
        (real) => posixPath.join(real, posixPath.base(path))
      )

  return Effect.gen(function*() {
    yield* checkPath.checkPath(at(to))
    const found = yield* operations.lstat(at(from))
    const existing = yield* look(to)
    const parent = posixPath.parent(to)
    if (Option.isNone(existing) && Option.isNone(yield* look(parent))) {
      // Checked before anything is created in it.
      if (
        fileMode.isDirectory(found) &&
        posixPath.isWithin(yield* realPath.intended(operations, at(to)), yield* operations.realPath(at(from)))
      ) return yield* refused(to, "it lies in the directory that is copied")
      yield* makeDirectories.make(operations, at(parent), {})
    }
    const [source, target] = yield* Effect.all([
      realName(from, Option.some(found)),
      realName(to, existing)
    ], { concurrency: 2 })
    if (source === target) return yield* refused(to, "it is the same as what is copied")
    if (fileMode.isDirectory(found) && posixPath.isWithin(target, source)) {
      return yield* refused(to, "it lies in the directory that is copied")
    }
    yield* tree.visit(operations, method, root, copyEntry, limit)
  })
}
