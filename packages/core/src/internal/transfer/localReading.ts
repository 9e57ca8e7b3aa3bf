/**
 * Reads an open file of this machine in pieces whose memory is used again.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as buffers from "../lib/buffers.js"
import type { FileInfo, Fx, Reading } from "./endpoint.js"

// The size of one write request. A larger piece would need another request.
const chunkSize = 255 * 1024

// Number of free pieces to keep: as many bytes as can be in flight at first.
const piecesKept = 16

type Read = (piece: Uint8Array) => Fx<number>

/**
 * `begin` returns a function that reads the next piece, starting at an offset.
 *
 * @internal
 */
export const make = (look: Fx<FileInfo>, begin: (offset: bigint) => Fx<Read>): Fx<Reading> => {
  const memory = buffers.make(chunkSize, piecesKept)
  const pieces = (read: Read, length: bigint | undefined) => {
    let left = length
    return Stream.repeatEffectOption(Effect.suspend(() => {
      const size = left === undefined || left > BigInt(chunkSize) ? chunkSize : Number(left)
      if (size === 0) return Effect.fail(Option.none())
      const piece = memory.take()
      return Effect.flatMap(Effect.mapError(read(piece.subarray(0, size)), Option.some), (read) => {
        if (read === 0) return Effect.fail(Option.none())
        if (left !== undefined) left -= BigInt(read)
        return Effect.succeed(piece.subarray(0, read))
      })
    }))
  }
  return Effect.map(look, (seen) => ({
    seen,
    look,
    reuse: memory.give,
    stream: (offset, length) => Stream.unwrap(Effect.map(begin(offset), (read) => pieces(read, length)))
  }))
}
