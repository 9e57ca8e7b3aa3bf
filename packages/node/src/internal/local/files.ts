import type { Change, Info, LocalFiles, OpenedFile } from "@effect-remote/core/LocalFiles"
import { type PlatformError, SystemError, type SystemErrorReason } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"

const otherFile = "EOTHERFILE"

const reasons: Readonly<Record<string, SystemErrorReason>> = {
  EACCES: "PermissionDenied",
  EBUSY: "Busy",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ELOOP: "BadResource",
  ENOENT: "NotFound",
  ENOTDIR: "BadResource",
  [otherFile]: "InvalidData"
}

// Same as the platform's own FileSystem.
const systemError = (path: string, cause: NodeJS.ErrnoException): PlatformError =>
  new SystemError({
    module: "FileSystem",
    method: cause.syscall ?? "open",
    reason: reasons[cause.code ?? ""] ?? "Unknown",
    pathOrDescriptor: path,
    syscall: cause.syscall,
    description: cause.message,
    cause
  })

const infoOf = ({ atimeMs, dev, gid, ino, mode, mtimeMs, size, uid }: Fs.Stats): Info => ({
  dev,
  gid,
  ino,
  mode,
  size,
  uid,
  // Same as `stats.mtime` and `stats.atime`, but without their `Date`.
  mtime: Math.round(mtimeMs),
  atime: Math.round(atimeMs)
})

type Failure = NodeJS.ErrnoException | null

interface Steps<A> {
  readonly isInterrupted: () => boolean
  /** Ends the sequence. Must be called once, when no call is pending. */
  readonly end: (failure: Failure, value?: A) => void
}

// A sequence of calls. An interruption waits for the pending call. `run` must end after it.
const steps = <A>(path: string, run: (steps: Steps<A>) => void): Effect.Effect<A, PlatformError> =>
  Effect.async<A, PlatformError>((resume) => {
    let isEnded = false
    let onEnd: (() => void) | undefined
    run({
      isInterrupted: () => onEnd !== undefined,
      end: (failure, value) => {
        isEnded = true
        if (onEnd !== undefined) onEnd()
        else resume(failure === null ? Effect.succeed(value as A) : Effect.fail(systemError(path, failure)))
      }
    })
    return Effect.async<void>((ended) => {
      if (isEnded) ended(Effect.void)
      else onEnd = () => ended(Effect.void)
    })
  })

const look = (path: string): Effect.Effect<Info, PlatformError> =>
  steps(path, ({ end }) => Fs.lstat(path, (failure, stats) => failure ? end(failure) : end(null, infoOf(stats))))

const looksAtOnce = 64

// Small files share slabs of memory: allocating a buffer costs more than reading such a file.
const slabSize = 256 * 1024
let slab = Buffer.alloc(0)

const allocate = (size: number): Buffer => {
  if (size > slabSize / 4) return Buffer.allocUnsafeSlow(size)
  if (slab.length < size) slab = Buffer.allocUnsafeSlow(slabSize)
  const piece = slab.subarray(0, size)
  slab = slab.subarray(size)
  return piece
}

const list: LocalFiles["list"] = (path) =>
  steps<Array<readonly [string, Info | undefined]>>(
    path,
    ({ end, isInterrupted }) =>
      Fs.readdir(path, (failure, names) => {
        if (failure || names.length === 0) return end(failure, [])
        const found: Array<readonly [string, Info | undefined]> = names.map((name) => [name, undefined])
        let next = 0
        let looking = 0
        const more = (): void => {
          if (next < names.length && !isInterrupted()) {
            const index = next++
            const name = names[index]!
            looking++
            return Fs.lstat(Path.join(path, name), (failure, stats) => {
              looking--
              if (!failure) found[index] = [name, infoOf(stats)]
              more()
            })
          }
          if (looking === 0) end(null, found)
        }
        for (let index = 0; index < Math.min(looksAtOnce, names.length); index++) more()
      })
  )

// Another user may replace a file with a named pipe. Opening that would wait for a writer, and could not be interrupted.
const reading = Fs.constants.O_RDONLY | Fs.constants.O_NONBLOCK

const open: LocalFiles["open"] = (path) =>
  Effect.map(
    Effect.acquireRelease(
      steps<number>(path, ({ end }) => Fs.open(path, reading, end)),
      (descriptor) => Effect.sync(() => Fs.closeSync(descriptor))
    ),
    (descriptor): OpenedFile => ({
      look: steps(path, ({ end }) =>
        Fs.fstat(descriptor, (failure, stats) => failure ? end(failure) : end(null, infoOf(stats)))),
      read: (bytes, offset) =>
        steps(path, ({ end }) =>
          Fs.read(descriptor, bytes, 0, bytes.length, offset, (failure, read) =>
            end(failure, read)))
    })
  )

