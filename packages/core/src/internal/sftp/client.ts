/**
 * One SFTP session over a channel, with several requests in flight.
 */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as Sftp from "../../protocol/Sftp.js"
import { RemoteConnectionError } from "../../RemoteError.js"
import type { RemoteHost } from "../../RemoteHost.js"
import type { Channel } from "../../Transport.js"
import * as Deadline from "../../unstable/Deadline.js"
import * as fileMode from "../lib/fileMode.js"
import * as outlet from "../lib/outlet.js"
import * as scopes from "../lib/scopes.js"
import * as text from "../lib/text.js"
import * as conversation from "./conversation.js"
import * as hello from "./hello.js"
import * as incoming from "./incoming.js"

/** @internal */
export interface Client {
  /**
   * Sends a request and waits for its answer. After an interruption, a handle in a late answer is closed, and `undo` is sent
   * after a late success.
   */
  readonly request: (
    request: Sftp.Request,
    undo?: conversation.Undo
  ) => Effect.Effect<Sftp.Response, RemoteConnectionError>
  /**
   * Opens a file. With `looks`, reads its attributes first, in the same round trip. While a pipe or a device delays the
   * answer, later requests use another session.
   */
  readonly open: (
    request: Extract<Sftp.Request, { readonly _tag: "Open" }>,
    looks: boolean,
    undo?: conversation.Undo
  ) => Effect.Effect<readonly [answer: Sftp.Response, found: Sftp.Attributes | undefined], RemoteConnectionError>
  /**
   * Like `request`, but does not wait for the answer, so that several requests can be in flight. `mayBlock`: the answer may
   * take very long, like that of a read from a pipe.
   */
  readonly send: (request: Sftp.Request, mayBlock?: boolean) => Effect.Effect<Answer, RemoteConnectionError>
  /**
   * Like `send`, for callbacks: a lost session answers at once, and a full queue does not delay it. Returns a function to
   * abandon the request. A handle in a later answer is then closed. A handle that `answered` has received is not.
   */
  readonly post: (request: Sftp.Request, answered: conversation.Answered, undo?: conversation.Undo) => () => void
  /** Closes a handle without waiting for the answer. Does nothing if the handle was closed before. */
  readonly close: (handle: Uint8Array) => void
  /** Closes the handle of an interrupted caller and abandons its requests, without waiting. */
  readonly leave: (handle: Uint8Array, isClosed?: boolean) => void
  /** Runs the effect once the queue has room, in a span of the request's name if there is a tracer. */
  readonly begin: <A, E>(
    name: Sftp.Request["_tag"],
    effect: Effect.Effect<A, E>
  ) => Effect.Effect<A, E | RemoteConnectionError>
  readonly has: hello.Has
  /** Maximum number of bytes to read in one request. */
  readonly readSize: number
  /** Maximum number of bytes to write in one request. */
  readonly writeSize: number
  /** Releases the data of an answer. Later answers overwrite it. */
  readonly reuse: (data: Uint8Array) => void
  /** Whether no handle is open, and no caller waits for an answer. */
  readonly isIdle: () => boolean
  readonly hasHandles: () => boolean
  /** Whether the request is sent without waiting for a handle. */
  readonly hasTurn: (request: Sftp.Request) => boolean
  /** Whether an abandoned request may still need its undo. */
  readonly owesUndo: () => boolean
  /** Whether requests are in flight that the server may never answer. */
  readonly isDoubted: () => boolean
  /** Waits a few seconds for doubted answers. Returns whether the server still answers. */
  readonly answers: Effect.Effect<boolean>
  /** Whether the session has ended. */
  readonly isLost: () => boolean
  /** Whether it has ended because the server gave one handle to two open files. */
  readonly hasSharedHandle: () => boolean
}

/** @internal */
export interface Options {
  /** Maximum number of open handles. Default: that of the server. */
  readonly mostHandles?: number | undefined
}

/** @internal */
export interface Answer {
  readonly hasCome: () => boolean
  /** The answer, if it has arrived and the session was not lost. */
  readonly come: () => Sftp.Response | undefined
  /** Waits for the answer. Only one fiber at a time. */
  readonly wait: Effect.Effect<Sftp.Response, RemoteConnectionError>
}

type State = conversation.Conversation

const watchedEvery = "1 second"

const stderrShown = 4096

// A span costs as much as the rest of a request. Without a tracer, none is made.
const untraced = Context.get(DefaultServices.liveServices, Tracer.Tracer)

