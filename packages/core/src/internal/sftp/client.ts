/**
 * One SFTP session over a channel: requests in flight side by side, matched with their answers by number.
 */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as Sftp from "../../protocol/Sftp.js"
import * as Wire from "../../protocol/Wire.js"
import { RemoteConnectionError } from "../../RemoteError.js"
import type { RemoteHost } from "../../RemoteHost.js"
import type { Channel } from "../../Transport.js"
import * as buffers from "../buffers.js"
import * as outlet from "../outlet.js"
import * as text from "../text.js"

/** @internal */
export interface Client {
  /**
   * Sends a request and waits for its answer. An interrupted one leaves nothing behind: a handle that is opened all the
   * same is closed.
   */
  readonly request: (request: Sftp.Request) => Effect.Effect<Sftp.Response, RemoteConnectionError>
  /** As `request`, but does not wait for the answer, so that several can be in flight. */
  readonly send: (request: Sftp.Request) => Effect.Effect<Answer, RemoteConnectionError>
  /** As `send`, for callbacks: what is lost is answered at once, and nothing waits for what is on its way. */
  readonly post: (
    request: Sftp.Request,
    answered: (answer: Exit.Exit<Sftp.Response, RemoteConnectionError>) => void
  ) => void
  /** Does it when not too much is on its way, and in a span of the request's name where somebody looks. */
  readonly begin: <A, E>(
    name: Sftp.Request["_tag"],
    effect: Effect.Effect<A, E>
  ) => Effect.Effect<A, E | RemoteConnectionError>
  readonly has: (extension: keyof typeof Sftp.extensions) => boolean
  /** The most bytes to ask for, and to write, in one request. */
  readonly readSize: number
  readonly writeSize: number
  /** Nobody uses this data of an answer any more: what comes next may be put in its place. */
  readonly reuse: (data: Uint8Array) => void
  /** Whether nothing is in flight and no handle is open. */
  readonly isIdle: () => boolean
  /** Whether the session has ended. */
  readonly isLost: () => boolean
}

/** @internal */
export interface Answer {
  readonly hasCome: () => boolean
  /** Waits for it. One at a time may. */
  readonly wait: Effect.Effect<Sftp.Response, RemoteConnectionError>
}

const versionSpoken = 3

// What every server takes (draft-ietf-secsh-filexfer-02, section 3): packets of 34000 bytes. OpenSSH takes no more than
// `largestSize` of data in one (`sftp-server` without a word of its own).
const sizeWithoutLimits = 32768
const largestSize = 261120

const noiseShown = 512

// What an answer has besides its data: its type, its number and how long the data is.
const dataOverhead = 9

// Large answers that wait for their next use.
const answersKept = 16

// Requests that wait to be written; more of them hold their senders back.
const outgoingLimit = 4 * 1024 * 1024

// Larger pieces are written as they are; the smaller ones between them are put together.
const largePiece = 16 * 1024

// A span costs as much as the rest of a request. Nobody sees those of the tracer that there is when nobody has set one.
const untraced = Context.get(DefaultServices.liveServices, Tracer.Tracer)

interface Pending {
  answer: Exit.Exit<Sftp.Response, RemoteConnectionError> | undefined
  resume: ((answer: Exit.Exit<Sftp.Response, RemoteConnectionError>) => void) | undefined
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
    const ended = Deferred.unsafeMake<void>(FiberId.none)

    const settle = (entry: Pending, answer: Exit.Exit<Sftp.Response, RemoteConnectionError>) => {
      entry.answer = answer
      entry.resume?.(answer)
    }

    const fail = (failure: RemoteConnectionError) => {
      if (lost !== undefined) return
      lost = failure
      outgoing = []
      drained.unsafeOpen()
      const waiting = Array.from(pending.values())
      pending.clear()
      for (const entry of waiting) settle(entry, Exit.fail(failure))
      Deferred.unsafeDone(ended, Effect.void)
    }

    let handles = 0
    const submit = (request: Sftp.Request): Pending => {
      if (request._tag === "Close") handles--
      const id = nextId
      nextId = (nextId + 1) >>> 0
      const entry: Pending = { answer: undefined, resume: undefined, abandoned: false }
      pending.set(id, entry)
      for (const piece of Sftp.encodeRequestPieces(id, request)) {
        outgoing.push(piece)
        outgoingSize += piece.length
      }
      if (outgoingSize > outgoingLimit) drained.unsafeClose()
      filled.unsafeOpen()
      return entry
    }

    const takePieces = (): Uint8Array => {
      const large = outgoing.findIndex(({ length }) => length >= largePiece)
      const bytes = text.concat(outgoing.splice(0, large < 0 ? outgoing.length : Math.max(1, large)))
      outgoingSize -= bytes.length
      if (outgoingSize <= outgoingLimit) drained.unsafeOpen()
      return bytes
    }

    // Packets are never cut short: they are written by a fiber that no sender can interrupt.
    const writeOn: Effect.Effect<never, RemoteConnectionError> = Effect.suspend(() => {
      if (outgoing.length === 0) {
        filled.unsafeClose()
        return Effect.zipRight(filled.await, writeOn)
      }
      return Effect.flatMap(
        channel.write(takePieces()),
        (more) => more ? writeOn : error("ConnectionLost", "the SFTP server reads no more")
      )
    })

    const closeUnused = (response: Sftp.Response) => {
      if (response._tag === "Handle" && lost === undefined) submit(Sftp.Request.Close({ handle: response.handle }))
    }

    const answered = ({ id, packet }: Sftp.Numbered<Sftp.Response>): RemoteConnectionError | undefined => {
      const entry = pending.get(id)
      if (entry === undefined) return error("Protocol", `the SFTP server answered request ${id}, which nobody made`)
      pending.delete(id)
      if (packet._tag === "Handle") handles++
      if (entry.abandoned) closeUnused(packet)
      settle(entry, Exit.succeed(packet))
      return undefined
    }

