/**
 * Creates an archive, on the standard output or in a file.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { createGzip } from "node:zlib"
import type { Stat } from "../../sftp/sftpFileSystem.js"
import { through } from "../coreutils/gzip.js"
import { isSame } from "../coreutils/operands.js"
import * as descriptor from "../descriptor.js"
import * as message from "../message.js"
import * as tool from "../tool.js"
import * as read from "./read.js"
import { cowardly, refuse, type Request } from "./request.js"
import { write } from "./write.js"

/** @internal */
export const create = (self: tool.Tool, request: Request, enter: Effect.Effect<void, tool.Stop>) =>
  Effect.scoped(Effect.gen(function*() {
    const { archive, directory, isExcluded, isPacked, isVerbose, operands } = request
    if (operands.length === 0 && !request.hasList) return yield* cowardly
    const file = archive === "-" ? undefined : yield* Effect.mapError(
      self.files.open(self.at(archive), descriptor.flagsOf(">"), 0o666),
      (error) => read.cannotOpen(self, archive, error)
    )
    const output = file ?? self.invocation.output
    const stat: Option.Option<Stat> = output === undefined ? Option.none() : yield* Effect.option(output.stat)
    yield* enter
    if (isVerbose && file === undefined) return yield* refuse("-v with an archive on stdout")
    const target = file === undefined ? undefined : descriptor.write(file)
    const send = (chunk: Uint8Array): Effect.Effect<void, tool.Closed | tool.Stop> =>
      target === undefined
        ? self.send(chunk)
        : Effect.asVoid(Effect.mapError(
          target.write(chunk),
          (error) => read.fatal(self, `${archive}: Cannot write: ${message.of(error)}`)
        ))
    let code = 0
    const produce = <E>(sink: (chunk: Uint8Array) => Effect.Effect<void, E>) =>
      Effect.map(
        write(self, {
          directory,
          operands,
          isExcluded,
          isArchive: (one) => Option.exists(stat, (other) => isSame(one, other)),
          write: sink,
          report: (name) => isVerbose ? self.print(`${name}\n`) : Effect.void
        }),
        (ended) => {
          code = ended
        }
      )
    yield* isPacked
      ? Effect.catchTag(through(createGzip, produce, send), "TransformError", ({ words }) => tool.stop(words, 2))
      : produce(send)
    return code
  }))
