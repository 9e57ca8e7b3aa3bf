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

/** @internal */
export const write = <E>(self: tool.Tool, how: Writing<E>): Effect.Effect<number, E | tool.Closed | tool.Stop> =>
  Effect.gen(function*() {
    let code = 0
    let size = 0
    let strips = false
    const links = new Map<string, string>()
    const complain = (words: string, status: number) => {
      code = Math.max(code, status)
      return self.complain(words)
    }
    const send = (chunk: Uint8Array) => {
      size += chunk.length
      return how.write(chunk)
    }
    const at = (path: string) => directories.at(how.directory, path)

    const content = (path: string, stat: Stat, head: Uint8Array) =>
      Effect.scoped(Effect.gen(function*() {
        const opened = yield* Effect.either(self.files.open(at(path), descriptor.flagsOf("<"), 0))
        if (opened._tag === "Left") {
          return yield* complain(`${path}: Cannot open: ${message.of(opened.left)}`, 2)
        }
        yield* send(head)
        const length = Number(stat.size)
        for (let offset = 0; offset < length;) {
          const read = yield* Effect.either(opened.right.read(BigInt(offset), Math.min(65536, length - offset)))
          const chunk = read._tag === "Right" ? read.right : new Uint8Array()
          if (read._tag === "Left") {
            yield* complain(`${path}: Read error at byte ${offset}: ${message.of(read.left)}`, 2)
          } else if (chunk.length === 0) {
            yield* complain(`${path}: File shrank by ${length - offset} bytes; padding with zeros`, 1)
          }
          const sent = chunk.length > 0 ? chunk : new Uint8Array(Math.min(65536, length - offset))
          yield* send(sent)
          offset += sent.length
        }
        yield* send(new Uint8Array(header.padding(length)))
      }))

    const add = (path: string): Effect.Effect<void, E | tool.Closed | tool.Stop> =>
      Effect.gen(function*() {
        if (how.isExcluded(path)) return
        const found = yield* Effect.either(self.files.lstat(at(path)))
        if (found._tag === "Left") return yield* complain(`${path}: Cannot stat: ${message.of(found.left)}`, 2)
        const stat = found.right
        const isDirectory = directories.isDirectory(stat)
        const isLink = directories.isLink(stat)
        if (!isDirectory && !isLink && !directories.isRegular(stat)) {
          return yield* tool.stop(`InMemoryHost does not understand the type of the file ${path}`, 2)
        }
        if (how.isArchive(stat)) return yield* complain(`${path}: file is the archive; not dumped`, 0)
        if (path.startsWith("/") && !strips) {
          strips = true
          yield* complain("Removing leading `/' from member names", 0)
        }
        const stripped = path.replace(/^\/+/, "") || "."
        const name = isDirectory && !stripped.endsWith("/") ? `${stripped}/` : stripped
        const key = `${stat.dev} ${stat.ino}`
        const first = isDirectory || stat.nlink < 2 ? undefined : links.get(key)
        if (!isDirectory && first === undefined) links.set(key, name)
        const isFile = !isDirectory && !isLink && first === undefined
        const target = first !== undefined
          ? first
          : isLink
          ? bytes.fromText(yield* Effect.orElseSucceed(self.files.readlink(at(path)), () => ""))
          : ""
        const head = header.encode({
          name,
          type: isDirectory ? "5" : first !== undefined ? "1" : isLink ? "2" : "0",
          mode: stat.mode & fileMode.permissionBits,
          uid: stat.uid,
          gid: stat.gid,
          mtime: stat.mtime,
          size: isFile ? Number(stat.size) : 0,
          target,
          user: yield* identity.userName(self.files, stat.uid),
          group: yield* identity.groupName(self.files, stat.gid)
        })
        yield* how.report(isDirectory && !path.endsWith("/") ? `${path}/` : path)
        yield* input.turn
        if (isFile) return yield* content(path, stat, head)
        yield* send(head)
        if (!isDirectory) return
        const names = yield* Effect.either(directories.list(self.files, directories.resolve(how.directory, path)))
        if (names._tag === "Left") return yield* complain(`${path}: Cannot open: ${message.of(names.left)}`, 2)
        for (const one of names.right) yield* add(below(path, one))
      })

    for (const operand of how.operands) yield* add(operand)
    yield* send(new Uint8Array(2 * header.blockSize))
    yield* send(new Uint8Array((recordSize - size % recordSize) % recordSize))
    if (code === 2) yield* self.complain("Exiting with failure status due to previous errors")
    return code
  })
