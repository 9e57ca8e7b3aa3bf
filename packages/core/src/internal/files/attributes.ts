/**
 * The methods of `RemoteFileSystem` that read and change the attributes of an entry.
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import * as access from "./access.js"
import * as opening from "./opening.js"
import * as remoteFile from "./remoteFile.js"
import * as resize from "./resize.js"

const isUint32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffffffff

const secondsOf = (time: Date | number): number => Math.floor(typeof time === "number" ? time : time.getTime() / 1000)

const orIfMissing = <A>(effect: Fx<A>, missing: A): Fx<A> =>
  Effect.catchIf(effect, errors.isNotFound, () => Effect.succeed(missing))

// SFTP has 32 bits for each of them.
const setNumbers = (operations: Operations, call: CallContext, attributes: Readonly<Record<string, number>>) => {
  const wrong = Object.entries(attributes).find(([, value]) => !isUint32(value))
  return wrong === undefined
    ? operations.setAttributes(call, attributes)
    : Effect.fail(errors.badArgument(call, `${wrong[0]} ${wrong[1]} is not within 0..4294967295`))
}

// Some servers drop the bits above 0777 without a word, such as Go's `pkg/sftp`. OpenSSH's does not, and is known by its fsync.
const chmod = (operations: Operations, call: CallContext, permissions: number): Fx<void> => {
  const special = permissions & ~fileMode.accessBits
  const expectSpecial = Effect.flatMap(
    operations.stat(call),
    (found) =>
      found.permissions === undefined || (special & ~found.permissions) === 0
        ? Effect.void
        : Effect.fail(
          errors.system(
            call,
            "Unknown",
            undefined,
            `the SFTP server set only the mode ${(found.permissions & fileMode.permissionBits).toString(8)}, not ${
              permissions.toString(8)
            }`
          )
        )
  )
  return Effect.zipRight(
    operations.setAttributes(call, { permissions }),
    special === 0
      ? Effect.void
      : Effect.flatMap(operations.offers(call, "fsync"), (isKnown) => isKnown ? Effect.void : expectSpecial)
  )
}

const diskFree = (operations: Operations, path: string) =>
  Effect.map(
    operations.space({ method: "diskFree", path }),
    ({ bavail, bfree, blocks, ffree, files, frsize }) => ({
      size: blocks * frsize,
      free: bfree * frsize,
      available: bavail * frsize,
      files,
      filesFree: ffree
    })
  )

const changes = (operations: Operations): Pick<FileSystem, "chmod" | "chown" | "truncate" | "utimes"> => ({
  chmod: (path, mode) => chmod(operations, { method: "chmod", path }, mode & fileMode.permissionBits),
  chown: (path, uid, gid) => setNumbers(operations, { method: "chown", path }, { uid, gid }),
  truncate: (path, length = 0) => {
    const call = { method: "truncate", path }
    return Effect.flatMap(opening.byteCount(call, length), (size) => resize.atPath(operations, call, size))
  },
  utimes: (path, atime, mtime) =>
    setNumbers(operations, { method: "utimes", path }, { atime: secondsOf(atime), mtime: secondsOf(mtime) })
})

const checks = (operations: Operations): Pick<FileSystem, "access" | "exists" | "stat"> => ({
  access: (path, options) => access.check(operations, { method: "access", path }, options),
  exists: (path) => orIfMissing(Effect.as(operations.stat({ method: "exists", path }), true), false),
  stat: (path) => Effect.map(operations.stat({ method: "stat", path }), remoteFile.info)
})

/** @internal */
export const make = (operations: Operations) => ({
  ...changes(operations),
  ...checks(operations),
  lstat: (path: string) => Effect.map(operations.lstat({ method: "lstat", path }), remoteFile.info),
  isDirectory: (path: string) =>
    orIfMissing(Effect.map(operations.stat({ method: "isDirectory", path }), fileMode.isDirectory), false),
  diskFree: (path: string) => diskFree(operations, path)
})
