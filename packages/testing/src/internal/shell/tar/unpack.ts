/**
 * Makes the files of an archive.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Change, type PosixError } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as descriptor from "../descriptor.js"
import * as directories from "../directories.js"
import * as identity from "../identity.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as tool from "../tool.js"
import type { Member } from "./header.js"
import type { Pull } from "./read.js"

/** @internal */
export interface Unpacking {
  readonly member: <E>(member: Member, content: Pull<E>) => Effect.Effect<void, E | tool.Closed | tool.Stop>
  /** Finishes work that waits for all members. Succeeds with the exit code, which is 2 after a failure. */
  readonly end: Effect.Effect<number, tool.Closed>
}

// the double does not expose the umask of a session
const umask = 0o022

/** @internal */
export const make = (self: tool.Tool, directory: string, stripped: number): Effect.Effect<Unpacking> =>
  Effect.gen(function*() {
    const isRoot = (yield* identity.of(self.files)).uid === 0
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const at = (path: string) => directories.at(directory, path)
    const lateLinks: Array<Effect.Effect<void, tool.Closed>> = []
    const made: Array<Effect.Effect<void, tool.Closed>> = []
    let code = 0
    let strips = false
    const complain = (words: string) => {
      code = 2
      return self.complain(words)
    }
    const saying = (words: string) => Effect.catchAll((error: PosixError) => complain(`${words}: ${message.of(error)}`))

    const safe = (name: string): Effect.Effect<string, tool.Closed> =>
      Effect.gen(function*() {
        if (!name.startsWith("/")) return name
        if (!strips) yield* self.complain("Removing leading `/' from member names")
        strips = true
        return name.replace(/^\/+/, "") || "."
      })
    /** Without the first steps. `undefined`: nothing is left. */
    const strip = (name: string): string | undefined => {
      let rest = name
      for (let count = 0; count < stripped; count++) {
        const match = /^[^/]*\/+/.exec(rest)
        if (match === null) return undefined
        rest = rest.slice(match[0].length)
      }
      return rest === "" ? undefined : rest
    }
    const parents = (path: string) =>
      Effect.gen(function*() {
        const steps = path.split("/").slice(0, -1)
        for (let count = 1; count <= steps.length; count++) {
          const above = at(steps.slice(0, count).join("/"))
          yield* Effect.catchIf(self.files.mkdir(above, 0o777), ({ errno }) => errno === "EEXIST", () => Effect.void)
        }
      })
    const clear = (path: string) =>
      Effect.gen(function*() {
        const there = yield* Effect.option(self.files.lstat(at(path)))
        if (Option.isNone(there)) return
        yield* directories.isDirectory(there.value) ? self.files.rmdir(at(path)) : self.files.unlink(at(path))
      })
    const owner = ({ gid, uid, user }: Member) =>
      Effect.gen(function*() {
        if (user === "" || !(yield* Effect.map(self.files.homeOf(bytes.toText(user)), Option.isSome))) {
          return { uid, gid }
        }
        if ((yield* identity.userName(self.files, uid)) === user) return { uid, gid }
        return yield* tool.stop(`InMemoryHost does not understand the user ${user} with the number ${uid}`, 2)
      })
    const attributes = (member: Member, path: string, owned: { readonly uid: number; readonly gid: number }) =>
      Effect.gen(function*() {
        if (isRoot) {
          yield* self.files.change(at(path), Change.Owner(owned))
          yield* self.files.change(at(path), Change.Mode({ mode: member.mode }))
        }
        yield* self.files.change(at(path), Change.Times({ atime: now, mtime: member.mtime }))
      })

    const makeDirectory = (member: Member, path: string, owned: { readonly uid: number; readonly gid: number }) =>
      Effect.gen(function*() {
        const before = yield* Effect.option(self.files.lstat(at(path)))
        const isThere = Option.exists(before, directories.isDirectory)
        if (!isThere) {
          yield* clear(path)
          yield* self.files.mkdir(at(path), member.mode & 0o777 | 0o700)
        }
        const change = Effect.gen(function*() {
          if (!isRoot) {
            const { mode: current } = yield* self.files.stat(at(path))
            const mode = member.mode & 0o777 & (isThere ? ~umask : current)
            if (mode !== (current & 0o777)) yield* self.files.change(at(path), Change.Mode({ mode }))
          }
          yield* attributes(member, path, owned)
        })
        made.push(saying(`${path}: Cannot change mode`)(change))
      })
    const makeLink = (member: Member, path: string, owned: { readonly uid: number; readonly gid: number }) =>
      Effect.gen(function*() {
        yield* clear(path)
        yield* self.files.symlink(bytes.toText(member.target), at(path))
        if (isRoot) yield* self.files.changeLink(at(path), Change.Owner(owned))
        yield* self.files.changeLink(at(path), Change.Times({ atime: now, mtime: member.mtime }))
      })
    const makeFile = <E>(
      member: Member,
      path: string,
      owned: { readonly uid: number; readonly gid: number },
      content: Pull<E>
    ) =>
      Effect.scoped(Effect.gen(function*() {
        yield* clear(path)
        const flags = { ...descriptor.flagsOf(">"), exclusive: true }
        const target = descriptor.write(yield* self.files.open(at(path), flags, member.mode & 0o777))
        for (let next = yield* content; Option.isSome(next); next = yield* content) {
          yield* target.write(next.value)
          yield* input.turn
        }
        yield* attributes(member, path, owned)
      }))

    return {
      member: <E>(member: Member, content: Pull<E>) =>
        Effect.gen(function*() {
          if (member.name.split("/").includes("..")) return yield* complain(`${member.name}: Member name contains '..'`)
          const path = strip(yield* safe(member.name))
          if (path === undefined) return
          const owned = isRoot ? yield* owner(member) : member
          const name = path.replace(/\/+$/, "")
          yield* saying(`${name}: Cannot mkdir`)(parents(name))
          if (member.type === "5") yield* saying(`${name}: Cannot mkdir`)(makeDirectory(member, name, owned))
          else if (member.type === "2") {
            const words = `${name}: Cannot create symlink to '${member.target}'`
            const making = saying(words)(makeLink(member, name, owned))
            // Links that lead out of the tree come last, so that no member is written through one.
            if (/^\/|(?:^|\/)\.\.(?:\/|$)/.test(member.target)) lateLinks.push(making)
            else yield* making
          } else if (member.type === "1") {
            const target = strip(yield* safe(member.target))
            if (target === undefined) return
            if (target.split("/").includes("..")) return yield* complain(`${target}: Member name contains '..'`)
            if (target === name) return
            yield* saying(`${name}: Cannot hard link to '${target}'`)(
              Effect.zipRight(clear(name), self.files.link(at(target), at(name)))
            )
          } else {
            // the errors of the archive are not those of the file
            yield* Effect.catchIf(
              makeFile(member, name, owned, content),
              (error): error is Extract<typeof error, PosixError> =>
                typeof error === "object" && error !== null && "_tag" in error && error._tag === "PosixError",
              (error) => complain(`${name}: Cannot open: ${message.of(error)}`)
            )
          }
        }),
      end: Effect.gen(function*() {
        // directories within others first
        for (const one of [...lateLinks, ...made.reverse()]) yield* one
        return code
      })
    }
  })
