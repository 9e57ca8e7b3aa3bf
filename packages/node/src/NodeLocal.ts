/**
 * Layers for the machine that the program runs on: its network for tunnels, its files and digests for transfers, and its
 * standard streams for commands that inherit them. A transport of your own needs these and core's layers.
 *
 * @since 0.1.0
 */
import type { LocalFiles } from "@effect-remote/core/LocalFiles"
import type { LocalHash } from "@effect-remote/core/LocalHash"
import type { LocalNetwork } from "@effect-remote/core/LocalNetwork"
import type { LocalStdio } from "@effect-remote/core/LocalStdio"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Layer from "effect/Layer"
import * as localFiles from "./internal/local/files.js"
import * as localHash from "./internal/local/hash.js"
import * as localNetwork from "./internal/local/network.js"
import * as stdio from "./internal/local/stdio.js"

/**
 * Listens and connects on this machine, for tunnels.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNetwork: Layer.Layer<LocalNetwork> = localNetwork.layer

/**
 * The standard streams of this program, for commands whose input or output is `"inherit"`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerStdio: Layer.Layer<LocalStdio> = stdio.layer

/**
 * The local side of transfers: Node's files, with short ways for many small ones, and its digests.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFiles: Layer.Layer<FileSystem | LocalFiles | LocalHash> = Layer.merge(
  Layer.provideMerge(localFiles.layer, NodeFileSystem.layer),
  localHash.layer
)

/**
 * All services of this module.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
 * import type { Transport } from "@effect-remote/core/Transport"
 * import { NodeLocal } from "@effect-remote/node"
 * import { Layer } from "effect"
 *
 * // A function: Effect builds a constant once in a graph of layers, even when it is provided with two hosts.
 * export const onHost = (transport: Layer.Layer<Transport>) =>
 *   RemoteFileSystem.layer.pipe(
 *     Layer.provideMerge(RemoteContext.layer()),
 *     Layer.provide(NodeLocal.layer),
 *     Layer.provideMerge(transport)
 *   )
 * ```
 */
export const layer: Layer.Layer<FileSystem | LocalFiles | LocalHash | LocalNetwork | LocalStdio> = Layer.mergeAll(
  layerFiles,
  layerNetwork,
  layerStdio
)
