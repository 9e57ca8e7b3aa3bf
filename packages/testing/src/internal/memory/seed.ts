/**
 * Seeds a host's files from data. Permissions are not checked.
 */
import * as Effect from "effect/Effect"
import { type Accounts, groupNamed, userNamed, userOf } from "./accounts.js"
import type { Directory, Node } from "./node.js"
import { canonical, components, isTooLongName, isTooLongPath } from "./paths.js"
import { SeedError } from "./seedError.js"
import { attach } from "./tree.js"
import { makeDirectory, makeFifo, makeFile, makeLink, type Volume } from "./volume.js"

/**
 * Users and groups are names or numbers. Default: those of the directory.
 *
 * @internal
 */
export interface Ownership {
  readonly owner?: string | number | undefined
  readonly group?: string | number | undefined
}

/** @internal */
export interface FileSeed extends Ownership {
  readonly content: string | Uint8Array
  /** Default: 0644. */
  readonly mode?: number | undefined
  /** In milliseconds since 1970, or a date. Default: now. */
  readonly mtime?: number | Date | undefined
}

/** @internal */
export interface DirectorySeed extends Ownership {
  /** Default: 0755. */
  readonly mode?: number | undefined
}

/**
 * Files, directories and links by absolute path. Missing parent directories are created. Existing directories get the given
 * attributes.
 *
 * @internal
 */
export interface Seeds {
  readonly files?: Readonly<Record<string, string | Uint8Array | FileSeed>> | undefined
  readonly directories?: ReadonlyArray<string> | Readonly<Record<string, DirectorySeed>> | undefined
  /** Targets of symbolic links, by the path of the link. */
  readonly links?: Readonly<Record<string, string>> | undefined
  readonly pipes?: ReadonlyArray<string> | undefined
}

interface Seeded {
  readonly volume: Volume
  readonly accounts: Accounts
}

type Kind = "file" | "directory" | "link" | "pipe"

type Complain = (reason: string) => never

const targetFault = (target: string): string | undefined =>
  target === ""
    ? "its target is empty"
    : target.includes("\0")
    ? "its target has a NUL in it"
    : isTooLongPath(target)
    ? "its target is longer than 4095 bytes"
    : undefined

const faultOf = (path: string): string | undefined => {
  if (path === "") return "the path is empty"
  if (path.includes("\0")) return "the path has a NUL in it"
  if (!path.startsWith("/")) return "the path is relative"
  if (isTooLongPath(path)) return "the path is longer than 4095 bytes"
  const names = components(path)
  const dots = names.find((name) => name === "." || name === "..")
  if (dots !== undefined) return `the path has a component ${JSON.stringify(dots)}`
  const long = names.find(isTooLongName)
  return long === undefined ? undefined : `the name ${JSON.stringify(long.slice(0, 20))}... is longer than 255 bytes`
}

const what = (node: Node): string =>
  node._tag === "Fifo" ? "a named pipe" : node._tag === "Link" ? "a link" : `a ${node._tag.toLowerCase()}`

const modeOf = (mode: number, complain: Complain): number =>
  Number.isInteger(mode) && mode >= 0 && mode <= 0o7777
    ? mode
    : complain(`the mode must be an integer from 0 to 0o7777, got ${mode}`)

const timeOf = (time: number | Date, complain: Complain): number => {
  const milliseconds = Number(time)
  return Number.isFinite(milliseconds) ? milliseconds : complain("its mtime is not a valid time")
}

const isId = (id: number) => Number.isInteger(id) && id >= 0 && id < 2 ** 32 - 1

const own = (accounts: Accounts, node: Node, { group, owner }: Ownership, complain: Complain): void => {
  const id = <A>(
    given: string | number,
    find: (accounts: Accounts, name: string) => A | undefined,
    idOf: (found: A) => number,
    kind: string
  ): number => {
    if (typeof given === "number") {
      return isId(given) ? given : complain(`${given} is not a valid id of a ${kind}`)
    }
    const found = find(accounts, given)
    return found === undefined ? complain(`the ${kind} ${JSON.stringify(given)} does not exist`) : idOf(found)
  }
  if (owner !== undefined) {
    node.uid = id(owner, userNamed, ({ uid }) => uid, "user")
    // the group defaults to that of the owner
    node.gid = userOf(accounts, node.uid)?.gid ?? node.gid
  }
  if (group !== undefined) node.gid = id(group, groupNamed, ({ gid }) => gid, "group")
}

