import { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import { InMemoryHost } from "@effect-remote/testing"
import { FileSystem } from "@effect/platform"
import { assert, layer } from "@effect/vitest"
import { Effect, Record } from "effect"

const methodsOf = (service: object) =>
  Object.entries(service).flatMap(([name, value]) => typeof value === "function" ? [name] : [])

// The platform's modules have accessors for these methods.
const ofPlatform = methodsOf(FileSystem.makeNoop({}))

// Sinks and streams are built from the service, not from the result of a method.
const lazy = ["atomicSink", "walk", "stream", "streamLines"]

type Method = (...args: ReadonlyArray<string>) => Effect.Effect<unknown>

/** Calls an accessor with arguments, on a service whose methods return their names and arguments. */
const callOn = (methods: ReadonlyArray<string>, accessor: unknown) => {
  const echo = Record.fromIterableWith(methods, (name): [string, Method] => [
    name,
    (...args) => Effect.succeed([name, ...args])
  ])
  return (accessor as Method)("first", "second", "third").pipe(
    Effect.provideService(RemoteContext.RemoteContext, echo as never),
    Effect.provideService(RemoteFileSystem.RemoteFileSystem, echo as never)
  )
}

const checkAccessors = (module: object, methods: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    assert.deepStrictEqual(methods.filter((name) => !methodsOf(module).includes(name)), [])
    const accessors = Record.toEntries(module as Record<string, unknown>).filter(([name]) =>
      methods.includes(name) && !lazy.includes(name)
    )
    for (const [name, accessor] of accessors) {
      const [called, ...args] = (yield* callOn(methods, accessor)) as Array<string>
      assert.strictEqual(called, name)
      assert.deepStrictEqual(
        args.filter((argument) => argument !== undefined),
        ["first", "second", "third"].slice(0, args.length)
      )
    }
  })

layer(InMemoryHost.layer({}))("each method that the platform's service lacks", (it) => {
  it.effect("has an accessor in RemoteContext", () =>
    Effect.gen(function*() {
      const methods = methodsOf(yield* RemoteContext.RemoteContext)
      assert.include(methods, "string")
      yield* checkAccessors(RemoteContext, methods)
    }))

  it.effect("has an accessor in RemoteFileSystem", () =>
    Effect.gen(function*() {
      const methods = methodsOf(yield* RemoteFileSystem.RemoteFileSystem).filter((name) => !ofPlatform.includes(name))
      assert.include(methods, "atomicWrite")
      yield* checkAccessors(RemoteFileSystem, methods)
    }))
})
