/**
 * A file that the server holds open for us.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Sftp from "../../protocol/Sftp.js"
import { RemoteConnectionError } from "../../RemoteError.js"
import * as fileMode from "../lib/fileMode.js"
import * as finalizer from "../lib/finalizer.js"
import type { Fx } from "../lib/fx.js"
import * as text from "../lib/text.js"
import type { CallContext } from "./callContext.js"
import type { Answer, Client } from "./client.js"
import * as errors from "./errors.js"
import * as explain from "./explain.js"

/** @internal */
export interface OpenFile {
  /** Where it is open, and as what. */
  readonly opened: { readonly client: Client; readonly handle: Uint8Array }
  readonly stat: Fx<Sftp.Attributes>
  readonly setAttributes: (attributes: Sftp.Attributes) => Fx<void>
  /** Up to so many bytes; `None` at the end of the file. */
  readonly read: (offset: bigint, length: number) => Fx<Option.Option<Uint8Array>>
  /** Everything from there to the end of the file, or so many bytes of it, with several requests in flight. */
  readonly stream: (
    offset: bigint,
    length?: bigint,
    chunkSize?: number
  ) => Stream.Stream<Uint8Array, PlatformError>
  /** Everything from the beginning to the end of the file. Fails if that is more than the limit. */
  readonly readAll: (limit: bigint) => Fx<Uint8Array>
  readonly write: (offset: bigint, bytes: Uint8Array) => Fx<void>
  /** Writes one after the other, with several requests in flight; `flush` waits for all of them. */
  readonly writer: (offset: bigint) => Writer
  /** To the disk, where the server can. */
  readonly sync: Fx<void>
  /** Closes now, and tells whether that went well; closing again does nothing. */
  readonly close: Fx<void>
  /** As `close`, but gives what waits for the answer, so that what comes behind can be asked for before. */
  readonly closing: Fx<Fx<void>>
}

/** @internal */
export interface Writer {
  /** What is written must not change until it is told to be `unused`, which it is once the server has it. */
  readonly write: (bytes: Uint8Array, unused?: () => void) => Fx<void>
  readonly flush: Fx<void>
  /**
   * Sets what is given, has the file synchronised where the server can, and looks at it, asked for in one go behind what was
   * written. Gives what waits for the answers, and succeeds when all of that, and every write, went well.
   */
  readonly settling: (options?: Settling) => Fx<Fx<Sftp.Attributes>>
  /** Closes the file in one go with what was written. */
  readonly finish: Fx<void>
}

interface Settling {
  readonly attributes?: Sftp.Attributes
  readonly sync?: boolean
}

// How many bytes are in flight. OpenSSH's server gives a channel a window of 2 MiB, so the first of these keeps it busy
// whatever the delay; other servers give more.
const usualWindow = 4 * 1024 * 1024
const largestWindow = 8 * 1024 * 1024

// Small requests cost more than their bytes.
const mostRequests = 512

/**
 * How many bytes may be in flight. It grows as TCP's window does at first, twice as large with each round trip, while there
 * is a reason: whoever reads or writes waits for an answer, and what is asked for does not wait in a queue already, which
 * shows in answers that take more than twice as long as the quickest. Those that were asked for with nothing before them
 * tell nothing of a queue.
 */
interface Window {
  readonly size: () => number
  /** An answer has been waited for, from the one time to the other. */
  readonly waited: (from: number, to: number) => void
}

const makeWindow = (initial: number): Window => {
  let size = initial
  let quickest = Infinity
  let first = Infinity
  return {
    size: () => size,
    waited: (from, to) => {
      quickest = Math.min(quickest, to - from)
      if (size < usualWindow) size = Math.min(usualWindow, size * 2)
      else if (from >= first && to - from <= 2 * quickest) size = Math.min(largestWindow, size * 2)
      first = Math.min(first, to)
    }
  }
}

/**
 * The status of an answer that must be one and good.
 *
 * @internal
 */
export const expectOk = (
  client: Client,
  call: CallContext,
  intent: explain.Intent,
  answer: Sftp.Response
): Fx<void> => {
  if (answer._tag !== "Status") return unexpected(call, answer)
  return answer.code === Sftp.StatusCode.ok ? Effect.void : explain.status(client, call, intent, answer)
}

/**
 * An answer of a kind that does not belong to the request.
 *
 * @internal
 */
export const unexpected = (call: CallContext, answer: Sftp.Response): Effect.Effect<never, PlatformError> =>
  Effect.fail(
    errors.connection(call)(
      new RemoteConnectionError({
        reason: "Protocol",
        host: "the SFTP server",
        detail: `answered ${call.method} with ${answer._tag}`
      })
    )
  )

