/**
 * The test of the suite: transports that are wrong on purpose fail it. The file is run again, by a vitest of its own, as the
 * suite for each of them.
 */
import { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import { conformance } from "@effect-remote/testing/Conformance"
import { ExitCode } from "@effect/platform/CommandExecutor"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as inMemory from "../src/internal/conformance/inMemory.js"

const variable = "EFFECT_REMOTE_BROKEN"

const withFiles = (change: (files: RemoteFileSystem.RemoteFileSystem) => Partial<RemoteFileSystem.RemoteFileSystem>) =>
  Layer.map(inMemory.layer, (services) => {
    const files = Context.get(services, RemoteFileSystem.RemoteFileSystem)
    return Context.add(services, RemoteFileSystem.RemoteFileSystem, { ...files, ...change(files) })
  })

/** By what is wrong: such a transport, the part of the suite that is run, as a pattern, and a case of it that fails. */
const broken = {
  "an atomic write that writes in place": {
    layer: withFiles((files) => ({
      atomicWrite: (path, content) =>
        typeof content === "string"
          ? files.writeFileString(path, content)
          : content instanceof Uint8Array
          ? files.writeFile(path, content)
          : Stream.run(content, files.sink(path))
    })),
    part: "atomic writes on .* (an atomic write that fails|an atomic write onto a directory)",
    fails: "an atomic write that fails, or is interrupted, leaves the old file and nothing beside it"
  },
  "an exit code that is always 0": {
    layer: Layer.map(inMemory.layer, (services) => {
      const context = Context.get(services, RemoteContext.RemoteContext)
      return Context.add(services, RemoteContext.RemoteContext, {
        ...context,
        exitCode: (command, options) => Effect.as(context.exitCode(command, options), ExitCode(0))
      })
    }),
    part: "commands on",
    fails: "exitCode gives the code, 255 included, and ignores the output"
  },
  "a transfer that leaves hidden files out": {
    layer: withFiles((files) => ({
      put: (source, target, options) =>
        files.put(source, target, {
          ...options,
          filter: (entry) => options?.filter?.(entry) ?? (/(^|\/)\./.test(entry.path) ? "hidden" : undefined)
        })
    })),
    part: "transfers on",
    fails: "put: "
  }
} as const

type Name = keyof typeof broken

const isName = (name: string | undefined): name is Name => name !== undefined && name in broken

const isReport = (text: string): boolean => text.startsWith("{")

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly title: string }>
  }>
}

/** The cases of that part, by their outcome. */
const outcomes = (name: Name) =>
  Effect.map(
    Effect.async<string>((resume) => {
      const words = [
        fileURLToPath(new URL("../../../node_modules/vitest/vitest.mjs", import.meta.url)),
        ...["run", "--project", "testing", "--reporter=json", "--testNamePattern", broken[name].part],
        "conformanceOfBroken"
      ]
      const child = execFile(process.execPath, words, {
        cwd: fileURLToPath(new URL("../../..", import.meta.url)),
        env: { ...process.env, [variable]: name },
        maxBuffer: Infinity
      }, (_, stdout) => resume(Effect.succeed(stdout)))
      return Effect.sync(() => child.kill())
    }),
    (stdout) => {
      const report = JSON.parse(stdout.split("\n").find(isReport) ?? stdout) as Report
      const cases = report.testResults.flatMap(({ assertionResults }) => assertionResults)
      return (status: string) => cases.filter((one) => one.status === status).map(({ title }) => title)
    }
  )

const name = process.env[variable]

if (isName(name)) {
  conformance({ name, layer: broken[name].layer, namedHost: inMemory.namedHost })
} else {
  describe("the suite finds", () => {
    for (const [name, { fails }] of Object.entries(broken)) {
      it.live(name, () =>
        Effect.gen(function*() {
          const cases = yield* outcomes(name as Name)
          assert.isTrue(cases("failed").some((title) => title.startsWith(fails)), cases("failed").join("\n"))
          // Passed cases show that the suite itself does not fail.
          assert.isAbove(cases("passed").length, 0)
        }), 120_000)
    }
  })
}
