/**
 * The input of a terminal in canonical mode. It is echoed and handed over line by line.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { Invocation } from "../program/program.js"

/** @internal */
export interface Terminal {
  /** The next line, or the text typed before ^D. `None` once for a ^D without text. */
  readonly stdin: Invocation["stdin"]
  /** Takes the typed input. As on a terminal, the program does not see its end. */
  readonly run: Effect.Effect<void>
}

const [endOfInput, lineFeed, carriageReturn] = [4, 10, 13]

// Lines that wait for the program.
const most = 64

// Linux shows control characters as ^X (ECHOCTL), except the tab and the line end.
const isShownAsIs = (byte: number) => byte >= 32 && byte !== 127 || byte === 9 || byte === lineFeed

/** @internal */
export const make = Effect.fnUntraced(function*(typed: Invocation["stdin"], echo: Invocation["stdout"]) {
  const lines = yield* Queue.bounded<Option.Option<Uint8Array>>(most)
  let pending: Array<number> = []

  const type = (bytes: Uint8Array) => {
    const ready: Array<Option.Option<Uint8Array>> = []
    const echoed: Array<number> = []
    for (const one of bytes) {
      const byte = one === carriageReturn ? lineFeed : one
      if (byte !== endOfInput) {
        pending.push(byte)
        if (isShownAsIs(byte)) echoed.push(byte)
        else echoed.push(94, byte ^ 64)
      }
      if (byte === endOfInput || byte === lineFeed) {
        ready.push(pending.length === 0 ? Option.none() : Option.some(Uint8Array.from(pending)))
        pending = []
      }
    }
    return Effect.zipRight(
      echoed.length === 0 ? Effect.void : echo(Uint8Array.from(echoed)),
      Queue.offerAll(lines, ready)
    )
  }

  const run: Effect.Effect<void> = Effect.flatMap(
    typed,
    Option.match({ onNone: () => Effect.void, onSome: (bytes) => Effect.zipRight(type(bytes), run) })
  )
  const terminal: Terminal = { stdin: Queue.take(lines), run }
  return terminal
})
