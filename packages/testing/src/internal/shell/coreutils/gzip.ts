/**
 * `gzip` and `gunzip` of stdin and of files to stdout. Replacing files is not supported.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Transform } from "node:stream"
import { createGunzip, createGzip } from "node:zlib"
import * as bytes from "../bytes.js"
import * as input from "../input.js"
import * as options from "../options.js"
import * as tool from "../tool.js"

/** The input is not valid for the transform. @internal */
export class TransformError extends Data.TaggedError("TransformError")<{ readonly words: string }> {}

const failed = (error: unknown): TransformError =>
  new TransformError({
    words: error instanceof Error && "code" in error && error.code === "Z_BUF_ERROR"
      ? "unexpected end of file"
      : "not in gzip format"
  })

/**
 * Pipes the chunks of `feed` through a transform of Node to `receive`. A chunk is written only after the previous one has been
 * received. So only the transform's own buffers are held in memory.
 *
 * @internal
 */
export const through = <E, F>(
  make: () => Transform,
  feed: (write: (chunk: Uint8Array) => Effect.Effect<void, TransformError>) => Effect.Effect<void, E>,
  receive: (chunk: Uint8Array) => Effect.Effect<void, F>
): Effect.Effect<void, E | F | TransformError> =>
  Effect.acquireUseRelease(
    Effect.sync(make),
    (transform) => {
      const output: AsyncIterator<Uint8Array> = transform[Symbol.asyncIterator]()
      const next = Effect.tryPromise({ try: () => output.next(), catch: failed })
      const write = (chunk: Uint8Array) =>
        Effect.async<void, TransformError>((resume) => {
          transform.write(chunk, (error) => resume(error ? failed(error) : Effect.void))
        })
      const drain = Effect.gen(function*() {
        for (let chunk = yield* next; chunk.done !== true; chunk = yield* next) yield* receive(chunk.value)
      })
      const fed = Effect.zipRight(feed(write), Effect.sync(() => void transform.end()))
      return Effect.all([drain, fed], { concurrency: "unbounded", discard: true })
    },
    (transform) => Effect.sync(() => transform.destroy())
  )

const gzip = (unpacks: boolean): tool.Run => (self) =>
  Effect.gen(function*() {
    const found = yield* options.read(self.name, self.words, {
      flags: "cdfnk123456789",
      long: { stdout: "c", decompress: "d", keep: "k", "no-name": "n", best: "9", fast: "1" }
    })
    const { operands } = found
    if (operands.some((path) => path !== "-") && !found.has("c") && !self.name.endsWith("zcat")) {
      return yield* tool.stop("InMemoryHost does not understand a file that is replaced: use -c", 2)
    }
    const level = found.last("123456789")?.[0]
    const make = unpacks || found.has("d")
      ? createGunzip
      : () => createGzip(level === undefined ? {} : { level: Number(level) })
    return yield* input.each(self, operands, (path) =>
      Effect.catchTag(
        through(make, (write) => input.chunks(self, path, write), self.send),
        "TransformError",
        ({ words }) =>
          Effect.zipRight(
            // `gunzip` is a script that runs `gzip`
            self.invocation.stderr(bytes.encode(`\ngzip: ${path === "-" ? "stdin" : path}: ${words}\n`)),
            new tool.Stop({ code: 1 })
          )
      ))
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { gunzip: gzip(true), gzip: gzip(false), zcat: gzip(true) }
