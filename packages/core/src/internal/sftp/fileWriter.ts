/**
 * Writes to an open file, with several requests in flight.
 */
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import * as answers from "./answers.js"
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
  readonly sendSettle: (options?: Settling) => Fx<Fx<Sftp.Attributes>>
  /** Sends the close after everything already written, and waits for all answers. */
  readonly finish: Fx<void>
}

interface Settling {
  readonly attributes?: Sftp.Attributes
  readonly sync?: boolean
}

interface SentWrite extends handleRequests.Sent {
  readonly unused: (() => void) | undefined
}

const sendSettle = (
  file: handleRequests.FileHandle,
  flush: Fx<void>,
  { attributes, sync = false }: Settling = {}
): Fx<Fx<Sftp.Attributes>> =>
  Effect.gen(function*() {
    const { client, handle } = file
    const sent: Array<Fx<void>> = []
    if (attributes !== undefined) {
      const request = Sftp.Request.Fsetstat({ handle, attributes })
      sent.push(yield* handleRequests.sendStatus(file, "setAttributes", request))
    }
    if (sync && client.has("fsync")) {
      sent.push(yield* handleRequests.sendStatus(file, "sync", Sftp.Request.Fsync({ handle })))
    }
    const looked = yield* handleRequests.send(file, "stat", Sftp.Request.Fstat({ handle }))
    return Effect.gen(function*() {
      yield* flush
      for (const answered of sent) yield* answered
      return yield* handleRequests.attributesOf(file, yield* handleRequests.answerTo(file, "stat", looked))
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
