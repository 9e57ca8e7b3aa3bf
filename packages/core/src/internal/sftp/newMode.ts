/**
 * The modes of new files and directories. Some servers ignore the mode that a client asks for, such as Go's `pkg/sftp`. OpenSSH's
 * server does not, and is known by its fsync.
 */
import * as Effect from "effect/Effect"
import type * as Sftp from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import type { Client } from "./client.js"
import * as errors from "./errors.js"

const ownerExecutes = 0o100
const anyReads = 0o444

/**
 * The mode to set on a new entry: the requested mode under the umask that the server has, as far as it shows. `undefined` if the
 * entry has this mode.
 *
 * @internal
 */
export const missing = ({ permissions }: Sftp.Attributes, requested: number): number | undefined => {
  if (permissions === undefined) return undefined
  // No umask takes this bit, so the server has ignored the mode.
  const isIgnored = (requested & ~permissions & ownerExecutes) !== 0
  const granted = isIgnored ? permissions | (permissions & anyReads) >> 2 : permissions
  const mode = granted & (requested | ~fileMode.accessBits) & fileMode.permissionBits
  return mode === (permissions & fileMode.permissionBits) ? undefined : mode
}

/**
 * Whether the server may have ignored the mode.
 *
 * @internal
 */
export const isInDoubt = (client: Client, requested: number | undefined): requested is number =>
  requested !== undefined && !client.has("fsync")

const warn = (path: string) =>
  Effect.logWarning(
    `The mode of ${
      JSON.stringify(path)
    } grants more than requested: the server ignores modes of new entries, and refuses to change them`
  )

/**
 * Sets the requested mode of a new entry, if the server has ignored it. Logs a warning if the server refuses that.
 *
 * @internal
 */
export const ensure = (
  path: string,
  requested: number,
  look: Fx<Sftp.Attributes>,
  change: (attributes: Sftp.Attributes) => Fx<void>
): Fx<void> =>
  Effect.gen(function*() {
    // A server that does not report attributes leaves the mode unknown.
    const found = yield* Effect.catchIf(look, errors.isRefusedByServer, () => Effect.succeed({}))
    const permissions = missing(found, requested)
    if (permissions === undefined) return
    yield* Effect.catchIf(change({ permissions }), errors.isRefusedByServer, () => warn(path))
  })
