/**
 * The server's side of SFTP, version 3 with OpenSSH's extensions, over any bytes and any file system. It answers as
 * OpenSSH's `sftp-server` does, its quirks included, since clients were written against those.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import * as Wire from "@effect-remote/core/protocol/Wire"
import type { Duplex } from "@effect-remote/core/Transport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { PosixError } from "./sftpFileSystem.js"
import {
  Change,
  type Errno,
  fail,
  type OpenDirectory,
  type OpenFile,
  type OpenFlags,
  type SftpFileSystem,
  type Stat
} from "./sftpFileSystem.js"

/** @internal */
export interface Options {
  /** How many files and directories a session may hold open. Default: 1000. */
  readonly handles?: number | undefined
  /**
   * Wraps every request. Called with the path of the request, if any. For a handle, it is the path that was opened. The answer of
   * the wrapper is sent. Its failure is treated as a failure of the file system.
   */
  readonly around?: Around | undefined
  /** Called with the reason if the session ends before the client ends it, and for each ignored packet. */
  readonly say?: ((line: string) => void) | undefined
}

/** @internal */
export type Around = (
  request: Sftp.Request,
  path: string | undefined,
  answer: Effect.Effect<Sftp.Response, PosixError | Wire.MalformedError>
) => Effect.Effect<Sftp.Response, PosixError | Wire.MalformedError>

const { Response, StatusCode } = Sftp

const statusMessages = [
  "Success",
  "End of file",
  "No such file",
  "Permission denied",
  "Failure",
  "Bad message",
  "No connection",
  "Connection lost",
  "Operation unsupported"
]

const status = (code: number, message = statusMessages[code] ?? "Unknown error"): Sftp.Response =>
  Response.Status({ code, message })

const ok = status(StatusCode.ok)
const eof = status(StatusCode.eof)
const failure = status(StatusCode.failure)
const noSuchFile = status(StatusCode.noSuchFile)
const badMessage = status(StatusCode.badMessage)
const unsupported = status(StatusCode.unsupported)

const statusOf = ({ errno }: PosixError): Sftp.Response => {
  switch (errno) {
    case "ENOENT":
    case "ENOTDIR":
    case "EBADF":
    case "ELOOP":
      return noSuchFile
    case "EPERM":
    case "EACCES":
    case "EFAULT":
      return status(StatusCode.permissionDenied)
    case "ENAMETOOLONG":
    case "EINVAL":
      return badMessage
    case "ENOSYS":
      return unsupported
    default:
      return failure
  }
}

const version = 3

const homeDirectory = "home-directory"
const usersGroupsById = "users-groups-by-id@openssh.com"

const { copyData, expandPath, fstatvfs, fsync, hardlink, limits, lsetstat, posixRename, statvfs } = Sftp.extensions

const hello = Sftp.encodeHello("server", {
  version,
  extensions: [
    posixRename,
    statvfs,
    fstatvfs,
    hardlink,
    fsync,
    lsetstat,
    limits,
    expandPath,
    copyData,
    [homeDirectory, "1"],
    [usersGroupsById, "1"]
  ]
})

const largestData = Sftp.longestPacket - 1024
const namesInPacket = 100
const copyChunk = 64 * 1024
const pathMax = 4096
const linksFollowed = 32

const exitCode = { ended: 0, tooLong: 11, malformed: 255 } as const

const fileType = 0o170000
const regular = 0o100000
const symbolicLink = 0o120000
const permissionBits = 0o7777

const isType = ({ mode }: Stat, type: number) => (mode & fileType) === type

interface Session {
  readonly fileSystem: SftpFileSystem
  readonly handles: Handles
}

// The path that was opened. It may have been renamed or removed since.
interface HeldFile {
  readonly _tag: "File"
  readonly path: string
  readonly file: OpenFile
  readonly append: boolean
}

interface HeldDirectory {
  readonly _tag: "Directory"
  readonly path: string
  readonly directory: OpenDirectory
}

type Held = HeldFile | HeldDirectory

