/**
 * A file that the server holds open for us.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Sftp from "../../protocol/Sftp.js"
import { RemoteConnectionError } from "../../RemoteError.js"
import type { Answer, Client } from "./client.js"
import * as failure from "./failure.js"

type Fx<A> = Effect.Effect<A, PlatformError>

/** @internal */
export interface OpenFile {
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
  readonly write: (offset: bigint, bytes: Uint8Array) => Fx<void>
  /** Writes one after the other, with several requests in flight; `flush` waits for all of them. */
  readonly writer: (offset: bigint) => Writer
  /** To the disk, where the server can. */
  readonly sync: Fx<void>
  /** Closes now, and tells whether that went well; closing again does nothing. */
  readonly close: Fx<void>
}

/** @internal */
export interface Writer {
  readonly write: (bytes: Uint8Array) => Fx<void>
  readonly flush: Fx<void>
}

// 16 requests of 255 KiB keep a link of 40 MB/s busy over 100 ms.
const inFlight = 16

/**
 * The status of an answer that must be one and good.
 *
 * @internal
 */
export const expectOk = (
  client: Client,
  attempt: failure.Attempt,
  intent: failure.Intent,
  answer: Sftp.Response
): Fx<void> => {
  if (answer._tag !== "Status") return unexpected(attempt, answer)
  return answer.code === Sftp.StatusCode.ok ? Effect.void : failure.fromStatus(client, attempt, intent, answer)
}

/**
 * An answer of a kind that does not belong to the request.
 *
 * @internal
 */
export const unexpected = (attempt: failure.Attempt, answer: Sftp.Response): Effect.Effect<never, PlatformError> =>
  Effect.fail(
    failure.connection(attempt)(
      new RemoteConnectionError({
        reason: "Protocol",
        host: "the SFTP server",
        detail: `answered ${attempt.method} with ${answer._tag}`
      })
    )
  )

/** @internal */
export const open = (
  client: Client,
  attempt: failure.Attempt,
  flags: number,
  attributes: Sftp.Attributes
): Effect.Effect<OpenFile, PlatformError, Scope.Scope> => {
  const { path } = attempt
  const writes = (flags & (Sftp.OpenFlags.write | Sftp.OpenFlags.append)) !== 0
  const intent = (flags & Sftp.OpenFlags.exclusive) !== 0 ? "create" : writes ? "write" : "read"
  return Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const answer = yield* restore(client.request(Sftp.Request.Open({ path, flags, attributes }))).pipe(
        Effect.mapError(failure.connection(attempt))
      )
      if (answer._tag === "Status") return yield* failure.fromStatus(client, attempt, intent, answer)
      if (answer._tag !== "Handle") return yield* unexpected(attempt, answer)
      const file = make(client, attempt, answer.handle)
      yield* Effect.addFinalizer(() =>
        Effect.ignoreLogged(Effect.timeoutOption(Effect.interruptible(file.close), "5 seconds"))
      )
      return file
    })
  )
}

