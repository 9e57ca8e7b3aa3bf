/**
 * The users and groups of a host.
 */
import * as Effect from "effect/Effect"
import type { Caller } from "./caller.js"
import { SeedError } from "./seedError.js"

/** @internal */
export interface User extends Caller {
  readonly name: string
  /** An absolute path. */
  readonly home: string
}

/** @internal */
export interface Group {
  readonly name: string
  readonly gid: number
}

/** @internal */
export interface Accounts {
  readonly users: ReadonlyArray<User>
  readonly groups: ReadonlyArray<Group>
}

/** @internal */
export const root: User = { name: "root", uid: 0, gid: 0, groups: [], home: "/root" }

const largestId = 2 ** 32 - 2

const isId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id <= largestId

const faultOfName = (name: string, known: ReadonlySet<string>): string | undefined =>
  name === ""
    ? "the name is empty"
    : /[:/\s\0]/.test(name)
    ? "the name has a character that no name may have"
    : known.has(name)
    ? "there are two of that name"
    : undefined

const faultOfUser = ({ gid, groups, home, uid }: User): string | undefined => {
  const wrong = [uid, gid, ...groups].find((id) => !isId(id))
  if (wrong !== undefined) return `${wrong} is not a valid id of a user or group`
  return home.startsWith("/") ? undefined : `the home directory ${JSON.stringify(home)} is not an absolute path`
}

/**
 * With root, and with a group of its own for each user whose group is not listed, named after the user where that name is
 * free.
 *
 * @internal
 */
export const make = (
  listed: { readonly users: ReadonlyArray<User>; readonly groups: ReadonlyArray<Group> }
): Effect.Effect<Accounts, SeedError> =>
  Effect.gen(function*() {
    const users = listed.users.some(({ uid }) => uid === root.uid) ? listed.users : [root, ...listed.users]
    const userNames = new Set<string>()
    for (const user of users) {
      const reason = faultOfName(user.name, userNames) ?? faultOfUser(user)
      if (reason !== undefined) return yield* new SeedError({ kind: "user", entry: user.name, reason })
      userNames.add(user.name)
    }
    const groups = [...listed.groups]
    const groupNames = new Set<string>()
    for (const { gid, name } of listed.groups) {
      const reason = faultOfName(name, groupNames) ?? (isId(gid) ? undefined : `${gid} is not a valid id of a group`)
      if (reason !== undefined) return yield* new SeedError({ kind: "group", entry: name, reason })
      groupNames.add(name)
    }
    for (const { gid, name } of users) {
      if (groupNames.has(name) || groups.some((group) => group.gid === gid)) continue
      groups.push({ name, gid })
      groupNames.add(name)
    }
    return { users, groups }
  })

/** @internal */
export const userOf = ({ users }: Accounts, uid: number): User | undefined => users.find((user) => user.uid === uid)

/** @internal */
export const groupOf = ({ groups }: Accounts, gid: number): Group | undefined =>
  groups.find((group) => group.gid === gid)

/** @internal */
export const userNamed = ({ users }: Accounts, name: string): User | undefined =>
  users.find((user) => user.name === name)

/** @internal */
export const groupNamed = ({ groups }: Accounts, name: string): Group | undefined =>
  groups.find((group) => group.name === name)