/** @internal */
export const open = (
  client: Client,
  call: CallContext,
  flags: number,
  attributes: Sftp.Attributes
): Effect.Effect<OpenFile, PlatformError, Scope.Scope> => {
  const { path } = call
  const writes = (flags & (Sftp.OpenFlags.write | Sftp.OpenFlags.append)) !== 0
  const intent = (flags & Sftp.OpenFlags.exclusive) !== 0 ? "create" : writes ? "write" : "read"
  const onPath = Effect.mapError(errors.connection(call))
  return Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      // STAT is sent ahead of OPEN: its answer comes first, so size and type cost no round trip. A new file has neither.
      const looks = (flags & Sftp.OpenFlags.exclusive) === 0
      const request = Sftp.Request.Open({ path, flags, attributes })
      const [answer, found] = yield* restore(onPath(client.open(request, looks)))
      if (answer._tag === "Status") return yield* explain.status(client, call, intent, answer)
      if (answer._tag !== "Handle") return yield* unexpected(call, answer)
      const file = make(
        client,
        call,
        answer.handle,
        writes ? {} : found ?? {},
        found !== undefined && fileMode.mayBlock(found)
      )
      yield* Effect.addFinalizer((exit) =>
        Exit.isSuccess(exit) && writes ? leave(path, file) : Effect.sync(() => file.abandon(Exit.isFailure(exit)))
      )
      return file.open
    })
  )
}

// Whether a file that was written closes well is worth waiting for, and telling.
const leave = (path: string, { isClosed, open }: Made): Effect.Effect<void> =>
  Effect.suspend(() =>
    isClosed()
      ? Effect.void
      : finalizer.bounded(Effect.ignoreLogged(open.close), {
        left: `The file ${JSON.stringify(path)} may be incomplete: it was not closed`
      })
  )

interface Made {
  readonly open: OpenFile
  readonly isClosed: () => boolean
  /** Closes, and does not wait for the answer. */
  readonly abandon: (isInterrupted: boolean) => void
}

// A part that is much smaller than what it came in, which it would hold on to, becomes a copy.
const owned = (bytes: Uint8Array): Uint8Array =>
  bytes.length * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes

