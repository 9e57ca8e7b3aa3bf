import type * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/**
 * Decodes a stream of bytes as text, with a new decoder for each run. An incomplete character at the end becomes U+FFFD. The
 * platform's `Stream.decodeText` drops it.
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

// Small pieces of a line are joined. Each string has an overhead in memory, and the host chooses the size of the pieces.
const joinedBelow = 65_536

/** Collects the pieces of one line, in linear time. */
const makeLine = () => {
  let parts: Array<string> = []
  let length = 0
  return {
    length: () => length,
    push: (part: string) => {
      length += part.length
      let last = part
      while (last.length < joinedBelow && parts.length > 0 && parts.at(-1)!.length <= last.length) {
        last = [parts.pop(), last].join("")
      }
      parts.push(last)
    },
    take: () => {
      const whole = parts.join("")
      parts = []
      length = 0
      return whole
    }
  }
}

/**
 * Splits text into lines. Fails at a line of more than `limit` characters. An unfinished last line is emitted only if the
 * text ends without a failure. The platform's `Stream.splitLines` always emits it.
 *
 * @internal
 */
export const splitLines = <E2>(limit: number, tooLong: Effect.Effect<never, E2>) =>
<E, R>(
  pieces: Stream.Stream<string, E, R>
): Stream.Stream<string, E | E2, R> =>
  Stream.suspend(() => {
    const line = makeLine()
    const split = (piece: string, lines: Array<string>): "split" | "tooLong" => {
      for (let at = 0; at < piece.length;) {
        const end = piece.indexOf("\n", at)
        const until = end < 0 ? piece.length : end
        if (line.length() + until - at > limit) return "tooLong"
        line.push(piece.slice(at, until))
        at = until + 1
        if (end < 0) continue
        const whole = line.take()
        lines.push(whole.endsWith("\r") ? whole.slice(0, -1) : whole)
      }
      return "split"
    }
    const loop: Channel.Channel<Chunk.Chunk<string>, Chunk.Chunk<string>, E | E2, E, unknown, unknown> = Channel
      .readWithCause({
        onInput: (input: Chunk.Chunk<string>) => {
          const lines: Array<string> = []
          const ended = Chunk.some(input, (piece) => split(piece, lines) === "tooLong")
          return Channel.zipRight(
            Channel.write(Chunk.unsafeFromArray(lines)),
            ended ? Channel.fromEffect(tooLong) : loop
          )
        },
        onFailure: (cause: Cause.Cause<E>) => Channel.failCause(cause),
        onDone: () => line.length() === 0 ? Channel.void : Channel.write(Chunk.of(line.take()))
      })
    return Stream.pipeThroughChannel(pieces, loop)
  })

/**
 * Like `splitLines`, for a string.
 *
 * @internal
 */
export const lines = (whole: string): Array<string> => {
  const parts = whole.split(/\r?\n/)
  if (parts.at(-1) === "") parts.pop()
  return parts
}