    const drainStderr: Effect.Effect<void, RemoteConnectionError> = Effect.flatMap(channel.readStderr, (read) => {
      if (Option.isNone(read)) return Effect.void
      stderr.push(read.value)
      return drainStderr
    })
    const stderrEnded = yield* Effect.forkScoped(Effect.interruptible(Effect.ignore(drainStderr)))

    let memory = buffers.make(0, 0)
    const split = Wire.splitter(
      Sftp.longestPacket,
      (length) => memory.size === length ? memory.take() : new Uint8Array(length)
    )
    const firstPacket = Deferred.unsafeMake<Uint8Array, RemoteConnectionError | Wire.MalformedError>(FiberId.none)
    let beginning: Uint8Array = new Uint8Array()
    let begins = true
    const takePacket = (packet: ReturnType<typeof split>[number]) => {
      if (lost !== undefined) return
      if (begins) {
        begins = false
        return Deferred.unsafeDone(firstPacket, packet)
      }
      const response = Either.flatMap(packet, Sftp.decodeResponse)
      const failure = Either.isLeft(response)
        ? error("Protocol", `the SFTP server broke the protocol: ${response.left.message}`)
        : answered(response.right)
      if (failure !== undefined) fail(failure)
    }
    // A packet that came whole is a part of these bytes, which change.
    const take = (bytes: Uint8Array) => {
      if (beginning.length < noiseShown) beginning = text.concat([beginning, bytes]).slice(0, noiseShown)
      for (const packet of split(bytes)) {
        takePacket(Either.map(packet, (packet) => packet.buffer === bytes.buffer ? new Uint8Array(packet) : packet))
      }
    }
    const readOn: Effect.Effect<void, RemoteConnectionError> = Effect.flatMap(channel.read, (read) => {
      if (Option.isNone(read)) return Effect.void
      take(read.value)
      return readOn
    })
    yield* (channel.consume?.(take) ?? readOn).pipe(
      // Its last words may come behind.
      Effect.zipRight(Fiber.await(stderrEnded)),
      Effect.zipRight(Effect.failSync(() => error("ConnectionLost", "the SFTP server ended the session"))),
      Effect.catchAll((failure) =>
        Effect.sync(() => {
          fail(failure)
          Deferred.unsafeDone(firstPacket, failure)
        })
      ),
      Effect.raceFirst(Deferred.await(ended)),
      Effect.interruptible,
      Effect.forkScoped
    )

    yield* channel.write(Sftp.encodeHello("client", { version: versionSpoken, extensions: [] }))
    const hello = yield* Deferred.await(firstPacket).pipe(
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

    yield* Effect.forkScoped(
      Effect.interruptible(Effect.catchAll(writeOn, (failure) => Effect.sync(() => fail(failure))))
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => fail(error("ConnectionLost", "the SFTP session was closed"))))

    const enter = <A, E>(
      submitted: () => Effect.Effect<A, E>
    ): Effect.Effect<A, E | RemoteConnectionError> =>
      Effect.suspend((): Effect.Effect<A, E | RemoteConnectionError> => {
        if (lost !== undefined) return lost
        return outgoingSize <= outgoingLimit ? submitted() : Effect.zipRight(drained.await, enter(submitted))
      })

    const answerOf = (entry: Pending): Answer => ({
      hasCome: () => entry.answer !== undefined,
      wait: Effect.suspend(() =>
        entry.answer ?? Effect.async((resume) => {
          entry.resume = resume
          return Effect.sync(() => {
            entry.resume = undefined
          })
        })
      )
    })
    const send: Client["send"] = (packet) => enter(() => Effect.succeed(answerOf(submit(packet))))

    const ask: Client["request"] = (packet) =>
      enter(() =>
        Effect.async((resume) => {
          const entry = submit(packet)
          entry.resume = resume
          return Effect.sync(() => {
            entry.abandoned = true
            if (entry.answer !== undefined && Exit.isSuccess(entry.answer)) closeUnused(entry.answer.value)
          })
        })
      )
    const seen = <A, E>(name: Sftp.Request["_tag"], effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.withFiberRuntime((fiber) =>
        Context.get(fiber.getFiberRef(DefaultServices.currentServices), Tracer.Tracer) === untraced
          ? effect
          : Effect.withSpan(effect, `sftp.${name.toLowerCase()}`, span)
      )
    const request: Client["request"] = (packet) => seen(packet._tag, ask(packet))
    const post: Client["post"] = (packet, answered) => {
      if (lost !== undefined) answered(Exit.fail(lost))
      else submit(packet).resume = answered
    }

    const limits = has("limits") ? yield* request(Sftp.Request.Limits()) : undefined
    const { read, write } = limits?._tag === "ExtendedReply"
      ? yield* Effect.mapError(Sftp.decodeLimits(limits.data), ({ message }) => error("Protocol", message))
      : { read: 0n, write: 0n }
    const size = (limit: bigint) =>
      limits?._tag === "ExtendedReply"
        ? limit === 0n ? largestSize : Math.min(largestSize, Number(limit))
        : sizeWithoutLimits
    const readSize = size(read)
    if (readSize > largePiece) memory = buffers.make(readSize + dataOverhead, answersKept)
    return {
      request,
      send,
      post,
      begin: (name, effect) => seen(name, enter(() => effect)),
      has,
      isIdle: () => pending.size === 0 && handles === 0,
      readSize,
      writeSize: size(write),
      reuse: memory.give,
      isLost: () => lost !== undefined
    }
  })