const make = (client: Client, attempt: failure.Attempt, handle: Uint8Array): OpenFile => {
  const on = (method: string): failure.Attempt => ({ method, path: attempt.path })
  const ask = (method: string, request: Sftp.Request) =>
    Effect.mapError(client.request(request), failure.connection(on(method)))
  const send = (method: string, request: Sftp.Request) =>
    Effect.mapBoth(client.send(request), {
      onFailure: failure.connection(on(method)),
      onSuccess: (answer: Answer) => Effect.mapError(answer, failure.connection(on(method)))
    })

  const dataOf = (asked: number) => (answer: Sftp.Response): Fx<Option.Option<Uint8Array>> => {
    if (answer._tag === "Data" && answer.data.length > 0 && answer.data.length <= asked) {
      return Effect.succeedSome(answer.data)
    }
    if (answer._tag !== "Status") return unexpected(on("read"), answer)
    return answer.code === Sftp.StatusCode.eof
      ? Effect.succeedNone
      : failure.fromStatus(client, on("read"), "read", answer)
  }

  const read: OpenFile["read"] = (offset, length) => {
    const asked = Math.min(length, client.readSize)
    return Effect.flatMap(ask("read", Sftp.Request.Read({ handle, offset, length: asked })), dataOf(asked))
  }

  // The size is not asked for: files of /proc have none. A short answer is completed before the next is taken, and the
  // number of requests in flight grows with what has come, so that small files cost few.
  const stream: OpenFile["stream"] = (offset, length, chunkSize = client.readSize) =>
    Stream.suspend(() => {
      const most = Math.max(1, Math.min(chunkSize, client.readSize))
      interface Asked {
        readonly offset: bigint
        readonly length: number
        readonly answer: Fx<Sftp.Response>
      }
      const queue: Array<Asked> = []
      const end = length === undefined ? undefined : offset + length
      let next = offset
      let window = 1

      const request = (at: bigint, size: number): Fx<Asked> =>
        Effect.map(send("read", Sftp.Request.Read({ handle, offset: at, length: size })), (answer) => ({
          offset: at,
          length: size,
          answer
        }))
      const fill: Fx<void> = Effect.suspend(() => {
        const size = end === undefined || end - next > BigInt(most) ? most : Number(end - next)
        if (queue.length >= window || size <= 0) return Effect.void
        const at = next
        next += BigInt(size)
        return Effect.flatMap(request(at, size), (asked) => {
          queue.push(asked)
          return fill
        })
      })
      const pull: Effect.Effect<Uint8Array, Option.Option<PlatformError>> = Effect.gen(function*() {
        yield* Effect.mapError(fill, Option.some)
        const asked = queue.shift()
        if (asked === undefined) return yield* Effect.fail(Option.none())
        const bytes = yield* Effect.mapError(Effect.flatMap(asked.answer, dataOf(asked.length)), Option.some)
        if (Option.isNone(bytes)) return yield* Effect.fail(Option.none())
        const missing = asked.length - bytes.value.length
        if (missing > 0) {
          queue.unshift(
            yield* Effect.mapError(request(asked.offset + BigInt(bytes.value.length), missing), Option.some)
          )
        } else {
          window = Math.min(inFlight, window * 2)
        }
        return bytes.value
      })
      return Stream.repeatEffectOption(pull)
    })

  const writing = (answer: Sftp.Response) => expectOk(client, on("write"), "write", answer)
  const pieces = (bytes: Uint8Array): ReadonlyArray<Uint8Array> =>
    Array.from(
      { length: Math.ceil(bytes.length / client.writeSize) },
      (_, index) => bytes.subarray(index * client.writeSize, (index + 1) * client.writeSize)
    )

  const writer: OpenFile["writer"] = (offset) => {
    const queue: Array<Fx<Sftp.Response>> = []
    let next = offset
    const settleOne = Effect.suspend(() => Effect.flatMap(queue.shift()!, writing))
    return {
      write: (bytes) =>
        Effect.forEach(
          pieces(bytes),
          (data) =>
            Effect.suspend(() => queue.length < inFlight ? Effect.void : settleOne).pipe(
              Effect.zipRight(Effect.suspend(() => {
                const at = next
                next += BigInt(data.length)
                return send("write", Sftp.Request.Write({ handle, offset: at, data }))
              })),
              Effect.map((answer) => queue.push(answer))
            ),
          { discard: true }
        ),
      flush: Effect.whileLoop({ while: () => queue.length > 0, body: () => settleOne, step: () => {} })
    }
  }

  let closed = false
  return {
    stat: Effect.flatMap(ask("stat", Sftp.Request.Fstat({ handle })), (answer) => {
      if (answer._tag === "Attrs") return Effect.succeed(answer.attributes)
      return answer._tag === "Status"
        ? failure.fromStatus(client, on("stat"), "look", answer)
        : unexpected(on("stat"), answer)
    }),
    setAttributes: (attributes) =>
      Effect.flatMap(
        ask("setAttributes", Sftp.Request.Fsetstat({ handle, attributes })),
        (answer) => expectOk(client, on("setAttributes"), "write", answer)
      ),
    read,
    stream,
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
    close: Effect.suspend(() => {
      if (closed) return Effect.void
      closed = true
      return Effect.flatMap(
        ask("close", Sftp.Request.Close({ handle })),
        (answer) => expectOk(client, on("close"), "write", answer)
      )
    })
  }
}
