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
    let held: Uint8Array = new Uint8Array()
    const upTo = (most: number, atEnd = fatal(self, "Unexpected EOF in archive")) =>
      Effect.gen(function*() {
        while (held.length === 0) {
          const next = yield* pull
          if (Option.isNone(next)) return yield* atEnd
          held = next.value.slice()
        }
        const taken = held.subarray(0, most)
        held = held.subarray(taken.length)
        return taken
      })
    const exactly = (size: number, atEnd?: tool.Stop) =>
      Effect.gen(function*() {
        const parts: Array<Uint8Array> = []
        for (let left = size; left > 0;) {
          const part = yield* upTo(left, atEnd)
          parts.push(part)
          left -= part.length
        }
        return Buffer.concat(parts)
      })
    const extension = ({ size }: header.Member) =>
      size > mostOfExtension
        ? tool.stop(`InMemoryHost does not understand an extended header of ${size} bytes`, 2)
        : Effect.map(exactly(size + header.padding(size)), (text) => bytes.decode(text.subarray(0, size)))

    const previous = `\n${self.name}: Exiting with failure status due to previous errors`
    const unlike = tool.stop(`This does not look like a tar archive${previous}`, 2)
    let longName: string | undefined
    let longTarget: string | undefined
    let extended: ReadonlyMap<string, string> = new Map()
    for (let isFirst = true;; isFirst = false) {
      const block = yield* exactly(header.blockSize, isFirst ? unlike : undefined)
      if (block.every((byte) => byte === 0)) break
      const plain = header.decode(block)
      if (plain === undefined) {
        return yield* isFirst ? unlike : tool.stop(`Skipping to next header${previous}`, 2)
      }
      if (plain.type === "L") longName = (yield* extension(plain)).replace(/\0[^]*$/, "")
      else if (plain.type === "K") longTarget = (yield* extension(plain)).replace(/\0[^]*$/, "")
      else if (plain.type === "x" || plain.type === "g") {
        const found = header.records(yield* extension(plain))
        if (found === undefined) return yield* tool.stop("Malformed extended header", 2)
        const known = plain.type === "g"
          ? ["comment"]
          : ["path", "linkpath", "size", "uid", "gid", "mtime", "atime", "ctime", "uname", "gname", "comment"]
        for (const key of found.keys()) {
          if (!known.includes(key)) return yield* tool.stop(`InMemoryHost does not understand the pax record ${key}`, 2)
        }
        if (plain.type === "x") extended = found
      } else {
        const number = (key: string, value: number) => Math.floor(Number(extended.get(key) ?? value))
        const member = {
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
        longName = longTarget = undefined
        extended = new Map()
        if (!"0125".includes(member.type) || member.type !== "0" && member.size > 0) {
          return yield* tool.stop(`InMemoryHost does not understand the type ${member.type} of ${member.name}`, 2)
        }
        let left = member.size
        const content = Effect.suspend(() =>
          left === 0 ? Effect.succeedNone : Effect.map(upTo(left), (chunk) => {
            left -= chunk.length
            return Option.some(chunk)
          })
        )
        yield* run(member, content)
        while (Option.isSome(yield* content));
        yield* exactly(header.padding(member.size))
      }
    }
    // reading to the end lets the writer of a pipe finish
    while (Option.isSome(yield* pull));
  })
