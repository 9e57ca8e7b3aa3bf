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
import * as buffers from "../lib/buffers.js"
import * as fileMode from "../lib/fileMode.js"
import * as outlet from "../lib/outlet.js"
import * as text from "../lib/text.js"
import * as doubts from "./doubts.js"
import * as turns from "./turns.js"

/** @internal */
export interface Client {
  /**
   * Sends a request and waits for its answer. An interrupted one leaves nothing behind: a handle that is opened all the
   * same is closed.
   */
  readonly request: (request: Sftp.Request) => Effect.Effect<Sftp.Response, RemoteConnectionError>
  /**
   * Opens a file, and looks at it first in the same flight. While a pipe or a device keeps the answer waiting, what comes
   * next gets another session.
   */
  readonly open: (
    request: Extract<Sftp.Request, { readonly _tag: "Open" }>,
    looks: boolean
  ) => Effect.Effect<readonly [answer: Sftp.Response, found: Sftp.Attributes | undefined], RemoteConnectionError>
  /**
   * As `request`, but does not wait for the answer, so that several can be in flight. `mayStay`: it may stay unanswered for
   * long, as a read from a pipe does.
   */
  readonly send: (request: Sftp.Request, mayStay?: boolean) => Effect.Effect<Answer, RemoteConnectionError>
  /**
   * As `send`, for callbacks: what is lost is answered at once, and nothing waits for what is on its way. Returns what
   * abandons it. If the answer is still to come, a handle in it is closed. A handle that `answered` has received is not.
   */
  readonly post: (request: Sftp.Request, answered: Answered) => () => void
  /** Closes a handle without waiting for the answer. A handle that was closed before stays as it is. */
  readonly close: (handle: Uint8Array) => void
  /** Closes a handle whose user was interrupted, and abandons the requests about it. Waits for nothing. */
  readonly leave: (handle: Uint8Array, isClosed?: boolean) => void
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
  /** Whether no handle is open, and nobody waits for anything in flight. */
  readonly isIdle: () => boolean
  readonly hasHandles: () => boolean
  /** Whether requests are in flight that the server may never answer. */
  readonly isDoubted: () => boolean
  /** Waits for a few seconds for the answers that are doubted, and tells whether the server goes on answering. */
  readonly answers: Effect.Effect<boolean>
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

// A server that takes less at once is not believed: each request costs more than its bytes.
const smallestSize = 1024

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

// How long an answer that nobody waits for may stay away until what comes next gets another session. Shorter than what
// finalizers wait, which need that session.
const patience = 3000
// How long those that were sent after it wait for the server to go on.
const longestSilence = 30_000
const watchedEvery = "1 second"

// A server that tells no limit has at least 256 descriptors for all that it does.
const handlesWithoutLimit = 128
const mostHandles = 1_000_000
// How long somebody waits for a handle while none is given back.
const handleWithin = 60_000

/** @internal */
export type Answered = (answer: Exit.Exit<Sftp.Response, RemoteConnectionError>) => void

interface Pending {
  readonly name: Sftp.Request["_tag"]
  /** The handle that it is about. */
  readonly handle: Uint8Array | undefined
  /** Where a handle was taken that its answer gives back. */
  readonly turns: turns.Turns | undefined
  answer: Exit.Exit<Sftp.Response, RemoteConnectionError> | undefined
  resume: Answered | undefined
  abandoned: boolean
}

const writes = Sftp.OpenFlags.write | Sftp.OpenFlags.append

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

    const clock = yield* Effect.clock
    const now = () => clock.unsafeCurrentTimeMillis()
    const doubted = doubts.make(now)
    const isWatched = Effect.unsafeMakeLatch(false)
    const doubt = (entry: Pending) => {
      doubted.add(entry)
      isWatched.unsafeOpen()
    }
    // Half of the handles are for what is read and half for what is written: who has one of a kind and waits for one of the
    // other, as a copy does, is never waited for by all the others.
    const opens: { toRead?: turns.Turns; toWrite?: turns.Turns } = {}
    const turnsFor = (request: Sftp.Request): turns.Turns | undefined =>
      request._tag === "Opendir" || request._tag === "Open" && (request.flags & writes) === 0
        ? opens.toRead
        : request._tag === "Open"
        ? opens.toWrite
        : undefined
    const takenFrom = new WeakMap<Uint8Array, turns.Turns>()