// The size is what somebody else may have changed since, and 0 in /proc. `mayStay`: as a pipe or a device may, it keeps
// requests waiting.
const make = (
  client: Client,
  call: CallContext,
  handle: Uint8Array,
  { size: likelySize = 0n }: Sftp.Attributes,
  mayStay: boolean
): Made => {
  const on = (method: string): CallContext => ({ method, path: call.path })
  let closed = false
  // Servers give the number of a closed handle to the next file.
  const whileOpen = <A>(method: string, effect: Fx<A>): Fx<A> =>
    Effect.suspend(() =>
      closed
        ? Effect.fail(errors.system(on(method), "BadResource", undefined, "the file is closed: its scope has ended"))
        : effect
    )
  const ask = (method: string, request: Sftp.Request) =>
    whileOpen(
      method,
      Effect.mapError(
        mayStay
          ? Effect.flatMap(client.send(request, mayStay), ({ wait }) => wait)
          : client.request(request),
        errors.connection(on(method))
      )
    )
  interface Sent {
    readonly bytes: number
    readonly at: number
    readonly answer: Answer
  }
  const send = (method: string, request: Sftp.Request, bytes: number): Fx<Sent> =>
    whileOpen(
      method,
      Effect.clockWith((clock) =>
        Effect.mapBoth(client.send(request, mayStay), {
          onFailure: errors.connection(on(method)),
          onSuccess: (answer) => ({ bytes, at: clock.unsafeCurrentTimeMillis(), answer })
        })
      )
    )
  const answerTo = (method: string, { answer, at }: Sent, window: Window): Fx<Sftp.Response> => {
    const response = Effect.mapError(answer.wait, errors.connection(on(method)))
    return answer.hasCome()
      ? response
      : Effect.clockWith((clock) => Effect.tap(response, () => window.waited(at, clock.unsafeCurrentTimeMillis())))
  }

  const dataOf = (asked: number) => (answer: Sftp.Response): Fx<Option.Option<Uint8Array>> => {
    if (answer._tag === "Data" && answer.data.length > 0 && answer.data.length <= asked) {
      return Effect.succeedSome(owned(answer.data))
    }
    if (answer._tag !== "Status") return unexpected(on("read"), answer)
    return answer.code === Sftp.StatusCode.eof
      ? Effect.succeedNone
      : explain.status(client, on("read"), "read", answer)
  }

  const read: OpenFile["read"] = (offset, length) => {
    const asked = Math.min(length, client.readSize)
    return Effect.flatMap(ask("read", Sftp.Request.Read({ handle, offset, length: asked })), dataOf(asked))
  }

  // The size is only a hint: files of /proc have none, and a file is read to its end. A short answer is completed before
  // the next is taken.
  const reading = (offset: bigint, length: bigint | undefined, chunkSize: number): Fx<Uint8Array | undefined> => {
    const most = Math.max(1, Math.min(chunkSize, client.readSize))
    interface Asked extends Sent {
      readonly offset: bigint
    }
    const queue: Array<Asked> = []
    const end = length === undefined ? undefined : offset + length
    // 0n where nobody knows.
    let likelyEnd = likelySize > offset ? likelySize : 0n
    const window = makeWindow(Math.min(usualWindow, Number(likelyEnd === 0n ? 0n : likelyEnd - offset) + most))
    let next = offset
    let inFlight = 0

    const request = (at: bigint, size: number): Fx<Asked> =>
      Effect.map(send("read", Sftp.Request.Read({ handle, offset: at, length: size }), size), (sent) => {
        inFlight += size
        return { ...sent, offset: at }
      })
    // No request goes over the likely end: where that is the end, no answer is short, and the one request behind it tells.
    const nextSize = (): number => {
      const limits = [end, likelyEnd > next ? likelyEnd : undefined]
      return limits.reduce(
        (size, limit) => limit !== undefined && limit - next < BigInt(size) ? Math.max(0, Number(limit - next)) : size,
        most
      )
    }
    const fill: Fx<void> = Effect.suspend(() => {
      const size = nextSize()
      const isBeyond = likelyEnd > 0n && next > likelyEnd
      const isFull = queue.length > 0 &&
        (isBeyond || inFlight + size > window.size() || queue.length >= mostRequests)
      if (isFull || size === 0) return Effect.void
      const at = next
      next += BigInt(size)
      return Effect.flatMap(request(at, size), (asked) => {
        queue.push(asked)
        return fill
      })
    })
    const take: Fx<Uint8Array | undefined> = Effect.suspend(() => {
      const asked = queue.shift()
      if (asked === undefined) return Effect.succeed(undefined)
      return Effect.flatMap(
        Effect.flatMap(answerTo("read", asked, window), dataOf(asked.bytes)),
        (bytes) => {
          inFlight -= asked.bytes
          if (Option.isNone(bytes)) return Effect.succeed(undefined)
          if (asked.offset >= likelyEnd) likelyEnd = 0n
          const missing = asked.bytes - bytes.value.length
          return missing === 0
            ? Effect.succeed(bytes.value)
            : Effect.map(request(asked.offset + BigInt(bytes.value.length), missing), (rest) => {
              queue.unshift(rest)
              return bytes.value
            })
        }
      )
    })
    return Effect.zipRight(fill, take)
  }

  const stream: OpenFile["stream"] = (offset, length, chunkSize = client.readSize) =>
    Stream.suspend(() =>
      Stream.repeatEffectOption(
        reading(offset, length, chunkSize).pipe(
          Effect.mapError(Option.some),
          Effect.flatMap((bytes) => bytes === undefined ? Effect.fail(Option.none()) : Effect.succeed(bytes))
        )
      )
    )

  const readAll: OpenFile["readAll"] = (limit) =>
    Effect.suspend(() => {
      const tooLarge = Effect.suspend(() =>
        Effect.fail(
          errors.system(
            call,
            "Unknown",
            undefined,
            `the file has more than ${limit} bytes: raise \`limit\`, or take \`stream\`, which holds only a part of it`
          )
        )
      )
      if (likelySize > limit) return tooLarge
      const pieces: Array<Uint8Array> = []
      let size = 0
      const piece = reading(0n, undefined, client.readSize)
      const all: Fx<Uint8Array> = Effect.flatMap(piece, (bytes) => {
        if (bytes === undefined) return Effect.succeed(text.concat(pieces))
        pieces.push(bytes)
        size += bytes.length
        return size > limit ? tooLarge : all
      })
      return all
    })

  const writing = (answer: Sftp.Response) => expectOk(client, on("write"), "write", answer)
  const pieces = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
    Array.from(
      { length: Math.ceil(bytes.length / client.writeSize) },
      (_, index) => bytes.subarray(index * client.writeSize, (index + 1) * client.writeSize)
    )

  const attributesOf = (answer: Sftp.Response): Fx<Sftp.Attributes> => {
    if (answer._tag === "Attrs") return Effect.succeed(answer.attributes)
    return answer._tag === "Status"
      ? explain.status(client, on("stat"), "look", answer)
      : unexpected(on("stat"), answer)
  }

  // Sends what is answered with a status, and gives what waits for that.
  const asking = (method: string, request: Sftp.Request): Fx<Fx<void>> =>
    Effect.map(send(method, request, 0), ({ answer }) =>
      Effect.flatMap(
        Effect.mapError(answer.wait, errors.connection(on(method))),
        (answer) => expectOk(client, on(method), "write", answer)
      ))

  const closing = Effect.suspend((): Fx<Fx<void>> => {
    if (closed) return Effect.succeed(Effect.void)
    return Effect.map(asking("close", Sftp.Request.Close({ handle })), (answered) => {
      closed = true
      return answered
    })
  })

  const writer: OpenFile["writer"] = (offset) => {
    interface Piece extends Sent {
      readonly unused: (() => void) | undefined
    }
    const queue: Array<Piece> = []
    const window = makeWindow(usualWindow)
    let next = offset
    let inFlight = 0
    const settleOne = Effect.suspend(() => {
      const sent = queue.shift()!
      inFlight -= sent.bytes
      return Effect.flatMap(answerTo("write", sent, window), (answer) => {
        sent.unused?.()
        return writing(answer)
      })
    })
    const isFull = (more: number) =>
      queue.length > 0 && (inFlight + more > window.size() || queue.length >= mostRequests)
    const flush = Effect.whileLoop({ while: () => queue.length > 0, body: () => settleOne, step: () => {} })
    const settling = ({ attributes, sync = false }: Settling = {}): Fx<Fx<Sftp.Attributes>> =>
      Effect.gen(function*() {
        const sent: Array<Fx<void>> = []
        if (attributes !== undefined) {
          sent.push(yield* asking("setAttributes", Sftp.Request.Fsetstat({ handle, attributes })))
        }
        if (sync && client.has("fsync")) sent.push(yield* asking("sync", Sftp.Request.Fsync({ handle })))
        const looked = yield* send("stat", Sftp.Request.Fstat({ handle }), 0)
        return Effect.gen(function*() {
          yield* flush
          for (const answered of sent) yield* answered
          return yield* attributesOf(yield* Effect.mapError(looked.answer.wait, errors.connection(on("stat"))))
        })
      })
    const put = (data: Uint8Array, unused?: () => void): Fx<void> =>
      Effect.suspend(() => {
        if (isFull(data.length)) return Effect.zipRight(settleOne, put(data, unused))
        const at = next
        next += BigInt(data.length)
        return Effect.map(send("write", Sftp.Request.Write({ handle, offset: at, data }), data.length), (sent) => {
          inFlight += data.length
          queue.push({ ...sent, unused })
        })
      })
    // They are answered one after the other: with the last piece all of it is there.
    const putAll = (pieces: ReadonlyArray<Uint8Array>, unused: (() => void) | undefined): Fx<void> =>
      Effect.forEach(pieces, (piece, index) => put(piece, index === pieces.length - 1 ? unused : undefined), {
        discard: true
      })
    return {
      write: (bytes, unused) =>
        bytes.length === 0
          ? Effect.sync(() => unused?.())
          : bytes.length <= client.writeSize
          ? put(bytes, unused)
          : putAll(pieces(bytes), unused),
      flush,
      settling,
      finish: Effect.flatMap(closing, (closed) => Effect.zipRight(flush, closed))
    }
  }

  const open: OpenFile = {
    opened: { client, handle },
    stat: Effect.flatMap(ask("stat", Sftp.Request.Fstat({ handle })), attributesOf),
    setAttributes: (attributes) =>
      Effect.flatMap(
        ask("setAttributes", Sftp.Request.Fsetstat({ handle, attributes })),
        (answer) => expectOk(client, on("setAttributes"), "write", answer)
      ),
    read,
    stream,
    readAll,
    write: (offset, bytes) =>
      Effect.suspend(() => {
        const all = writer(offset)
        return Effect.zipRight(all.write(bytes), all.flush)
      }),
    writer,
    sync: client.has("fsync")
      ? Effect.flatMap(
        ask("sync", Sftp.Request.Fsync({ handle })),
        (answer) => expectOk(client, on("sync"), "write", answer)
      )
      : Effect.void,
    close: Effect.flatten(closing),
    closing
  }
  return {
    open,
    isClosed: () => closed,
    abandon: (isInterrupted) => {
      if (isInterrupted) client.leave(handle, closed)
      else if (!closed) client.close(handle)
      closed = true
    }
  }
}
