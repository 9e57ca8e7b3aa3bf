/**
 * The in-memory files as one user sees them.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import {
  type Change,
  type OpenDirectory,
  type OpenFile,
  type OpenFlags,
  PosixError,
  type SftpFileSystem
} from "../sftp/sftpFileSystem.js"
import { type Accounts, groupOf, type User, userNamed, userOf } from "./accounts.js"
import * as attributes from "./attributes.js"
import { DirectoryDescription, FileDescription } from "./descriptions.js"
import { type Directory, stat } from "./node.js"
import { join } from "./paths.js"
import { refuse } from "./refusal.js"
import { find, type Session } from "./resolve.js"
import * as tree from "./tree.js"
import { info, type Operation, type Volume } from "./volume.js"

type Fx<A> = Effect.Effect<A, PosixError>

const attempt = <A>(call: () => A): Fx<A> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(call())
    } catch (error) {
      return error instanceof PosixError ? Effect.fail(error) : Effect.die(error)
    }
  })

// Effect.acquireRelease costs several times as much as the call: it keeps the fiber's state for the release.
const openUntilClosed = <A extends { readonly close: () => void }>(
  open: Fx<A>
): Effect.Effect<A, PosixError, Scope.Scope> =>
  Effect.uninterruptible(
    Effect.flatMap(
      Effect.scope,
      (scope) => Effect.tap(open, (held) => Scope.addFinalizer(scope, Effect.sync(() => held.close())))
    )
  )

const pathOf = (directory: Directory): string => {
  const { parent } = directory
  if (parent === directory) return "/"
  const [name] = [...parent.entries].find(([, node]) => node === directory) ?? [""]
  return join(pathOf(parent), name)
}

// If the home is not available, a session begins at the root, as with sshd.
const startOf = (volume: Volume, user: User): Directory => {
  try {
    const found = find({ volume, caller: user, umask: 0, directory: volume.root }, user.home, "follow")
    return found._tag === "Directory" ? found : volume.root
  } catch (error) {
    if (error instanceof PosixError) return volume.root
    throw error
  }
}

const operationOf = { Size: "truncate", Mode: "chmod", Times: "utimes", Owner: "chown" } as const
const heldOperationOf = { Size: "ftruncate", Mode: "fchmod", Times: "futimes", Owner: "fchown" } as const

const mayWrite: OpenFlags = {
  read: false,
  write: true,
  append: false,
  create: false,
  truncate: false,
  exclusive: false
}

/** @internal */
export const make = (
  volume: Volume,
  accounts: Accounts,
  user: User,
  umask: number
): SftpFileSystem => {
  const directory = startOf(volume, user)
  const home = pathOf(directory)
  const session: Session = { volume, caller: user, umask, directory }

  const absolute = (path: string): string => path.startsWith("/") ? path : join(home, path)
  const faulted = (operation: Operation, path: string, to?: string): void => {
    if (volume.fault === undefined) return
    const errno = volume.fault(operation, absolute(path), to === undefined ? undefined : absolute(to))
    if (errno !== undefined) refuse(errno)
  }
  const call = <A>(operation: Operation, path: string, body: () => A, to?: string): Fx<A> =>
    attempt(() => {
      faulted(operation, path, to)
      return body()
    })

  const openFile = (file: FileDescription): OpenFile => {
    const held = <A>(operation: Operation, body: () => A): Fx<A> =>
      call(operation, file.path, () => {
        file.requireOpen()
        return body()
      })
    return {
      read: (offset, length) => held("read", () => file.read(Number(offset), length)),
      write: (offset, bytes) => held("write", () => file.write(Number(offset), bytes)),
      stat: held("fstat", () => stat(file.node)),
      change: (one) =>
        held(heldOperationOf[one._tag], () =>
          one._tag === "Size"
            ? file.resize(Number(one.size))
            : attributes.change(volume, user, file.node, one)),
      statvfs: held("fstatvfs", () => info(volume)),
      sync: held("fsync", () => {}),
      close: attempt(() => {
        file.close()
        faulted("close", file.path)
      })
    }
  }

  const open = (path: string, flags: OpenFlags, mode: number): Effect.Effect<OpenFile, PosixError, Scope.Scope> =>
    Effect.map(
      openUntilClosed(call("open", path, () => new FileDescription(session, path, flags, mode, absolute(path)))),
      openFile
    )

  const openDirectory = (path: string): Effect.Effect<OpenDirectory, PosixError, Scope.Scope> =>
    Effect.map(
      openUntilClosed(call("opendir", path, () => new DirectoryDescription(session, path, absolute(path)))),
      (held) => ({ read: (most) => call("readdir", held.path, () => held.read(most)) })
    )

  const truncate = (path: string, size: number): void => {
    const file = new FileDescription(session, path, mayWrite, 0, absolute(path))
    try {
      file.resize(size)
    } finally {
      file.close()
    }
  }

  const changeLink = (path: string, one: Exclude<Change, { readonly _tag: "Size" }>): void => {
    const node = find(session, path, "link")
    if (node._tag === "Link" && one._tag === "Mode") refuse("EOPNOTSUPP")
    attributes.change(volume, user, node, one)
  }

  return {
    home,
    open,
    openDirectory,
    stat: (path) => call("stat", path, () => stat(find(session, path, "follow"))),
    lstat: (path) => call("lstat", path, () => stat(find(session, path, "link"))),
    change: (path, one) =>
      call(operationOf[one._tag], path, () =>
        one._tag === "Size"
          ? truncate(path, Number(one.size))
          : attributes.change(volume, user, find(session, path, "follow"), one)),
    changeLink: (path, one) => call(operationOf[one._tag], path, () => changeLink(path, one)),
    mkdir: (path, mode) => call("mkdir", path, () => tree.mkdir(session, path, mode)),
    rmdir: (path) => call("rmdir", path, () => tree.rmdir(session, path)),
    unlink: (path) => call("unlink", path, () => tree.unlink(session, path)),
    rename: (from, to) => call("rename", from, () => tree.rename(session, from, to), to),
    link: (from, to) => call("link", from, () => tree.link(session, from, to), to),
    symlink: (target, path) => call("symlink", path, () => tree.symlink(session, target, path)),
    readlink: (path) => call("readlink", path, () => tree.readlink(session, path)),
    statvfs: (path) =>
      call("statvfs", path, () => {
        find(session, path, "follow")
        return info(volume)
      }),
    userName: (uid) => Effect.sync(() => Option.fromNullable(userOf(accounts, uid)?.name)),
    groupName: (gid) => Effect.sync(() => Option.fromNullable(groupOf(accounts, gid)?.name)),
    homeOf: (name) =>
      Effect.sync(() => name === "" ? Option.some(user.home) : Option.fromNullable(userNamed(accounts, name)?.home))
  }
}
