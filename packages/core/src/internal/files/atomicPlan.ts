/**
 * The plan of an atomic write: its target, and the mode and the hidden name of the new file.
 */
import type { SystemErrorReason } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Attributes } from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as checkPath from "../sftp/checkPath.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenFile from "./hiddenFile.js"
import * as links from "./links.js"
import type { AtomicOptions } from "./models.js"
import * as owner from "./owner.js"

/** @internal */
export interface Options extends AtomicOptions {
  /** Default: true. */
  readonly makesParents?: boolean
  /** Whether the file may do without `mode`, if the server refuses to set it and the file grants no more. Default: false. */
  readonly isModeOptional?: boolean
}

/** @internal */
export interface Plan {
  readonly operations: Operations
  readonly options: Options
  readonly at: (path: string) => CallContext
  /** The call of a request for the hidden file. Its errors name the path of the call. */
  readonly atHidden: CallContext & { readonly target: string }
  /** The path to replace: the path of the call, or the target of a link there. */
  readonly target: string
  readonly existing: Option.Option<Attributes>
  /** `undefined`: the default mode of a new file. */
  readonly permissions: number | undefined
  readonly directory: string
  readonly hidden: hiddenFile.Hidden
  /** Whether the commit was interrupted before the host answered. */
  isInDoubt: boolean
  isCommitted: boolean
}

// How to write a file that cannot be replaced.
const inPlace: Readonly<Record<string, string | undefined>> = {
  atomicWrite: "use `writeFile`, which is not atomic",
  atomicSink: "use `sink`, which is not atomic"
}

const noEntry = Effect.succeedNone

// The entry to replace, and its path.
const locate = (
  operations: Operations,
  call: CallContext,
  { durable = false, ifAbsent = false, symlinks = "follow" }: Options
): Fx<readonly [target: string, existing: Option.Option<Attributes>]> =>
  Effect.gen(function*() {
    const { path } = call
    const refused = (reason: SystemErrorReason, description?: string) =>
      Effect.fail(errors.system(call, reason, undefined, description))
    const named = yield* Effect.catchIf(Effect.asSome(operations.lstat(call)), errors.isNotFound, () => noEntry)
    if (path.endsWith("/") || Option.exists(named, fileMode.isDirectory)) {
      return yield* refused("BadResource", "it is a directory")
    }
    if (ifAbsent && Option.isSome(named)) return yield* refused("AlreadyExists")
    if (durable && !(yield* operations.offers(call, "fsync"))) {
      return yield* refused("Unknown", "`durable` needs fsync@openssh.com, which this SFTP server lacks")
    }
    const isLink = Option.exists(named, fileMode.isSymbolicLink)
    const [target, existing] = Option.isSome(named) && isLink && symlinks === "follow"
      ? yield* links.follow(operations, call, named.value)
      : [path, isLink ? Option.none<Attributes>() : named]
    if (Option.exists(existing, fileMode.isDirectory)) return yield* refused("BadResource", "it is a directory")
    if (Option.exists(existing, (found) => !fileMode.isRegularFile(found))) {
      return yield* refused("BadResource", "it is not a regular file")
    }
    return [target, existing]
  })

// A set-user-id bit belongs to the old owner, and the new file may have another owner.
const keptMode = (existing: Option.Option<Attributes>): number | undefined => {
  const permissions = Option.getOrUndefined(existing)?.permissions
  return permissions === undefined ? undefined : permissions & fileMode.accessBits
}

/**
 * Checks the arguments of a write, and reads what is at its path.
 *
 * @internal
 */
export const make = (operations: Operations, method: string, path: string, options: Options): Fx<Plan> =>
  Effect.gen(function*() {
    const at = (path: string): CallContext => ({ method, path })
    yield* checkPath.checkPath(at(path))
    const [target, existing] = yield* locate(operations, at(path), options)
    const directory = posixPath.parent(target)
    const hidden = hiddenFile.unsafeNameIn(directory)
    return {
      operations,
      options,
      at,
      atHidden: { method, path: hidden.path, target: path, inPlace: inPlace[method] },
      target,
      existing,
      permissions: options.mode === undefined ? keptMode(existing) : options.mode & fileMode.permissionBits,
      directory,
      hidden,
      isInDoubt: false,
      isCommitted: false
    }
  })

/**
 * The replaced file may belong to another user. The mode must then wait for its owner.
 *
 * @internal
 */
export const openingMode = ({ existing, permissions }: Plan): number | undefined =>
  permissions === undefined || Option.isNone(existing) ? permissions : owner.untilOwned(permissions)

/**
 * A server that does not report modes cannot set them.
 *
 * @internal
 */
export const hasPermissions = (own: Attributes, permissions: number): boolean =>
  own.permissions === undefined || (own.permissions & fileMode.permissionBits) === permissions
