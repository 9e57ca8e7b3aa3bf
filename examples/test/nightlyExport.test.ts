import { RemoteFileSystem } from "@effect-remote/core"
import { Command, FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { gunzipSync } from "node:zlib"
import { nightlyExport } from "../nightlyExport.js"
import { eventually, hosts } from "./hosts.js"

const programs = {
  dump: {
    inMemory: ({ argv, stderr, stdout }) =>
      Effect.gen(function*() {
        yield* stdout(`id,name\n1,${argv[1]}\n`)
        if (argv[1] === "endless") return yield* Effect.never
        if (argv[1] === "all") return 0
        yield* stderr("the server has gone away\n")
        return 2
      }),
    script: `
      printf 'id,name\\n1,%s\\n' "$1"
      case $1 in all) exit 0;; endless) exec sleep 1000;; esac
      echo the server has gone away >&2
      exit 2`
  }
} satisfies Parameters<typeof hosts>[0]

const path = "exports/customers.csv.gz"

const exported = (what: "all" | "endless" | "broken", copy?: string) =>
  nightlyExport({ dump: Command.make("dump", what), path, copy })

/** The entries of the directory, and the content of the export. */
const state = Effect.gen(function*() {
  const fs = yield* RemoteFileSystem.RemoteFileSystem
  const entries = yield* fs.readDirectory("exports")
  return { entries: entries.sort(), content: String(gunzipSync(yield* fs.readFile(path))) }
})

const whole = { entries: ["customers.csv.gz", "customers.csv.gz.sha256"], content: "id,name\n1,all\n" }

describe.each(hosts(programs))("nightly export, $name", ({ layer }) => {
  it.scopedLive("the export, its digest and the copy belong together", () =>
    Effect.gen(function*() {
      const [fs, local] = yield* Effect.all([RemoteFileSystem.RemoteFileSystem, FileSystem.FileSystem])
      const copy = `${yield* local.makeTempDirectoryScoped()}/customers.csv.gz`
      const digest = yield* exported("all", copy)
      assert.deepStrictEqual(yield* state, whole)
      assert.strictEqual(yield* fs.readFileString(`${path}.sha256`), `${digest}  customers.csv.gz\n`)
      assert.deepStrictEqual(yield* local.readFile(copy), yield* fs.readFile(path))
    }).pipe(Effect.provide([layer, NodeFileSystem.layer])))

  it.live("a dump that fails midway leaves the old export", () =>
    Effect.gen(function*() {
      yield* exported("all")
      const error = yield* Effect.flip(exported("broken"))
      assert.strictEqual(error._tag === "RemoteCommandError" && error.exitCode, 2)
      assert.include(error.message, "the server has gone away")
      assert.deepStrictEqual(yield* state, whole)
    }).pipe(Effect.provide([layer, NodeFileSystem.layer])))

  it.live("an interrupted export leaves the old one, and nothing beside it", () =>
    Effect.gen(function*() {
      yield* exported("all")
      const fiber = yield* Effect.fork(exported("endless"))
      yield* eventually(state, ({ entries }) => entries.length > whole.entries.length)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* state, whole)
    }).pipe(Effect.provide([layer, NodeFileSystem.layer])))
})
