/**
 * Both sides of transfers, and what the target should hold.
 */
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type * as Transfer from "@effect-remote/core/Transfer"
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { execFileSync } from "node:child_process"
import { ConformanceHost } from "../../ConformanceHost.js"
import type { Group, Need, Test } from "./cases.js"
import { directory, isRoot, localDirectory, localFiles, makePipe, reasonOf, type Services } from "./support.js"

/**
 * The entries below a directory: contents of files, targets of links, `/` for directories.
 *
 * @internal
 */
export const contents = Effect.fnUntraced(function*(files: FileSystem.FileSystem, path: string) {
  const found: Record<string, string> = {}
  const look = (directory: string, below: string): Effect.Effect<void, PlatformError> =>
    Effect.gen(function*() {
      for (const name of yield* files.readDirectory(directory)) {
        const full = `${directory}/${name}`
        const link = yield* Effect.option(files.readLink(full))
        if (Option.isSome(link)) {
          found[below + name] = `-> ${link.value}`
          continue
        }
        const { type } = yield* files.stat(full)
        if (type === "Directory") {
          found[below + name] = "/"
          yield* look(full, `${below}${name}/`)
        } else found[below + name] = type === "File" ? yield* files.readFileString(full, "latin1") : "other"
      }
    })
  yield* look(path, "")
  return found
})

/** @internal */
export const modeOf = (files: FileSystem.FileSystem, path: string) =>
  Effect.map(files.stat(path), ({ mode }) => (mode & 0o7777).toString(8))

/** @internal */
export const mtimeOf = (files: FileSystem.FileSystem, path: string) =>
  Effect.map(files.stat(path), ({ mtime }) => Option.getOrThrow(mtime).getTime())

/** @internal */
export const sameContents = Effect.fnUntraced(function*(
  [files, path]: readonly [FileSystem.FileSystem, string],
  [others, other]: readonly [FileSystem.FileSystem, string]
) {
  assert.deepStrictEqual(yield* contents(files, path), yield* contents(others, other))
})

/**
 * The outcome of each entry: its tag, with the reason of a failure.
 *
 * @internal
 */
export const outcomes = ({ entries }: Pick<Transfer.Result, "entries">): Record<string, string> =>
  Object.fromEntries(entries.map(({ outcome, path }) => [
    path,
    outcome._tag === "Failed" ? `Failed ${reasonOf(outcome.error)}` : outcome._tag
  ]))

/**
 * A file system whose open files do some things in another way.
 *
 * @internal
 */
export const changing = (
  fs: FileSystem.FileSystem,
  change: (file: FileSystem.File, path: string) => Partial<FileSystem.File>
): FileSystem.FileSystem => ({
  ...fs,
  open: (path, options) =>
    Effect.map(fs.open(path, options), (file) => {
      const changed = change(file, path)
      return new Proxy(file, {
        get: (file, key) => {
          const value = Reflect.get(key in changed ? changed : file, key)
          return typeof value === "function" && !(key in changed) ? value.bind(file) : value
        }
      })
    })
})

type Direction = "put" | "get"

const directions: ReadonlyArray<Direction> = ["put", "get"]

/**
 * A local file system on which a file stalls forever once `after` bytes of it have been read or written. `reached` then
 * succeeds with their exact number.
 *
 * @internal
 */
export const stalling = (after: number) =>
  Effect.gen(function*() {
    const fs = yield* localFiles
    const reached = yield* Deferred.make<bigint>()
    const local = changing(fs, (file) => {
      let done = 0
      const counted = <A, E>(size: number, effect: Effect.Effect<A, E>) =>
        Effect.suspend(() => {
          if (done >= after) return Effect.zipRight(Deferred.succeed(reached, BigInt(done)), Effect.never)
          done += size
          return effect
        })
      return {
        read: (buffer) => counted(buffer.length, file.read(buffer)),
        writeAll: (bytes) => counted(bytes.length, file.writeAll(bytes))
      }
    })
    return { local, reached: Deferred.await(reached) }
  })

/** One of the two file systems of a transfer, and a fresh directory there. */
interface Side {
  readonly files: FileSystem.FileSystem
  readonly at: string
  /** Whether its user may do anything. */
  readonly isRoot: Effect.Effect<boolean, unknown, Services>
  readonly pipe: (path: string) => Effect.Effect<unknown, unknown, Services>
}

/** @internal */
export interface Trial {
  readonly direction: Direction
  readonly fs: RemoteFileSystem.RemoteFileSystem
  readonly source: Side
  readonly target: Side
  readonly transfer: RemoteFileSystem.RemoteFileSystem["put"]
}

/** @internal */
export const trial = (direction: Direction): Effect.Effect<Trial, unknown, Services | Scope.Scope> =>
  Effect.gen(function*() {
    const fs = yield* RemoteFileSystem.RemoteFileSystem
    const there: Side = { files: (yield* ConformanceHost).files, at: yield* directory, isRoot, pipe: makePipe }
    const here: Side = {
      files: yield* localFiles,
      at: yield* localDirectory,
      isRoot: Effect.sync(() => process.getuid?.() === 0),
      pipe: (path) => Effect.sync(() => execFileSync("mkfifo", [path]))
    }
    const [source, target] = direction === "put" ? [here, there] : [there, here]
    return { direction, fs, source, target, transfer: fs[direction] }
  })

/**
 * Defines a case of `put` and one of `get`.
 *
 * @internal
 */
export type Each = (
  title: string,
  body: (trial: Trial) => Effect.Effect<unknown, unknown, Services | Scope.Scope>,
  ...needs: ReadonlyArray<Need>
) => void

/** @internal */
export const inBothDirections = (define: (each: Each, test: Test) => void): Group => (test) =>
  define((title, body, ...needs) => {
    for (const direction of directions) {
      test(`${direction}: ${title}`, () => Effect.flatMap(trial(direction), body), ...needs)
    }
  }, test)

/**
 * The hidden files in a directory.
 *
 * @internal
 */
export const hidden = (files: FileSystem.FileSystem, path: string) =>
  Effect.map(
    files.readDirectory(path),
    (names) => names.filter((name) => name.startsWith(".effect-remote-")).map((name) => `${path}/${name}`)
  )
