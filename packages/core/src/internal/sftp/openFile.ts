/**
 * An open file on the server.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Sftp from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import * as finalizer from "../lib/finalizer.js"
import type { Fx } from "../lib/fx.js"
import * as answers from "./answers.js"
import type { CallContext } from "./callContext.js"
import type { Client } from "./client.js"
import type { Undo } from "./conversation.js"
import * as errors from "./errors.js"
import * as fileReader from "./fileReader.js"
import * as fileWriter from "./fileWriter.js"
import type { Found } from "./found.js"
import * as handleRequests from "./handleRequests.js"
import * as newMode from "./newMode.js"

/** @internal */
export interface OpenFile {
  /** The session in which it is open, and its handle. */
  readonly opened: { readonly client: Client; readonly handle: Uint8Array }
  readonly stat: Fx<Found>
  readonly setAttributes: (attributes: Sftp.Attributes) => Fx<void>
  /** Reads up to `length` bytes. `None` at the end of the file. */
  readonly read: (offset: bigint, length: number) => Fx<Option.Option<Uint8Array>>
  /** Reads to the end of the file, or up to `length` bytes, with several requests in flight. */
  readonly stream: (
    offset: bigint,
    length?: bigint,
    chunkSize?: number
  ) => Stream.Stream<Uint8Array, PlatformError>
  /** Reads the whole file. Fails if it has more than `limit` bytes. */
  readonly readAll: (limit: bigint) => Fx<Uint8Array>
  readonly write: (offset: bigint, bytes: Uint8Array) => Fx<void>
  /** Writes in order, with several requests in flight. */
  readonly writer: (offset: bigint) => fileWriter.FileWriter
  /** Syncs the file to the disk, if the server supports it. */
  readonly sync: Fx<void>
  /** Closes the file. Fails if the server reports a failure. Does nothing if it is already closed. */
  readonly close: Fx<void>
  /** Sends the close, and returns an effect that waits for the answer. The next request can be sent before. */
  readonly sendClose: Fx<Fx<void>>
}

// Some servers open an existing file in spite of the flag `exclusive`, such as Erlang's. A server with fsync does not.
const expectMissing = (client: Client, call: CallContext): Fx<void> =>
  client.has("fsync")
    ? Effect.void
    : Effect.flatMap(
      Effect.mapError(client.request(Sftp.Request.Lstat({ path: call.path })), errors.connection(call)),
      ({ _tag }) => _tag === "Attrs" ? Effect.fail(errors.system(call, "AlreadyExists", undefined)) : Effect.void
    )

/** @internal */
export const open = (
  client: Client,
  call: CallContext,
  request: Extract<Sftp.Request, { readonly _tag: "Open" }>,
  undo?: Undo
): Effect.Effect<OpenFile, PlatformError, Scope.Scope> => {
  const { flags, path } = request
  const writes = (flags & (Sftp.OpenFlags.write | Sftp.OpenFlags.append)) !== 0
  const intent = (flags & Sftp.OpenFlags.exclusive) !== 0 ? "create" : writes ? "openToWrite" : "open"
  const onPath = Effect.mapError(errors.connection(call))
  return Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      if (intent === "create" && undo === undefined) yield* restore(expectMissing(client, call))
      // STAT is sent ahead of OPEN: its answer comes first, so size and type cost no round trip. A new file has neither.
      const looks = (flags & Sftp.OpenFlags.exclusive) === 0
      const [answer, found] = yield* restore(onPath(client.open(request, looks, undo)))
      if (answer._tag !== "Handle") return yield* restore(answers.refused(client, call, intent, answer))
      const file = make({
        client,
        call,
        handle: answer.handle,
        likelySize: writes ? 0n : found?.size ?? 0n,
        mayBlock: found !== undefined && fileMode.mayBlock(found),
        isClosed: false
      })
      yield* Effect.addFinalizer((exit) =>
        Exit.isSuccess(exit) && writes ? leave(path, file) : Effect.sync(() => file.abandon(Exit.isFailure(exit)))
      )
      const mode = request.attributes.permissions
      const isNew = (flags & Sftp.OpenFlags.create) !== 0 && found === undefined
      if (isNew && newMode.isInDoubt(client, mode)) {
        yield* restore(newMode.ensure(call.target ?? path, mode, file.open.stat, file.open.setAttributes))
      }
      return file.open
    })
  )
}

// A failed close of a written file can mean lost bytes, so it is awaited and reported.
const leave = (path: string, { file, open }: Made): Effect.Effect<void> =>
  Effect.suspend(() =>
    file.isClosed
      ? Effect.void
      : finalizer.bounded(Effect.ignoreLogged(open.close), {
        left: `The file ${JSON.stringify(path)} may be incomplete, because closing it failed or took too long`
      })
  )

interface Made {
  readonly open: OpenFile
  readonly file: handleRequests.FileHandle
  /** Closes the file without waiting for the answer. */
  readonly abandon: (isInterrupted: boolean) => void
}

const make = (file: handleRequests.FileHandle): Made => {
  const { client, handle } = file
  const sendClose = Effect.suspend((): Fx<Fx<void>> => {
    if (file.isClosed) return Effect.succeed(Effect.void)
    return Effect.map(handleRequests.sendStatus(file, "close", Sftp.Request.Close({ handle })), (answered) => {
      file.isClosed = true
      return answered
    })
  })
  const writer = (offset: bigint) => fileWriter.make(file, sendClose, offset)
  const open: OpenFile = {
    opened: { client, handle },
    stat: Effect.flatMap(
      handleRequests.request(file, "stat", Sftp.Request.Fstat({ handle })),
      (answer) => handleRequests.attributesOf(file, answer)
    ),
    setAttributes: (attributes) =>
      handleRequests.requestStatus(file, "setAttributes", Sftp.Request.Fsetstat({ handle, attributes })),
    read: (offset, length) => fileReader.read(file, offset, length),
    stream: (offset, length, chunkSize) => fileReader.stream(file, offset, length, chunkSize),
    readAll: (limit) => fileReader.readAll(file, limit),
    write: (offset, bytes) =>
      Effect.suspend(() => {
        const { flush, write } = writer(offset)
        return Effect.zipRight(write(bytes), flush)
      }),
    writer,
    sync: client.has("fsync")
      ? handleRequests.requestStatus(file, "sync", Sftp.Request.Fsync({ handle }))
      : Effect.void,
    close: Effect.flatten(sendClose),
    sendClose
  }
  return {
    open,
    file,
    abandon: (isInterrupted) => {
      if (isInterrupted) client.leave(handle, file.isClosed)
      else if (!file.isClosed) client.close(handle)
      file.isClosed = true
    }
  }
}