interface Handles {
  readonly open: (acquire: Effect.Effect<Held, PosixError, Scope.Scope>) => Effect.Effect<Sftp.Response, PosixError>
  readonly close: (handle: Uint8Array) => Effect.Effect<Sftp.Response, PosixError>
  readonly file: (handle: Uint8Array) => HeldFile | undefined
  readonly directory: (handle: Uint8Array) => HeldDirectory | undefined
  readonly path: (handle: Uint8Array) => string | undefined
}

// A handle is an index; the one that was freed last is the next to be used, as with OpenSSH.
const makeHandles = (most: number, session: Scope.Scope): Handles => {
  const slots: Array<{ readonly held: Held; readonly scope: Scope.CloseableScope } | undefined> = []
  const free: Array<number> = []

  const indexOf = (handle: Uint8Array): number =>
    handle.length === 4 ? new DataView(handle.buffer, handle.byteOffset).getUint32(0) : -1
  const find = (handle: Uint8Array): Held | undefined => slots[indexOf(handle)]?.held

  return {
    open: (acquire) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function*() {
          if (free.length === 0 && slots.length >= most) return yield* fail("EMFILE")
          const scope = yield* Scope.fork(session, ExecutionStrategy.sequential)
          const held = yield* restore(Scope.extend(acquire, scope)).pipe(
            Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
          )
          const index = free.pop() ?? slots.length
          slots[index] = { held, scope }
          return Response.Handle({ handle: new Wire.Writer(4).uint32(index).bytes() })
        })
      ),
    close: (handle) =>
      Effect.suspend(() => {
        const index = indexOf(handle)
        const slot = slots[index]
        if (slot === undefined) return Effect.succeed(noSuchFile)
        slots[index] = undefined
        free.push(index)
        const closed = slot.held._tag === "File" ? slot.held.file.close : Effect.void
        return Effect.ensuring(Effect.as(closed, ok), Scope.close(slot.scope, Exit.void))
      }),
    file: (handle) => {
      const held = find(handle)
      return held?._tag === "File" ? held : undefined
    },
    directory: (handle) => {
      const held = find(handle)
      return held?._tag === "Directory" ? held : undefined
    },
    path: (handle) => find(handle)?.path
  }
}

const attributesOf = ({ atime, gid, mode, mtime, size, uid }: Stat): Sftp.Attributes => ({
  size,
  uid,
  gid,
  permissions: mode,
  // 32 bits on the wire, for as long as they last
  atime: atime >>> 0,
  mtime: mtime >>> 0
})

const openFlagsOf = (flags: number): OpenFlags => {
  const has = (flag: keyof typeof Sftp.OpenFlags) => (flags & Sftp.OpenFlags[flag]) !== 0
  return {
    read: has("read"),
    write: has("write"),
    append: has("append"),
    create: has("create"),
    truncate: has("truncate"),
    exclusive: has("exclusive")
  }
}

const names = (...paths: ReadonlyArray<string>): Sftp.Response =>
  Response.Name({ entries: paths.map((path) => ({ filename: path, longname: path, attributes: {} })) })

// off_t has a sign
const checkOffset = (offset: bigint): Effect.Effect<void, PosixError> =>
  offset >= 1n << 63n ? fail("EINVAL") : Effect.void

