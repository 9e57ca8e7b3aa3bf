/**
 * The endpoint of this machine. `LocalFiles`, if it has the files of the `FileSystem`, does most operations in fewer steps.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { LocalFiles } from "../../LocalFiles.js"
import * as posixPath from "../lib/posixPath.js"
import * as errors from "../sftp/errors.js"
import type { Endpoint } from "./endpoint.js"
import * as localInfo from "./localInfo.js"
import * as localReading from "./localReading.js"
import * as platformEndpoint from "./platformEndpoint.js"

const linksFollowed = 40

// The kernel follows a link first. If it refuses (`fs.protected_symlinks`), the link is not resolved by its name.
const locate = (side: Pick<Endpoint, "look" | "follow" | "readLink" | "realPath">): Endpoint["locate"] => {
  const from = (path: string, followed: number): ReturnType<Endpoint["locate"]> =>
    Effect.catchIf(
      Effect.flatMap(side.look(path), (existing): ReturnType<Endpoint["locate"]> =>
        existing.type !== "SymbolicLink"
          ? Effect.succeed([path, existing])
          : Effect.catchIf(
            Effect.flatMap(side.follow(path), (found) =>
              Effect.map(side.realPath(path), (real) => [real, found] as const)),
            (error) =>
              errors.isNotFound(error) && followed < linksFollowed,
            () =>
              Effect.flatMap(side.readLink(path), (leads) =>
                from(leads.startsWith("/") ? leads : posixPath.join(posixPath.parent(path), leads), followed + 1))
          )),
      errors.isNotFound,
      () =>
        Effect.succeed([path, undefined] as const)
    )
  return (path) => from(path, 0)
}

const readBy = (files: LocalFiles): Endpoint["read"] => (path) =>
  Effect.flatMap(
    files.open(path),
    (file) =>
      localReading.make(Effect.map(file.look, localInfo.ofLocal), (offset) =>
        Effect.sync(() => {
          let at = Number(offset)
          return (piece) => Effect.tap(file.read(piece, at), (read) => Effect.sync(() => at += read))
        }))
  )

// A file to sync, or with an owner to keep, is written by its `File`.
const writeSmallBy =
  (files: LocalFiles, side: platformEndpoint.Side): Endpoint["writeSmall"] => (hidden, bytes, kept, sync, target) => {
    if (sync || kept.owner !== undefined) return side.writeSmall(hidden, bytes, kept, sync, target)
    const { created, permissions, times } = kept
    const onCreated = () => {
      hidden.isMade = true
    }
    return Effect.map(
      files.write({ path: hidden.path, bytes, created, permissions, times, onCreated }),
      ({ dev, ino, size, uid }) => ({ size: BigInt(size), uid, id: { dev, ino } })
    )
  }

const withLocalFiles = (side: platformEndpoint.Side, files: LocalFiles): platformEndpoint.Side => ({
  ...side,
  look: (path) => Effect.map(files.look(path), localInfo.ofLocal),
  list: (path, admit) =>
    Effect.map(
      Effect.tap(
        files.list(path),
        (entries) => platformEndpoint.admitted(entries.map(([name]) => name), admit)
      ),
      (entries) => entries.map(([name, info]) => ({ name, seen: info && localInfo.ofLocal(info) }))
    ),
  readSmall: (path, size) =>
    // One more byte shows whether the file has grown, or reports size 0 as in /proc.
    Effect.map(files.read(path, size + 1), ([bytes, info]) => [bytes, localInfo.ofLocal(info)]),
  read: readBy(files),
  changeDirectory: files.changeDirectory,
  rename: (from, to, id) => id === undefined ? side.rename(from, to) : files.rename(from, to, id),
  writeSmall: writeSmallBy(files, side)
})

/**
 * The endpoint of a `FileSystem`, and of `LocalFiles` if it has the same files.
 *
 * @internal
 */
export const make = (
  method: Endpoint["method"],
  fs: platformEndpoint.Files,
  carriesBytes: boolean,
  files: Option.Option<LocalFiles>
): Endpoint => {
  const changeOpen = Option.map(
    files,
    ({ change }): platformEndpoint.ChangeOpen => (_, file, changed) => change(file.fd, changed)
  )
  const plain = platformEndpoint.make(method, fs, carriesBytes, changeOpen)
  const side = Option.match(files, { onNone: () => plain, onSome: (files) => withLocalFiles(plain, files) })
  return { ...side, locate: locate(side) }
}
