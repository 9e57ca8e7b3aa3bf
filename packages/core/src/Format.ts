/**
 * How values become the bytes of a file and the bytes values again, as streams.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import { BadArgument } from "@effect/platform/Error"
import * as Stream from "effect/Stream"

/**
 * A two-way codec of streams. `encode` and `decode` undo each other.
 *
 * @since 0.1.0
 * @category models
 */
export interface Format<A> {
  readonly encode: <E, R>(values: Stream.Stream<A, E, R>) => Stream.Stream<Uint8Array, E | PlatformError, R>
  readonly decode: <E, R>(bytes: Stream.Stream<Uint8Array, E, R>) => Stream.Stream<A, E | PlatformError, R>
}

/**
 * Bytes as they are.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bytes: Format<Uint8Array> = { encode: (values) => values, decode: (bytes) => bytes }

/**
 * Pieces of UTF-8 text. Where one ends and the next begins is not kept, but characters stay whole. What is no UTF-8 fails
 * with a `BadArgument`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const text: Format<string> = {
  encode: Stream.encodeText,
  decode: (bytes) =>
    Stream.suspend(() => {
      const decoder = new TextDecoder("utf-8", { fatal: true })
      const decode = (part: Uint8Array | undefined) => {
        try {
          return Stream.succeed(part === undefined ? decoder.decode() : decoder.decode(part, { stream: true }))
        } catch (cause) {
          return Stream.fail(
            new BadArgument({ module: "Stream", method: "decode", description: "the file is no UTF-8", cause })
          )
        }
      }
      return Stream.concat(Stream.flatMap(bytes, decode), Stream.suspend(() => decode(undefined))).pipe(
        Stream.filter((part) => part.length > 0)
      )
    })
}
