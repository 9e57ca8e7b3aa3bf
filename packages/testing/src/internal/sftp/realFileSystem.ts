import * as Sftp from "@effect-remote/core/protocol/Sftp"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as os from "node:os"
import {
  type Change,
  fail,
  isErrno,
  type OpenDirectory,
  type OpenFile,
  type OpenFlags,
  PosixError,
  type SftpFileSystem,
  type Stat
} from "./sftpFileSystem.js"

type Fx<A> = Effect.Effect<A, PosixError>

const posixError = (cause: unknown): PosixError => {
  const { code } = cause as NodeJS.ErrnoException
  return new PosixError({ errno: isErrno(code) ? code : "EIO", cause })
}

// Runs a call of Node to its end, because it cannot be cancelled. Closing its descriptor meanwhile would free the number for
// another file.
const call = <A = void>(
  start: (done: (error: NodeJS.ErrnoException | null, value?: A) => void) => void
): Effect.Effect<A, PosixError> =>
  Effect.uninterruptible(
    Effect.async((resume) =>
      start((error, value) =>
        resume(error instanceof Error ? Effect.fail(posixError(error)) : Effect.succeed(value as A))
      )
    )
  )

const bytesOf = (path: string): Buffer => {
  const bytes = Sftp.encodeName(path)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

const wholeSeconds = (nanoseconds: bigint): number => {
  const seconds = nanoseconds / 1_000_000_000n
  return Number(seconds * 1_000_000_000n > nanoseconds ? seconds - 1n : seconds)
}

const statOf = (found: fs.BigIntStats): Stat => ({
  mode: Number(found.mode),
  nlink: Number(found.nlink),
  uid: Number(found.uid),
  gid: Number(found.gid),
  size: found.size,
  atime: wholeSeconds(found.atimeNs),
  mtime: wholeSeconds(found.mtimeNs),
  dev: found.dev,
  ino: found.ino
})

const statvfs = (path: Buffer): Fx<Sftp.FileSystemInfo> =>
  Effect.map(
    call<fs.BigIntStatsFs>((done) => fs.statfs(path, { bigint: true }, done)),
    ({ bavail, bfree, blocks, bsize, ffree, files }) => ({
      bsize,
      frsize: bsize,
      blocks,
      bfree,
      bavail,
      files,
      ffree,
      favail: ffree,
      // Node does not report the following fields
      fsid: 0n,
      flag: 0n,
      namemax: 255n
    })
  )

// Neither Node nor any file system supports larger files.
const fits = (size: bigint): boolean => size <= BigInt(Number.MAX_SAFE_INTEGER)

type Target = { readonly path: Buffer } | { readonly descriptor: number }

const change = (target: Target, change: Change): Fx<void> => {
  switch (change._tag) {
    case "Size": {
      if (!fits(change.size)) return fail("EFBIG")
      const size = Number(change.size)
      const truncate = (descriptor: number) => call((done) => fs.ftruncate(descriptor, size, done))
      if ("descriptor" in target) return truncate(target.descriptor)
      // Node's own wants to read as well
      return Effect.acquireUseRelease(
        call<number>((done) => fs.open(target.path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK, done)),
        truncate,
        (descriptor) => Effect.ignore(call((done) => fs.close(descriptor, done)))
      )
    }
    case "Mode":
      return "path" in target
        ? call((done) => fs.chmod(target.path, change.mode, done))
        : call((done) => fs.fchmod(target.descriptor, change.mode, done))
    case "Times":
      return "path" in target
        ? call((done) => fs.utimes(target.path, change.atime, change.mtime, done))
        : call((done) => fs.futimes(target.descriptor, change.atime, change.mtime, done))
    case "Owner":
      return "path" in target
        ? call((done) => fs.chown(target.path, change.uid, change.gid, done))
        : call((done) => fs.fchown(target.descriptor, change.uid, change.gid, done))
  }
}

const flagsOf = ({ append, create, exclusive, read, truncate, write }: OpenFlags): number => {
  const { O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants
  return (read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY) |
    (append ? O_APPEND : 0) | (create ? O_CREAT : 0) | (exclusive ? O_EXCL : 0) | (truncate ? O_TRUNC : 0) |
    // waiting for the other end of a pipe would hold a thread of Node's pool for good
    O_NONBLOCK
}

// Reaches an open file by /proc/self/fd, even after its path has changed. The way resolves two further links. Without such a
// /proc the path is used.
const wayTo = (descriptor: number, path: Buffer): Effect.Effect<Buffer> => {
  const way = Buffer.from(`/proc/self/fd/${descriptor}`)
  return Effect.match(call((done) => fs.access(way, done)), { onFailure: () => path, onSuccess: () => way })
}

const openFile = (descriptor: number, path: Buffer, append: boolean): OpenFile => {
  let open = true
  return {
    read: (offset, length) => {
      const bytes = Buffer.allocUnsafeSlow(length)
      return Effect.map(
        call<number>((done) => fs.read(descriptor, bytes, 0, length, offset, done)),
        (count) => bytes.subarray(0, count)
      )
    },
    write: (offset, bytes) => {
      if (!append && !fits(offset)) return fail("EINVAL")
      return call<number>((done) => fs.write(descriptor, bytes, 0, bytes.length, append ? null : Number(offset), done))
    },
    stat: Effect.map(call<fs.BigIntStats>((done) => fs.fstat(descriptor, { bigint: true }, done)), statOf),
    change: (one) => change({ descriptor }, one),
    statvfs: Effect.flatMap(wayTo(descriptor, path), statvfs),
    sync: call((done) => fs.fsync(descriptor, done)),
    close: Effect.suspend(() => {
      if (!open) return Effect.void
      open = false
      return call((done) => fs.close(descriptor, done))
    })
  }
}

const openDirectory = (directory: fs.Dir, isGone: Effect.Effect<boolean>): OpenDirectory => {
  const next = Effect.map(
    call<fs.Dirent | null>((done) => directory.read(done)),
    // the types ignore the encoding
    (entry) => entry === null ? undefined : Sftp.decodeName(entry.name as unknown as Buffer)
  )
  // opendir omits these two, but only they distinguish an empty directory from a removed one
  let pending: ReadonlyArray<string> | undefined
  return {
    read: (most) =>
      Effect.gen(function*() {
        const names: Array<string> = []
        while (names.length < most) {
          const name = yield* next
          if (name === undefined) break
          names.push(name)
        }
        const left = most - names.length
        if (left === 0) return names
        pending ??= (yield* isGone) ? [] : [".", ".."]
        const taken = pending.slice(0, left)
        pending = pending.slice(left)
        return [...names, ...taken]
      })
  }
}

// The column of a list of the system's, by another of its columns.
const lookUp = (lines: ReadonlyArray<ReadonlyArray<string>>, by: number, key: string, column: number) =>
  Option.fromNullable(lines.find((line) => line[by] === key)?.[column])

const readList = (path: string): Effect.Effect<ReadonlyArray<ReadonlyArray<string>>> =>
  call<Buffer>((done) => fs.readFile(path, done)).pipe(
    Effect.map((bytes) => Sftp.decodeName(bytes).split("\n").map((line) => line.split(":"))),
    Effect.orElseSucceed(() => [])
  )

interface HeldDirectory {
  readonly way: Buffer
  readonly stat: Fx<Stat>
}

const hold = (path: Buffer): Effect.Effect<HeldDirectory, PosixError, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      call<number>((done) => fs.open(path, fs.constants.O_DIRECTORY | fs.constants.O_NONBLOCK, done)),
      (descriptor) => Effect.ignore(call((done) => fs.close(descriptor, done)))
    ),
    (descriptor) =>
      Effect.map(wayTo(descriptor, path), (way) => ({
        way,
        stat: Effect.map(call<fs.BigIntStats>((done) => fs.fstat(descriptor, { bigint: true }, done)), statOf)
      }))
  )

