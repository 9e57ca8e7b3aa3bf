/**
 * Several hosts in one program, composed with layers: each service reaches the host that it was provided with.
 */
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import { Transport } from "@effect-remote/core/Transport"
import * as NodeMachine from "@effect-remote/node/NodeMachine"
import * as Command from "@effect/platform/Command"
import { FileSystem } from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as LayerMap from "effect/LayerMap"
import type * as Scope from "effect/Scope"
import type { NamedHost } from "../../ConformanceHost.js"
import { lostBy } from "./support.js"

/** A service of a program, as the constructor of each looks: it holds the services of the one host that it works on. */
interface Worker {
  readonly context: RemoteContext.RemoteContext
  readonly files: RemoteFileSystem.RemoteFileSystem
}
type Hosts = RemoteContext.RemoteContext | RemoteFileSystem.RemoteFileSystem

const makeWorker = Effect.all({ context: RemoteContext.RemoteContext, files: RemoteFileSystem.RemoteFileSystem })

class First extends Context.Tag("@effect-remote/testing/conformance/First")<First, Worker>() {
  static readonly Default = Layer.effect(First, makeWorker)
}

class Second extends Context.Tag("@effect-remote/testing/conformance/Second")<Second, Worker>() {
  static readonly Default = Layer.effect(Second, makeWorker)
}

const readName = Command.make("cat", "name")

/** The names of the hosts that commands and files reach. */
const reached = ({ context, files }: Worker) => Effect.all([context.string(readName), files.readFileString("name")])

const bothReached = Effect.all({
  first: Effect.flatMap(First, reached),
  second: Effect.flatMap(Second, reached)
})

const eachItsOwn = { first: ["a", "a"], second: ["b", "b"] }

/** Services that core exports as layers, put together by hand over one transport. */
const byHand = (transport: Layer.Layer<Transport, unknown>) =>
  RemoteFileSystem.layer.pipe(
    Layer.provideMerge(RemoteContext.layer()),
    Layer.provide(NodeMachine.layer),
    Layer.provide(transport)
  )

// Of one case, in milliseconds, whatever the configuration of vitest says.
const longest = 60_000

type MakeHost = (name: string) => Effect.Effect<NamedHost, unknown, Scope.Scope>

const test = (title: string, body: () => Effect.Effect<unknown, unknown, Scope.Scope>) =>
  it.scopedLive(title, body, longest)

const twoHosts = (namedHost: MakeHost) => Effect.all([namedHost("a"), namedHost("b")], { concurrency: 2 })

const reachesEachItsOwn = (
  namedHost: MakeHost,
  compose: (a: Layer.Layer<Hosts, unknown>, b: Layer.Layer<Hosts, unknown>) => Layer.Layer<First | Second, unknown>
) =>
  Effect.gen(function*() {
    const [a, b] = yield* twoHosts(namedHost)
    assert.deepStrictEqual(yield* Effect.provide(bothReached, compose(a.layer(), b.layer())), eachItsOwn)
  })

const layersOfTwoHosts = (namedHost: MakeHost): void => {
  // FOUND A0, and so all that follow.
  test("services on two hosts, merged, reach each its own host", () =>
    reachesEachItsOwn(
      namedHost,
      (a, b) => Layer.merge(Layer.provide(First.Default, a), Layer.provide(Second.Default, b))
    ))

  test("services on two hosts, merged the other way round, reach each its own host", () =>
    reachesEachItsOwn(
      namedHost,
      (a, b) => Layer.merge(Layer.provide(Second.Default, b), Layer.provide(First.Default, a))
    ))

  test("a service on one host that needs one on another reaches its own host", () =>
    reachesEachItsOwn(namedHost, (a, b) =>
      Layer.effect(Second, Effect.zipRight(First, makeWorker)).pipe(
        Layer.provide(b),
        Layer.provideMerge(Layer.provide(First.Default, a))
      )))

  test("the layers of core, put together by hand on two transports, reach each its own host", () =>
    Effect.gen(function*() {
      const [a, b] = yield* twoHosts(namedHost)
      const [onA, onB] = [a, b].map(({ layer }) => byHand(Layer.map(layer(), Context.pick(Transport))))
      const composed = Layer.merge(Layer.provide(First.Default, onA!), Layer.provide(Second.Default, onB!))
      assert.deepStrictEqual(yield* Effect.provide(bothReached, composed), eachItsOwn)
    }))

  test("the platform's services of two hosts in one graph reach each its own host", () =>
    Effect.gen(function*() {
      const [a, b] = yield* twoHosts(namedHost)
      const names = (tag: string, host: Layer.Layer<Hosts, unknown>) =>
        Layer.effect(
          Context.GenericTag<ReadonlyArray<string>>(tag),
          Effect.all([
            Command.string(readName),
            Effect.flatMap(FileSystem, (files) => files.readFileString("name"))
          ])
        ).pipe(
          Layer.provide([RemoteContext.layerCommandExecutor, RemoteFileSystem.layerFileSystem]),
          Layer.provide(host)
        )
      const context = yield* Layer.build(Layer.merge(names("first", a.layer()), names("second", b.layer())))
      assert.deepStrictEqual([...context.unsafeMap.values()].filter(Array.isArray), [["a", "a"], ["b", "b"]])
    }))
}

