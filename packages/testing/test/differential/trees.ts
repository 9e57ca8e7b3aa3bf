/**
 * Trees as text, an entry a line.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import type { InMemoryHost } from "@effect-remote/testing"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as outcome from "./outcome.js"

interface Entry {
  readonly path: string
  readonly mode: number
  readonly owner: string
  readonly mtime: number
  readonly what: { readonly content: Uint8Array } | { readonly target: string } | "directory" | "other"
}

const lines = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  [...entries].sort((a, b) => a.path < b.path ? -1 : 1).map(({ mode, mtime, owner, path, what }) => {
    const shown = typeof what === "string"
      ? what
      : "content" in what
      ? `${outcome.time(mtime)} ${JSON.stringify(outcome.content(what.content))}`
      : `-> ${what.target}`
    return `${path}: ${mode.toString(8)} ${owner} ${shown}`
  })

const names = (path: Buffer) => fs.readdirSync(path, { encoding: "buffer" })

const join = (path: Buffer, name: Buffer) => Buffer.concat([path, Buffer.from("/"), name])

// Adds the owner's missing permissions, after the mode has been recorded.
const open = (path: Buffer, mode: number, wanted: number) => {
  if ((mode & wanted) !== wanted) fs.chmodSync(path, mode | wanted)
}

const found = (path: Buffer): ReadonlyArray<Entry> => {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return []
  const entry = (what: Entry["what"]): Entry => ({
    path: Sftp.decodeName(path),
    mode: stat.mode & 0o7777,
    owner: `${stat.uid}:${stat.gid}`,
    mtime: Math.floor(stat.mtimeMs / 1000) * 1000,
    what
  })
  if (stat.isSymbolicLink()) {
    return [entry({ target: Sftp.decodeName(fs.readlinkSync(path, { encoding: "buffer" })) })]
  }
  if (stat.isDirectory()) {
    open(path, stat.mode, 0o700)
    return [entry("directory"), ...names(path).flatMap((name) => found(join(path, name)))]
  }
  if (!stat.isFile()) return [entry("other")]
  open(path, stat.mode, 0o400)
  const content = fs.readFileSync(path)
  // it may have other names
  fs.chmodSync(path, stat.mode & 0o7777)
  return [entry({ content })]
}

/** Lists the entries at a path of this machine and below it. */
export const ofThisMachine = (path: string): ReadonlyArray<string> => lines(found(Buffer.from(path)))

const unlock = (path: Buffer): void => {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stat?.isDirectory() !== true) return
  open(path, stat.mode, 0o700)
  for (const name of names(path)) unlock(join(path, name))
}

/** Removes a path of this machine, if it exists. */
export const removeHere = (path: string): void => {
  const bytes = Buffer.from(Sftp.encodeName(path))
  try {
    unlock(bytes)
    fs.rmSync(bytes, { recursive: true, force: true })
  } catch (error) {
    if (!fs.existsSync(bytes)) return
    throw error
  }
}

/** The same where the directory that it is in lets nobody do so. */
export const wipeHere = (path: string): void => {
  const above = Buffer.from(Sftp.encodeName(path.replace(/\/+[^/]*$/, "")))
  const { mode } = fs.statSync(above)
  fs.chmodSync(above, mode | 0o700)
  removeHere(path)
  fs.chmodSync(above, mode & 0o7777)
}

/** The user that has run a program. Shown by name. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

const idOf = (name: string, account: Account, own: "uid" | "gid"): number =>
  name === account.name ? account[own] : name === "root" ? 0 : Number(name)

/** Lists the entries at a path of an in-memory host and below it. */
export const ofHost = (
  host: InMemoryHost.InMemoryHost,
  path: string,
  account: Account
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(host.tree(path), (entries) =>
    lines([...entries].map(([path, entry]) => ({
      path,
      mode: entry.mode,
      owner: `${idOf(entry.owner, account, "uid")}:${idOf(entry.group, account, "gid")}`,
      mtime: Math.floor(entry.mtime / 1000) * 1000,
      what: entry.type === "file" || entry.type === "link" ? entry : entry.type === "directory" ? "directory" : "other"
    }))))