    const pending = new Map<number, Pending>()
    let outgoing: Array<Uint8Array> = []
    let outgoingSize = 0
    let nextId = 0
    let lost: RemoteConnectionError | undefined
    const filled = Effect.unsafeMakeLatch(false)
    const drained = Effect.unsafeMakeLatch(true)
    const ended = Deferred.unsafeMake<void>(FiberId.none)

    const settle = (entry: Pending, answer: Exit.Exit<Sftp.Response, RemoteConnectionError>) => {
      if (entry.answer !== undefined) return
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
      opens.toRead?.end()
      opens.toWrite?.end()
      Deferred.unsafeDone(ended, Effect.void)
    }

    // By identity, since servers give a number that was closed to the next file.
    const handles = new Set<Uint8Array>()
    const submit = (request: Sftp.Request): Pending => {
      if (request._tag === "Close") handles.delete(request.handle)
      const id = nextId
      nextId = (nextId + 1) >>> 0
      const handle = "handle" in request ? request.handle : undefined
      const entry: Pending = {
        name: request._tag,
        handle,
        turns: request._tag === "Close" ? takenFrom.get(request.handle) : turnsFor(request),
        answer: undefined,
        resume: undefined,
        abandoned: false
      }
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
        (more) => {
          doubted.progressed()
          return more ? writeOn : error("ConnectionLost", "the SFTP server reads no more")
        }
      )
    })

    const close: Client["close"] = (handle) => {
      if (lost === undefined && handles.has(handle)) submit(Sftp.Request.Close({ handle }))
    }
    const closeUnused = (response: Sftp.Response) => {
      if (response._tag === "Handle") close(response.handle)
    }

    const answered = ({ id, packet }: Sftp.Numbered<Sftp.Response>): RemoteConnectionError | undefined => {
      const entry = pending.get(id)
      if (entry === undefined) return error("Protocol", `the SFTP server answered request ${id}, which nobody made`)
      pending.delete(id)
      doubted.remove(entry)
      if (packet._tag === "Handle") {
        handles.add(packet.handle)
        if (entry.turns !== undefined) takenFrom.set(packet.handle, entry.turns)
      } else entry.turns?.give()
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
    const send: Client["send"] = (packet, mayStay = false) =>
      enter(() => {
        const entry = submit(packet)
        if (mayStay) doubt(entry)
        return Effect.succeed(answerOf(entry))
      })

    const noHandle = ({ _tag }: Sftp.Request) =>
      error("TimedOut", `${_tag} waited ${handleWithin / 1000}s for a file handle, and none was closed meanwhile`, {
        hint: "The SFTP server limits the files that are open at once (limits@openssh.com). Close some, or open fewer."
      })

    // Sends it. What opens a handle waits for its turn.
    const begin = (packet: Sftp.Request, answered: Answered, look?: (opening: () => Pending | undefined) => void) => {
      let entry: Pending | undefined
      const go = () => {
        if (lost !== undefined) return answered(Exit.fail(lost))
        look?.(() => entry)
        entry = submit(packet)
        entry.resume = answered
      }
      const turns = turnsFor(packet)
      const withdraw = turns === undefined ? go() : turns.take(go, () => answered(Exit.fail(noHandle(packet))))
      if (turns?.isWaitedFor()) isWatched.unsafeOpen()
      return () => {
        if (entry === undefined) return withdraw?.()
        if (entry.answer !== undefined) return
        entry.resume = undefined
        entry.abandoned = true
        doubt(entry)
      }
    }

    const answerTo = (packet: Sftp.Request, look?: (opening: () => Pending | undefined) => void) =>
      Effect.async<Sftp.Response, RemoteConnectionError>((resume) => {
        let answer: Exit.Exit<Sftp.Response, RemoteConnectionError> | undefined
        const abandon = begin(packet, (given) => resume(answer = given), look)
        return Effect.sync(() => {
          abandon()
          // An interruption came before the fiber saw the answer.
          if (answer !== undefined && Exit.isSuccess(answer)) closeUnused(answer.value)
        })
      })

    const ask: Client["request"] = (packet) => enter(() => answerTo(packet))

    const openLooking: Client["open"] = (packet, looks) =>
      enter(() => {
        let found: Sftp.Attributes | undefined
        const look = (opening: () => Pending | undefined) => {
          submit(Sftp.Request.Stat({ path: packet.path })).resume = (answer) => {
            if (Exit.isFailure(answer) || answer.value._tag !== "Attrs") return
            found = answer.value.attributes
            const entry = opening()
            if (entry !== undefined && entry.answer === undefined && fileMode.mayBlock(found)) doubt(entry)
          }
        }
        return Effect.map(answerTo(packet, looks ? look : undefined), (answer) => [answer, found] as const)
      })
    const seen = <A, E>(name: Sftp.Request["_tag"], effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.withFiberRuntime((fiber) =>
        Context.get(fiber.getFiberRef(DefaultServices.currentServices), Tracer.Tracer) === untraced
          ? effect
          : Effect.withSpan(effect, `sftp.${name.toLowerCase()}`, span)
      )
    const request: Client["request"] = (packet) => seen(packet._tag, ask(packet))
    const leave: Client["leave"] = (handle, isClosed = false) => {
      if (lost !== undefined) return
      if (!isClosed) close(handle)
      for (const entry of pending.values()) if (entry.handle === handle) doubt(entry)
    }

    // A request that the server does not answer keeps it from answering those that were sent after it.
    const giveUp = () => {
      const [first] = pending.values()
      if (first === undefined || !doubted.isSilent(first, longestSilence)) return
      const failure = error(
        "TimedOut",
        `the SFTP server has answered nothing for ${
          longestSilence / 1000
        }s: it is held up by an earlier request (${first.name})`,
        { hint: "A pipe, a device or a disk that does not respond holds it up. Later requests get another session." }
      )
      for (const entry of pending.values()) {
        if (doubted.has(entry)) continue
        settle(entry, Exit.fail(failure))
        entry.abandoned = true
        doubt(entry)
      }
    }
    const watch: Effect.Effect<never> = Effect.suspend(() => {
      const all = [opens.toRead, opens.toWrite]
      if (doubted.count() === 0 && !all.some((turns) => turns?.isWaitedFor())) {
        isWatched.unsafeClose()
        return Effect.zipRight(isWatched.await, watch)
      }
      return Effect.zipRight(
        Effect.delay(
          Effect.sync(() => {
            giveUp()
            for (const turns of all) turns?.refuseOverdue()
          }),
          watchedEvery
        ),
        watch
      )
    })
    yield* Effect.forkScoped(Effect.interruptible(watch))

    const isBlocked = () => {
      const [first] = pending.values()
      return first !== undefined && doubted.isSilent(first, patience)
    }

    const limits = has("limits") ? yield* request(Sftp.Request.Limits()) : undefined
    const { handles: handleLimit, read, write } = limits?._tag === "ExtendedReply"
      ? yield* Effect.mapError(Sftp.decodeLimits(limits.data), ({ message }) => error("Protocol", message))
      : { read: 0n, write: 0n, handles: 0n }
    const size = (limit: bigint) =>
      limits?._tag === "ExtendedReply"
        ? limit === 0n ? largestSize : Math.max(smallestSize, Math.min(largestSize, Number(limit)))
        : sizeWithoutLimits
    const readSize = size(read)
    const allowed = handleLimit === 0n ? handlesWithoutLimit : Math.min(mostHandles, Number(handleLimit))
    opens.toRead = turns.make(Math.ceil(allowed / 2), handleWithin, now)
    opens.toWrite = turns.make(Math.max(1, Math.floor(allowed / 2)), handleWithin, now)
    if (readSize > largePiece) memory = buffers.make(readSize + dataOverhead, answersKept)
    return {
      request,
      open: (packet, looks) => seen("Open", openLooking(packet, looks)),
      send,
      post: begin,
      close,
      leave,
      begin: (name, effect) => seen(name, enter(() => effect)),
      has,
      isIdle: () => handles.size === 0 && (pending.size === 0 || doubted.count() === pending.size && isBlocked()),
      hasHandles: () => handles.size > 0,
      isDoubted: () => doubted.count() > 0,
      answers: Effect.map(doubted.settled(patience), () => !isBlocked()),
      readSize,
      writeSize: size(write),
      reuse: memory.give,
      isLost: () => lost !== undefined
    }
  })