const layerMaps = (namedHost: MakeHost): void => {
  test("a LayerMap keyed by host gives each key its own host", () =>
    Effect.gen(function*() {
      const [a, b] = yield* twoHosts(namedHost)
      const hosts = yield* LayerMap.make((key: "a" | "b") => (key === "a" ? a : b).layer())
      const names = Effect.flatMap(makeWorker, reached)
      const both = Effect.all([Effect.provide(names, hosts.get("a")), Effect.provide(names, hosts.get("b"))], {
        concurrency: 2
      })
      assert.deepStrictEqual(yield* both, [["a", "a"], ["b", "b"]])
    }))

  test("a LayerMap's entry that is invalidated while in use goes on, and the next use connects anew", () =>
    Effect.gen(function*() {
      const host = yield* namedHost("a")
      const hosts = yield* LayerMap.make((_: "a") => host.layer())
      const [before, after] = yield* Effect.gen(function*() {
        const transport = yield* Transport
        yield* hosts.invalidate("a")
        const other = yield* Effect.provide(Effect.zipLeft(Transport, makeWorker), hosts.get("a"))
        assert.notStrictEqual(other, transport)
        return yield* Effect.all([
          Effect.flatMap(makeWorker, reached),
          Effect.provide(Effect.flatMap(makeWorker, reached), hosts.get("a"))
        ])
      }).pipe(Effect.provide(hosts.get("a")))
      assert.deepStrictEqual([before, after], [["a", "a"], ["a", "a"]])
    }))
}

const connections = (namedHost: MakeHost): void => {
  test("two layers of one host are two connections, and the end of one leaves the other as it is", () =>
    Effect.gen(function*() {
      const host = yield* namedHost("a")
      const build = Effect.map(Layer.build(host.layer()), Context.get(Transport))
      const first = yield* build
      yield* Effect.scoped(Effect.map(build, (second) => assert.notStrictEqual(second, first)))
      yield* first.ready
      assert.strictEqual(
        yield* Effect.flatMap(makeWorker, reached).pipe(
          Effect.map(String),
          Effect.provide(byHand(Layer.succeed(Transport, first)))
        ),
        "a,a"
      )
    }))

  test("a layer that two services share is one connection", () =>
    Effect.gen(function*() {
      const host = yield* namedHost("a")
      const shared = host.layer()
      const composed = Layer.merge(Layer.provide(First.Default, shared), Layer.provide(Second.Default, shared))
      const [first, second] = yield* Effect.provide(Effect.all([First, Second]), composed)
      assert.strictEqual(first.context, second.context)
      assert.strictEqual(first.files, second.files)
    }))

  test("a host that is down at start is a typed failure, which leaves another host alone", () =>
    Effect.gen(function*() {
      const [a, b] = yield* twoHosts(namedHost)
      const used = <A>(use: Effect.Effect<A, unknown, Hosts>, host: Layer.Layer<Hosts, unknown>) =>
        Effect.provide(use, host)
      const [up, down] = yield* Effect.all([
        used(Effect.flatMap(makeWorker, reached), a.layer()),
        Effect.flip(used(RemoteContext.string(readName), b.down()))
      ], { concurrency: 2 })
      assert.deepStrictEqual(up, ["a", "a"])
      assert.strictEqual(lostBy(down), "Unreachable")
      assert.deepStrictEqual(yield* used(Effect.flatMap(makeWorker, reached), b.layer()), ["b", "b"])
    }))

  test("a layer whose scope closes while another one connects leaves that one alone", () =>
    Effect.gen(function*() {
      const host = yield* namedHost("a")
      const given = Effect.exit(Effect.scoped(Effect.raceFirst(Effect.yieldNow(), Layer.build(host.layer()))))
      const [exit, names] = yield* Effect.all([
        given,
        Effect.provide(Effect.flatMap(makeWorker, reached), host.layer())
      ], { concurrency: 2 })
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(names, ["a", "a"])
    }))
}

/** @internal */
export const compositions = ({ name, namedHost }: { readonly name: string; readonly namedHost: MakeHost }): void => {
  describe(`compositions on ${name}`, () => {
    layersOfTwoHosts(namedHost)
    layerMaps(namedHost)
    connections(namedHost)
  })
}
