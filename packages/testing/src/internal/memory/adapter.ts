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

interface Adapter {
  readonly session: Session
  readonly home: string
}

const absolute = ({ home }: Adapter, path: string): string => path.startsWith("/") ? path : join(home, path)

const applyFault = (self: Adapter, operation: Operation, path: string, to?: string): void => {
  const { volume } = self.session
  if (volume.fault === undefined) return
  const errno = volume.fault(operation, absolute(self, path), to === undefined ? undefined : absolute(self, to))
  if (errno !== undefined) refuse(errno)
}

const call = <A>(self: Adapter, operation: Operation, path: string, body: () => A, to?: string): Fx<A> =>
  attempt(() => {
    applyFault(self, operation, path, to)
    return body()
  })

const openFile = (self: Adapter, file: FileDescription): OpenFile => {
  const { caller, volume } = self.session
  const held = <A>(operation: Operation, body: () => A): Fx<A> =>
    call(self, operation, file.path, () => {
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
          : attributes.change(volume, caller, file.node, one)),
    statvfs: held("fstatvfs", () => info(volume)),
    sync: held("fsync", () => {}),
    close: attempt(() => {
      file.close()
      applyFault(self, "close", file.path)
    })
  }
}

const open = (self: Adapter): SftpFileSystem["open"] => (path, flags, mode) =>
  Effect.map(
    openUntilClosed(
      call(self, "open", path, () => new FileDescription(self.session, path, flags, mode, absolute(self, path)))
    ),
    (file) => openFile(self, file)
  )

const openDirectory = (self: Adapter): SftpFileSystem["openDirectory"] => (path) =>
  Effect.map(
    openUntilClosed(
      call(self, "opendir", path, () => new DirectoryDescription(self.session, path, absolute(self, path)))
    ),
    (held): OpenDirectory => ({ read: (most) => call(self, "readdir", held.path, () => held.read(most)) })
  )

const truncate = (self: Adapter, path: string, size: number): void => {
  const file = new FileDescription(self.session, path, mayWrite, 0, absolute(self, path))
  try {
    file.resize(size)
  } finally {
    file.close()
  }
}

const change = (self: Adapter, path: string, one: Change): void => {
  const { caller, volume } = self.session
  if (one._tag === "Size") truncate(self, path, Number(one.size))
  else attributes.change(volume, caller, find(self.session, path, "follow"), one)
}

const changeLink = (
  { session }: Adapter,
  path: string,
  one: Exclude<Change, { readonly _tag: "Size" }>
): void => {
  const node = find(session, path, "link")
  if (node._tag === "Link" && one._tag === "Mode") refuse("EOPNOTSUPP")
  attributes.change(session.volume, session.caller, node, one)
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
  const self: Adapter = { session, home }

  return {
    home,
    open: open(self),
    openDirectory: openDirectory(self),
    stat: (path) => call(self, "stat", path, () => stat(find(session, path, "follow"))),
    lstat: (path) => call(self, "lstat", path, () => stat(find(session, path, "link"))),
    change: (path, one) => call(self, operationOf[one._tag], path, () => change(self, path, one)),
    changeLink: (path, one) => call(self, operationOf[one._tag], path, () => changeLink(self, path, one)),
    mkdir: (path, mode) => call(self, "mkdir", path, () => tree.mkdir(session, path, mode)),
    rmdir: (path) => call(self, "rmdir", path, () => tree.rmdir(session, path)),
    unlink: (path) => call(self, "unlink", path, () => tree.unlink(session, path)),
    rename: (from, to) => call(self, "rename", from, () => tree.rename(session, from, to), to),
    link: (from, to) => call(self, "link", from, () => tree.link(session, from, to), to),
    symlink: (target, path) => call(self, "symlink", path, () => tree.symlink(session, target, path)),
    readlink: (path) => call(self, "readlink", path, () => tree.readlink(session, path)),
    statvfs: (path) =>
      call(self, "statvfs", path, () => {
        find(session, path, "follow")
        return info(volume)
      }),
    userName: (uid) => Effect.sync(() => Option.fromNullable(userOf(accounts, uid)?.name)),
    groupName: (gid) => Effect.sync(() => Option.fromNullable(groupOf(accounts, gid)?.name)),
    homeOf: (name) =>
      Effect.sync(() => name === "" ? Option.some(user.home) : Option.fromNullable(userNamed(accounts, name)?.home))
  }
}
