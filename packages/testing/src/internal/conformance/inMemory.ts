/**
 * The host in memory, as the conformance suite sees it.
 */
import { LocalMachine } from "@effect-remote/core/LocalMachine"
import { RemoteContext } from "@effect-remote/core/RemoteContext"
import { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
import { RemoteAddress, Transport } from "@effect-remote/core/Transport"
import * as Array from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { ConformanceHost, type NamedHost, TypeId } from "../../ConformanceHost.js"
import * as Fault from "../../Fault.js"
import type * as HostService from "../../HostService.js"
import * as InMemoryHost from "../../InMemoryHost.js"
import * as hosts from "../host/host.js"

// The services of a host in memory are fixed when it is made, so it listens on enough ports for every case.
const ports = Array.range(7001, 7064)

const socketOf = (port: number) => `/run/${port}.sock`

/**
 * A host in memory, and everything that its own layer provides.
 *
 * @internal
 */
export const layer: Layer.Layer<
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
      // A program inside a shell is only recorded if it is scripted.
      sleep: ({ argv }) => Effect.sleep(Number(argv[1]) * 1000)
    }
  })
  const { connect, own: files } = hosts.of(host.transport)
  let last = 0

  const conformanceHost = ConformanceHost.of({
    [TypeId]: TypeId,
    capabilities: { pty: false, jobs: false, specialFiles: false },
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
          if (port === undefined) {
            return Effect.dieMessage("a case serves at more addresses than the host in memory listens on")
          }
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
    Context.add(LocalMachine, host.localMachine),
    Context.add(ConformanceHost, conformanceHost)
  )
}))

/**
 * Makes a host in memory, for `Conformance.Options.namedHost`.
 *
 * @internal
 */
export const namedHost = (name: string): Effect.Effect<NamedHost> => {
  const layerWith = (faults: ReadonlyArray<Fault.Fault>) =>
    InMemoryHost.layer({ host: name, files: { "/home/user/name": name }, faults })
  return Effect.succeed({
    layer: () => layerWith([]),
    down: () => layerWith([Fault.refuseConnection({ times: Infinity })])
  })
}
