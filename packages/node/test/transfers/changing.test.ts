import { RemoteFileSystem, type Transfer } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { NodeFileSystem } from "@effect/platform-node"
import { FileSystem } from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { reasonOf } from "../fixtures/resultText.js"
import { servers } from "../suites/servers.js"

const outcomes = ({ entries }: Pick<Transfer.Result, "entries">): Readonly<Record<string, string>> =>
  Object.fromEntries(entries.map(({ outcome, path }) => [
    path,
    outcome._tag === "Failed" ? `Failed ${reasonOf(outcome.error)}` : outcome._tag
  ]))

const content = Buffer.alloc(700_000, "content")

/** Changes of a source during a transfer, each with the expected result. */
const changes: ReadonlyArray<readonly [expected: string, change: (path: string) => void]> = [
  ["Failed InvalidData", (path) => Fs.appendFileSync(path, "more")],
  ["Failed InvalidData", (path) => Fs.utimesSync(path, 1, 1)],
  ["Failed InvalidData", (path) => Fs.truncateSync(path, 100_000)],
  ["Failed InvalidData", (path) => Fs.truncateSync(path, 0)],
  // FOUND A10: what was opened counts.
  ["Copied", (path) => Fs.rmSync(path)],
  ["Copied", (path) => Fs.renameSync(path, `${path}.moved`)],
  ["Copied", (path) => {
    Fs.rmSync(path)
    Fs.writeFileSync(path, "another file")
  }],
  ["Copied", (path) => {
    Fs.rmSync(path)
    Fs.mkdirSync(path)
  }]
]

for (const kind of servers) {
  describe(`sources that change, ${kind} server`, () => {
    const onServer = <A, E>(use: (fs: RemoteFileSystem.RemoteFileSystem, directory: string) => Effect.Effect<A, E>) =>
      Effect.gen(function*() {
        const { directory, host } = yield* Sshd.make({ kind, loginShell: "sh" })
        yield* Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) => use(fs, directory)).pipe(
          Effect.provide(OpenSsh.layer(host))
        )
      })

    it.scopedLive(
      "one of the host that changes while it is read is a failed entry, unless only its name does",
      () =>
        onServer((fs, directory) =>
          Effect.gen(function*() {
            const node = yield* Effect.provide(FileSystem, NodeFileSystem.layer)
            const source = `${directory}/from/file`
            for (const [index, [expected, change]] of changes.entries()) {
              for (const options of [{}, { resume: true }, { verify: "digest" } as const]) {
                const label = `change ${index} with ${JSON.stringify(options)}`
                Fs.rmSync(`${directory}/from`, { recursive: true, force: true })
                Fs.mkdirSync(`${directory}/from`)
                Fs.writeFileSync(source, content)
                let isChanged = false
                // As soon as something of it has come.
                const local: FileSystem = {
                  ...node,
                  open: (path, how) =>
                    Effect.tap(node.open(path, how), () =>
                      Effect.sync(() => {
                        if (!isChanged) change(source)
                        isChanged = true
                      }))
                }
                const result = yield* Effect.catchTag(
                  fs.get(`${directory}/from`, `${directory}/to`, { ...options, local }),
                  "TransferError",
                  Effect.succeed
                )
                assert.strictEqual(outcomes(result)["file"], expected, label)
                if (expected === "Copied") assert.isTrue(content.equals(Fs.readFileSync(`${directory}/to/file`)), label)
                assert.deepStrictEqual(
                  Fs.readdirSync(`${directory}/to`).filter((name) => !name.endsWith(".part")),
                  expected === "Copied" ? ["file"] : [],
                  label
                )
                Fs.rmSync(`${directory}/to`, { recursive: true })
              }
            }
          })
        ),
      60_000
    )

    it.scopedLive("an entry that vanishes after the listing fails, and the others arrive", () =>
      onServer((fs, directory) =>
        Effect.gen(function*() {
          for (const [index, transfer] of [fs.put, fs.get].entries()) {
            const from = `${directory}/from ${index}`
            const to = `${directory}/to ${index}`
            Fs.mkdirSync(`${from}/going/deep`, { recursive: true })
            Fs.mkdirSync(`${from}/staying`)
            for (const name of ["file", "gone", "staying/file", "going/file"]) Fs.writeFileSync(`${from}/${name}`, name)
            Fs.symlinkSync("file", `${from}/link`)
            const filter = ({ path }: Transfer.Source) => {
              if (["gone", "going", "link"].includes(path)) Fs.rmSync(`${from}/${path}`, { recursive: true })
              return undefined
            }
            const error = yield* Effect.flip(transfer(from, to, { filter }))
            assert(error._tag === "TransferError")
            assert.deepStrictEqual(outcomes(error), {
              "": "Created",
              "file": "Copied",
              "going": "Failed NotFound",
              "gone": "Failed NotFound",
              "link": "Failed NotFound",
              "staying": "Created",
              "staying/file": "Copied"
            })
            assert.sameMembers(Fs.readdirSync(to), ["file", "staying"])
          }
        })
      ))

    it.scopedLive("a target that changes meanwhile is a failed entry, and nothing leads out of it", () =>
      onServer((fs, directory) =>
        Effect.gen(function*() {
          for (const [index, transfer] of [fs.put, fs.get].entries()) {
            const from = `${directory}/from ${index}`
            const to = `${directory}/to ${index}`
            const outside = `${directory}/outside ${index}`
            Fs.mkdirSync(`${from}/sub`, { recursive: true })
            Fs.mkdirSync(to)
            Fs.mkdirSync(outside)
            for (const name of ["file", "other", "sub/file"]) Fs.writeFileSync(`${from}/${name}`, name)
            // Called after the listing of the target, which did not contain these.
            const filter = ({ path }: Transfer.Source) => {
              if (path === "file") Fs.symlinkSync(`${outside}/file`, `${to}/file`)
              if (path === "other") Fs.mkdirSync(`${to}/other`)
              if (path === "sub") Fs.symlinkSync(outside, `${to}/sub`)
              return undefined
            }
            const error = yield* Effect.flip(transfer(from, to, { filter }))
            assert(error._tag === "TransferError")
            assert.deepStrictEqual(outcomes(error), {
              "": "Created",
              "file": "Copied",
              "other": "Failed BadResource",
              "sub": "Failed BadResource"
            })
            assert.deepStrictEqual(Fs.readdirSync(outside), [])
            assert.strictEqual(Fs.lstatSync(`${to}/file`).isFile(), true)
            assert.sameMembers(Fs.readdirSync(to), ["file", "other", "sub"])
          }
        })
      ))
  })
}
