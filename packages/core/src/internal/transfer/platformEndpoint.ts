/**
 * The endpoint of any `FileSystem`. Its `stat` follows links: an entry is a link if `readLink` succeeds.
 */
import type { File, FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Change } from "../../LocalFiles.js"
import * as fileMode from "../lib/fileMode.js"
import * as errors from "../sftp/errors.js"
import type { Admit } from "../sftp/listDirectory.js"
import {
  type Endpoint,
  type FileInfo,
  type Fx,
  type Identity,
  type PreservedAttributes,
  replaced,
  type Writing,
  type Written
} from "./endpoint.js"
import * as localInfo from "./localInfo.js"
import * as localReading from "./localReading.js"
import { settle } from "./preserved.js"

/** @internal */
export type Files = FileSystem & { readonly lstat?: (path: string) => ReturnType<FileSystem["stat"]> }

/** @internal */
export type Side = Omit<Endpoint, "locate">

/**
 * Changes an open file. `path` is its name.
 *
 * @internal
 */
export type ChangeOpen = (path: string, file: File, change: Change) => Fx<void>

interface State {
  readonly method: Endpoint["method"]
  readonly fs: Files
  readonly look: Endpoint["look"]
  readonly changeOpen: ChangeOpen
}

const link: FileInfo = { type: "SymbolicLink", kind: "a link", size: 0n, permissions: 0o777, mtime: 0, atime: 0 }

const followIn = (fs: Files): Endpoint["follow"] => (path) => Effect.map(fs.stat(path), localInfo.ofPlatform)

const lookIn = (fs: Files): Endpoint["look"] => {
  const { lstat } = fs
  const follow = followIn(fs)
  return lstat !== undefined
    ? (path) => Effect.map(lstat(path), localInfo.ofPlatform)
    : (path) =>
      Effect.matchEffect(fs.readLink(path), {
        onSuccess: () => Effect.succeed(link),
        onFailure: () => follow(path)
      })
}

/**
 * Passes the size of a listing to `admit`.
 *
 * @internal
 */
export const admitted = (names: ReadonlyArray<string>, admit: Admit | undefined): Fx<void> =>
  admit === undefined ? Effect.void : admit(names.length, names.reduce((sum, { length }) => sum + length, 0))

const changeByName = (fs: Files) => (path: string, { owner, permissions, times }: Change): Fx<void> =>
  Effect.gen(function*() {
    if (owner !== undefined) yield* fs.chown(path, owner.uid, owner.gid)
    if (permissions !== undefined) yield* fs.chmod(path, permissions)
    if (times !== undefined) yield* fs.utimes(path, new Date(times.atime), new Date(times.mtime))
  })

const checkSame = (
  { look, method }: Pick<State, "look" | "method">,
  path: string,
  id: Identity | undefined
): Fx<void> =>
  Effect.flatMap(look(path), (found) =>
    found.type !== "SymbolicLink" && localInfo.isSame(found.id, id)
      ? Effect.void
      : Effect.fail(replaced({ method, path })))

// A `FileSystem` changes files only by name. Another file can still take the name after this check.
const changeChecked = (method: Endpoint["method"], fs: Files, look: Endpoint["look"]): ChangeOpen => {
  const change = changeByName(fs)
  return (path, file, changed) =>
    Effect.gen(function*() {
      yield* checkSame({ look, method }, path, localInfo.idOf(yield* file.stat))
      yield* change(path, changed)
    })
}

const openFound = ({ fs, method }: State, path: string, found: FileInfo) =>
  Effect.gen(function*() {
    const file = yield* fs.open(path, { flag: "r+" })
    const opened = localInfo.ofPlatform(yield* file.stat)
    if (opened.type !== "File" || opened.size !== found.size || !localInfo.isSame(opened.id, found.id)) {
      return yield* Effect.fail(replaced({ method, path }))
    }
    return file
  })

// A new file, or `found` with the position at its end.
const openToWrite = (state: State, path: string, created: number | undefined, found: FileInfo | undefined) =>
  found === undefined
    ? state.fs.open(path, { flag: "wx", ...(created !== undefined && { mode: created }) })
    : Effect.tap(openFound(state, path, found), (file) => file.seek(found.size, "start"))

const finish = (
  { changeOpen }: State,
  path: string,
  file: File,
  kept: PreservedAttributes,
  sync: boolean
): Fx<Written> =>
  Effect.gen(function*() {
    const own = yield* file.stat
    const now = own.mode & fileMode.permissionBits
    const give = (uid: number, gid: number) => Effect.isSuccess(changeOpen(path, file, { owner: { uid, gid } }))
    const permissions = yield* settle(kept, localInfo.ofPlatform(own), give)
    // Changing the owner may have cleared bits of the mode.
    const isSet = kept.owner === undefined && permissions === now
    if (!isSet && permissions !== undefined || kept.times !== undefined) {
      yield* changeOpen(path, file, { permissions: isSet ? undefined : permissions, times: kept.times })
    }
    if (sync) yield* file.sync
    const { size, uid } = yield* file.stat
    return { size, uid: Option.getOrUndefined(uid), id: localInfo.idOf(own) }
  })

