/**
 * The stdin of a terminal. The program does not see the end of the channel's input, so ^D signals the end of file, as on a
 * keyboard.
 */
import * as Effect from "effect/Effect"
import type { Channel } from "../../Transport.js"

const endOfInput = 4

// A new line begins after a line feed, a carriage return (with `icrnl`) and ^D.
const lineEnds = new Set([10, 13, endOfInput])

/**
 * In canonical mode, ^D means end of file only at the beginning of a line. Elsewhere it sends the unfinished line.
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
