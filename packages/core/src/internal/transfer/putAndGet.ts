/**
 * Implements `put` and `get`.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { LocalFiles } from "../../LocalFiles.js"
import type { LocalHash } from "../../LocalHash.js"
import type { Options, Result, TransferError } from "../../Transfer.js"
import type { Digest } from "../files/digest.js"
import * as realPath from "../files/realPath.js"
import * as posixPath from "../lib/posixPath.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import * as localEndpoint from "./localEndpoint.js"
import * as remoteEndpoint from "./remoteEndpoint.js"
import * as run from "./run.js"

// The methods that transfers use for local files.
const methods = [
  "chmod",
  "chown",
  "makeDirectory",
  "open",
  "readDirectory",
  "readLink",
  "realPath",
  "remove",
  "rename",
  "stat",
  "symlink",
  "utimes"
] as const

interface WithLinks {
  readonly lstat?: unknown
}

// Each build of a layer makes a new object with the same functions. A modified file system has other functions.
const hasSameFiles = (one: FileSystem & WithLinks, other: FileSystem & WithLinks): boolean =>
  one.lstat === other.lstat && methods.every((method) => one[method] === other[method])

// The property of a remote file system that holds its `Operations`. A copy of the object lacks it, because its methods may
// differ.
const Requests = Symbol.for("@effect-remote/core/RemoteFileSystem/Requests")

interface Identified {
  readonly [Requests]?: Operations
}

/**
 * Marks a remote file system, so that a transfer can use it as its local side.
 *
 * @internal
 */
export const identify = <A extends FileSystem>(fs: A, operations: Operations): A =>
  Object.defineProperty(fs, Requests, { value: operations })

const operationsOf = (fs: FileSystem & Identified): Operations | undefined => fs[Requests]

/** @internal */
export interface Services {
  readonly digest: Digest
  readonly hash: Option.Option<LocalHash>
  /** Whether names of the file system may contain any bytes. */
  readonly isRemote: (fs: FileSystem) => boolean
  readonly local: Option.Option<FileSystem>
  readonly localFiles: Option.Option<LocalFiles>
}

type Transfer = (
  source: string,
  target: string,
  options?: Options
) => Effect.Effect<Result, PlatformError | TransferError>

/** @internal */
export const make = (
  operations: Operations,
  host: string,
  services: Services
): { readonly put: Transfer; readonly get: Transfer } => {
  const transferred = (method: "put" | "get"): Transfer => (source, target, options = {}) =>
    Effect.suspend(() => {
      const here = Option.orElse(Option.fromNullable(options.local), () => services.local)
      if (Option.isNone(here)) {
        return Effect.fail(errors.badArgument(
          { method, path: source },
          "LocalMachine has no `fileSystem`: set the option `local`"
        ))
      }
      const ofHost = operationsOf(here.value)
      const local = ofHost === undefined
        ? localEndpoint.make(
          method,
          here.value,
          services.isRemote(here.value),
          Option.filter(services.localFiles, ({ fileSystem }) => hasSameFiles(fileSystem, here.value))
        )
        : remoteEndpoint.make(method, ofHost, () => Effect.succeedNone)
      const remote = remoteEndpoint.make(
        method,
        operations,
        (path, length) => Effect.asSome(services.digest(path, { length }))
      )
      const [from, to] = method === "put" ? [local, remote] : [remote, local]
      const running = run.run({ method, from, to, source, target, host, options, hash: services.hash })
      const checked = ofHost === operations
        ? Effect.zipRight(checkApart(operations, { method, source, target, options }), running)
        : running
      return Effect.mapError(checked, (error) => error._tag === "TransferError" ? error : errors.by(method)(error))
    })
  return { put: transferred("put"), get: transferred("get") }
}

// On one host, a tree copied into itself would find its own copy again and again. `delete` would remove a source that lies
// within the target.
const checkApart = (
  operations: Operations,
  { method, options, source, target }: {
    readonly method: string
    readonly source: string
    readonly target: string
    readonly options: Options
  }
): Effect.Effect<void, PlatformError> =>
  Effect.gen(function*() {
    const from = yield* realPath.intended(operations, { method, path: source })
    const to = yield* realPath.intended(operations, { method, path: target })
    const why = posixPath.isWithin(to, from)
      ? `${JSON.stringify(target)} lies within ${JSON.stringify(source)}, which is copied`
      : options.delete === true && posixPath.isWithin(from, to)
      ? `\`delete\` would remove ${JSON.stringify(source)}, which lies within ${JSON.stringify(target)}`
      : undefined
    if (why !== undefined) yield* Effect.fail(errors.badArgument({ method, path: target }, why))
  })
