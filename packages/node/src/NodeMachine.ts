/**
 * Node's implementation of `LocalMachine`: files and digests for transfers, sockets for tunnels, and standard streams for
 * commands that inherit them.
 *
 * @since 0.1.0
 */
import * as LocalMachine from "@effect-remote/core/LocalMachine"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as files from "./internal/local/files.js"
import * as hash from "./internal/local/hash.js"
import * as network from "./internal/local/network.js"
import * as stdio from "./internal/local/stdio.js"

/**
 * A `LocalMachine` with all parts.
 *
 * @since 0.1.0
 * @category models
 */
export type NodeMachine = {
  readonly [Part in keyof LocalMachine.LocalMachine]-?: NonNullable<LocalMachine.LocalMachine[Part]>
}

/**
 * The machine as a value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<NodeMachine> = Effect.provide(
  Effect.map(FileSystem, (fileSystem) => ({
    fileSystem,
    files: files.make(fileSystem),
    hash: hash.hash,
    network: network.network,
    stdio: stdio.stdio
  })),
  NodeFileSystem.layer
)

/**
 * Provides the machine. Needed only for your own transport.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
 * import type { Transport } from "@effect-remote/core/Transport"
 * import { NodeMachine } from "@effect-remote/node"
 * import { Layer } from "effect"
 *
 * // A function, because Effect builds a layer value only once in a graph, even if two hosts need it. export const onHost =
 * (transport: Layer.Layer<Transport>) => RemoteFileSystem.layer.pipe( Layer.provideMerge(RemoteContext.layer()),
 * Layer.provide(NodeMachine.layer), Layer.provideMerge(transport) )
 * ```
 */
export const layer: Layer.Layer<LocalMachine.LocalMachine> = Layer.effect(LocalMachine.LocalMachine, make)
