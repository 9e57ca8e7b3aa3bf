import { RemoteFileSystem } from "@effect-remote/core"
import { Command, FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Schedule } from "effect"
import { deploy } from "../deployment.js"
import { eventually, hosts } from "./hosts.js"

// A release is one file, whose text controls how the service behaves.
const programs = {
  restart: {
    inMemory: ({ files, stderr }) =>
      Effect.gen(function*() {
        const release = yield* files.readFileString("app/current/release")
        yield* files.writeFileString("app/restarts", release, { flag: "a" })
        if (!release.startsWith("broken")) return 0
        yield* stderr("it does not start\n")
        return 1
      }),
    script: `
      cat app/current/release >> app/restarts
      if grep -q ^broken app/current/release; then echo it does not start >&2; exit 1; fi`
  },
  check: {
    inMemory: ({ files }) =>
      Effect.gen(function*() {
        const release = yield* files.readFileString("app/current/release")
        if (release.startsWith("stuck")) return yield* Effect.never
        return release.startsWith("sick") ? 1 : 0
      }),
    script: `
      if grep -q ^stuck app/current/release; then exec sleep 1000; fi
      ! grep -q ^sick app/current/release`
  }
} satisfies Parameters<typeof hosts>[0]

const deployed = (name: string) =>
  Effect.gen(function*() {
    const local = yield* FileSystem.FileSystem
    const release = yield* local.makeTempDirectoryScoped()
    yield* local.writeFileString(`${release}/release`, `${name}\n`)
    yield* deploy({
      release,
      name,
      directory: "app",
      restart: Command.make("restart", "app"),
      check: Command.make("check", "app"),
      checkAgain: Schedule.recurs(2)
    })
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

/** The live release, the entries of the directory, and the releases that the service was restarted with. */
const state = Effect.gen(function*() {
  const fs = yield* RemoteFileSystem.RemoteFileSystem
  const entries = yield* fs.readDirectory("app")
  return {
    live: entries.includes("current") ? yield* fs.readFileString("app/current/release") : "nothing\n",
    entries: entries.sort(),
    releases: (yield* fs.readDirectory("app/releases")).sort(),
    restarts: yield* fs.readFileString("app/restarts")
  }
})

const entries = ["current", "releases", "restarts"]

describe.each(hosts(programs))("deployment, $name", ({ layer }) => {
  it.live("the latest release is live", () =>
    Effect.gen(function*() {
      yield* deployed("one")
      yield* deployed("two")
      assert.deepStrictEqual(yield* state, {
        live: "two\n",
        entries,
        releases: ["one", "two"],
        restarts: "one\ntwo\n"
      })
    }).pipe(Effect.provide(layer)))

  it.live.each([["broken", "restart"], ["sick", "check"]] as const)(
    "a %s release is rolled back",
    ([name, step]) =>
      Effect.gen(function*() {
        yield* deployed("good")
        const error = yield* Effect.flip(deployed(name))
        assert.strictEqual(error._tag === "DeploymentError" && error.step, step)
        assert.deepStrictEqual(yield* state, {
          live: "good\n",
          entries,
          releases: ["good"],
          restarts: `good\n${name}\ngood\n`
        })
      }).pipe(Effect.provide(layer))
  )

  it.live("the first release goes without a trace when it fails", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(deployed("broken"))
      assert.include(error.message, "it does not start")
      const { live, releases } = yield* state
      assert.deepStrictEqual({ live, releases }, { live: "nothing\n", releases: [] })
    }).pipe(Effect.provide(layer)))

  it.live("an existing release is left alone", () =>
    Effect.gen(function*() {
      yield* deployed("good")
      const error = yield* Effect.flip(deployed("good"))
      assert.strictEqual(error._tag === "DeploymentError" && error.step, "prepare")
      assert.deepStrictEqual((yield* state).restarts, "good\n")
    }).pipe(Effect.provide(layer)))

  it.live("an interrupted deployment is rolled back", () =>
    Effect.gen(function*() {
      yield* deployed("good")
      const fiber = yield* Effect.fork(deployed("stuck"))
      yield* eventually(state, ({ restarts }) => restarts === "good\nstuck\n")
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause))
      assert.deepStrictEqual(yield* state, {
        live: "good\n",
        entries,
        releases: ["good"],
        restarts: "good\nstuck\ngood\n"
      })
    }).pipe(Effect.provide(layer)))
})
