/**
 * Exports what a program on the host prints: compressed while it comes, under its name only when the program has succeeded,
 * compared by digest with what was sent, and then copied here. An export that fails, or is interrupted, leaves the old one.
 */
import { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import type { TransferError } from "@effect-remote/core/Transfer"
import { NodeMachine } from "@effect-remote/node"
import type { Command } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Data, Effect, Stream } from "effect"

export interface Export {
  /** Prints what is to be exported, and exits with 0. */
  readonly dump: Command.Command
  /** Path of the export on the host. Next to it is its digest, in the format of `sha256sum -c`. */
  readonly path: string
  /** Path of a copy on this machine. Default: without a copy. */
  readonly copy?: string | undefined
}

/** The file on the host's disk differs from the bytes that were sent. The file of the digest is still the old one. */
export class DamagedExport extends Data.TaggedError("DamagedExport")<{
  readonly path: string
  readonly sent: string
  readonly found: string
}> {
  override get message(): string {
    return `${this.path} has the digest ${this.found} instead of ${this.sent}`
  }
}

/** Succeeds with the digest. */
export const nightlyExport = (
  { copy, dump, path }: Export
): Effect.Effect<
  string,
  DamagedExport | PlatformError | RemoteContext.RunError | TransferError,
  RemoteContext.RemoteContext | RemoteFileSystem.RemoteFileSystem
> =>
  Effect.gen(function*() {
    const fs = yield* RemoteFileSystem.RemoteFileSystem
    const machine = yield* NodeMachine.make
    const hash = yield* machine.hash.make("sha256")
    yield* RemoteContext.stream(dump).pipe(
      gzip,
      Stream.tap((bytes) => Effect.sync(() => hash.update(bytes))),
      Stream.run(fs.atomicSink(path))
    )
    const sent = hash.hex()
    const found = yield* fs.digest(path)
    if (found !== sent) return yield* new DamagedExport({ path, sent, found })
    yield* fs.atomicWrite(`${path}.sha256`, `${sent}  ${path.slice(path.lastIndexOf("/") + 1)}\n`)
    if (copy !== undefined) yield* fs.get(path, copy, { verify: "digest" })
    return sent
  })

/** Compresses here, because the host's own `dump | gzip` would hide a failure of `dump`. */
const gzip = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Uint8Array, E, R> =>
  Stream.suspend(() => {
    const { readable, writable } = new CompressionStream("gzip")
    const writer = writable.getWriter()
    const written = bytes.pipe(
      Stream.runForEach((piece) => Effect.promise(() => writer.write(new Uint8Array(piece)))),
      Effect.zipRight(Effect.promise(() => writer.close()))
    )
    const compressed = Stream.orDie(
      Stream.fromReadableStream<Uint8Array, unknown>({ evaluate: () => readable, onError: (cause) => cause })
    )
    return Stream.merge(compressed, Stream.drain(Stream.fromEffect(written)))
  })
