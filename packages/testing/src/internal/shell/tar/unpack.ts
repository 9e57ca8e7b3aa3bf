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
import * as fileMode from "../fileMode.js"
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

interface State {
  readonly tool: tool.Tool
  readonly directory: string
  /** How many steps of each name are removed. */
  readonly stripped: number
  readonly isRoot: boolean
  /** Seconds since 1970. */
  readonly now: number
  readonly lateLinks: Array<Effect.Effect<void, tool.Closed>>
  /** Final changes of the directories that were made. */
  readonly made: Array<Effect.Effect<void, tool.Closed>>
  code: number
  /** Whether it was said that leading slashes are removed. */
  strips: boolean
}

interface Owned {
  readonly uid: number
  readonly gid: number
}

const at = (state: State, path: string) => directories.at(state.directory, path)

const complain = (state: State, words: string) => {
  state.code = 2
  return state.tool.complain(words)
}

const saying = (state: State, words: string) =>
  Effect.catchAll((error: PosixError) => complain(state, `${words}: ${message.of(error)}`))

const safe = (state: State, name: string): Effect.Effect<string, tool.Closed> =>
  Effect.gen(function*() {
    if (!name.startsWith("/")) return name
    if (!state.strips) yield* state.tool.complain("Removing leading `/' from member names")
    state.strips = true
    return name.replace(/^\/+/, "") || "."
  })

/** Without the first steps. `undefined`: nothing is left. */
const strip = (state: State, name: string): string | undefined => {
  let rest = name
  for (let count = 0; count < state.stripped; count++) {
    const match = /^[^/]*\/+/.exec(rest)
    if (match === null) return undefined
    rest = rest.slice(match[0].length)
  }
  return rest === "" ? undefined : rest
}

const parents = (state: State, path: string) =>
  Effect.gen(function*() {
    const steps = path.split("/").slice(0, -1)
    for (let count = 1; count <= steps.length; count++) {
      const above = at(state, steps.slice(0, count).join("/"))
      yield* Effect.catchIf(state.tool.files.mkdir(above, 0o777), ({ errno }) => errno === "EEXIST", () => Effect.void)
    }
  })

const clear = (state: State, path: string) =>
  Effect.gen(function*() {
    const there = yield* Effect.option(state.tool.files.lstat(at(state, path)))
    if (Option.isNone(there)) return
    yield* directories.isDirectory(there.value)
      ? state.tool.files.rmdir(at(state, path))
      : state.tool.files.unlink(at(state, path))
  })

const owner = (state: State, { gid, uid, user }: Member) =>
  Effect.gen(function*() {
    if (user === "" || !(yield* Effect.map(state.tool.files.homeOf(bytes.toText(user)), Option.isSome))) {
      return { uid, gid }
    }
    if ((yield* identity.userName(state.tool.files, uid)) === user) return { uid, gid }
    return yield* tool.stop(`InMemoryHost does not understand the user ${user} with the number ${uid}`, 2)
  })

const attributes = (state: State, member: Member, path: string, owned: Owned) =>
  Effect.gen(function*() {
    if (state.isRoot) {
      yield* state.tool.files.change(at(state, path), Change.Owner(owned))
      yield* state.tool.files.change(at(state, path), Change.Mode({ mode: member.mode }))
    }
    yield* state.tool.files.change(at(state, path), Change.Times({ atime: state.now, mtime: member.mtime }))
  })

const makeDirectory = (state: State, member: Member, path: string, owned: Owned) =>
  Effect.gen(function*() {
    const before = yield* Effect.option(state.tool.files.lstat(at(state, path)))
    const isThere = Option.exists(before, directories.isDirectory)
    if (!isThere) {
      yield* clear(state, path)
      yield* state.tool.files.mkdir(at(state, path), member.mode & fileMode.accessBits | 0o700)
    }
    const change = Effect.gen(function*() {
      if (!state.isRoot) {
        const { mode: current } = yield* state.tool.files.stat(at(state, path))
        const mode = member.mode & fileMode.accessBits & (isThere ? ~umask : current)
        if (mode !== (current & fileMode.accessBits)) {
          yield* state.tool.files.change(at(state, path), Change.Mode({ mode }))
        }
      }
      yield* attributes(state, member, path, owned)
    })
    state.made.push(saying(state, `${path}: Cannot change mode`)(change))
  })

