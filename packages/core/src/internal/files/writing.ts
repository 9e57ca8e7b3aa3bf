/**
 * The methods of `RemoteFileSystem` that write the content of a file.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { Operations } from "../sftp/requests.js"
import * as atomicWrite from "./atomicWrite.js"
import type { AtomicOptions } from "./models.js"
import * as opening from "./opening.js"

const bytesOf = (content: Uint8Array | string): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content

const writeFile = (operations: Operations): FileSystem["writeFile"] => (path, data, { flag = "w", mode } = {}) =>
  Effect.scoped(
    Effect.flatMap(
      opening.openWriter(operations, { method: "writeFile", path }, flag, mode),
      ({ finish, write }) => Effect.zipRight(write(data), finish)
    )
  )

const sink = (operations: Operations): FileSystem["sink"] => (path, { flag = "w", mode } = {}) =>
  Sink.unwrapScoped(
    Effect.map(
      opening.openWriter(operations, { method: "sink", path }, flag, mode),
      ({ finish, write }) => Sink.forEach(write).pipe(Sink.mapEffect(() => finish))
    )
  )

const atomicSink = (operations: Operations, method: string, path: string, options: AtomicOptions) =>
  Sink.unwrapScoped(Effect.map(
    atomicWrite.acquire(operations, method, path, options),
    ({ commit, write }) => Sink.mapEffect(Sink.forEach(write), () => commit)
  ))

/** @internal */
export const make = (operations: Operations) => {
  const write = writeFile(operations)
  const writeFileString: FileSystem["writeFileString"] = (path, data, options) => write(path, bytesOf(data), options)
  return {
    writeFile: write,
    writeFileString,
    sink: sink(operations),
    atomicWrite: <E = never, R = never>(
      path: string,
      content: Uint8Array | string | Stream.Stream<Uint8Array, E, R>,
      options: AtomicOptions = {}
    ): Effect.Effect<void, E | PlatformError, R> =>
      typeof content === "string" || content instanceof Uint8Array
        ? atomicWrite.put(operations, "atomicWrite", path, bytesOf(content), options)
        : Stream.run(content, atomicSink(operations, "atomicWrite", path, options)),
    atomicSink: (path: string, options: AtomicOptions = {}) => atomicSink(operations, "atomicSink", path, options)
  }
}
