/**
 * Names and the content of directories. Paths and names are byte strings, as in `bytes.ts`.
 */
import * as Effect from "effect/Effect"
import { PosixError, type SftpFileSystem, type Stat } from "../sftp/sftpFileSystem.js"
import * as bytes from "./bytes.js"
import * as fileMode from "./fileMode.js"
import type { Step } from "./pattern.js"

/** @internal */
export const resolve = (directory: string, path: string): string =>
  path === "" || path.startsWith("/") ? path : directory === "/" ? `/${path}` : `${directory}/${path}`

/** @internal */
export const at = (directory: string, path: string): string => bytes.toText(resolve(directory, path))

const atOnce = 256

/**
 * Lists the names in a directory, without `.` and `..`, in the order of bytes.
 *
 * @internal
 */
export const list = (files: SftpFileSystem, path: string): Effect.Effect<ReadonlyArray<string>, PosixError> =>
  Effect.scoped(Effect.gen(function*() {
    const directory = yield* files.openDirectory(bytes.toText(path))
    const found: Array<string> = []
    while (true) {
      const names = yield* directory.read(atOnce)
      if (names.length === 0) break
      for (const name of names) if (name !== "." && name !== "..") found.push(bytes.fromText(name))
    }
    return found.sort(bytes.compare)
  }))

/** @internal */
export const match = (
  files: SftpFileSystem,
  directory: string,
  steps: ReadonlyArray<Step>
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    let paths: ReadonlyArray<string> = [""]
    for (const [index, step] of steps.entries()) {
      const isLast = index === steps.length - 1
      const next: Array<string> = []
      for (const path of paths) {
        if ("slashes" in step) next.push(`${path}${step.slashes}`)
        else if ("name" in step) next.push(`${path}${step.name}`)
        else {
          const names = yield* Effect.orElseSucceed(list(files, resolve(directory, path === "" ? "." : path)), () => [])
          const dotted = step.test(".") ? [".", ".."].filter(step.test) : []
          for (const name of [...dotted, ...names]) if (step.test(name)) next.push(`${path}${name}`)
        }
      }
      paths = next
      // a name after a pattern must exist, and must be a directory if a slash follows
      if ("slashes" in step && index > 0 || isLast && !("test" in step)) {
        paths = yield* Effect.filter(paths, (path) =>
          Effect.isSuccess(("slashes" in step ? files.stat : files.lstat)(at(directory, path))))
      }
    }
    return [...paths].sort(bytes.compare)
  })

/** @internal */
export const isDirectory = ({ mode }: Pick<Stat, "mode">): boolean => fileMode.typeOf(mode) === "d"

/** @internal */
export const isLink = ({ mode }: Pick<Stat, "mode">): boolean => fileMode.typeOf(mode) === "l"

/** @internal */
export const isRegular = ({ mode }: Pick<Stat, "mode">): boolean => fileMode.typeOf(mode) === "f"

/**
 * A path without `.`, `..` and double slashes, as it is written.
 *
 * @internal
 */
export const normalize = (path: string): string => {
  const steps: Array<string> = []
  for (const step of path.split("/")) {
    if (step === "..") steps.pop()
    else if (step !== "" && step !== ".") steps.push(step)
  }
  return `/${steps.join("/")}`
}

const mostLinks = 40

/**
 * A path without links. With `mayEnd` the last step need not be there.
 *
 * @internal
 */
export const real = (files: SftpFileSystem, path: string, mayEnd: boolean): Effect.Effect<string, PosixError> =>
  Effect.gen(function*() {
    const pending = path.split("/").reverse()
    let found = ""
    let links = 0
    while (pending.length > 0) {
      const step = pending.pop() ?? ""
      if (step === "" || step === ".") continue
      if (step === "..") {
        found = found.slice(0, Math.max(0, found.lastIndexOf("/")))
        continue
      }
      const way = `${found}/${step}`
      const isEnd = pending.every((rest) => rest === "" || rest === ".")
      const stat = yield* Effect.either(files.lstat(bytes.toText(way)))
      if (stat._tag === "Left") {
        if (!(isEnd && mayEnd && stat.left.errno === "ENOENT")) return yield* stat.left
        found = way
      } else if (isLink(stat.right)) {
        if (++links > mostLinks) return yield* new PosixError({ errno: "ELOOP" })
        const target = bytes.fromText(yield* files.readlink(bytes.toText(way)))
        if (target.startsWith("/")) found = ""
        for (const one of target.split("/").reverse()) pending.push(one)
      } else {
        // the error of a file on the way
        if (!isEnd) yield* files.stat(bytes.toText(`${way}/.`))
        found = way
      }
    }
    // if a slash ends the path, an existing file must be a directory
    if (/\/\.?$/.test(path) && found !== "" && (yield* Effect.isSuccess(files.lstat(bytes.toText(found))))) {
      yield* files.stat(bytes.toText(`${found}/.`))
    }
    return found === "" ? "/" : found
  })