/**
 * The files of this machine, with the rights of the current user, for sessions that begin in `home`. Users and groups
 * are those of `/etc/passwd` and `/etc/group`.
 *
 * @internal
 */
export const make = (home: string): Effect.Effect<SftpFileSystem, PosixError, Scope.Scope> =>
  Effect.gen(function*() {
    const canonical = yield* call<Buffer>((done) => fs.realpath(bytesOf(home), { encoding: "buffer" }, done))
    const directory = yield* Effect.orElseSucceed(Effect.map(hold(canonical), ({ way }) => way), () => canonical)
    const at = (path: string): Buffer =>
      path === "" || path.startsWith("/") ? bytesOf(path) : Buffer.concat([directory, bytesOf(`/${path}`)])

    const users = yield* Effect.cached(readList("/etc/passwd"))
    const groups = yield* Effect.cached(readList("/etc/group"))
    return {
      home: Sftp.decodeName(canonical),
      open: (path, flags, mode) => {
        const name = at(path)
        return Effect.acquireRelease(
          Effect.map(
            call<number>((done) => fs.open(name, flagsOf(flags), mode, done)),
            (descriptor) => openFile(descriptor, name, flags.append)
          ),
          (file) => Effect.ignore(file.close)
        )
      },
      openDirectory: (path) =>
        Effect.gen(function*() {
          const { stat, way } = yield* hold(at(path))
          const directory = yield* Effect.acquireRelease(
            call<fs.Dir>((done) => fs.opendir(way as unknown as string, { encoding: "buffer" as never }, done)),
            (directory) => Effect.ignore(call((done) => directory.close(done)))
          )
          return openDirectory(
            directory,
            Effect.match(stat, { onFailure: () => true, onSuccess: ({ nlink }) => nlink === 0 })
          )
        }),
      stat: (path) => Effect.map(call<fs.BigIntStats>((done) => fs.stat(at(path), { bigint: true }, done)), statOf),
      lstat: (path) => Effect.map(call<fs.BigIntStats>((done) => fs.lstat(at(path), { bigint: true }, done)), statOf),
      change: (path, one) => change({ path: at(path) }, one),
      changeLink: (path, one) => {
        const name = at(path)
        switch (one._tag) {
          case "Mode":
            return Effect.flatMap(
              call<fs.Stats>((done) => fs.lstat(name, done)),
              (found) => found.isSymbolicLink() ? fail("EOPNOTSUPP") : change({ path: name }, one)
            )
          case "Times":
            return call((done) => fs.lutimes(name, one.atime, one.mtime, done))
          case "Owner":
            return call((done) => fs.lchown(name, one.uid, one.gid, done))
        }
      },
      mkdir: (path, mode) => call((done) => fs.mkdir(at(path), mode, done)),
      rmdir: (path) => call((done) => fs.rmdir(at(path), done)),
      unlink: (path) => call((done) => fs.unlink(at(path), done)),
      rename: (from, to) => call((done) => fs.rename(at(from), at(to), done)),
      link: (from, to) => call((done) => fs.link(at(from), at(to), done)),
      symlink: (target, path) => call((done) => fs.symlink(bytesOf(target), at(path), done)),
      readlink: (path) =>
        Effect.map(call<Buffer>((done) => fs.readlink(at(path), { encoding: "buffer" }, done)), Sftp.decodeName),
      statvfs: (path) => statvfs(at(path)),
      userName: (uid) => Effect.map(users, (lines) => lookUp(lines, 2, `${uid}`, 0)),
      groupName: (gid) => Effect.map(groups, (lines) => lookUp(lines, 2, `${gid}`, 0)),
      homeOf: (user) =>
        user === ""
          ? Effect.option(Effect.try(() => os.userInfo().homedir))
          : Effect.map(users, (lines) => lookUp(lines, 0, user, 5))
    }
  })
