/**
 * The suite of behaviours that every transport passes, as tests of vitest: commands, files, atomic writes, walks, transfers
 * and tunnels, what becomes of each of them when it is interrupted and when the connection is lost, and that nothing is left
 * open. It needs `vitest` and `@effect/vitest`, and works only in files that vitest runs; so it is no part of the index.
 *
 * @since 0.1.0
 */
import type { RemoteContext } from "@effect-remote/core/RemoteContext"
import type { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
import type { Transport } from "@effect-remote/core/Transport"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { ConformanceHost, NamedHost } from "./ConformanceHost.js"

import { atomicWrites } from "./internal/conformance/atomicWrites.js"
import { commands } from "./internal/conformance/commands.js"
import { compositions } from "./internal/conformance/compositions.js"
import { endings } from "./internal/conformance/endings.js"
import { files } from "./internal/conformance/files.js"
import { interruptions } from "./internal/conformance/interruptions.js"
import { processes } from "./internal/conformance/processes.js"
import { transferRules } from "./internal/conformance/transferRules.js"
import { transfers } from "./internal/conformance/transfers.js"
import { tunnels } from "./internal/conformance/tunnels.js"
import { walking } from "./internal/conformance/walking.js"

/**
 * What a transport, or the host that it is tried with, can do. A case that wants what is lacking is left out, and says why in
 * its name, so that there are as many cases for every transport.
 *
 * @since 0.1.0
 * @category models
 */
export interface Capabilities {
  /** Of the transport: the name of the signal that ended a command is known. */
  readonly exitSignal: boolean
  /** Of the transport: a connection can still be written to after its target has ended its own output. */
  readonly halfClose: boolean
  /** Of the transport: hundreds of connections at once are no burden, since each is no process of its own. */
  readonly manyChannels: boolean
  /** Of the host: it gives out pseudo-terminals that know their size, and `stty`. */
  readonly pty: boolean
  /** Of the transport: the host can be asked to listen. */
  readonly remoteForward: boolean
  /** Of the transport: it connects to unix sockets, and has the host listen on them. */
  readonly unixSockets: boolean
  /** Of the host: its shell runs jobs in the background (`&`), catches signals (`trap`) and sends them (`kill`). */
  readonly jobs: boolean
  /** Of the host: `/dev/zero`, `/dev/full`, `/proc`, and named pipes among the files. */
  readonly specialFiles: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Of the transport, for the names of the cases. */
  readonly name: string
  /**
   * What is tried, built once for each part of the suite. The login is of a user with a shell; `root` may be one, of whom less
   * is refused.
   */
  readonly layer: Layer.Layer<ConformanceHost | RemoteContext | RemoteFileSystem | Transport, unknown>
  readonly capabilities: Capabilities
  /** Makes a further host, until the scope closes, for the cases that put several hosts into one program. */
  readonly namedHost: (name: string) => Effect.Effect<NamedHost, unknown, Scope.Scope>
}

/**
 * Defines the tests of the suite for one transport.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import type { OpenSsh } from "@effect-remote/node"
 * import type { RemoteHost } from "@effect-remote/core"
 * import { ConformanceHost, Sshd } from "@effect-remote/testing"
 * import { conformance } from "@effect-remote/testing/Conformance"
 * import { Effect, Layer } from "effect"
 *
 * declare const myLayer: (host: RemoteHost.RemoteHost) => Layer.Layer<OpenSsh.Services, Error>
 *
 * const transport = Layer.unwrapEffect(Effect.map(Sshd.Sshd, ({ host }) => myLayer(host)))
 *
 * conformance({
 *   name: "my transport",
 *   layer: Layer.merge(transport, ConformanceHost.layerSshd).pipe(Layer.provide(Sshd.layer({ loginShell: "sh" }))),
 *   namedHost: ConformanceHost.namedSshd(myLayer),
 *   capabilities: {
 *     exitSignal: true,
 *     halfClose: true,
 *     jobs: true,
 *     manyChannels: true,
 *     pty: false,
 *     remoteForward: false,
 *     specialFiles: true,
 *     unixSockets: false
 *   }
 * })
 * ```
 */
export const conformance = (options: Options): void => {
  const parts = [
    commands,
    processes,
    files,
    atomicWrites,
    walking,
    transfers,
    transferRules,
    tunnels,
    endings,
    compositions,
    interruptions
  ]
  for (const part of parts) {
    part(options)
  }
}