const writing = (state: State, path: string, file: File, target: string): Writing => {
  // A failure of an open file names its descriptor.
  const ofTarget = Effect.mapError(errors.ofDescriptor({ method: state.method, path: target }))
  return {
    write: (bytes, unused) => ofTarget(Effect.map(file.writeAll(bytes), unused)),
    finish: (kept, sync) => ofTarget(finish(state, path, file, kept, sync))
  }
}

const writeTo = (state: State): Endpoint["write"] => (path, created, found, target) =>
  Effect.map(openToWrite(state, path, created, found), (file) => writing(state, path, file, target))

const overwriteIn = (state: State): Endpoint["overwrite"] => (path, found) =>
  Effect.map(openFound(state, path, found), (file): Writing => {
    const { finish, write } = writing(state, path, file, path)
    let end = 0n
    const cut = Effect.mapError(
      Effect.suspend(() => file.truncate(end)),
      errors.ofDescriptor({ method: state.method, path })
    )
    return {
      write: (bytes, unused) =>
        Effect.suspend(() => {
          end += BigInt(bytes.length)
          return write(bytes, unused)
        }),
      finish: (kept, sync) => Effect.zipRight(cut, finish(kept, sync))
    }
  })

const writeSmallBy = (write: Endpoint["write"]): Endpoint["writeSmall"] => (hidden, bytes, kept, sync, target) =>
  Effect.scoped(
    Effect.flatMap(write(hidden.path, kept.created, undefined, target), ({ finish, write }) => {
      hidden.isMade = true
      return Effect.zipRight(bytes.length === 0 ? Effect.void : write(bytes, () => {}), finish(kept, sync))
    })
  )

const readIn = (fs: Files): Endpoint["read"] => (path) =>
  Effect.flatMap(
    fs.open(path, { flag: "r" }),
    (file) =>
      localReading.make(Effect.map(file.stat, localInfo.ofPlatform), (offset) =>
        Effect.as(file.seek(offset, "start"), (piece) => Effect.map(file.read(piece), Number)))
  )

const readSmallIn = (fs: Files): Endpoint["readSmall"] => (path, size) =>
  Effect.scoped(Effect.gen(function*() {
    const file = yield* fs.open(path, { flag: "r" })
    // One more byte shows whether the file has grown, or reports size 0 as in /proc.
    const bytes = yield* file.readAlloc(size + 1)
    return [Option.getOrElse(bytes, () => new Uint8Array()), localInfo.ofPlatform(yield* file.stat)] as const
  }))

const directoriesOf = (
  { fs, method }: State
): Pick<
  Side,
  "changeDirectory" | "list" | "makeDirectories" | "makeDirectory" | "removeDirectory"
> => {
  const follow = followIn(fs)
  return {
    list: (path, admit) =>
      Effect.map(
        Effect.tap(fs.readDirectory(path), (names) => admitted(names, admit)),
        (names) => names.map((name) => ({ name, seen: undefined }))
      ),
    makeDirectory: (path, mode) => fs.makeDirectory(path, mode === undefined ? {} : { mode }),
    makeDirectories: (path) =>
      Effect.catchIf(
        fs.makeDirectory(path, { recursive: true }),
        errors.isReason("AlreadyExists"),
        (error) => Effect.flatMap(follow(path), ({ type }) => type === "Directory" ? Effect.void : Effect.fail(error))
      ),
    changeDirectory: changeByName(fs),
    removeDirectory: (path) =>
      Effect.flatMap(fs.readDirectory(path), (names) =>
        names.length > 0
          ? Effect.fail(errors.system({ method, path }, "Unknown", undefined, "the directory is not empty"))
          : fs.remove(path, { recursive: true }))
  }
}

/**
 * `changeOpen` changes an open file by its descriptor. Without it, files are changed by name.
 *
 * @internal
 */
export const make = (
  method: Endpoint["method"],
  fs: Files,
  carriesBytes: boolean,
  changeOpen: Option.Option<ChangeOpen>
): Side => {
  const look = lookIn(fs)
  const state: State = {
    method,
    fs,
    look,
    changeOpen: Option.getOrElse(changeOpen, () => changeChecked(method, fs, look))
  }
  const write = writeTo(state)
  return {
    method,
    carriesBytes,
    look,
    follow: followIn(fs),
    realPath: fs.realPath,
    ...directoriesOf(state),
    readLink: fs.readLink,
    symlink: (path, target) => fs.symlink(target, path),
    removeFile: (path) => fs.remove(path),
    rename: (from, to, id) =>
      id === undefined ? fs.rename(from, to) : Effect.zipRight(checkSame(state, from, id), fs.rename(from, to)),
    readSmall: readSmallIn(fs),
    writeSmall: writeSmallBy(write),
    read: readIn(fs),
    write,
    overwrite: overwriteIn(state),
    digest: () => Effect.succeedNone
  }
}
