/**
 * The files of a host, in memory.
 */
import * as Effect from "effect/Effect"
import type { SftpFileSystem } from "../sftp/sftpFileSystem.js"
import * as accounts from "./accounts.js"
import * as adapter from "./adapter.js"
import { seed, type Seeds } from "./seed.js"
import type { SeedError } from "./seedError.js"
import * as volume from "./volume.js"

/** @internal */
export interface Options {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Users in addition to root. Their home directories are created. */
  readonly users?: ReadonlyArray<accounts.User> | undefined
  readonly groups?: ReadonlyArray<accounts.Group> | undefined
  /** The size limit of all files together, in bytes. Default: none. */
  readonly quota?: number | undefined
  /** Default: as distributions set them, all on. */
  readonly protections?: volume.Protections | undefined
}

/** @internal */
export interface Memory {
  /** The volume. Its quota, fault hook and read-only flag may be set at any time. It counts open files and directories. */
  readonly volume: volume.Volume
  readonly accounts: accounts.Accounts
  /** The files for a session of a user, who need not be listed. Default umask: 022. */
  readonly as: (user: accounts.User, options?: { readonly umask?: number | undefined }) => SftpFileSystem
}

const hardened: volume.Protections = { hardlinks: true, symlinks: true, regular: 2 }

const defaultUmask = 0o022

const homes = ({ users }: accounts.Accounts): Seeds => ({
  directories: Object.fromEntries(
    users.filter(({ home }) => home !== "/").map(({ gid, home, uid }) => [
      home,
      { owner: uid, group: gid, mode: uid === accounts.root.uid ? 0o700 : 0o755 }
    ])
  )
})

/** @internal */
export const make = (options: Options): Effect.Effect<Memory, SeedError> =>
  Effect.gen(function*() {
    const listed = yield* accounts.make({ users: options.users ?? [], groups: options.groups ?? [] })
    const made = volume.make({
      now: options.now,
      quota: options.quota ?? Infinity,
      protections: options.protections ?? hardened
    })
    const memory: Memory = {
      volume: made,
      accounts: listed,
      as: (user, { umask = defaultUmask } = {}) => adapter.make(made, listed, user, umask)
    }
    yield* seed(memory, homes(listed))
    return memory
  })
