/**
 * One SFTP session over a channel: requests in flight side by side, matched with their answers by number.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Sftp from "../../protocol/Sftp.js"
import * as Wire from "../../protocol/Wire.js"
import { RemoteConnectionError } from "../../RemoteError.js"
import type { RemoteHost } from "../../RemoteHost.js"
import type { Channel } from "../../Transport.js"
import * as outlet from "../outlet.js"
import * as text from "../text.js"

/** @internal */
export interface Client {
  /**
   * Sends a request and waits for its answer. An interrupted one leaves nothing behind: a handle that is opened all the
   * same is closed.
   */
  readonly request: (request: Sftp.Request) => Effect.Effect<Sftp.Response, RemoteConnectionError>
  /** As `request`, but succeeds at once with what waits for the answer, so that several can be in flight. */
  readonly send: (request: Sftp.Request) => Effect.Effect<Answer, RemoteConnectionError>
  readonly has: (extension: keyof typeof Sftp.extensions) => boolean
  /** The most bytes to ask for, and to write, in one request. */
  readonly readSize: number
  readonly writeSize: number
  /** Whether nothing is in flight and no handle is open. */
  readonly isIdle: () => boolean
  /** Whether the session has ended. */
  readonly isLost: Effect.Effect<boolean>
}

/** @internal */
export type Answer = Effect.Effect<Sftp.Response, RemoteConnectionError>

const versionSpoken = 3

// What every server takes (draft-ietf-secsh-filexfer-02, section 3): packets of 34000 bytes. OpenSSH takes no more than
// `largestSize` of data in one (`sftp-server` without a word of its own).
const sizeWithoutLimits = 32768
const largestSize = 261120

const noiseShown = 512

// Requests that wait to be written; more of them hold their senders back.
const outgoingLimit = 4 * 1024 * 1024

interface Pending {
  readonly answer: Deferred.Deferred<Sftp.Response, RemoteConnectionError>
  abandoned: boolean
}

