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
 * As `Stream.splitLines`, of a whole text.
 *
 * @internal
 */
export const lines = (whole: string): Array<string> => {
  const parts = whole.split(/\r?\n/)
  if (parts.at(-1) === "") parts.pop()
  return parts
}
