/**
 * Reads the members of an archive.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { PosixError } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as message from "../message.js"
import * as tool from "../tool.js"
import * as header from "./header.js"

/** @internal */
export type Pull<E> = Effect.Effect<Option.Option<Uint8Array>, E>

/** @internal */
export const fatal = (self: tool.Tool, words: string): tool.Stop =>
  tool.stop(`${words}\n${self.name}: Error is not recoverable: exiting now`, 2)

/** @internal */
export const cannotOpen = (self: tool.Tool, archive: string, error: PosixError): tool.Stop =>
  fatal(self, `${archive}: Cannot open: ${message.of(error)}`)

const mostOfExtension = 1 << 20

interface State<E> {
  readonly self: tool.Tool
  readonly pull: Pull<E>
  /** Bytes that were pulled and are not used yet. */
  held: Uint8Array
  /** From the headers before a member. */
  longName: string | undefined
  longTarget: string | undefined
  extended: ReadonlyMap<string, string>
}

const upTo = <E>(state: State<E>, most: number, atEnd = fatal(state.self, "Unexpected EOF in archive")) =>
  Effect.gen(function*() {
    while (state.held.length === 0) {
      const next = yield* state.pull
      if (Option.isNone(next)) return yield* atEnd
      state.held = next.value.slice()
    }
    const taken = state.held.subarray(0, most)
    state.held = state.held.subarray(taken.length)
    return taken
  })

const exactly = <E>(state: State<E>, size: number, atEnd?: tool.Stop) =>
  Effect.gen(function*() {
    const parts: Array<Uint8Array> = []
    for (let left = size; left > 0;) {
      const part = yield* upTo(state, left, atEnd)
      parts.push(part)
      left -= part.length
    }
    return Buffer.concat(parts)
  })

const extension = <E>(state: State<E>, { size }: header.Member) =>
  size > mostOfExtension
    ? tool.stop(`InMemoryHost does not understand an extended header of ${size} bytes`, 2)
    : Effect.map(exactly(state, size + header.padding(size)), (text) => bytes.decode(text.subarray(0, size)))

const paxRecords = ["path", "linkpath", "size", "uid", "gid", "mtime", "atime", "ctime", "uname", "gname", "comment"]

const readPax = <E>(state: State<E>, plain: header.Member) =>
  Effect.gen(function*() {
    const found = header.records(yield* extension(state, plain))
    if (found === undefined) return yield* tool.stop("Malformed extended header", 2)
    const known = plain.type === "g" ? ["comment"] : paxRecords
    for (const key of found.keys()) {
      if (!known.includes(key)) return yield* tool.stop(`InMemoryHost does not understand the pax record ${key}`, 2)
    }
    if (plain.type === "x") state.extended = found
  })

// Joins a header with those before it, which count for it alone.
const memberOf = <E>(state: State<E>, plain: header.Member): header.Member => {
  const { extended, longName, longTarget } = state
  state.longName = state.longTarget = undefined
  state.extended = new Map()
  const number = (key: string, value: number) => Math.floor(Number(extended.get(key) ?? value))
  return {
    ...plain,
    name: extended.get("path") ?? longName ?? plain.name,
    target: extended.get("linkpath") ?? longTarget ?? plain.target,
    user: extended.get("uname") ?? plain.user,
    group: extended.get("gname") ?? plain.group,
    uid: number("uid", plain.uid),
    gid: number("gid", plain.gid),
    size: number("size", plain.size),
    mtime: number("mtime", plain.mtime)
  }
}

const contentOf = <E>(state: State<E>, { size }: header.Member): Pull<E | tool.Stop> => {
  let left = size
  return Effect.suspend(() =>
    left === 0 ? Effect.succeedNone : Effect.map(upTo(state, left), (chunk) => {
      left -= chunk.length
      return Option.some(chunk)
    })
  )
}

/**
 * Does something with each member. `content` gives the next bytes of it, `None` at its end; what is left is skipped.
 *
 * @internal
 */
export const each = <E, F>(
  self: tool.Tool,
  pull: Pull<E>,
  run: (member: header.Member, content: Pull<E | tool.Stop>) => Effect.Effect<void, F>
): Effect.Effect<void, E | F | tool.Stop> =>
  Effect.gen(function*() {
    const state: State<E> = {
      self,
      pull,
      held: new Uint8Array(),
      longName: undefined,
      longTarget: undefined,
      extended: new Map()
    }
    const previous = `\n${self.name}: Exiting with failure status due to previous errors`
    const unlike = tool.stop(`This does not look like a tar archive${previous}`, 2)
    for (let isFirst = true;; isFirst = false) {
      const block = yield* exactly(state, header.blockSize, isFirst ? unlike : undefined)
      if (block.every((byte) => byte === 0)) break
      const plain = header.decode(block)
      if (plain === undefined) {
        return yield* isFirst ? unlike : tool.stop(`Skipping to next header${previous}`, 2)
      }
      if (plain.type === "L") state.longName = (yield* extension(state, plain)).replace(/\0[^]*$/, "")
      else if (plain.type === "K") state.longTarget = (yield* extension(state, plain)).replace(/\0[^]*$/, "")
      else if (plain.type === "x" || plain.type === "g") yield* readPax(state, plain)
      else {
        const member = memberOf(state, plain)
        if (!"0125".includes(member.type) || member.type !== "0" && member.size > 0) {
          return yield* tool.stop(`InMemoryHost does not understand the type ${member.type} of ${member.name}`, 2)
        }
        const content = contentOf(state, member)
        yield* run(member, content)
        while (Option.isSome(yield* content));
        yield* exactly(state, header.padding(member.size))
      }
    }
    // reading to the end lets the writer of a pipe finish
    while (Option.isSome(yield* pull));
  })