/** @internal */
export const make: (
  channel: Channel,
  remote: RemoteHost
) => Effect.Effect<Client, RemoteConnectionError, Scope.Scope> = Effect
  .fnUntraced(function*(channel: Channel, remote: RemoteHost) {
    const host = String(remote)
    // A path is no attribute: names can be secret, too.
    const span = {
      attributes: {
        "server.address": remote.host,
        ...(remote.port !== undefined && { "server.port": remote.port })
      },
      captureStackTrace: false,
      kind: "client"
    } as const
    const stderr = outlet.tail(4096)
    const error = (
      reason: RemoteConnectionError["reason"],
      detail: string,
      fields: { readonly output?: string; readonly hint?: string } = {}
    ) => new RemoteConnectionError({ reason, host, detail, output: text.display(stderr.bytes()), ...fields })

    const pending = new Map<number, Pending>()
    let outgoing: Array<Uint8Array> = []
    let outgoingSize = 0
    let nextId = 0
    let lost: RemoteConnectionError | undefined
    const filled = Effect.unsafeMakeLatch(false)
    const drained = Effect.unsafeMakeLatch(true)

    const fail = (failure: RemoteConnectionError) =>
      Effect.suspend(() => {
        if (lost !== undefined) return Effect.void
        lost = failure
        outgoing = []
        drained.unsafeOpen()
        const waiting = Array.from(pending.values())
        pending.clear()
        return Effect.forEach(waiting, ({ answer }) => Deferred.fail(answer, failure), { discard: true })
      })

    const enqueue = (packet: Uint8Array) => {
      outgoing.push(packet)
      outgoingSize += packet.length
      if (outgoingSize > outgoingLimit) drained.unsafeClose()
      filled.unsafeOpen()
    }

    let handles = 0
    const submit = (request: Sftp.Request): Pending => {
      if (request._tag === "Close") handles--
      const id = nextId
      nextId = (nextId + 1) >>> 0
      const entry: Pending = { answer: Deferred.unsafeMake(FiberId.none), abandoned: false }
      pending.set(id, entry)
      enqueue(Sftp.encodeRequest(id, request))
      return entry
    }

    // Packets are never cut short: they are written by a fiber that no sender can interrupt.
    const writeOn: Effect.Effect<never, RemoteConnectionError> = Effect.forever(Effect.suspend(() => {
      if (outgoing.length === 0) {
        filled.unsafeClose()
        return filled.await
      }
      const bytes = text.concat(outgoing)
      outgoing = []
      outgoingSize = 0
      drained.unsafeOpen()
      return Effect.filterOrFail(
        channel.write(bytes),
        (more) => more,
        () => error("ConnectionLost", "the SFTP server reads no more")
      )
    }))

    const closeUnused = (response: Sftp.Response) => {
      if (response._tag === "Handle") submit(Sftp.Request.Close({ handle: response.handle }))
    }

    const settle = ({ id, packet }: Sftp.Numbered<Sftp.Response>): Effect.Effect<void, RemoteConnectionError> => {
      const entry = pending.get(id)
      if (entry === undefined) return error("Protocol", `the SFTP server answered request ${id}, which nobody made`)
      pending.delete(id)
      if (packet._tag === "Handle") handles++
      if (entry.abandoned) closeUnused(packet)
      return Deferred.succeed(entry.answer, packet)
    }

    const drainStderr: Effect.Effect<void, RemoteConnectionError> = Effect.flatMap(channel.readStderr, (read) => {
      if (Option.isNone(read)) return Effect.void
      stderr.push(read.value)
      return drainStderr
    })
    const stderrEnded = yield* Effect.forkScoped(Effect.interruptible(Effect.ignore(drainStderr)))

    const split = Wire.splitter(Sftp.longestPacket)
    const packets: Array<ReturnType<typeof split>[number]> = []
    let beginning: Uint8Array = new Uint8Array()
    const readOn: Effect.Effect<void, RemoteConnectionError | Wire.MalformedError> = Effect.flatMap(
      channel.read,
      (read): Effect.Effect<void, RemoteConnectionError | Wire.MalformedError> => {
        if (Option.isNone(read)) {
          // Its last words may come behind.
          return Effect.zipRight(
            Fiber.await(stderrEnded),
            Effect.failSync(() => error("ConnectionLost", "the SFTP server ended the session"))
          )
        }
        if (beginning.length < noiseShown) beginning = text.concat([beginning, read.value]).slice(0, noiseShown)
        for (const packet of split(read.value)) packets.push(packet)
        return Effect.void
      }
    )
    const next: Effect.Effect<Uint8Array, RemoteConnectionError | Wire.MalformedError> = Effect.suspend(() => {
      const packet = packets.shift()
      return packet === undefined ? Effect.zipRight(readOn, next) : packet
    })

    yield* channel.write(Sftp.encodeHello("client", { version: versionSpoken, extensions: [] }))
    const hello = yield* next.pipe(
      Effect.flatMap((packet) => Sftp.decodeHello("server", packet)),
      // What a shell prints is taken for a packet's length, and a senseless one.
      Effect.catchTag("MalformedError", ({ message }) => {
        const printed = text.display(beginning).split("\0")[0] ?? ""
        return printed.trim().length === 0
          ? error("Protocol", `what answered is no SFTP server: ${message}`)
          : error("Protocol", "the host printed something before SFTP began", {
            output: printed,
            hint: "A startup file of the login shell must print nothing when the shell is not interactive."
          })
      })
    )
    if (hello.version !== versionSpoken) {
      return yield* error("Protocol", `the SFTP server speaks version ${hello.version}, not ${versionSpoken}`)
    }
    const offered = new Map(hello.extensions)
    const has: Client["has"] = (extension) => {
      const [name, version] = Sftp.extensions[extension]
      return offered.get(name) === version
    }

    yield* next.pipe(
      Effect.flatMap(Sftp.decodeResponse),
      Effect.catchTag(
        "MalformedError",
        ({ message }) => error("Protocol", `the SFTP server broke the protocol: ${message}`)
      ),
      Effect.flatMap(settle),
      Effect.forever,
      Effect.catchAll(fail),
      Effect.interruptible,
      Effect.forkScoped
    )
    yield* Effect.forkScoped(Effect.interruptible(Effect.catchAll(writeOn, fail)))
    yield* Effect.addFinalizer(() => fail(error("ConnectionLost", "the SFTP session was closed")))

    const enter = (packet: Sftp.Request): Effect.Effect<Pending, RemoteConnectionError> =>
      Effect.zipRight(
        drained.await,
        Effect.suspend(() => lost === undefined ? Effect.succeed(submit(packet)) : lost)
      )
    const send: Client["send"] = (packet) => Effect.map(enter(packet), ({ answer }) => Deferred.await(answer))
    const request: Client["request"] = (packet) =>
      Effect.flatMap(
        enter(packet),
        (entry) =>
          Effect.onInterrupt(Deferred.await(entry.answer), () =>
            Effect.flatMap(Deferred.isDone(entry.answer), (answered) => {
              entry.abandoned = true
              return answered ? Effect.ignore(Effect.map(Deferred.await(entry.answer), closeUnused)) : Effect.void
            }))
      ).pipe(Effect.withSpan(`sftp.${packet._tag.toLowerCase()}`, span))

    const limits = has("limits") ? yield* request(Sftp.Request.Limits()) : undefined
    const { read, write } = limits?._tag === "ExtendedReply"
      ? yield* Effect.mapError(Sftp.decodeLimits(limits.data), ({ message }) => error("Protocol", message))
      : { read: 0n, write: 0n }
    const size = (limit: bigint) =>
      limits?._tag === "ExtendedReply"
        ? limit === 0n ? largestSize : Math.min(largestSize, Number(limit))
        : sizeWithoutLimits
    return {
      request,
      send,
      has,
      isIdle: () => pending.size === 0 && handles === 0,
      readSize: size(read),
      writeSize: size(write),
      isLost: Effect.sync(() => lost !== undefined)
    }
  })