const permissionText = (mode: number): string => {
  const kinds: Readonly<Record<number, string>> = {
    0o040000: "d",
    0o020000: "c",
    0o060000: "b",
    [regular]: "-",
    [symbolicLink]: "l",
    0o140000: "s",
    0o010000: "p"
  }
  const bits = (shift: number, special: number, letters: readonly [withExecute: string, without: string]) => {
    const execute = (mode >> shift & 1) !== 0
    return [
      (mode >> shift & 4) !== 0 ? "r" : "-",
      (mode >> shift & 2) !== 0 ? "w" : "-",
      (mode & special) === 0 ? execute ? "x" : "-" : letters[execute ? 0 : 1]
    ].join("")
  }
  return (kinds[mode & fileType] ?? "?") + bits(6, 0o4000, ["s", "S"]) + bits(3, 0o2000, ["s", "S"]) +
    bits(0, 0o1000, ["t", "T"])
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
const halfAYear = 365 * 24 * 60 * 60 / 2

// As `ls -l` in the C locale and the local time zone.
const dateText = (time: number, now: number): string => {
  const date = new Date(time * 1000)
  const pad = (value: number, width: number, fill: string) => `${value}`.padStart(width, fill)
  const day = `${months[date.getMonth()]} ${pad(date.getDate(), 2, " ")}`
  return now - halfAYear < time && now >= time
    ? `${day} ${pad(date.getHours(), 2, "0")}:${pad(date.getMinutes(), 2, "0")}`
    : `${day}  ${date.getFullYear()}`
}

const longname = (fileSystem: SftpFileSystem, name: string, stat: Stat): Effect.Effect<string> =>
  Effect.map(
    Effect.all([fileSystem.userName(stat.uid), fileSystem.groupName(stat.gid), Clock.currentTimeMillis]),
    ([user, group, now]) =>
      [
        `${permissionText(stat.mode)} `,
        `${stat.nlink}`.padStart(3),
        Option.getOrElse(user, () => `${stat.uid}`).padEnd(8),
        Option.getOrElse(group, () => `${stat.gid}`).padEnd(8),
        `${stat.size}`.padStart(8),
        dateText(stat.mtime, Math.floor(now / 1000)),
        name
      ].join(" ")
  )

const readDirectory = (
  { fileSystem }: Session,
  { directory, path }: HeldDirectory
): Effect.Effect<Sftp.Response> =>
  Effect.gen(function*() {
    const entries: Array<Sftp.Entry> = []
    while (entries.length < namesInPacket) {
      const found = yield* Effect.orElseSucceed(directory.read(namesInPacket - entries.length), () => [])
      if (found.length === 0) break
      for (const filename of found) {
        // by the path that was opened, so that there is nothing to be seen once the directory has another
        const stat = yield* Effect.option(fileSystem.lstat(join(path, filename)))
        if (Option.isNone(stat)) continue
        entries.push({
          filename,
          longname: yield* longname(fileSystem, filename, stat.value),
          attributes: attributesOf(stat.value)
        })
      }
    }
    return entries.length === 0 ? eof : Response.Name({ entries })
  })

const join = (directory: string, name: string): string => directory === "/" ? `/${name}` : `${directory}/${name}`

const isTooLong = (path: string): boolean => Sftp.encodeName(path).length >= pathMax

/**
 * Resolves links, `.` and `..` of a path. The last name need not exist.
 */
const realPath = ({ fileSystem }: Session, path: string): Effect.Effect<string, PosixError> =>
  Effect.gen(function*() {
    const parent = (directory: string) => directory.slice(0, directory.lastIndexOf("/", directory.length - 2) + 1)
    let left = path
    let resolved = path.startsWith("/") ? "/" : fileSystem.home
    if (isTooLong(path)) return yield* fail("ENAMETOOLONG")
    for (let followed = 0; left !== "";) {
      const slash = left.indexOf("/")
      const isLast = slash === -1
      const name = isLast ? left : left.slice(0, slash)
      left = isLast ? "" : left.slice(slash + 1)
      if (!resolved.endsWith("/")) resolved += "/"
      if (name === "" || name === ".") continue
      if (name === "..") {
        resolved = resolved === "/" ? "/" : parent(resolved)
        continue
      }
      const directory = resolved
      resolved += name
      if (isTooLong(resolved)) return yield* fail("ENAMETOOLONG")
      const found = yield* Effect.either(fileSystem.lstat(resolved))
      if (Either.isLeft(found)) {
        if (found.left.errno === "ENOENT" && isLast) return resolved
        return yield* found.left
      }
      if (!isType(found.right, symbolicLink)) continue
      if (followed++ > linksFollowed) return yield* fail("ELOOP")
      const target = yield* fileSystem.readlink(resolved)
      resolved = target.startsWith("/") ? "/" : directory
      left = isLast ? target : target.endsWith("/") ? target + left : `${target}/${left}`
      if (isTooLong(left)) return yield* fail("ENAMETOOLONG")
    }
    return resolved.length > 1 && resolved.endsWith("/") ? resolved.slice(0, -1) : resolved
  })

const expand = (session: Session, path: string): Effect.Effect<Sftp.Response, PosixError> =>
  Effect.gen(function*() {
    const { fileSystem } = session
    if (path === "" || path === "~") return names(yield* realPath(session, fileSystem.home))
    if (path.startsWith("~/")) return names(yield* realPath(session, join(fileSystem.home, path.slice(2))))
    if (path.startsWith("/")) return names(yield* realPath(session, path))
    if (!path.startsWith("~")) return names(yield* realPath(session, join(fileSystem.home, path)))
    const [user = "", ...rest] = path.slice(1).split("/")
    const home = yield* fileSystem.homeOf(user)
    if (Option.isNone(home)) return status(StatusCode.noSuchFile, "no such user")
    return names(yield* realPath(session, [home.value, ...rest].join("/")))
  })

const cannotLink: ReadonlySet<Errno> = new Set(["EOPNOTSUPP", "ENOSYS", "EXDEV", "EPERM"])

// The draft's own rename does not replace an existing file.
const rename = (fileSystem: SftpFileSystem, from: string, to: string): Effect.Effect<Sftp.Response, PosixError> =>
  Effect.gen(function*() {
    const ifAbsent = Effect.matchEffect(fileSystem.stat(to), {
      onFailure: () => Effect.as(fileSystem.rename(from, to), ok),
      onSuccess: () => Effect.succeed(failure)
    })
    if (!isType(yield* fileSystem.lstat(from), regular)) return yield* ifAbsent
    const linked = yield* Effect.either(fileSystem.link(from, to))
    if (Either.isLeft(linked)) return yield* cannotLink.has(linked.left.errno) ? ifAbsent : linked.left
    yield* Effect.tapError(fileSystem.unlink(from), () => Effect.ignore(fileSystem.unlink(to)))
    return ok
  })

const changesOf = (attributes: Sftp.Attributes): ReadonlyArray<Change> => {
  const { atime, gid, mtime, permissions, size, uid } = attributes
  return [
    ...(size === undefined ? [] : [Change.Size({ size })]),
    ...(permissions === undefined ? [] : [Change.Mode({ mode: permissions & permissionBits })]),
    ...(atime === undefined || mtime === undefined ? [] : [Change.Times({ atime, mtime })]),
    ...(uid === undefined || gid === undefined ? [] : [Change.Owner({ uid, gid })])
  ]
}

// Tries all changes and reports the last failure.
const changeAll = <C>(
  changes: ReadonlyArray<C>,
  change: (change: C) => Effect.Effect<void, PosixError>
): Effect.Effect<Sftp.Response> =>
  Effect.reduce(
    changes,
    ok,
    (answer, one) => Effect.match(change(one), { onFailure: statusOf, onSuccess: () => answer })
  )

const change = (set: (change: Change) => Effect.Effect<void, PosixError>) => (change: Change) =>
  change._tag === "Size" ? Effect.zipRight(checkOffset(change.size), set(change)) : set(change)

type Request<T extends Sftp.Request["_tag"]> = Extract<Sftp.Request, { readonly _tag: T }>

const copy = (
  { handles }: Session,
  { from, fromOffset, length, to, toOffset }: Request<"CopyData">
): Effect.Effect<Sftp.Response, PosixError> =>
  Effect.gen(function*() {
    const source = handles.file(from)
    const target = handles.file(to)
    if (source === undefined || target === undefined || source === target || source.path === target.path) {
      return failure
    }
    const [a, b] = yield* Effect.all([source.file.stat, target.file.stat])
    if (a.dev === b.dev && a.ino === b.ino) return failure
    yield* checkOffset(fromOffset)
    if (!target.append) yield* checkOffset(toOffset)

    const toEnd = length === 0n
    let left = length
    for (let copied = 0n; toEnd || left > 0n;) {
      const most = toEnd || left > copyChunk ? copyChunk : Number(left)
      left -= toEnd ? 0n : BigInt(most)
      // a failure during the last piece is answered as success
      const last = !toEnd && left === 0n
      const read = yield* Effect.either(readFully(source.file, fromOffset + copied, most))
      if (Either.isLeft(read)) return last ? ok : yield* read.left
      if (read.right.length === 0) return toEnd || last ? ok : eof
      const written = yield* Effect.either(writeFully(target.file, toOffset + copied, read.right))
      if (Either.isLeft(written)) return last ? ok : yield* written.left
      copied += BigInt(read.right.length)
    }
    return ok
  })

const readFully = (file: OpenFile, offset: bigint, length: number): Effect.Effect<Uint8Array, PosixError> =>
  Effect.gen(function*() {
    const bytes = new Uint8Array(length)
    let have = 0
    while (have < length) {
      const read = yield* file.read(offset + BigInt(have), length - have)
      if (read.length === 0) break
      bytes.set(read, have)
      have += read.length
    }
    return bytes.subarray(0, have)
  })

const writeFully = (file: OpenFile, offset: bigint, bytes: Uint8Array): Effect.Effect<void, PosixError> =>
  Effect.gen(function*() {
    for (let at = 0; at < bytes.length;) at += yield* file.write(offset + BigInt(at), bytes.subarray(at))
  })

const extended = (
  { fileSystem }: Session,
  { data, name }: Request<"Extended">
): Effect.Effect<Sftp.Response, Wire.MalformedError> =>
  Effect.gen(function*() {
    if (name === homeDirectory) {
      const user = yield* Wire.read(data, (reader) => {
        const user = Sftp.decodeName(reader.string())
        reader.rest()
        return user
      })
      return Option.match(yield* fileSystem.homeOf(yield* cString(user)), {
        onNone: () => failure,
        onSome: (home) => names(home)
      })
    }
    if (name === usersGroupsById) {
      const [users, groups] = yield* Wire.read(data, (reader) => {
        const ids = [reader.string(), reader.string()] as const
        reader.rest()
        return ids
      })
      return Response.ExtendedReply({
        data: new Wire.Writer()
          .string(yield* nameAll(users, fileSystem.userName))
          .string(yield* nameAll(groups, fileSystem.groupName))
          .bytes()
      })
    }
    return unsupported
  })

const nameAll = (ids: Uint8Array, nameOf: (id: number) => Effect.Effect<Option.Option<string>>) =>
  Effect.gen(function*() {
    const list = yield* Wire.read(ids, (reader) => {
      const list: Array<number> = []
      while (reader.remaining > 0) list.push(reader.uint32())
      return list
    })
    const writer = new Wire.Writer()
    for (const id of list) writer.string(Sftp.encodeName(Option.getOrElse(yield* nameOf(id), () => "")))
    return writer.bytes()
  })

const withFile = <E>(
  held: HeldFile | undefined,
  use: (held: HeldFile) => Effect.Effect<Sftp.Response, E>,
  otherwise = failure
): Effect.Effect<Sftp.Response, E> => held === undefined ? Effect.succeed(otherwise) : use(held)

const done = (effect: Effect.Effect<void, PosixError>) => Effect.as(effect, ok)

const attributes = (stat: Effect.Effect<Stat, PosixError>) =>
  Effect.map(stat, (found) => Response.Attrs({ attributes: attributesOf(found) }))

const fileSystemInfo = (info: Effect.Effect<Sftp.FileSystemInfo, PosixError>) =>
  Effect.map(info, (found) => Response.ExtendedReply({ data: Sftp.encodeFileSystem(found) }))

type Answer = Effect.Effect<Sftp.Response, PosixError | Wire.MalformedError>

const answerTo = (session: Session, most: number) => {
  const { fileSystem, handles } = session

  const answers: { readonly [T in Sftp.Request["_tag"]]: (request: Request<T>) => Answer } = {
    Open: ({ attributes, flags, path }) => {
      const how = openFlagsOf(flags)
      return handles.open(Effect.map(
        fileSystem.open(path, how, (attributes.permissions ?? 0o666) & permissionBits),
        (file) => ({ _tag: "File", path, file, append: how.append })
      ))
    },
    Close: ({ handle }) => handles.close(handle),
    Read: ({ handle, length, offset }) =>
      withFile(handles.file(handle), ({ file }) =>
        Effect.gen(function*() {
          yield* checkOffset(offset)
          if (length === 0) return Response.Data({ data: new Uint8Array() })
          const data = yield* file.read(offset, Math.min(length, largestData))
          return data.length === 0 ? eof : Response.Data({ data })
        })),
    Write: ({ data, handle, offset }) =>
      withFile(handles.file(handle), ({ append, file }) =>
        Effect.gen(function*() {
          if (!append) yield* checkOffset(offset)
          return (yield* file.write(offset, data)) === data.length ? ok : failure
        })),
    Lstat: ({ path }) => attributes(fileSystem.lstat(path)),
    Fstat: ({ handle }) => withFile(handles.file(handle), ({ file }) => attributes(file.stat)),
    Setstat: ({ attributes, path }) => changeAll(changesOf(attributes), change((one) => fileSystem.change(path, one))),
    Fsetstat: ({ attributes, handle }) =>
      withFile(handles.file(handle), ({ file }) => changeAll(changesOf(attributes), change(file.change))),
    Opendir: ({ path }) =>
      handles.open(Effect.map(
        fileSystem.openDirectory(path),
        (directory) => ({ _tag: "Directory", path, directory })
      )),
    Readdir: ({ handle }) => {
      const held = handles.directory(handle)
      return held === undefined ? Effect.succeed(failure) : readDirectory(session, held)
    },
    Remove: ({ path }) => done(fileSystem.unlink(path)),
    Mkdir: ({ attributes, path }) => done(fileSystem.mkdir(path, (attributes.permissions ?? 0o777) & permissionBits)),
    Rmdir: ({ path }) => done(fileSystem.rmdir(path)),
    Realpath: ({ path }) => Effect.map(realPath(session, path), names),
    Stat: ({ path }) => attributes(fileSystem.stat(path)),
    Rename: ({ from, to }) => rename(fileSystem, from, to),
    Readlink: ({ path }) => Effect.map(fileSystem.readlink(path), names),
    Symlink: ({ path, target }) => done(fileSystem.symlink(target, path)),
    PosixRename: ({ from, to }) => done(fileSystem.rename(from, to)),
    Hardlink: ({ from, to }) => done(fileSystem.link(from, to)),
    Fsync: ({ handle }) => withFile(handles.file(handle), ({ file }) => done(file.sync), noSuchFile),
    Statvfs: ({ path }) => fileSystemInfo(fileSystem.statvfs(path)),
    Fstatvfs: ({ handle }) => withFile(handles.file(handle), ({ file }) => fileSystemInfo(file.statvfs)),
    Lsetstat: ({ attributes, path }) =>
      attributes.size === undefined
        ? changeAll(
          changesOf(attributes).filter((one) => one._tag !== "Size"),
          (one) => fileSystem.changeLink(path, one)
        )
        : Effect.succeed(badMessage),
    Limits: () =>
      Effect.succeed(Response.ExtendedReply({
        data: Sftp.encodeLimits({
          packet: BigInt(Sftp.longestPacket),
          read: BigInt(largestData),
          write: BigInt(largestData),
          handles: BigInt(most)
        })
      })),
    ExpandPath: ({ path }) => expand(session, path),
    CopyData: (request) => copy(session, request),
    Extended: (request) => extended(session, request)
  }
  return (request: Sftp.Request) => (answers[request._tag] as (request: Sftp.Request) => Answer)(request)
}

const pathOf = ({ handles }: Session, request: Sftp.Request): string | undefined =>
  "path" in request
    ? request.path
    : "handle" in request
    ? handles.path(request.handle)
    : "from" in request && typeof request.from === "string"
    ? request.from
    : undefined

// A NUL ends a string of C, and must not stand within it.
const cString = (text: string): Either.Either<string, Wire.MalformedError> => {
  const nul = text.indexOf("\0")
  if (nul === -1) return Either.right(text)
  return nul === text.length - 1
    ? Either.right(text.slice(0, -1))
    : Either.left(new Wire.MalformedError({ message: "a name holds a NUL" }))
}

const checkStrings = (request: Sftp.Request): Either.Either<Sftp.Request, Wire.MalformedError> =>
  Either.gen(function*() {
    const checked: Record<string, unknown> = {}
    for (const [field, value] of Object.entries(request)) {
      checked[field] = typeof value === "string" ? yield* cString(value) : value
    }
    if ("attributes" in request) yield* Either.all((request.attributes.extended ?? []).map(([type]) => cString(type)))
    return checked as unknown as Sftp.Request
  })

const types = { init: 1, first: 3, last: 20, extended: 200 } as const

/**
 * Serves a session until the client ends it, or breaks the protocol. Succeeds with the code that `sftp-server` would exit
 * with; every file is closed then, but the output is not ended, for a client that has seen its end may not wait for the
 * code. Requests are answered one after the other, in the order of their arrival, and no more is read while an answer
 * waits to be written.
 *
 * @internal
 */
export const serve = <E>(
  duplex: Pick<Duplex<E>, "read" | "write">,
  fileSystem: SftpFileSystem,
  { around, handles: most = 1000, say = () => {} }: Options = {}
): Effect.Effect<number, E> =>
  Effect.gen(function*() {
    const session: Session = { fileSystem, handles: makeHandles(most, yield* Effect.scope) }
    const answered = answerTo(session, most)
    const answer = around === undefined
      ? answered
      : (request: Sftp.Request) => around(request, pathOf(session, request), answered(request))
    const split = Wire.splitter(Sftp.longestPacket)
    let clientVersion: number | undefined

    const broken = (code: number, detail: string) => {
      say(`error: the SFTP session ends: ${detail}`)
      return code
    }

    const encode = (id: number, response: Sftp.Response): Uint8Array =>
      response._tag === "Status" && clientVersion !== undefined && clientVersion < version
        ? new Wire.Writer().uint32(9).byte(101).uint32(id).uint32(response.code).bytes()
        : Sftp.encodeResponse(id, response)

    // A packet of an unknown type is not answered.
    const reply = (packet: Uint8Array): Effect.Effect<Option.Option<Uint8Array>, Wire.MalformedError> =>
      Effect.gen(function*() {
        const [type, number] = yield* Wire.read(packet, (reader) => {
          const read = [reader.byte(), reader.uint32()] as const
          reader.rest()
          return read
        })
        if (type === types.init) {
          clientVersion = number
          return Option.some(hello)
        }
        if (clientVersion === undefined) {
          return yield* new Wire.MalformedError({ message: `a packet of type ${type} came before the first one` })
        }
        if ((type < types.first || type > types.last) && type !== types.extended) {
          say(`error: an SFTP packet of the unknown type ${type} is passed over`)
          return Option.none()
        }
        const { id, packet: request } = yield* Sftp.decodeRequest(packet)
        const response = yield* Effect.catchTag(
          answer(yield* checkStrings(request)),
          "PosixError",
          (error) => Effect.succeed(statusOf(error))
        )
        return Option.some(encode(id, response))
      })

    while (true) {
      const read = yield* duplex.read
      if (Option.isNone(read)) return exitCode.ended
      for (const packet of split(read.value)) {
        if (Either.isLeft(packet)) return broken(exitCode.tooLong, packet.left.message)
        const bytes = yield* Effect.either(reply(packet.right))
        if (Either.isLeft(bytes)) return broken(exitCode.malformed, bytes.left.message)
        if (Option.isSome(bytes.right) && !(yield* duplex.write(bytes.right.value))) return exitCode.ended
      }
    }
  }).pipe(Effect.scoped)
