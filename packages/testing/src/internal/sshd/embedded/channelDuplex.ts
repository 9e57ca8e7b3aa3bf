import type { Duplex } from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Ssh2 from "ssh2"
import * as ssh2 from "./ssh2.js"

/**
 * A channel of ssh2's server as reads and writes. Never fails. After the loss of the channel, its input has ended, and output is
 * refused.
 *
 * @internal
 */
export const make = (channel: Ssh2.ServerChannel): Duplex<never> => {
  const write = ssh2.writer(channel)(channel)
  let ended = false
  let wake = () => {}
  const end = () => {
    ended = true
    wake()
  }
  channel.on("readable", () => wake()).on("end", end).on("close", end)

  return {
    read: Effect.async((resume) => {
      wake = () => {
        const bytes: Uint8Array | null = channel.read()
        if (bytes === null && !ended) return
        wake = () => {}
        resume(Effect.succeed(Option.fromNullable(bytes)))
      }
      wake()
      return Effect.sync(() => {
        wake = () => {}
      })
    }),
    write: (bytes) =>
      Effect.async((resume) => {
        if (!channel.writable) return resume(Effect.succeed(false))
        write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), () => resume(Effect.succeed(true)))
      }),
    end: Effect.sync(() => channel.eof())
  }
}
