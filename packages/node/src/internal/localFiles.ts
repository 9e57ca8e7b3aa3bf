import { type Info, LocalFiles, type NewFile } from "@effect-remote/core/LocalFiles"
import { type PlatformError, SystemError, type SystemErrorReason } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"

const reasons: Readonly<Record<string, SystemErrorReason>> = {
  EACCES: "PermissionDenied",
  EBUSY: "Busy",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ELOOP: "BadResource",
  ENOENT: "NotFound",
  ENOTDIR: "BadResource"
}

// As the platform's own.
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

const infoOf = ({ atimeMs, mode, mtimeMs, size }: Fs.Stats): Info => ({
  mode,
  size,
  // As the dates of it, which are made when they are asked for.
  mtime: Math.round(mtimeMs),
  atime: Math.round(atimeMs)
})

type Failure = NodeJS.ErrnoException | null

interface Steps<A> {
  readonly isInterrupted: () => boolean
  /** Once, when nothing is under way any more. */
  readonly end: (failure: Failure, value?: A) => void
}

// Calls that follow each other. An interruption waits for the one that is under way, behind which `run` ends at once.
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

// Small files share pieces of memory: each of its own costs more than to read it.
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

const read: LocalFiles["read"] = (path, size) =>
  steps<readonly [Uint8Array, Info]>(path, ({ end, isInterrupted }) =>
    Fs.open(path, "r", (failure, descriptor) => {
      if (failure) return end(failure)
      // What the opening has just looked at is known without the disk, as is how to close what was only read: a turn in the
      // queue for other threads takes ten times as long.
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

const place = ({ bytes, path, permissions, temporary, times }: NewFile) =>
  steps<number>(
    path,
    ({ end, isInterrupted }) =>
      Fs.open(temporary, "wx", permissions ?? 0o666, (failure, descriptor) => {
        if (failure) return end(failure)
        const close = (failure: Failure, size = 0) =>
          Fs.close(descriptor, (unclosed) => {
            const failed = failure ?? unclosed
            if (failed || isInterrupted() || size !== bytes.length) return end(failed, size)
            Fs.rename(temporary, path, (failure) => end(failure, size))
          })
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
            const date = (failure: Failure) =>
              failure || times === undefined
                ? close(failure, stats.size)
                : Fs.futimes(descriptor, new Date(times.atime), new Date(times.mtime), (failure) =>
                  close(failure, stats.size))
            // The umask, or the directory's own rules, may have left out some.
            if (permissions === undefined || (stats.mode & 0o7777) === permissions) {
              date(null)
            } else Fs.fchmod(descriptor, permissions, date)
          })
        write(0)
      })
  )

/** @internal */
export const layer: Layer.Layer<LocalFiles, never, FileSystem> = Layer.effect(
  LocalFiles,
  Effect.map(FileSystem, (fileSystem) => ({ fileSystem, look, list, read, place }))
)