// Packets are written by their own fiber, so an interrupted sender never cuts one.
const writeOn = (channel: Channel, state: State): Effect.Effect<never, RemoteConnectionError> =>
  Effect.suspend(() => {
    const bytes = state.outgoing.take()
    if (bytes.length === 0) return Effect.zipRight(state.outgoing.awaitFilled, writeOn(channel, state))
    return Effect.flatMap(channel.write(bytes), (more) => {
      state.doubts.progressed()
      return more ? writeOn(channel, state) : state.error("ConnectionLost", "the SFTP server stopped reading")
    })
  })

const readOn = (
  read: Channel["read"],
  take: (bytes: Uint8Array) => void
): Effect.Effect<void, RemoteConnectionError> =>
  Effect.flatMap(read, (bytes) => {
    if (Option.isNone(bytes)) return Effect.void
    take(bytes.value)
    return readOn(read, take)
  })

const watch = (state: State): Effect.Effect<never> =>
  Effect.zipRight(
    state.isWatched.await,
    Effect.suspend(() => {
      const next = Effect.delay(
        Effect.sync(() => {
          if (!conversation.checkTime(state)) state.isWatched.unsafeClose()
        }),
        watchedEvery
      )
      return Effect.zipRight(next, watch(state))
    })
  )

// The last output on stderr may arrive after the end of stdout.
const takeAnswers = Effect.fnUntraced(function*(
  channel: Channel,
  state: State,
  { firstPacket, take }: incoming.Incoming,
  stderr: outlet.Tail,
  ended: Deferred.Deferred<void>
) {
  const stderrEnded = yield* scopes.forkInterruptible(Effect.ignore(readOn(channel.readStderr, stderr.push)))
  yield* scopes.forkInterruptible(
    (channel.consume?.(take) ?? readOn(channel.read, take)).pipe(
      Effect.zipRight(Fiber.await(stderrEnded)),
      Effect.zipRight(Deferred.isDone(firstPacket)),
      Effect.flatMap((hasBegun) => Effect.failSync(() => hello.ended(state.error, hasBegun))),
      Effect.catchAll((failure) =>
        Effect.sync(() => {
          conversation.lose(state, failure)
          Deferred.unsafeDone(firstPacket, Exit.fail(failure))
        })
      ),
      Effect.raceFirst(Deferred.await(ended))
    )
  )
})

const enter = <A, E>(
  state: State,
  submitted: () => Effect.Effect<A, E>
): Effect.Effect<A, E | RemoteConnectionError> =>
  Effect.suspend((): Effect.Effect<A, E | RemoteConnectionError> => {
    if (state.lost !== undefined) return state.lost
    return state.outgoing.isFull()
      ? Effect.zipRight(state.outgoing.awaitDrained, enter(state, submitted))
      : submitted()
  })

const answerOf = (entry: conversation.Pending): Answer => ({
  hasCome: () => entry.answer !== undefined,
  come: () => entry.answer !== undefined && Exit.isSuccess(entry.answer) ? entry.answer.value : undefined,
  wait: Effect.suspend(() =>
    entry.answer ?? Effect.async((resume) => {
      entry.resume = resume
      return Effect.sync(() => {
        entry.resume = undefined
      })
    })
  )
})

const answerTo = (
  state: State,
  request: Sftp.Request,
  options?: conversation.PostOptions
): Effect.Effect<Sftp.Response, RemoteConnectionError> =>
  Effect.async((resume) => {
    let answer: Exit.Exit<Sftp.Response, RemoteConnectionError> | undefined
    const abandon = conversation.post(state, request, (given) => resume(answer = given), options)
    return Effect.sync(() => {
      abandon()
      // The fiber was interrupted before it received the answer.
      if (answer !== undefined && Exit.isSuccess(answer)) conversation.closeUnused(state, answer.value)
    })
  })

// The answer to STAT arrives first. If it shows a pipe or a device, OPEN may block.
const openLooking = (
  state: State,
  request: Parameters<Client["open"]>[0],
  looks: boolean,
  undo?: conversation.Undo
) => {
  let found: Sftp.Attributes | undefined
  const look = (opening: () => conversation.Pending | undefined) => {
    conversation.submit(state, Sftp.Request.Stat({ path: request.path }), (answer) => {
      if (Exit.isFailure(answer) || answer.value._tag !== "Attrs") return
      found = answer.value.attributes
      const entry = opening()
      if (entry !== undefined && entry.answer === undefined && fileMode.mayBlock(found)) {
        conversation.doubt(state, entry)
      }
    })
  }
  return Effect.map(
    answerTo(state, request, { before: looks ? look : undefined, undo }),
    (answer) => [answer, found] as const
  )
}

