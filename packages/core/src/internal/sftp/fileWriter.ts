/**
 * Writes to an open file, with several requests in flight.
 */
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import * as answers from "./answers.js"
import * as errors from "./errors.js"
import * as found from "./found.js"
import type { Written } from "./found.js"
import * as handleRequests from "./handleRequests.js"
import * as windows from "./window.js"

/** @internal */
export interface FileWriter {
  /** Writes bytes. They must not change until `unused` is called, after the server has received them. */
  readonly write: (bytes: Uint8Array, unused?: () => void) => Fx<void>
  readonly flush: Fx<void>
  /**
   * After everything already written, sets the attributes, syncs the file if the server supports it, and reads its
   * attributes. The requests are sent at once. Returns an effect that waits for their answers. It fails if one of them or a
   * write failed.
   */
  readonly sendSettle: (options?: Settling) => Fx<Fx<Written>>
  /** Sends the close after everything already written, and waits for all answers. */
  readonly finish: Fx<void>
}

interface Settling {
  readonly attributes?: Sftp.Attributes
  /** Accepts that the server refuses to set the mode, if the file grants no more than that. Default: false. */
  readonly isOptional?: boolean
  readonly sync?: boolean
}

interface SentWrite extends handleRequests.Sent {
  readonly unused: (() => void) | undefined
}

const sendSettle = (
  file: handleRequests.FileHandle,
  flush: Fx<void>,
  { attributes, isOptional = false, sync = false }: Settling = {}
): Fx<Fx<Written>> =>
  Effect.gen(function*() {
    const { client, handle } = file
    // Some servers, such as Go's, take other requests ahead of earlier writes. Servers with fsync keep the order.
    if (!client.has("fsync")) yield* flush
    const sendStatus = (step: string, request: Sftp.Request) => handleRequests.sendStatus(file, step, request)
    const changed = attributes === undefined
      ? Effect.void
      : yield* sendStatus("setAttributes", Sftp.Request.Fsetstat({ handle, attributes }))
    const synced = sync && client.has("fsync") ? yield* sendStatus("sync", Sftp.Request.Fsync({ handle })) : Effect.void
    const looked = yield* handleRequests.send(file, "stat", Sftp.Request.Fstat({ handle }))
    return Effect.gen(function*() {
      yield* flush
      const refusal = yield* Effect.matchEffect(changed, {
        onFailure: (error) =>
          isOptional && errors.isRefusedByServer(error) ? Effect.succeed(error) : Effect.fail(error),
        onSuccess: () => Effect.succeed(undefined)
      })
      yield* synced
      const own = yield* handleRequests.attributesOf(file, yield* handleRequests.answerTo(file, "stat", looked))
      if (refusal === undefined) return own
      return found.grantsNoMore(own, attributes?.permissions)
        ? { ...own, lacksMode: true }
        : yield* Effect.fail(refusal)
    })
  })

const cut = (bytes: Uint8Array, size: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size))

/** @internal */
export const make = (file: handleRequests.FileHandle, sendClose: Fx<Fx<void>>, offset: bigint): FileWriter => {
  const { client, handle } = file
  const queue: Array<SentWrite> = []
  let window = windows.make(windows.usualSize)
  let next = offset
  let inFlight = 0

  const waited = (sentAt: number, answeredAt: number) => {
    window = windows.afterAnswer(window, sentAt, answeredAt)
  }
  const awaitFirst = Effect.suspend(() => {
    const sent = queue.shift()!
    inFlight -= sent.bytes
    return Effect.flatMap(handleRequests.answerTo(file, "write", sent, waited), (answer) => {
      sent.unused?.()
      return answers.expectOk(client, handleRequests.callOf(file, "write"), "write", answer)
    })
  })
  const flush = Effect.whileLoop({ while: () => queue.length > 0, body: () => awaitFirst, step: () => {} })
  const put = (data: Uint8Array, unused?: () => void): Fx<void> =>
    Effect.suspend(() => {
      if (windows.isFull(window, { bytes: inFlight, requests: queue.length, more: data.length })) {
        return Effect.zipRight(awaitFirst, put(data, unused))
      }
      const request = Sftp.Request.Write({ handle, offset: next, data })
      next += BigInt(data.length)
      return Effect.map(handleRequests.send(file, "write", request, data.length), (sent) => {
        inFlight += data.length
        queue.push({ ...sent, unused })
      })
    })
  // Answers are awaited in order: with the last one, the server has all the bytes.
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
        : putAll(cut(bytes, client.writeSize), unused),
    flush,
    sendSettle: (options) => sendSettle(file, flush, options),
    finish: Effect.flatMap(sendClose, (closed) => Effect.zipRight(flush, closed))
  }
}