const read: LocalFiles["read"] = (path, size) =>
  steps<readonly [Uint8Array, Info]>(path, ({ end, isInterrupted }) =>
    Fs.open(path, reading, (failure, descriptor) => {
      if (failure) return end(failure)
      // Synchronous, because neither call waits for the disk: the inode is in memory, and nothing was written. With the
      // thread pool this takes ten times as long.
      const look = (): Fs.Stats => {
        try {
          return Fs.fstatSync(descriptor)
        } finally {
          Fs.closeSync(descriptor)
        }
      }
      const buffer = allocate(size)
      Fs.read(descriptor, buffer, 0, isInterrupted() ? 0 : size, 0, (failure, length) => {
        try {
          const info = infoOf(look())
          end(failure, [buffer.subarray(0, length), info])
        } catch (error) {
          end(failure ?? error as NodeJS.ErrnoException)
        }
      })
    }))

type Then = (failure: Failure) => void

const changeOpen = (descriptor: number, { owner, permissions, times }: Change, then: Then): void => {
  const date: Then = (failure) =>
    failure || times === undefined
      ? then(failure)
      : Fs.futimes(descriptor, new Date(times.atime), new Date(times.mtime), then)
  const permit: Then = (failure) =>
    failure || permissions === undefined ? date(failure) : Fs.fchmod(descriptor, permissions, date)
  if (owner === undefined) permit(null)
  else Fs.fchown(descriptor, owner.uid, owner.gid, permit)
}

const change: LocalFiles["change"] = (descriptor, change) =>
  steps<void>(`descriptor ${descriptor}`, ({ end }) => changeOpen(descriptor, change, end))

const changeDirectory: LocalFiles["changeDirectory"] = (path, change) =>
  steps<void>(path, ({ end }) =>
    Fs.open(
      path,
      Fs.constants.O_RDONLY | Fs.constants.O_NOFOLLOW | Fs.constants.O_DIRECTORY,
      (failure, descriptor) =>
        failure
          ? end(failure)
          : changeOpen(descriptor, change, (failure) => Fs.close(descriptor, (unclosed) => end(failure ?? unclosed)))
    ))

type File = Pick<Info, "dev" | "ino">

// Another file can still take the name between `lstat` and `rename`, because no system call does both. `lstat` is
// synchronous: the inode of a newly written file is in memory.
const renameFile = (from: string, to: string, { dev, ino }: File, end: Then): void => {
  let found: Fs.Stats
  try {
    found = Fs.lstatSync(from)
  } catch (error) {
    return end(error as NodeJS.ErrnoException)
  }
  if (found.dev === dev && found.ino === ino) return Fs.rename(from, to, end)
  end(Object.assign(new Error(`${from} is not the file that was written`), { code: otherFile, syscall: "rename" }))
}

const rename: LocalFiles["rename"] = (from, to, file) => steps<void>(from, ({ end }) => renameFile(from, to, file, end))

const write: LocalFiles["write"] = ({ bytes, created, onCreated, path, permissions, times }) =>
  steps<Info>(
    path,
    ({ end, isInterrupted }) =>
      Fs.open(path, "wx", created ?? 0o666, (failure, descriptor) => {
        if (failure) return end(failure)
        onCreated?.()
        const close = (failure: Failure, stats?: Fs.Stats) =>
          Fs.close(descriptor, (unclosed) => end(failure ?? unclosed, stats && infoOf(stats)))
        const write = (from: number): void => {
          if (isInterrupted()) return close(null)
          if (from === bytes.length) return look()
          Fs.write(
            descriptor,
            bytes,
            from,
            bytes.length - from,
            (failure, written) => failure ? close(failure) : write(from + written)
          )
        }
        const look = () =>
          Fs.fstat(descriptor, (failure, stats) => {
            if (failure) return close(failure)
            // The umask or an ACL of the directory may have cleared some bits.
            const isSet = permissions === undefined || (stats.mode & 0o7777) === permissions
            changeOpen(
              descriptor,
              { permissions: isSet ? undefined : permissions, times },
              (failure) => close(failure, stats)
            )
          })
        write(0)
      })
  )

/** @internal */
export const make = (fileSystem: FileSystem): LocalFiles => ({
  fileSystem,
  look,
  list,
  open,
  read,
  write,
  change,
  changeDirectory,
  rename
})