const directoryAt = (volume: Volume, names: ReadonlyArray<string>, complain: Complain): Directory => {
  let at = volume.root
  names.forEach((name, index) => {
    const found = at.entries.get(name)
    if (found !== undefined && found._tag !== "Directory") {
      complain(`/${names.slice(0, index + 1).join("/")} is ${what(found)}, no directory`)
    }
    const next = found ?? makeDirectory(volume, 0o755, at, at)
    if (found === undefined) attach(volume, at, name, next)
    at = next
  })
  return at
}

const parts = (path: string): Array<string> => components(canonical(path))

const put = (volume: Volume, path: string, complain: Complain, make: (parent: Directory) => Node): void => {
  if (path.endsWith("/")) complain("the path ends with a slash")
  const names = parts(path)
  const name = names.pop() ?? complain("the path is the root")
  const parent = directoryAt(volume, names, complain)
  const found = parent.entries.get(name)
  if (found !== undefined) complain(`there is ${what(found)} at that path`)
  attach(volume, parent, name, make(parent))
}

const putFile = (
  { accounts, volume }: Seeded,
  path: string,
  seed: string | Uint8Array | FileSeed,
  complain: Complain
): void => {
  const file = typeof seed === "string" || seed instanceof Uint8Array ? { content: seed } : seed
  put(volume, path, complain, (parent) => {
    const made = makeFile(volume, modeOf(file.mode ?? 0o644, complain), parent)
    own(accounts, made, file, complain)
    if (file.mtime !== undefined) made.mtime = timeOf(file.mtime, complain)
    const bytes = typeof file.content === "string" ? new TextEncoder().encode(file.content) : file.content
    const { quota, used } = volume.space
    if (bytes.length > quota - used) complain(`its ${bytes.length} bytes do not fit a quota of ${quota}`)
    made.content.write(0, bytes)
    return made
  })
}

const putDirectory = ({ accounts, volume }: Seeded, path: string, seed: DirectorySeed, complain: Complain): void => {
  const directory = directoryAt(volume, parts(path), complain)
  if (seed.mode !== undefined) directory.mode = modeOf(seed.mode, complain)
  own(accounts, directory, seed, complain)
}

const isList = (directories: NonNullable<Seeds["directories"]>): directories is ReadonlyArray<string> =>
  Array.isArray(directories)

/**
 * Adds entries to the existing ones. A file, a link or a pipe must be new. After a failure, the entries before the failed one
 * remain.
 *
 * @internal
 */
export const seed = (seeded: Seeded, seeds: Seeds): Effect.Effect<void, SeedError> =>
  Effect.suspend(() => {
    const each = <A>(
      kind: Kind,
      entries: ReadonlyArray<readonly [path: string, entry: A]>,
      put: (path: string, entry: A, complain: Complain) => void
    ): void => {
      for (const [path, entry] of entries) {
        const complain: Complain = (reason) => {
          throw new SeedError({ kind, entry: path, reason })
        }
        const fault = faultOf(path)
        if (fault !== undefined) complain(fault)
        put(path, entry, complain)
      }
    }
    const directories = seeds.directories ?? []
    const { volume } = seeded
    try {
      const listed: ReadonlyArray<readonly [path: string, entry: DirectorySeed]> = isList(directories)
        ? directories.map((path) => [path, {}])
        : Object.entries(directories)
      each(
        "directory",
        // parents first, so that entries below inherit
        [...listed].sort(([a], [b]) => components(a).length - components(b).length),
        (path, entry, complain) => putDirectory(seeded, path, entry, complain)
      )
      each(
        "file",
        Object.entries(seeds.files ?? {}),
        (path, entry, complain) => putFile(seeded, path, entry, complain)
      )
      each("link", Object.entries(seeds.links ?? {}), (path, target, complain) => {
        const fault = targetFault(target)
        if (fault !== undefined) complain(fault)
        put(volume, path, complain, (parent) => makeLink(volume, canonical(target), parent))
      })
      each("pipe", (seeds.pipes ?? []).map((path) => [path, {}] as const), (path, _, complain) => {
        put(volume, path, complain, (parent) => makeFifo(volume, 0o644, parent))
      })
      return Effect.void
    } catch (error) {
      return error instanceof SeedError ? Effect.fail(error) : Effect.die(error)
    }
  })
