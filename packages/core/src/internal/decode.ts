import * as Stream from "effect/Stream"

/**
 * Bytes as text, a decoder for each run. Characters that are split between two pieces stay whole, and what is left of one
 * at the end is told, which the platform's `Stream.decodeText` leaves out.
 *
 * @internal
 */
export const text =
  (decoder: () => TextDecoder) => <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<string, E, R> =>
    Stream.suspend(() => {
      const current = decoder()
      return Stream.concat(
        Stream.map(bytes, (part) => current.decode(part, { stream: true })),
        Stream.sync(() => current.decode())
      ).pipe(Stream.filter((part) => part.length > 0))
    })

/**
 * Splits a text into lines. The rest of a line is given only if the text ends without a failure: after one it may be half of
 * a line, which the platform's `Stream.splitLines` gives all the same.
 *
 * @internal
 */
export const splitLines = <E, R>(pieces: Stream.Stream<string, E, R>): Stream.Stream<string, E, R> =>
  Stream.suspend(() => {
    let rest = ""
    const whole = Stream.mapConcat(pieces, (piece) => {
      const lines = piece.split("\n")
      lines[0] = rest + lines[0]
      rest = lines.pop() ?? ""
      return lines.map((line) => line.endsWith("\r") ? line.slice(0, -1) : line)
    })
    return Stream.concat(whole, Stream.suspend(() => rest === "" ? Stream.empty : Stream.succeed(rest)))
  })

/**
 * As `splitLines`, of a whole text.
 *
 * @internal
 */
export const lines = (whole: string): Array<string> => {
  const parts = whole.split(/\r?\n/)
  if (parts.at(-1) === "") parts.pop()
  return parts
}
