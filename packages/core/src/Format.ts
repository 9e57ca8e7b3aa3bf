/**
 * Codecs between streams of values and the bytes of a file.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import { BadArgument } from "@effect/platform/Error"
import * as Stream from "effect/Stream"

/**
 * A codec of streams: `decode` reverses `encode`.
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
 * UTF-8 text, as a stream of strings. Reading splits the text at any place between two characters. Bytes that are not UTF-8
 * fail with `BadArgument`.
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
            new BadArgument({ module: "Stream", method: "decode", description: "the file is not UTF-8", cause })
          )
        }
      }
      return Stream.concat(Stream.flatMap(bytes, decode), Stream.suspend(() => decode(undefined))).pipe(
        Stream.filter((part) => part.length > 0)
      )
    })
}
