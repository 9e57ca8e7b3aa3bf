/**
 * Reads of an open file, with several requests in flight.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Sftp from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import * as text from "../lib/text.js"
import * as answers from "./answers.js"
import * as errors from "./errors.js"
import * as explain from "./explain.js"
import * as handleRequests from "./handleRequests.js"
import * as windows from "./window.js"

type FileHandle = handleRequests.FileHandle

// A small part is copied, because it would keep the whole buffer in memory.
const owned = (bytes: Uint8Array): Uint8Array =>
  bytes.length * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes

// `None` at the end of the file.
const dataOf = (file: FileHandle, asked: number) => (answer: Sftp.Response): Fx<Option.Option<Uint8Array>> => {
  if (answer._tag === "Data" && answer.data.length > 0 && answer.data.length <= asked) {
    return Effect.succeedSome(owned(answer.data))
  }
  const call = handleRequests.callOf(file, "read")
  if (answer._tag !== "Status") return answers.unexpected(call, answer)
  return answer.code === Sftp.StatusCode.eof
    ? Effect.succeedNone
    : explain.status(file.client, call, "read", answer)
}

/** @internal */
export const read = (file: FileHandle, offset: bigint, length: number): Fx<Option.Option<Uint8Array>> => {
  const asked = Math.min(length, file.client.readSize)
  return Effect.flatMap(
    handleRequests.request(file, "read", Sftp.Request.Read({ handle: file.handle, offset, length: asked })),
    dataOf(file, asked)
  )
}

// Number of bytes of the next request, up to the nearest limit.
const sizeUpTo = (next: bigint, most: number, limits: ReadonlyArray<bigint | undefined>): number =>
  limits.reduce(
    (size, limit) => limit !== undefined && limit - next < BigInt(size) ? Math.max(0, Number(limit - next)) : size,
    most
  )

interface Asked extends handleRequests.Sent {
  readonly offset: bigint
}

// Twice the maximum number of requests in flight, so that a server that answers with single bytes does not fill the memory.
const mostQueued = 2 * windows.mostRequests

// The bytes that an answer lacks. 0 as long as it has not come.
const missingOf = ({ answer, bytes }: Asked): number => {
  const come = answer.come()
  return come?._tag === "Data" && come.data.length > 0 ? Math.max(0, bytes - come.data.length) : 0
}

// Each run of the result returns the next part. `likelySize` is only a hint: a file is read to its end, and files of /proc
// report no size. The rest of a short answer is requested, and returned before the next part.
const parts = (
  file: FileHandle,
  offset: bigint,
  length: bigint | undefined,
  chunkSize: number
): Fx<Uint8Array | undefined> => {
  const { client, handle, likelySize } = file
  const most = Math.max(1, Math.min(chunkSize, client.readSize))
  const queue: Array<Asked> = []
  const end = length === undefined ? undefined : offset + length
  // 0n if unknown.
  let likelyEnd = likelySize > offset ? likelySize : 0n
  let window = windows.make(
    Math.min(windows.usualSize, Number(likelyEnd === 0n ? 0n : likelyEnd - offset) + most)
  )
  let next = offset
  let inFlight = 0
  let hasShortAnswers = false

  const request = (at: bigint, size: number): Fx<Asked> =>
    Effect.map(
      handleRequests.send(file, "read", Sftp.Request.Read({ handle, offset: at, length: size }), size),
      (sent) => {
        inFlight += size
        return { ...sent, offset: at }
      }
    )
  // No request crosses the likely end, so no answer is short. One request after it confirms the end.
  const fill: Fx<void> = Effect.suspend(() => {
    const size = sizeUpTo(next, most, [end, likelyEnd > next ? likelyEnd : undefined])
    const isBeyond = queue.length > 0 && likelyEnd > 0n && next > likelyEnd
    if (size === 0 || isBeyond || windows.isFull(window, { bytes: inFlight, requests: queue.length, more: size })) {
      return Effect.void
    }
    const at = next
    next += BigInt(size)
    return Effect.flatMap(request(at, size), (asked) => {
      queue.push(asked)
      return fill
    })
  })
  const waited = (sentAt: number, answeredAt: number) => {
    window = windows.afterAnswer(window, sentAt, answeredAt)
  }
  const received = (asked: Asked, bytes: Option.Option<Uint8Array>): Fx<Uint8Array | undefined> => {
    inFlight -= asked.bytes
    if (Option.isNone(bytes)) return Effect.succeed(undefined)
    if (asked.offset >= likelyEnd) likelyEnd = 0n
    const missing = asked.bytes - bytes.value.length
    if (missing === 0) return Effect.succeed(bytes.value)
    hasShortAnswers = true
    return Effect.map(request(asked.offset + BigInt(bytes.value.length), missing), (rest) => {
      queue.unshift(rest)
      return bytes.value
    })
  }
  // Some servers give fewer bytes than asked for. The rests of all short answers that have come are requested together.
  const completeFrom = (index: number): Fx<void> =>
    Effect.suspend(() => {
      const at = queue.findIndex((asked, position) => position >= index && missingOf(asked) > 0)
      const asked = queue[at]
      if (asked === undefined || queue.length >= mostQueued) return Effect.void
      const missing = missingOf(asked)
      const bytes = asked.bytes - missing
      inFlight -= missing
      return Effect.flatMap(request(asked.offset + BigInt(bytes), missing), (rest) => {
        queue.splice(at, 1, { ...asked, bytes }, rest)
        return completeFrom(at + 2)
      })
    })
  // Short answers are not completed while the next part is available.
  const complete: Fx<void> = Effect.suspend(() =>
    hasShortAnswers && queue[0]?.answer.come() === undefined ? completeFrom(1) : Effect.void
  )
  const take: Fx<Uint8Array | undefined> = Effect.suspend(() => {
    const asked = queue.shift()
    return asked === undefined
      ? Effect.succeed(undefined)
      : Effect.flatMap(
        Effect.flatMap(handleRequests.answerTo(file, "read", asked, waited), dataOf(file, asked.bytes)),
        (bytes) => received(asked, bytes)
      )
  })
  return Effect.zipRight(Effect.zipRight(complete, fill), take)
}

/** @internal */
export const stream = (
  file: FileHandle,
  offset: bigint,
  length?: bigint,
  chunkSize: number = file.client.readSize
): Stream.Stream<Uint8Array, PlatformError> =>
  Stream.suspend(() =>
    Stream.repeatEffectOption(
      parts(file, offset, length, chunkSize).pipe(
        Effect.mapError(Option.some),
        Effect.flatMap((bytes) => bytes === undefined ? Effect.fail(Option.none()) : Effect.succeed(bytes))
      )
    )
  )

/** @internal */
export const readAll = (file: FileHandle, limit: bigint): Fx<Uint8Array> =>
  Effect.suspend(() => {
    const tooLarge = Effect.suspend(() =>
      Effect.fail(
        errors.system(
          file.call,
          "Unknown",
          undefined,
          `the file has more than ${limit} bytes: raise \`limit\`, or use \`stream\`, which does not hold the whole file in memory`
        )
      )
    )
    if (file.likelySize > limit) return tooLarge
    const received: Array<Uint8Array> = []
    let size = 0
    const part = parts(file, 0n, undefined, file.client.readSize)
    const all: Fx<Uint8Array> = Effect.flatMap(part, (bytes) => {
      if (bytes === undefined) return Effect.succeed(text.concat(received))
      received.push(bytes)
      size += bytes.length
      return size > limit ? tooLarge : all
    })
    return all
  })
