/**
 * The methods of `RemoteFileSystem` that read the content of a file.
 */
import type { FileSystem, SizeInput } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Fx } from "../lib/fx.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import type { ReadFileOptions } from "./models.js"
import * as opening from "./opening.js"

// As Node's `readFile`.
const largestRead = 2 ** 31 - 1

const stream = (operations: Operations): FileSystem["stream"] => (path, options = {}) => {
  const call = { method: "stream", path }
  const { bytesToRead, chunkSize, offset = 0 } = options
  const wrong = [bytesToRead, chunkSize, offset].find((size) => size !== undefined && !opening.isByteCount(size))
  return wrong !== undefined
    ? Stream.fail(errors.badArgument(call, `${wrong} is not a valid byte count`))
    : Stream.unwrapScoped(Effect.map(opening.open(operations, call, "r"), (file) =>
      file.stream(
        BigInt(offset),
        bytesToRead === undefined ? undefined : BigInt(bytesToRead),
        chunkSize === undefined ? undefined : Number(chunkSize)
      )))
}

const readAll = (operations: Operations, call: CallContext, limit: SizeInput = largestRead): Fx<Uint8Array> =>
  Effect.flatMap(
    opening.byteCount(call, limit),
    (limit) => Effect.scoped(Effect.flatMap(opening.open(operations, call, "r"), (file) => file.readAll(limit)))
  )

const decode = (call: CallContext, bytes: Uint8Array, encoding: string): Fx<string> =>
  Effect.try({
    try: () => new TextDecoder(encoding).decode(bytes),
    catch: (error) =>
      error instanceof RangeError
        ? errors.badArgument(call, `unknown encoding ${JSON.stringify(encoding)}`)
        : errors.system(call, "Unknown", error, "the file is too large for a string")
  })

/** @internal */
export const make = (operations: Operations) => ({
  stream: stream(operations),
  readFile: (path: string, { limit }: ReadFileOptions = {}) => readAll(operations, { method: "readFile", path }, limit),
  readFileString: (path: string, encoding = "utf-8", { limit }: ReadFileOptions = {}) => {
    const call = { method: "readFileString", path }
    return Effect.flatMap(readAll(operations, call, limit), (bytes) => decode(call, bytes, encoding))
  }
})
