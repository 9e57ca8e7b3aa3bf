/**
 * The methods of `RemoteFileSystem`, on top of SFTP operations.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem, OpenFlag, ReadDirectoryOptions, SizeInput, WatchBackend } from "@effect/platform/FileSystem"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { DigestAlgorithm } from "../../LocalHash.js"
import { OpenFlags } from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { OpenFile } from "../sftp/openFile.js"
import type { Operations } from "../sftp/requests.js"
import * as access from "./access.js"
import * as atomicWrite from "./atomicWrite.js"
import * as copy from "./copy.js"
import type { Digest } from "./digest.js"
import * as listing from "./listing.js"
import * as makeDirectories from "./makeDirectories.js"
import type { AtomicOptions, ListOptions, ReadFileOptions, WalkOptions } from "./models.js"
import * as remoteFile from "./remoteFile.js"
import * as remove from "./remove.js"
import * as sweep from "./sweep.js"
import * as temporary from "./temporary.js"
import * as walks from "./walk.js"
import * as watch from "./watch.js"

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

// As Node's `readFile`.
const largestRead = 2 ** 31 - 1

const isUint32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffffffff

const secondsOf = (time: Date | number): number => Math.floor(typeof time === "number" ? time : time.getTime() / 1000)

const bytesOf = (call: CallContext, size: SizeInput): Effect.Effect<bigint, PlatformError> =>
  (typeof size === "number" && !Number.isSafeInteger(size)) || size < 0
    ? Effect.fail(errors.badArgument(call, `${size} is not a valid byte count`))
    : Effect.succeed(BigInt(size))

// Without a mode, the server's umask decides the permission bits of a new file.
const withMode = (mode: number | undefined) => mode === undefined ? {} : { permissions: mode }

/** @internal */
export const make = (
  operations: Operations,
  digest: Digest,
  watchBackend: Option.Option<Context.Tag.Service<typeof WatchBackend>>
) => {
  const openRaw = (method: string, path: string, flag: OpenFlag, mode?: number) =>
    operations.open({ method, path }, flags[flag], withMode(mode))

  // Some servers ignore the append flag, and would write at the beginning.
  const endOf = (method: string, path: string, flag: OpenFlag, { stat }: OpenFile) =>
    flag.startsWith("a")
      ? Effect.flatMap(stat, ({ size }) =>
        size === undefined
          ? Effect.fail(
            errors.system(
              { method, path },
              "Unknown",
              undefined,
              "the SFTP server does not report the size of the file, which an append needs"
            )
          )
          : Effect.succeedSome(size))
      : Effect.succeedNone
  const openWriter = (method: string, path: string, flag: OpenFlag, mode: number | undefined) =>
    Effect.gen(function*() {
      const file = yield* openRaw(method, path, flag, mode)
      return file.writer(Option.getOrElse(yield* endOf(method, path, flag, file), () => 0n))
    })

  const exists: FileSystem["exists"] = (path) =>
    Effect.catchIf(
      Effect.as(operations.stat({ method: "exists", path }), true),
      errors.isNotFound,
      () => Effect.succeed(false)
    )

  const stream: FileSystem["stream"] = (path, options = {}) => {
    const { bytesToRead, chunkSize, offset = 0 } = options
    const wrong = [bytesToRead, chunkSize, offset].find((size) =>
      size !== undefined && (typeof size === "number" && !Number.isSafeInteger(size) || size < 0)
    )
    return wrong !== undefined
      ? Stream.fail(errors.badArgument({ method: "stream", path }, `${wrong} is not a valid byte count`))
      : Stream.unwrapScoped(Effect.map(openRaw("stream", path, "r"), (file) =>
        file.stream(
          BigInt(offset),
          bytesToRead === undefined ? undefined : BigInt(bytesToRead),
          chunkSize === undefined ? undefined : Number(chunkSize)
        )))
  }

  const readFile = (method: string, path: string, limit: SizeInput = largestRead) =>
    Effect.flatMap(
      bytesOf({ method, path }, limit),
      (limit) => Effect.scoped(Effect.flatMap(openRaw(method, path, "r"), (file) => file.readAll(limit)))
    )

  const namesWithin = (call: CallContext, limit: number | undefined) =>
    limit === undefined || Number.isSafeInteger(limit) && limit >= 0
      ? Effect.void
      : Effect.fail(errors.badArgument(call, `\`limit\` must be a non-negative integer, got ${limit}`))

  const sink = (method: string, path: string, flag: OpenFlag, mode: number | undefined) =>
    Sink.unwrapScoped(
      Effect.map(
        openWriter(method, path, flag, mode),
        ({ finish, write }) => Sink.forEach(write).pipe(Sink.mapEffect(() => finish))
      )
    )

  const writeFile: FileSystem["writeFile"] = (path, data, options = {}) =>
    Effect.scoped(
      Effect.flatMap(
        openWriter("writeFile", path, options.flag ?? "w", options.mode),
        ({ finish, write }) => Effect.zipRight(write(data), finish)
      )
    )

  const atomicSink = (method: string, path: string, options: AtomicOptions) =>
    Sink.unwrapScoped(Effect.map(
      atomicWrite.acquire(operations, method, path, options),
      ({ commit, write }) => Sink.mapEffect(Sink.forEach(write), () => commit)
    ))

  // SFTP has 32 bits for each of them.
  const setNumbers = (call: CallContext, attributes: Readonly<Record<string, number>>) => {
    const wrong = Object.entries(attributes).find(([, value]) => !isUint32(value))
    return wrong === undefined
      ? operations.setAttributes(call, attributes)
      : Effect.fail(errors.badArgument(call, `${wrong[0]} ${wrong[1]} is not within 0..4294967295`))
  }

  const platform: Omit<FileSystem, "readDirectory" | "readFile" | "readFileString" | "watch"> = {
    open: (path, { flag = "r", mode } = {}) =>
      Effect.flatMap(
        openRaw("open", path, flag, mode),
        (file) => Effect.map(endOf("open", path, flag, file), (end) => remoteFile.make(file, end))
      ),
    stat: (path) => Effect.map(operations.stat({ method: "stat", path }), remoteFile.info),
    exists,
    makeDirectory: (path, { mode, recursive } = {}) => {
      const call = { method: "makeDirectory", path }
      return recursive === true
        ? Effect.asVoid(makeDirectories.make(operations, call, withMode(mode)))
        : operations.makeDirectory(call, withMode(mode))
    },
    remove: (path, options) => remove.remove(operations, { method: "remove", path }, options),
    rename: (oldPath, newPath) => operations.rename({ method: "rename", path: oldPath }, newPath),
    writeFile,
    writeFileString: (path, data, options) => writeFile(path, new TextEncoder().encode(data), options),
    stream,
    sink: (path, options = {}) => sink("sink", path, options.flag ?? "w", options.mode),
    access: (path, options) => access.check(operations, { method: "access", path }, options),
    copy: (from, to, options) => copy.copy(operations, { method: "copy", path: from }, to, options),
    copyFile: (from, to) => copy.copyFile(operations, { method: "copyFile", path: from }, to),
    chmod: (path, mode) =>
      operations.setAttributes({ method: "chmod", path }, { permissions: mode & fileMode.permissionBits }),
    chown: (path, uid, gid) => setNumbers({ method: "chown", path }, { uid, gid }),
    link: (from, to) => operations.link({ method: "link", path: from }, to),
    symlink: (target, path) => operations.symlink({ method: "symlink", path }, target),
    makeTempDirectory: (options) => temporary.make(temporary.directory(operations, "makeTempDirectory", options)),
    makeTempDirectoryScoped: (options) =>
      temporary.scoped(temporary.directory(operations, "makeTempDirectoryScoped", options)),
    makeTempFile: (options) => temporary.make(temporary.file(operations, "makeTempFile", options)),
    makeTempFileScoped: (options) => temporary.scoped(temporary.file(operations, "makeTempFileScoped", options)),
    readLink: (path) => operations.readLink({ method: "readLink", path }),
    realPath: (path) => {
      const call = { method: "realPath", path }
      // The server also resolves paths that do not exist.
      return Effect.zipRight(operations.stat(call), operations.realPath(call))
    },
    truncate: (path, length = 0) => {
      const call = { method: "truncate", path }
      return Effect.flatMap(bytesOf(call, length), (size) => operations.setAttributes(call, { size }))
    },
    utimes: (path, atime, mtime) =>
      setNumbers({ method: "utimes", path }, { atime: secondsOf(atime), mtime: secondsOf(mtime) })
  }
  return {
    ...platform,
    lstat: (path: string) => Effect.map(operations.lstat({ method: "lstat", path }), remoteFile.info),
    isDirectory: (path: string) =>
      Effect.catchIf(
        Effect.map(operations.stat({ method: "isDirectory", path }), fileMode.isDirectory),
        errors.isNotFound,
        () => Effect.succeed(false)
      ),
    readDirectory: (path: string, { limit, recursive }: ReadDirectoryOptions & ListOptions = {}) => {
      const call = { method: "readDirectory", path }
      return Effect.zipRight(
        namesWithin(call, limit),
        recursive === true
          ? walks.readDirectory(operations, "readDirectory", path, limit)
          : Effect.map(
            listing.named(operations, call, { limit }),
            (entries) => entries.map(({ filename }) => filename)
          )
      )
    },
    readFile: (path: string, { limit }: ReadFileOptions = {}) => readFile("readFile", path, limit),
    readFileString: (path: string, encoding = "utf-8", { limit }: ReadFileOptions = {}) =>
      Effect.flatMap(readFile("readFileString", path, limit), (bytes) =>
        Effect.try({
          try: () => new TextDecoder(encoding).decode(bytes),
          catch: (error) =>
            error instanceof RangeError
              ? errors.badArgument(
                { method: "readFileString", path },
                `unknown encoding ${JSON.stringify(encoding)}`
              )
              : errors.system(
                { method: "readFileString", path },
                "Unknown",
                error,
                "the file is too large for a string"
              )
        })),
    atomicWrite: <E = never, R = never>(
      path: string,
      content: Uint8Array | string | Stream.Stream<Uint8Array, E, R>,
      options: AtomicOptions = {}
    ): Effect.Effect<void, E | PlatformError, R> =>
      typeof content === "string" || content instanceof Uint8Array
        ? atomicWrite.put(
          operations,
          "atomicWrite",
          path,
          typeof content === "string" ? new TextEncoder().encode(content) : content,
          options
        )
        : Stream.run(content, atomicSink("atomicWrite", path, options)),
    atomicSink: (path: string, options: AtomicOptions = {}) => atomicSink("atomicSink", path, options),
    watch: watch.make(operations, watchBackend),
    expandPath: (path: string) => operations.expandPath({ method: "expandPath", path }),
    walk: (path: string, options?: WalkOptions) =>
      Stream.unwrap(
        Effect.as(
          namesWithin({ method: "walk", path }, options?.limit),
          walks.walk(operations, "walk", path, options)
        )
      ),
    listFiles: (path: string, { limit }: ListOptions = {}) =>
      Effect.zipRight(
        namesWithin({ method: "listFiles", path }, limit),
        walks.listFiles(operations, "listFiles", path, limit)
      ),
    digest: (path: string, options?: { readonly algorithm?: DigestAlgorithm | undefined }) =>
      digest(path, { algorithm: options?.algorithm }),
    diskFree: (path: string) =>
      Effect.map(
        operations.space({ method: "diskFree", path }),
        ({ bavail, bfree, blocks, ffree, files, frsize }) => ({
          size: blocks * frsize,
          free: bfree * frsize,
          available: bavail * frsize,
          files,
          filesFree: ffree
        })
      ),
    sweepTemporary: (directory: string, olderThan: Duration.DurationInput) =>
      sweep.sweepTemporary(operations, directory, olderThan)
  }
}
