import * as Effect from "effect/Effect"
import { StringDecoder } from "node:string_decoder"

const maximumLength = 64 * 1024

interface Line {
  readonly number: number
  readonly text: string
}

/**
 * The last lines of a server's output, up to 64 KiB.
 *
 * @internal
 */
export interface ServerLog {
  /** Takes bytes as they come, in any pieces. */
  readonly append: (bytes: Buffer) => void
  readonly say: (line: string) => void
  /** The number of lines so far. */
  readonly length: () => number
  /** The kept lines, from a line number on. */
  readonly text: (from?: number) => string
  /** Waits for the first matching line, from a line number on. */
  readonly line: (pattern: RegExp, from: number) => Effect.Effect<string>
}

/** @internal */
export const make = (): ServerLog => {
  const decoder = new StringDecoder("utf8")
  const waiting = new Set<(line: Line) => void>()
  const lines: Array<Line> = []
  let kept = 0
  let count = 0
  let rest = ""

  const say = (text: string) => {
    const line = { number: count++, text: text.slice(1 - maximumLength) }
    lines.push(line)
    kept += line.text.length + 1
    for (let oldest = lines[0]; kept > maximumLength && oldest !== undefined; oldest = lines[0]) {
      lines.shift()
      kept -= oldest.text.length + 1
    }
    waiting.forEach((tell) => tell(line))
  }

  const since = (from: number) => lines.filter((line) => line.number >= from)

  return {
    say,
    append: (bytes) => {
      const pieces = (rest + decoder.write(bytes)).split(/\r?\n/)
      rest = (pieces.pop() ?? "").slice(-maximumLength)
      pieces.forEach(say)
    },
    length: () => count,
    text: (from = 0) => [...since(from).map((line) => line.text), ...(rest === "" ? [] : [rest])].join("\n"),
    line: (pattern, from) =>
      Effect.async((resume) => {
        const tell = (line: Line) => {
          if (line.number < from || !pattern.test(line.text)) return
          waiting.delete(tell)
          resume(Effect.succeed(line.text))
        }
        waiting.add(tell)
        since(from).some((line) => (tell(line), !waiting.has(tell)))
        return Effect.sync(() => waiting.delete(tell))
      })
  }
}
