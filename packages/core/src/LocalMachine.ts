/**
 * The local machine: the parts that commands, files and tunnels need. `NodeMachine.layer` of `@effect-remote/node` provides
 * all of them. `OpenSsh.layer` and `InMemoryHost.layer` include it.
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type { LocalFiles } from "./LocalFiles.js"
import type { LocalHash } from "./LocalHash.js"
import type { LocalNetwork } from "./LocalNetwork.js"
import type { LocalStdio } from "./LocalStdio.js"

/**
 * The parts of this machine. If a part is missing, calls that need it fail with a typed error before anything is sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalMachine {
  /** The local side of `put` and `get`, unless their option `local` names another one. */
  readonly fileSystem?: FileSystem | undefined
  /** Speeds up transfers of many small files. Used only with its own `FileSystem` (`LocalFiles.fileSystem`). */
  readonly files?: LocalFiles | undefined
  /** Computes digests for `verify: "digest"`, and for hosts without a command for it. */
  readonly hash?: LocalHash | undefined
  /** Listens and connects for tunnels. */
  readonly network?: LocalNetwork | undefined
  /** The standard streams, for commands whose input or output is `"inherit"`. */
  readonly stdio?: LocalStdio | undefined
}

/**
 * @since 0.1.0
 * @category tags
 */
export const LocalMachine: Context.Tag<LocalMachine, LocalMachine> = Context.GenericTag<LocalMachine>(
  "@effect-remote/core/LocalMachine"
)

/**
 * Provides the given parts.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { LocalMachine } from "@effect-remote/core"
 *
 * // For a program without local files, streams and sockets. Commands and remote files work.
 * export const Nothing = LocalMachine.layer({})
 * ```
 */
export const layer = (machine: LocalMachine): Layer.Layer<LocalMachine> => Layer.succeed(LocalMachine, machine)
