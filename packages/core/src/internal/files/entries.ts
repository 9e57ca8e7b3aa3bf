/**
 * The methods of `RemoteFileSystem` that list, make, rename, copy and remove the entries of directories.
 */
import type { FileSystem, ReadDirectoryOptions } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Fx } from "../lib/fx.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import * as copy from "./copy.js"
import * as listing from "./listing.js"
import * as makeDirectories from "./makeDirectories.js"
import type { ListOptions, WalkOptions } from "./models.js"
import { withMode } from "./opening.js"
import * as remove from "./remove.js"
import * as walks from "./walk.js"

const checkLimit = (call: CallContext, limit: number | undefined): Fx<void> =>
  limit === undefined || Number.isSafeInteger(limit) && limit >= 0
    ? Effect.void
    : Effect.fail(errors.badArgument(call, `\`limit\` must be a non-negative integer, got ${limit}`))

const directories = (operations: Operations): Pick<FileSystem, "copy" | "makeDirectory" | "remove"> => ({
  copy: (from, to, options) => copy.copy(operations, { method: "copy", path: from }, to, options),
  makeDirectory: (path, { mode, recursive } = {}) => {
    const call = { method: "makeDirectory", path }
    return recursive === true
      ? Effect.asVoid(makeDirectories.make(operations, call, withMode(mode)))
      : operations.makeDirectory(call, withMode(mode))
  },
  remove: (path, options) => remove.remove(operations, { method: "remove", path }, options)
})

const names = (
  operations: Operations
): Pick<FileSystem, "copyFile" | "link" | "readLink" | "realPath" | "rename" | "symlink"> => ({
  copyFile: (from, to) => copy.copyFile(operations, { method: "copyFile", path: from }, to),
  link: (from, to) => operations.link({ method: "link", path: from }, to),
  readLink: (path) => operations.readLink({ method: "readLink", path }),
  realPath: (path) => {
    const call = { method: "realPath", path }
    // The server also resolves paths that do not exist.
    return Effect.zipRight(operations.stat(call), operations.realPath(call))
  },
  rename: (oldPath, newPath) => operations.rename({ method: "rename", path: oldPath }, newPath),
  symlink: (target, path) => operations.symlink({ method: "symlink", path }, target)
})

const lists = (operations: Operations) => ({
  readDirectory: (path: string, { limit, recursive }: ReadDirectoryOptions & ListOptions = {}) => {
    const call = { method: "readDirectory", path }
    return Effect.zipRight(
      checkLimit(call, limit),
      recursive === true
        ? walks.readDirectory(operations, "readDirectory", path, limit)
        : Effect.map(listing.named(operations, call, { limit }), (entries) => entries.map(({ filename }) => filename))
    )
  },
  listFiles: (path: string, { limit }: ListOptions = {}) =>
    Effect.zipRight(
      checkLimit({ method: "listFiles", path }, limit),
      walks.listFiles(operations, "listFiles", path, limit)
    ),
  walk: (path: string, options?: WalkOptions) =>
    Stream.unwrap(
      Effect.as(checkLimit({ method: "walk", path }, options?.limit), walks.walk(operations, "walk", path, options))
    )
})

/** @internal */
export const make = (operations: Operations) => ({
  ...directories(operations),
  ...names(operations),
  ...lists(operations),
  expandPath: (path: string) => operations.expandPath({ method: "expandPath", path })
})
