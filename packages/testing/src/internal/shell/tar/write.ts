/**
 * Writes an archive of files and trees.
 */
import * as Effect from "effect/Effect"
import type { Stat } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import { below } from "../coreutils/operands.js"
import * as descriptor from "../descriptor.js"
import * as directories from "../directories.js"
import * as fileMode from "../fileMode.js"
import * as identity from "../identity.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as tool from "../tool.js"
import * as header from "./header.js"

/** @internal */
export interface Writing<E> {
  readonly directory: string
  readonly operands: ReadonlyArray<string>
  readonly isExcluded: (name: string) => boolean
  readonly isArchive: (stat: Stat) => boolean
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, E>
  readonly report: (name: string) => Effect.Effect<void, tool.Closed>
}

const recordSize = 20 * header.blockSize

interface State<E> extends Writing<E> {
  readonly self: tool.Tool
  /** The exit code so far. */
  code: number
  /** The number of bytes written so far. */
  size: number
  /** Whether a name began with a slash. */
  strips: boolean
  /** The first name of each file with several names. */
  readonly links: Map<string, string>
}

const complain = <E>(state: State<E>, words: string, status: number) => {
  state.code = Math.max(state.code, status)
  return state.self.complain(words)
}

const send = <E>(state: State<E>, chunk: Uint8Array) => {
  state.size += chunk.length
  return state.write(chunk)
}

const at = <E>({ directory }: State<E>, path: string) => directories.at(directory, path)

const addContent = <E>(state: State<E>, path: string, stat: Stat, head: Uint8Array) =>
  Effect.scoped(Effect.gen(function*() {
    const opened = yield* Effect.either(state.self.files.open(at(state, path), descriptor.flagsOf("<"), 0))
    if (opened._tag === "Left") {
      return yield* complain(state, `${path}: Cannot open: ${message.of(opened.left)}`, 2)
    }
    yield* send(state, head)
    const length = Number(stat.size)
    for (let offset = 0; offset < length;) {
      const read = yield* Effect.either(opened.right.read(BigInt(offset), Math.min(65536, length - offset)))
      const chunk = read._tag === "Right" ? read.right : new Uint8Array()
      if (read._tag === "Left") {
        yield* complain(state, `${path}: Read error at byte ${offset}: ${message.of(read.left)}`, 2)
      } else if (chunk.length === 0) {
        yield* complain(state, `${path}: File shrank by ${length - offset} bytes; padding with zeros`, 1)
      }
      const sent = chunk.length > 0 ? chunk : new Uint8Array(Math.min(65536, length - offset))
      yield* send(state, sent)
      offset += sent.length
    }
    yield* send(state, new Uint8Array(header.padding(length)))
  }))

const memberName = <E>(state: State<E>, path: string, isDirectory: boolean) =>
  Effect.gen(function*() {
    if (path.startsWith("/") && !state.strips) {
      state.strips = true
      yield* complain(state, "Removing leading `/' from member names", 0)
    }
    const stripped = path.replace(/^\/+/, "") || "."
    return isDirectory && !stripped.endsWith("/") ? `${stripped}/` : stripped
  })

// The name under which the archive already has the file. Remembers `name` otherwise.
const firstName = <E>({ links }: State<E>, stat: Stat, name: string): string | undefined => {
  if (directories.isDirectory(stat)) return undefined
  const key = `${stat.dev} ${stat.ino}`
  const first = stat.nlink < 2 ? undefined : links.get(key)
  if (first === undefined) links.set(key, name)
  return first
}

const headOf = <E>(state: State<E>, path: string, stat: Stat, name: string, first: string | undefined) =>
  Effect.gen(function*() {
    const { files } = state.self
    const isLink = directories.isLink(stat)
    const target = first !== undefined
      ? first
      : isLink
      ? bytes.fromText(yield* Effect.orElseSucceed(files.readlink(at(state, path)), () => ""))
      : ""
    return header.encode({
      name,
      type: directories.isDirectory(stat) ? "5" : first !== undefined ? "1" : isLink ? "2" : "0",
      mode: stat.mode & fileMode.permissionBits,
      uid: stat.uid,
      gid: stat.gid,
      mtime: stat.mtime,
      size: first === undefined && directories.isRegular(stat) ? Number(stat.size) : 0,
      target,
      user: yield* identity.userName(files, stat.uid),
      group: yield* identity.groupName(files, stat.gid)
    })
  })

const add = <E>(state: State<E>, path: string): Effect.Effect<void, E | tool.Closed | tool.Stop> =>
  Effect.gen(function*() {
    const { files } = state.self
    if (state.isExcluded(path)) return
    const found = yield* Effect.either(files.lstat(at(state, path)))
    if (found._tag === "Left") return yield* complain(state, `${path}: Cannot stat: ${message.of(found.left)}`, 2)
    const stat = found.right
    const isDirectory = directories.isDirectory(stat)
    if (!isDirectory && !directories.isLink(stat) && !directories.isRegular(stat)) {
      return yield* tool.stop(`InMemoryHost does not understand the type of the file ${path}`, 2)
    }
    if (state.isArchive(stat)) return yield* complain(state, `${path}: file is the archive; not dumped`, 0)
    const name = yield* memberName(state, path, isDirectory)
    const first = firstName(state, stat, name)
    const head = yield* headOf(state, path, stat, name, first)
    yield* state.report(isDirectory && !path.endsWith("/") ? `${path}/` : path)
    yield* input.turn
    if (directories.isRegular(stat) && first === undefined) return yield* addContent(state, path, stat, head)
    yield* send(state, head)
    if (!isDirectory) return
    const names = yield* Effect.either(directories.list(files, directories.resolve(state.directory, path)))
    if (names._tag === "Left") return yield* complain(state, `${path}: Cannot open: ${message.of(names.left)}`, 2)
    for (const one of names.right) yield* add(state, below(path, one))
  })

/** @internal */
export const write = <E>(self: tool.Tool, how: Writing<E>): Effect.Effect<number, E | tool.Closed | tool.Stop> =>
  Effect.gen(function*() {
    const state: State<E> = { ...how, self, code: 0, size: 0, strips: false, links: new Map() }
    for (const operand of how.operands) yield* add(state, operand)
    yield* send(state, new Uint8Array(2 * header.blockSize))
    yield* send(state, new Uint8Array((recordSize - state.size % recordSize) % recordSize))
    if (state.code === 2) yield* self.complain("Exiting with failure status due to previous errors")
    return state.code
  })
