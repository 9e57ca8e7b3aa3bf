/**
 * Changes the size of a file. Some servers empty the file first, such as those made with paramiko's `SFTPServer.set_file_attr`,
 * and fill it with zeros. This is tried out with a hidden file, unless the server is OpenSSH's.
 */
import type { PlatformError } from "@effect/platform/Error"
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

// Cuts the content of a hidden file to its first byte, and reads what is left.
const keepsContent = (
  operations: Operations,
  { method, path }: CallContext,
  resize: (call: CallContext, file: OpenFile) => Fx<void>
): Effect.Effect<boolean, PlatformError> =>
  probe.use(
    operations,
    { method, path: posixPath.parent(path), target: path },
    OpenFlags.read,
    (call, file) =>
      Effect.gen(function*() {
        yield* file.write(0n, content)
        yield* resize(call, file)
        const left = yield* file.read(0n, content.length)
        return Option.exists(left, (bytes) => bytes.length === 1 && bytes[0] === content[0])
      })
  )

const checked = (
  operations: Operations,
  call: CallContext,
  size: bigint,
  resize: (call: CallContext, file: OpenFile) => Fx<void>,
  change: Fx<void>
): Fx<void> =>
  Effect.gen(function*() {
    // The server is known by its `lsetstat`.
    const isKnown = size === 0n || (yield* operations.offers(call, "lsetstat"))
    if (!isKnown && !(yield* keepsContent(operations, call, resize))) {
      return yield* Effect.fail(
        errors.system(
          call,
          "Unknown",
          undefined,
          "the SFTP server empties a file when it changes its size: write the whole file instead"
        )
      )
    }
    yield* change
  })

/**
 * Fails if the server would lose the content.
 *
 * @internal
 */
export const atPath = (operations: Operations, call: CallContext, size: bigint): Fx<void> =>
  checked(
    operations,
    call,
    size,
    (call) => operations.setAttributes(call, { size: 1n }),
    operations.setAttributes(call, { size })
  )

/**
 * As `atPath`, for an open file.
 *
 * @internal
 */
export const open = (operations: Operations, call: CallContext, file: OpenFile, size: bigint): Fx<void> =>
  checked(
    operations,
    call,
    size,
    (_, hidden) => hidden.setAttributes({ size: 1n }),
    file.setAttributes({ size })
  )
