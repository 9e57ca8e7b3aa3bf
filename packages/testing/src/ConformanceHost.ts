/**
 * What the conformance suite must know of a host behind the back of the transport that it tries: where it may write, what is
 * there, what runs, and how to serve, to connect and to cut the link there.
 *
 * @since 0.1.0
 */
import { LocalAddress, LocalNetwork } from "@effect-remote/core/LocalNetwork"
import { RemoteContext } from "@effect-remote/core/RemoteContext"
import { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as RemoteHosts from "@effect-remote/core/RemoteHost"
import { type Duplex, RemoteAddress, Transport } from "@effect-remote/core/Transport"
import * as NodeLocal from "@effect-remote/node/NodeLocal"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import * as Array from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Fault from "./Fault.js"
import type * as HostService from "./HostService.js"
import * as InMemoryHost from "./InMemoryHost.js"
import * as loopback from "./internal/conformance/loopback.js"
import * as services from "./internal/conformance/services.js"
import * as hosts from "./internal/host/host.js"
import * as Sshds from "./Sshd.js"
import { Sshd } from "./Sshd.js"

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
 * What goes wrong here is no part of what is tried, so that it should be a defect.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConformanceHost {
  readonly [TypeId]: TypeId
  /** Makes a directory with nothing in it, which the user who is logged in has for himself. */
  readonly directory: Effect.Effect<string>
  /**
   * The host's files with the rights of that user, past the transport. Where there is no other way to them they may be the
   * transport's own; what both directions get wrong alike is not found then.
   */
  readonly files: FileSystem
  /** How many programs of that name run on the host for clients of the transport. */
  readonly running: (name: string) => Effect.Effect<number>
  /**
   * What such clients have open on the host, in words: programs, and files and connections where that is known. What stays with
   * a connection is not told.
   */
  readonly leftOpen: Effect.Effect<ReadonlyArray<string>>
  /** Serves at an address of its own on the host, until the scope closes. `"unix"` is only asked for by cases that need it. */
  readonly serve: (
    handler: HostService.Handler,
    kind?: RemoteAddress["_tag"]
  ) => Effect.Effect<RemoteAddress, never, Scope.Scope>
  /** A port of the host on which nobody listens, and which is free to be listened on. */
  readonly closedPort: Effect.Effect<number>
  /** Connects to an address as somebody on the host does. It fails where nobody listens. */
  readonly connect: (address: RemoteAddress) => Effect.Effect<Duplex<unknown>, unknown, Scope.Scope>
  /** Every connection of the transport is lost, as by a link that is cut. The next one can be made. */
  readonly dropConnections: Effect.Effect<void>
}

/**
 * A host of its own, for the cases that put several hosts into one program. A file `name` in the login directory holds its
 * name.
 *
 * @since 0.1.0
 * @category models
 */
export interface NamedHost {
  /** Calls the layer constructor of the transport, as a program does. Each call gives another layer value. */
  readonly layer: () => Layer.Layer<RemoteContext | RemoteFileSystem | Transport, unknown>
  /** As `layer`, to a host that refuses connections. */
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
 * The throwaway server: the host is this machine.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { OpenSsh } from "@effect-remote/node"
 * import { ConformanceHost, Sshd } from "@effect-remote/testing"
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
      const files = yield* FileSystem
      const network = yield* LocalNetwork
      const own = `${sshd.directory}/conformance`
      yield* Effect.orDie(files.makeDirectory(own))
      let last = 0
      const serve = (address: LocalAddress, handler: HostService.Handler) =>
        Effect.map(Effect.orDie(services.serve(network, address, handler)), loopback.remote)

      return ConformanceHost.of({
        [TypeId]: TypeId,
        directory: Effect.suspend(() => {
          const path = `${own}/directory ${++last}`
          return Effect.as(Effect.orDie(files.makeDirectory(path)), path)
        }),
        files,
        running: (name) => Effect.map(loopback.running(sshd, name), ({ length }) => length),
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
  ).pipe(Layer.provide([NodeFileSystem.layer, NodeLocal.layerNetwork]))
)

/**
 * Makes a throwaway server of its own, for `Conformance.Options.namedHost`. `layerOf` is the layer constructor of the transport.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { OpenSsh } from "@effect-remote/node"
 * import { ConformanceHost } from "@effect-remote/testing"
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
    const files = yield* FileSystem
    const home = yield* files.makeTempDirectoryScoped({ prefix: "conformance-" })
    yield* files.writeFileString(`${home}/name`, name)
    const { host } = yield* Sshds.make({ loginShell: "sh", ...options, home })
    const { address } = yield* Effect.scoped(Effect.orDie(
      Effect.flatMap(LocalNetwork, (network) => network.listen(anyPort))
    ))
    const refusing = yield* Effect.orDie(RemoteHosts.make({ ...host, port: loopback.portOf(address) }))
    return { layer: () => layerOf(host), down: () => layerOf(refusing) }
  }).pipe(Effect.provide([NodeFileSystem.layer, NodeLocal.layerNetwork]))

// What is listened on for every service that a case may want: the services of a host in memory are known from the beginning.
const ports = Array.range(7001, 7064)

const socketOf = (port: number) => `/run/${port}.sock`

/**
 * A host in memory, and all that its own layer provides.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { RemoteFileSystem } from "@effect-remote/core"
 * import { ConformanceHost } from "@effect-remote/testing"
 * import { Effect } from "effect"
 *
 * export const test = Effect.gen(function*() {
 *   const { directory, files } = yield* ConformanceHost.ConformanceHost
 *   const fs = yield* RemoteFileSystem.RemoteFileSystem
 *   const path = `${yield* directory}/file`
 *   yield* fs.writeFileString(path, "through the transport")
 *   return yield* files.readFileString(path)
 * }).pipe(Effect.provide(ConformanceHost.layerInMemory))
 * ```
 */
export const layerInMemory: Layer.Layer<
  ConformanceHost | InMemoryHost.Provided,
  InMemoryHost.InMemoryHostError
> = Layer.scopedContext(Effect.gen(function*() {
  const serving = new Map<number, HostService.Handler>()
  const dispatch = (port: number): HostService.Handler => (connection) =>
    serving.get(port)?.(connection) ?? connection.end
  const own = "/conformance"
  const host = yield* InMemoryHost.make({
    unknownCommands: "notFound",
    username: "user",
    directories: { "/run": {}, [own]: { owner: "user" } },
    services: Object.fromEntries(ports.flatMap((port) => [
      [`localhost:${port}`, dispatch(port)],
      [socketOf(port), dispatch(port)]
    ])),
    commands: {
      // What runs within a shell is only told of where it is scripted.
      sleep: ({ argv }) => Effect.sleep(Number(argv[1]) * 1000)
    }
  })
  const { connect, own: files } = hosts.of(host.transport)
  let last = 0

  const conformanceHost = ConformanceHost.of({
    [TypeId]: TypeId,
    directory: Effect.suspend(() => {
      const path = `${own}/directory ${++last}`
      return Effect.as(Effect.orDie(files.makeDirectory(path)), path)
    }),
    files,
    running: (name) =>
      Effect.gen(function*() {
        const named = (yield* host.runs).filter(({ argv }) => argv[0].replace(/^.*\//, "") === name)
        const outcomes = yield* Effect.forEach(named, ({ outcome }) => outcome)
        return outcomes.filter(Predicate.isUndefined).length
      }),
    leftOpen: Effect.map(
      host.counts,
      ({ handles, listeners, programs, tunnels }) =>
        Object.entries({ handles, listeners, programs, tunnels }).flatMap(([what, count]) =>
          count > 0 ? [`${count} ${what}`] : []
        )
    ),
    serve: (handler, kind = "Tcp") =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          const port = ports.find((port) => !serving.has(port))
          if (port === undefined) return Effect.dieMessage("no case should serve so much at a time")
          serving.set(port, handler)
          return Effect.succeed(port)
        }),
        (port) => Effect.sync(() => serving.delete(port))
      ).pipe(
        Effect.map((port) =>
          kind === "Tcp"
            ? RemoteAddress.Tcp({ host: "localhost", port })
            : RemoteAddress.Unix({ path: socketOf(port) })
        )
      ),
    closedPort: Effect.sync(() => 20_000 + ++last),
    connect,
    dropConnections: host.dropConnection
  })

  return Context.make(InMemoryHost.InMemoryHost, host).pipe(
    Context.add(Transport, host.transport),
    Context.add(RemoteContext, host.context),
    Context.add(RemoteFileSystem, host.fileSystem),
    Context.add(LocalNetwork, host.localNetwork),
    Context.add(ConformanceHost, conformanceHost)
  )
}))

/**
 * Makes a host in memory, for `Conformance.Options.namedHost`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const namedInMemory = (name: string): Effect.Effect<NamedHost> => {
  const layer = (faults: ReadonlyArray<Fault.Fault>) =>
    InMemoryHost.layer({ host: name, files: { "/home/user/name": name }, faults })
  return Effect.succeed({
    layer: () => layer([]),
    down: () => layer([Fault.refuseConnection({ times: Infinity })])
  })
}
