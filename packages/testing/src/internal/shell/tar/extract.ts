/**
 * Lists or unpacks the members of an archive.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { createGunzip } from "node:zlib"
import type { PosixError } from "../../sftp/sftpFileSystem.js"
import { through, type TransformError } from "../coreutils/gzip.js"
import * as input from "../input.js"
import type * as tool from "../tool.js"
import type { Member } from "./header.js"
import * as read from "./read.js"
import { refuse, type Request } from "./request.js"
import * as unpack from "./unpack.js"

type Chunks = read.Pull<PosixError | TransformError | tool.Stop>

const withoutSlashes = (name: string): string => name.replace(/(?<=[^/])\/+$/, "")

/** The names that are asked for, and whether the archive has them. */
type Wanted = Map<string, boolean>

/** Whether a member is asked for, by its name or by that of a directory around it. */
const isWanted = (wanted: Wanted, name: string): boolean => {
  if (wanted.size === 0) return true
  const path = withoutSlashes(name)
  const one = [...wanted.keys()].find((one) => path === one || path.startsWith(`${one}/`))
  if (one !== undefined) wanted.set(one, true)
  return one !== undefined
}

const isCompressed = (chunk: Uint8Array): boolean =>
  /^(?:\x1f\x8b|BZh|\xfd7z|\x28\xb5\x2f\xfd)/.test(Buffer.from(chunk.subarray(0, 4)).toString("latin1"))

/** Passes the archive on, without its compression. */
const feed = (
  self: tool.Tool,
  { archive, isPacked }: Request,
  offer: (chunk: Uint8Array) => Effect.Effect<void>
): Effect.Effect<void, PosixError | TransformError | tool.Stop> => {
  if (isPacked) return through(createGunzip, (sink) => input.chunks(self, archive, sink), offer)
  let isFirst = true
  return input.chunks(self, archive, (chunk): Effect.Effect<void, tool.Stop> => {
    const isRefused = isFirst && isCompressed(chunk)
    isFirst = false
    if (!isRefused) return offer(chunk)
    return archive === "-"
      ? read.fatal(self, "Archive is compressed. Use -z option")
      : refuse("a compressed archive without -z")
  })
}

/** The archive as chunks, read no further ahead than one of them. */
const chunksOf = (
  self: tool.Tool,
  request: Request
): Effect.Effect<read.Pull<tool.Stop>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const queue = yield* Queue.bounded<Chunks>(1)
    const offer = (chunk: Uint8Array) => Effect.asVoid(Queue.offer(queue, Effect.succeedSome(chunk.slice())))
    yield* Effect.forkScoped(Effect.matchCauseEffect(feed(self, request, offer), {
      onFailure: (cause) => Queue.offer(queue, Effect.failCause(cause)),
      onSuccess: () => Queue.offer(queue, Effect.succeedNone)
    }))
    let ended = false
    return Effect.suspend(() => ended ? Effect.succeedNone : Effect.flatten(Queue.take(queue))).pipe(
      Effect.tap((next) => {
        if (Option.isNone(next)) ended = true
      }),
      Effect.catchTags({
        PosixError: (error) => read.cannotOpen(self, request.archive, error),
        TransformError: ({ words }) =>
          Effect.zipRight(
            Effect.asVoid(self.invocation.stderr(Buffer.from(`\ngzip: stdin: ${words}\n`))),
            read.fatal(self, "Child returned status 1")
          )
      })
    )
  })

/** @internal */
export const extract = (self: tool.Tool, request: Request, enter: Effect.Effect<void, tool.Stop>) =>
  Effect.gen(function*() {
    const { directory, isExcluded, isVerbose, mode, operands, stripped } = request
    const unpacking = yield* unpack.make(self, directory, stripped)
    const wanted: Wanted = new Map(operands.map((name) => [withoutSlashes(name), false]))
    const isShown = mode === "t" || isVerbose
    const run = <E>(member: Member, content: read.Pull<E>) =>
      Effect.gen(function*() {
        if (!isWanted(wanted, member.name) || isExcluded(member.name)) return
        if (/[^ -~]|\\/.test(member.name) && isShown) return yield* refuse(`to list the name ${member.name}`)
        const shown = member.type === "5" && !member.name.endsWith("/") ? `${member.name}/` : member.name
        if (isShown) yield* self.print(`${shown}\n`)
        if (mode === "x") yield* unpacking.member(member, content)
      })
    yield* enter
    yield* Effect.scoped(Effect.flatMap(chunksOf(self, request), (pull) => read.each(self, pull, run)))
    let code = mode === "x" ? yield* unpacking.end : 0
    for (const [name, isThere] of wanted) {
      if (isThere) continue
      code = 2
      yield* self.complain(`${name}: Not found in archive`)
    }
    if (code !== 0) yield* self.complain("Exiting with failure status due to previous errors")
    return code
  })
