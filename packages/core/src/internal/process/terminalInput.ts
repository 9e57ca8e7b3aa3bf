/**
 * The input of a terminal. The end of a channel does not reach its program: as on a keyboard, ^D ends the input.
 */
import * as Effect from "effect/Effect"
import type { Channel } from "../../Transport.js"

const endOfInput = 4

// Line feed, carriage return (a line end by `icrnl`) and ^D: what comes next begins a line.
const lineEnds = new Set([10, 13, endOfInput])

/**
 * In canonical mode ^D ends the line that was begun, and the input only at the beginning of one.
 *
 * @internal
 */
export const make = (channel: Pick<Channel, "write" | "end">): Pick<Channel, "write" | "end"> => {
  let last = 10
  return {
    write: (bytes) =>
      Effect.suspend(() => {
        last = bytes.at(-1) ?? last
        return channel.write(bytes)
      }),
    end: Effect.suspend(() => {
      const presses = lineEnds.has(last) ? 1 : 2
      return Effect.zipRight(channel.write(new Uint8Array(presses).fill(endOfInput)), channel.end)
    })
  }
}
