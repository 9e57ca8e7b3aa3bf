/**
 * Changes the size of a file. Some servers empty the file first, such as those made with paramiko's `SFTPServer.set_file_attr`,
 * and fill it with zeros. This is tried out with a hidden file, unless the server has `lsetstat` (OpenSSH
 * since 8.0) or `fsync` (since 6.5).
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { OpenFlags } from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { OpenFile } from "../sftp/openFile.js"
import type { Operations } from "../sftp/requests.js"
import * as probe from "./probe.js"

const content = new Uint8Array([1, 2])

/** A way to change a size: of a hidden file, and of the file itself. */
interface Way {
  readonly hidden: (call: CallContext, file: OpenFile) => Fx<void>
  readonly look: Fx<unknown>
  readonly change: Fx<void>
}

// Cuts the content of a hidden file to its first byte, and reads the rest.
const fault = (
  operations: Operations,
  { method, path }: CallContext,
  hidden: Way["hidden"]
): Fx<string | undefined> =>
  probe.use(
    operations,
    { method, path: posixPath.parent(path), target: path },
    OpenFlags.read,
    (call, file) =>
      Effect.gen(function*() {
        yield* file.write(0n, content)
        yield* hidden(call, file)
        const left = Option.getOrElse(yield* file.read(0n, content.length), () => new Uint8Array())
        if (left[0] !== content[0]) return "empties a file when it changes its size: write the whole file instead"
        return left.length === 1 ? undefined : "does not change the size of a file"
      })
  )

const checked = (operations: Operations, call: CallContext, size: bigint, { change, hidden, look }: Way): Fx<void> =>
  Effect.gen(function*() {
    const isKnown = (yield* operations.offers(call, "lsetstat")) || (yield* operations.offers(call, "fsync"))
    if (size > 0n && !isKnown) {
      yield* look
      const found = yield* fault(operations, call, hidden)
      if (found !== undefined) {
        return yield* Effect.fail(errors.system(call, "Unknown", undefined, `the SFTP server ${found}`))
      }
    }
    yield* change
  })

/**
 * Fails if the server would lose the content, or would not change the size.
 *
 * @internal
 */
export const atPath = (operations: Operations, call: CallContext, size: bigint): Fx<void> =>
  checked(operations, call, size, {
    hidden: (call) => operations.setAttributes(call, { size: 1n }),
    look: operations.stat(call),
    change: operations.setAttributes(call, { size })
  })

/**
 * As `atPath`, for an open file.
 *
 * @internal
 */
export const open = (operations: Operations, call: CallContext, file: OpenFile, size: bigint): Fx<void> =>
  checked(operations, call, size, {
    hidden: (_, hidden) => hidden.setAttributes({ size: 1n }),
    look: Effect.void,
    change: file.setAttributes({ size })
  })
