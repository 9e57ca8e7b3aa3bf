/**
 * The tree of a host as data.
 */
import { type Accounts, groupOf, userOf } from "./accounts.js"
import type { Node } from "./node.js"
import { components, join } from "./paths.js"
import type { Volume } from "./volume.js"

interface Common {
  /** The permissions, without the bits of the type. */
  readonly mode: number
  /** The name of the user, or the id if the user has no name. */
  readonly owner: string
  readonly group: string
  /** In milliseconds since 1970. */
  readonly mtime: number
}

/** @internal */
export type Entry =
  & Common
  & (
    | { readonly type: "file"; readonly size: number; readonly content: Uint8Array }
    | { readonly type: "directory" }
    | { readonly type: "link"; readonly target: string }
    | { readonly type: "pipe" }
  )

interface Source {
  readonly volume: Volume
  readonly accounts: Accounts
}

const entryOf = (accounts: Accounts, node: Node): Entry => {
  const common = {
    mode: node.mode,
    owner: userOf(accounts, node.uid)?.name ?? `${node.uid}`,
    group: groupOf(accounts, node.gid)?.name ?? `${node.gid}`,
    mtime: node.mtime
  }
  switch (node._tag) {
    case "File": {
      const { content } = node
      return {
        ...common,
        type: "file",
        size: content.size,
        // read on demand, because it may be one large hole
        get content() {
          return content.read(0, content.size)
        }
      }
    }
    case "Directory":
      return { ...common, type: "directory" }
    case "Link":
      return { ...common, type: "link", target: node.target }
    case "Fifo":
      return { ...common, type: "pipe" }
  }
}

const at = (volume: Volume, path: string): Node | undefined => {
  let node: Node | undefined = volume.root
  for (const name of components(path)) {
    if (node?._tag !== "Directory") return undefined
    node = node.entries.get(name)
  }
  return node
}

/**
 * One entry. Its path is absolute, and no link on it is followed.
 *
 * @internal
 */
export const entry = ({ accounts, volume }: Source, path: string): Entry | undefined => {
  const node = at(volume, path)
  return node === undefined ? undefined : entryOf(accounts, node)
}

// By the code units of the names, so that the order is the same everywhere.
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => a < b ? -1 : 1

/**
 * The entries at a path and below it, a directory before its content.
 *
 * @internal
 */
export const entries = ({ accounts, volume }: Source, path = "/"): ReadonlyMap<string, Entry> => {
  const found = new Map<string, Entry>()
  const visit = (path: string, node: Node): void => {
    found.set(path, entryOf(accounts, node))
    if (node._tag !== "Directory") return
    for (const [name, child] of [...node.entries].sort(byName)) visit(join(path, name), child)
  }
  const top = at(volume, path)
  if (top !== undefined) visit(`/${components(path).join("/")}`, top)
  return found
}