const makeLink = (state: State, member: Member, path: string, owned: Owned) =>
  Effect.gen(function*() {
    yield* clear(state, path)
    yield* state.tool.files.symlink(bytes.toText(member.target), at(state, path))
    if (state.isRoot) yield* state.tool.files.changeLink(at(state, path), Change.Owner(owned))
    yield* state.tool.files.changeLink(at(state, path), Change.Times({ atime: state.now, mtime: member.mtime }))
  })

const makeFile = <E>(state: State, member: Member, path: string, owned: Owned, content: Pull<E>) =>
  Effect.scoped(Effect.gen(function*() {
    yield* clear(state, path)
    const flags = { ...descriptor.flagsOf(">"), exclusive: true }
    const target = descriptor.write(
      yield* state.tool.files.open(at(state, path), flags, member.mode & fileMode.accessBits)
    )
    for (let next = yield* content; Option.isSome(next); next = yield* content) {
      yield* target.write(next.value)
      yield* input.turn
    }
    yield* attributes(state, member, path, owned)
  }))

/** @internal */
export const make = (self: tool.Tool, directory: string, stripped: number): Effect.Effect<Unpacking> =>
  Effect.gen(function*() {
    const state: State = {
      tool: self,
      directory,
      stripped,
      isRoot: (yield* identity.of(self.files)).uid === 0,
      now: Math.floor((yield* Clock.currentTimeMillis) / 1000),
      lateLinks: [],
      made: [],
      code: 0,
      strips: false
    }
    return {
      member: <E>(member: Member, content: Pull<E>) =>
        Effect.gen(function*() {
          if (member.name.split("/").includes("..")) {
            return yield* complain(state, `${member.name}: Member name contains '..'`)
          }
          const path = strip(state, yield* safe(state, member.name))
          if (path === undefined) {
            return
          }
          const owned = state.isRoot ? yield* owner(state, member) : member
          const name = path.replace(/\/+$/, "")
          yield* saying(state, `${name}: Cannot mkdir`)(parents(state, name))
          if (member.type === "5") {
            yield* saying(state, `${name}: Cannot mkdir`)(makeDirectory(state, member, name, owned))
          } else if (member.type === "2") {
            const words = `${name}: Cannot create symlink to '${member.target}'`
            const making = saying(state, words)(makeLink(state, member, name, owned))
            // Links that lead out of the tree come last, so that no member is written through one.
            if (/^\/|(?:^|\/)\.\.(?:\/|$)/.test(member.target)) state.lateLinks.push(making)
            else yield* making
          } else if (member.type === "1") {
            const target = strip(state, yield* safe(state, member.target))
            if (target === undefined) return
            if (target.split("/").includes("..")) return yield* complain(state, `${target}: Member name contains '..'`)
            if (target === name) return
            yield* saying(state, `${name}: Cannot hard link to '${target}'`)(
              Effect.zipRight(clear(state, name), state.tool.files.link(at(state, target), at(state, name)))
            )
          } else {
            // the errors of the archive are not those of the file
            yield* Effect.catchIf(
              makeFile(state, member, name, owned, content),
              (error): error is Extract<typeof error, PosixError> =>
                typeof error === "object" && error !== null && "_tag" in error && error._tag === "PosixError",
              (error) => complain(state, `${name}: Cannot open: ${message.of(error)}`)
            )
          }
        }),
      end: Effect.gen(function*() {
        // directories within others first
        for (const one of [...state.lateLinks, ...state.made.reverse()]) yield* one
        return state.code
      })
    }
  })
