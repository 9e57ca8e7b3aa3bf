/**
 * Direct access to the host that the conformance suite runs against, without the transport under test: a directory to write
 * to, the files, the running programs, services, connections and the link.
 *
 * Import it as `ConformanceHost` from `@effect-remote/testing/Conformance`.
 *
 * @since 0.1.0
 */
import { LocalAddress } from "@effect-remote/core/LocalNetwork"
import type { RemoteContext } from "@effect-remote/core/RemoteContext"
import type { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as RemoteHosts from "@effect-remote/core/RemoteHost"
import type { Duplex, RemoteAddress, Transport } from "@effect-remote/core/Transport"
import * as NodeMachine from "@effect-remote/node/NodeMachine"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as HostService from "./HostService.js"
import * as loopback from "./internal/conformance/loopback.js"
import * as services from "./internal/conformance/services.js"
import * as Sshds from "./Sshd.js"
import { Sshd } from "./Sshd.js"
import * as Processes from "./unstable/Processes.js"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-remote/testing/ConformanceHost")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * Features of the host. A case that needs what is missing is skipped, with the reason.
 *
 * @since 0.1.0
 * @category models
 */
export interface Capabilities {
  /** Pseudo-terminals with a size, and `stty`. */
  readonly pty: boolean
  /** A shell with background jobs (`&`), `trap` and `kill`. */
  readonly jobs: boolean
  /** `/dev/zero`, `/dev/full`, `/proc` and named pipes. */
  readonly specialFiles: boolean
}

/**
 * Direct access to the host. A failure here is not part of the test, so it should be a defect.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConformanceHost {
  readonly [TypeId]: TypeId
  readonly capabilities: Capabilities
  /** Makes an empty directory that the logged-in user owns. */
  readonly directory: Effect.Effect<string>
  /**
   * The host's files with the rights of that user. If only the transport can access them, this may be the transport's file
   * system. The suite then misses errors that reading and writing have in common.
   */
  readonly files: FileSystem
  /** Counts the running programs of that name that clients of the transport have started. */
  readonly running: (name: string) => Effect.Effect<number>
  /**
   * Lists the resources that clients hold on the host: programs, and open files and connections if the host can list them.
   * The transport's own connection and its processes are not listed.
   */
  readonly leftOpen: Effect.Effect<ReadonlyArray<string>>
  /** Serves at a new address of the host until the scope closes. Only cases that need unix sockets pass `"Unix"`. */
  readonly serve: (
    handler: HostService.Handler,
    kind?: RemoteAddress["_tag"]
  ) => Effect.Effect<RemoteAddress, never, Scope.Scope>
  /** A free port of the host on which nothing listens. */
  readonly closedPort: Effect.Effect<number>
  /** Connects to an address from the host itself. Fails if nothing listens there. */
  readonly connect: (address: RemoteAddress) => Effect.Effect<Duplex<unknown>, unknown, Scope.Scope>
  /** Cuts every connection of the transport. New connections succeed. */
  readonly dropConnections: Effect.Effect<void>
}

/**
 * One of several hosts in one program. The file `name` in its login directory holds its name.
 *
 * @since 0.1.0
 * @category models
 */
export interface NamedHost {
  /** Calls the layer constructor of the transport, as a program does. Each call returns another layer value. */
  readonly layer: () => Layer.Layer<RemoteContext | RemoteFileSystem | Transport, unknown>
  /** Like `layer`, for a host that refuses connections. */
  readonly down: () => Layer.Layer<RemoteContext | RemoteFileSystem | Transport, unknown>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const ConformanceHost: Context.Tag<ConformanceHost, ConformanceHost> = Context.GenericTag<ConformanceHost>(
  "@effect-remote/testing/ConformanceHost"
)

const anyPort = LocalAddress.Tcp({ host: "127.0.0.1", port: 0 })

/**
 * The host of a throwaway server, which is this machine.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { OpenSsh } from "@effect-remote/node"
 * import { Sshd } from "@effect-remote/testing"
 * import { ConformanceHost } from "@effect-remote/testing/Conformance"
 * import { Effect, Layer } from "effect"
 *
 * const transport = Layer.unwrapEffect(Effect.map(Sshd.Sshd, ({ host }) => OpenSsh.layer(host)))
 *
 * export const live = Layer.merge(transport, ConformanceHost.layerSshd).pipe(
 *   Layer.provide(Sshd.layer({ loginShell: "sh" }))
 * )
 * ```
 */
export const layerSshd: Layer.Layer<ConformanceHost, never, Sshd> = Layer.fresh(
  Layer.scoped(
    ConformanceHost,
    Effect.gen(function*() {
      const sshd = yield* Sshd
      const { fileSystem: files, network } = yield* NodeMachine.make
      const own = `${sshd.directory}/conformance`
      yield* Effect.orDie(files.makeDirectory(own))
      let last = 0
      const serve = (address: LocalAddress, handler: HostService.Handler) =>
        Effect.map(Effect.orDie(services.serve(network, address, handler)), loopback.remote)

      return ConformanceHost.of({
        [TypeId]: TypeId,
        capabilities: loopback.capabilities(sshd),
        directory: Effect.suspend(() => {
          const path = `${own}/directory ${++last}`
          return Effect.as(Effect.orDie(files.makeDirectory(path)), path)
        }),
        files,
        running: (name) => Effect.map(Processes.running(sshd, name), ({ length }) => length),
        leftOpen: loopback.leftOpen(sshd, own),
        serve: (handler, kind = "Tcp") =>
          kind === "Tcp"
            ? serve(anyPort, handler)
            : Effect.suspend(() => serve(LocalAddress.Unix({ path: `${sshd.directory}/${++last}.sock` }), handler)),
        closedPort: Effect.scoped(
          Effect.map(Effect.orDie(network.listen(anyPort)), ({ address }) => loopback.portOf(address))
        ),
        connect: (address) => network.connect(loopback.local(address)),
        dropConnections: sshd.dropConnections
      })
    })
  )
)

/**
 * Starts a throwaway server for `Conformance.Options.namedHost`. `layerOf` is the layer constructor of the transport.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { OpenSsh } from "@effect-remote/node"
 * import { ConformanceHost } from "@effect-remote/testing/Conformance"
 *
 * export const namedHost = ConformanceHost.namedSshd(OpenSsh.layer)
 * ```
 */
export const namedSshd = (
  layerOf: (host: RemoteHost) => ReturnType<NamedHost["layer"]>,
  options?: Sshds.Options
) =>
(name: string): Effect.Effect<NamedHost, PlatformError | Sshds.SshdError, Scope.Scope> =>
  Effect.gen(function*() {
    const { fileSystem: files, network } = yield* NodeMachine.make
    const home = yield* files.makeTempDirectoryScoped({ prefix: "conformance-" })
    yield* files.writeFileString(`${home}/name`, name)
    const { host } = yield* Sshds.make({ loginShell: "sh", ...options, home })
    const { address } = yield* Effect.scoped(Effect.orDie(network.listen(anyPort)))
    const refusing = yield* Effect.orDie(RemoteHosts.make({ ...host, port: loopback.portOf(address) }))
    return { layer: () => layerOf(host), down: () => layerOf(refusing) }
  }).pipe(Effect.provide(NodeFileSystem.layer))
