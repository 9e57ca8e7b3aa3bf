/**
 * The methods of `RemoteFileSystem`, over operations of SFTP.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem, OpenFlag } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { OpenFlags } from "../protocol/Sftp.js"
import type { RemoteFileSystem, TypeId } from "../RemoteFileSystem.js"
import * as atomicWrite from "./atomicWrite.js"
import * as posixPath from "./posixPath.js"
import * as random from "./random.js"
import * as remoteFile from "./remoteFile.js"
import * as failure from "./sftp/failure.js"
import type { Operations } from "./sftp/operations.js"
import * as text from "./text.js"

const { append, create, exclusive, read, truncate, write } = OpenFlags

const flags: Readonly<Record<OpenFlag, number>> = {
  "r": read,
  "r+": read | write,
  "w": write | create | truncate,
  "wx": write | create | truncate | exclusive,
  "w+": read | write | create | truncate,
  "wx+": read | write | create | truncate | exclusive,
  "a": write | append | create,
  "ax": write | append | create | exclusive,
  "a+": read | write | append | create,
  "ax+": read | write | append | create | exclusive
}

const isNotFound = (error: PlatformError): boolean => error._tag === "SystemError" && error.reason === "NotFound"

// What bits there are for a new file is the umask's to say, unless a mode is given.
const withMode = (mode: number | undefined) => mode === undefined ? {} : { permissions: mode }

/** @internal */
export const make = (
  operations: Operations,
  local: Option.Option<FileSystem>
): Omit<RemoteFileSystem, TypeId | "host"> => {
  const openRaw = (method: string, path: string, flag: OpenFlag, mode?: number) =>
    operations.open({ method, path }, flags[flag], withMode(mode))

  const exists: RemoteFileSystem["exists"] = (path) =>
    Effect.catchIf(
      Effect.as(operations.stat({ method: "exists", path }), true),
      isNotFound,
      () => Effect.succeed(false)
    )

  const stream: RemoteFileSystem["stream"] = (path, options = {}) => {
    const { bytesToRead, chunkSize, offset = 0 } = options
    const wrong = [bytesToRead, chunkSize, offset].find((size) =>
      size !== undefined && (typeof size === "number" && !Number.isSafeInteger(size) || size < 0)
    )
    return wrong !== undefined
      ? Stream.fail(failure.badArgument({ method: "stream", path }, `${wrong} is no number of bytes`))
      : Stream.unwrapScoped(Effect.map(openRaw("stream", path, "r"), (file) =>
        file.stream(
          BigInt(offset),
          bytesToRead === undefined ? undefined : BigInt(bytesToRead),
          chunkSize === undefined ? undefined : Number(chunkSize)
        )))
  }

  const readFile = (method: string, path: string) =>
    Effect.scoped(Effect.flatMap(openRaw(method, path, "r"), (file) => Stream.runCollect(file.stream(0n)))).pipe(
      Effect.map((chunks) => text.concat(Array.from(chunks)))
    )

  const sink = (method: string, path: string, flag: OpenFlag, mode: number | undefined) =>
    Sink.unwrapScoped(Effect.map(openRaw(method, path, flag, mode), (file) => {
      const { flush, write } = file.writer(0n)
      return Sink.forEach(write).pipe(Sink.mapEffect(() => Effect.zipRight(flush, file.close)))
    }))

  const writeFile: RemoteFileSystem["writeFile"] = (path, data, options = {}) =>
    Stream.run(Stream.make(data), sink("writeFile", path, options.flag ?? "w", options.mode))

  const atomicSink = (method: string, path: string, options: { readonly mode?: number | undefined }) =>
    Sink.unwrapScoped(Effect.map(
      atomicWrite.acquire(operations, method, path, options),
      ({ commit, write }) => Sink.mapEffect(Sink.forEach(write), () => commit)
    ))

  const removeTree = (method: string, path: string): Effect.Effect<void, PlatformError> =>
    Effect.gen(function*() {
      const found = yield* operations.lstat({ method, path })
      if (!failure.isDirectory(found)) return yield* operations.removeFile({ method, path })
      const entries = yield* operations.list({ method, path })
      // Somebody else may remove the same: what is gone already is none of our concern, and the rest is.
      yield* Effect.forEach(
        entries,
        ({ filename }) =>
          Effect.catchIf(removeTree(method, posixPath.join(path, filename)), isNotFound, () => Effect.void),
        { concurrency: 8, discard: true }
      )
      yield* operations.removeDirectory({ method, path })
    })

  const remove: RemoteFileSystem["remove"] = (path, options = {}) => {
    const attempt = { method: "remove", path }
    const removed = options.recursive === true
      ? removeTree("remove", path)
      : Effect.flatMap(operations.lstat(attempt), (found) =>
        failure.isDirectory(found)
          ? Effect.fail(
            failure.system(attempt, "Unknown", undefined, "it is a directory, which is removed with `recursive` only")
          )
          : operations.removeFile(attempt))
    return options.force === true ? Effect.catchIf(removed, isNotFound, () => Effect.void) : removed
  }

  const withLocal = <A>(method: string, use: (fileSystem: FileSystem) => Effect.Effect<A, PlatformError>) =>
    Option.match(local, {
      onNone: () =>
        Effect.fail(
          failure.badArgument({ method, path: "" }, "there was no local FileSystem when the layer was built")
        ),
      onSome: use
    })

  const put: RemoteFileSystem["put"] = (localPath, path, options = {}) =>
    withLocal("put", (fileSystem) => Stream.run(fileSystem.stream(localPath), atomicSink("put", path, options)))

  const get: RemoteFileSystem["get"] = (path, localPath) =>
    withLocal("get", (fileSystem) =>
      Effect.flatMap(random.hex, (unguessable) => {
        const temporary = posixPath.join(posixPath.parent(localPath), atomicWrite.temporaryName(unguessable))
        return Effect.gen(function*() {
          const existing = yield* Effect.option(fileSystem.stat(localPath))
          const mode = Option.getOrUndefined(Option.map(existing, ({ mode }) => mode & 0o777))
          yield* Stream.run(
            stream(path),
            fileSystem.sink(temporary, { flag: "wx", ...(mode !== undefined && { mode }) })
          )
          yield* fileSystem.rename(temporary, localPath)
        }).pipe(Effect.onError(() => Effect.ignore(fileSystem.remove(temporary, { force: true }))))
      }))

  return {
    open: (path, { flag = "r", mode } = {}) =>
      Effect.map(openRaw("open", path, flag, mode), (file) => remoteFile.make(file, flag.startsWith("a"))),
    stat: (path) => Effect.map(operations.stat({ method: "stat", path }), remoteFile.info),
    lstat: (path) => Effect.map(operations.lstat({ method: "lstat", path }), remoteFile.info),
    exists,
    isDirectory: (path) =>
      Effect.catchIf(
        Effect.map(operations.stat({ method: "isDirectory", path }), failure.isDirectory),
        isNotFound,
        () => Effect.succeed(false)
      ),
    readDirectory: (path) =>
      Effect.map(
        operations.list({ method: "readDirectory", path }),
        (entries) => entries.map(({ filename }) => filename)
      ),
    makeDirectory: (path, { mode, recursive } = {}) => {
      const attempt = { method: "makeDirectory", path }
      return recursive === true
        ? atomicWrite.makeDirectories(operations, attempt, withMode(mode))
        : operations.makeDirectory(attempt, withMode(mode))
    },
    remove,
    rename: (oldPath, newPath) => operations.rename({ method: "rename", path: oldPath }, newPath),
    readFile: (path) => readFile("readFile", path),
    readFileString: (path, encoding = "utf-8") =>
      Effect.flatMap(readFile("readFileString", path), (bytes) =>
        Effect.try({
          try: () => new TextDecoder(encoding).decode(bytes),
          catch: () =>
            failure.badArgument({ method: "readFileString", path }, `there is no encoding ${JSON.stringify(encoding)}`)
        })),
    writeFile,
    writeFileString: (path, data, options) => writeFile(path, new TextEncoder().encode(data), options),
    stream,
    sink: (path, options = {}) => sink("sink", path, options.flag ?? "w", options.mode),
    atomicWrite: (path, content, options = {}) =>
      Stream.run(
        typeof content === "string"
          ? Stream.make(new TextEncoder().encode(content))
          : content instanceof Uint8Array
          ? Stream.make(content)
          : content,
        atomicSink("atomicWrite", path, options)
      ),
    atomicSink: (path, options = {}) => atomicSink("atomicSink", path, options),
    put,
    get
  }
}
