/**
 * A line at the bottom of a terminal that is redrawn in place. Output of other code appears above it.
 */
import type { Writable } from "node:stream"

const hideCursor = "\x1b[?25l"
const showCursor = "\x1b[?25h"
const eraseToEnd = "\x1b[K"

/**
 * - `line`: the text of the line. `undefined` if nothing is drawn.
 * - `isWithin`: other code has printed a part of a line. The line is not on the terminal until that one ends.
 *
 * @internal
 */
export interface State {
  readonly line: string | undefined
  readonly isWithin: boolean
}

/** @internal */
export const initial: State = { line: undefined, isWithin: false }

const drawn = (line: string): string => `\r${line}${eraseToEnd}`

/**
 * Draws the line, or draws it anew. Another line that has not ended is ended first.
 *
 * @internal
 */
export const draw = (state: State, line: string): readonly [State, string] => [
  { line, isWithin: false },
  `${state.line === undefined ? hideCursor : ""}${state.isWithin ? "\n" : ""}${drawn(line)}`
]

/**
 * Leaves the line on the terminal, and continues below it.
 *
 * @internal
 */
export const end = ({ isWithin, line }: State): readonly [State, string] => [
  initial,
  line === undefined ? "" : `${isWithin ? "" : "\n"}${showCursor}`
]

/**
 * Text to write before and after the output of other code. `endsLine`: whether that output ends with a line end.
 *
 * @internal
 */
export const surround = (
  { isWithin, line }: State,
  endsLine: boolean
): readonly [State, { readonly before: string; readonly after: string }] =>
  line === undefined
    ? [initial, { before: "", after: "" }]
    : [{ line, isWithin: !endsLine }, {
      before: isWithin ? "" : `\r${eraseToEnd}`,
      after: endsLine ? drawn(line) : ""
    }]

const endsLine = (chunk: unknown): boolean =>
  typeof chunk === "string" ? chunk.endsWith("\n") : chunk instanceof Uint8Array && chunk.at(-1) === 10

/** @internal */
export interface TerminalLine {
  readonly draw: (line: string) => void
  readonly end: () => void
  /** Ends the line, and gives the streams back. */
  readonly close: () => void
}

/**
 * Draws on the first stream while it is usable. Replaces `write` of all the streams, which show the same terminal, until it is
 * closed.
 *
 * @internal
 */
export const make = (
  streams: readonly [Writable, ...ReadonlyArray<Writable>],
  isUsable: () => boolean
): TerminalLine => {
  let state = initial
  const taken = streams.map((stream) => {
    const original = stream.write
    const write = (text: string) =>
      text !== "" && isUsable() && !stream.destroyed && original.call(stream, text, "utf8")
    const replacement = (chunk: unknown, ...rest: ReadonlyArray<unknown>): boolean => {
      const [next, { after, before }] = surround(state, endsLine(chunk))
      state = next
      write(before)
      const accepted = Reflect.apply(original, stream, [chunk, ...rest]) as boolean
      write(after)
      return accepted
    }
    stream.write = replacement
    return {
      write,
      release: () => {
        // Other code may have replaced it in its turn, and still call this one.
        if (stream.write === replacement) stream.write = original
      }
    }
  })
  const move = ([next, text]: readonly [State, string]) => {
    state = next
    taken[0]!.write(text)
  }
  return {
    draw: (line) => move(draw(state, line)),
    end: () => move(end(state)),
    close: () => {
      move(end(state))
      for (const { release } of taken) release()
    }
  }
}