type Traced = <A, E>(name: Sftp.Request["_tag"], effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

// Paths are not attributes, because names can be secret.
const tracedFor = ({ host, port }: RemoteHost): Traced => {
  const options = {
    attributes: { "server.address": host, ...(port !== undefined && { "server.port": port }) },
    captureStackTrace: false,
    kind: "client"
  } as const
  return (name, effect) =>
    Effect.withFiberRuntime((fiber) =>
      Context.get(fiber.getFiberRef(DefaultServices.currentServices), Tracer.Tracer) === untraced
        ? effect
        : Effect.withSpan(effect, `sftp.${name.toLowerCase()}`, options)
    )
}

const warnRemaining = (path: string, host: RemoteHost) =>
  Effect.logWarning(
    `${
      JSON.stringify(path)
    } on ${host} may remain: the session was closed before the server had answered the request that makes it`
  )

/** @internal */
export const make: (
  channel: Channel,
  remote: RemoteHost,
  options?: Options
) => Effect.Effect<Client, RemoteConnectionError, Scope.Scope> = Effect
  .fnUntraced(function*(channel: Channel, remote: RemoteHost, { mostHandles = Infinity }: Options = {}) {
    const stderr = outlet.tail(stderrShown)
    const error: conversation.MakeError = (reason, detail, fields = {}) =>
      new RemoteConnectionError({
        reason,
        host: String(remote),
        detail,
        output: text.display(stderr.bytes()),
        ...fields
      })
    const clock = yield* Effect.clock
    const ended = Deferred.unsafeMake<void>(FiberId.none)
    const state = conversation.make(
      () => clock.unsafeCurrentTimeMillis(),
      error,
      () => Deferred.unsafeDone(ended, Effect.void)
    )
    const answers = incoming.make(state)
    yield* takeAnswers(channel, state, answers, stderr, ended)
    const inTime = Deadline.within(
      remote,
      "beginning an SFTP session",
      Effect.sync(() => ({
        step: "the session is open, but no SFTP server answered",
        output: text.display(answers.beginning()) + text.display(stderr.bytes()),
        hint: hello.slow
      }))
    )
    const greeting = Effect.zipRight(
      channel.write(Sftp.encodeHello("client", { version: hello.version, extensions: [] })),
      Deferred.await(answers.firstPacket)
    )
    const has = yield* hello.decode(yield* inTime(greeting), answers.beginning(), error)
    yield* scopes.forkInterruptible(
      Effect.catchAll(writeOn(channel, state), (failure) => Effect.sync(() => conversation.lose(state, failure)))
    )
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        const remaining = new Set(state.owed.values())
        conversation.lose(state, error("ConnectionLost", "the SFTP session was closed"))
        return Effect.forEach(remaining, (path) => warnRemaining(path, remote), { discard: true })
      })
    )
    yield* scopes.forkInterruptible(watch(state))

    const traced = tracedFor(remote)
    const request: Client["request"] = (packet, undo) =>
      traced(packet._tag, enter(state, () => answerTo(state, packet, { undo })))
    const limits = yield* hello.limitsOf(
      has("limits") ? yield* inTime(request(Sftp.Request.Limits())) : undefined,
      error
    )
    state.handles.limit(Math.min(limits.handles, mostHandles), conversation.handleWithin)
    answers.expect(limits.readSize)
    return {
      request,
      open: (packet, looks, undo) => traced("Open", enter(state, () => openLooking(state, packet, looks, undo))),
      send: (packet, mayBlock = false) =>
        enter(state, () => {
          const entry = conversation.submit(state, packet)
          if (mayBlock) conversation.doubt(state, entry)
          return Effect.succeed(answerOf(entry))
        }),
      post: (packet, answered, undo) => conversation.post(state, packet, answered, { undo }),
      close: (handle) => conversation.close(state, handle),
      leave: (handle, isClosed = false) => conversation.leave(state, handle, isClosed),
      begin: (name, effect) => traced(name, enter(state, () => effect)),
      has,
      isIdle: () => conversation.isIdle(state),
      hasHandles: () => state.handles.count() > 0,
      hasTurn: state.handles.hasTurn,
      owesUndo: () => conversation.owesUndo(state),
      isDoubted: () => state.doubts.count() > 0,
      answers: conversation.goesOn(state),
      readSize: limits.readSize,
      writeSize: limits.writeSize,
      reuse: answers.reuse,
      isLost: () => state.lost !== undefined,
      hasSharedHandle: () => state.hasSharedHandle
    }
  })
