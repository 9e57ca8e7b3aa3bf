/**
 * Measures `OpenSsh.layer` and its peers on a throwaway server on loopback, and the host in memory by itself.
 * docs/benchmarks.md describes each work item.
 */
import { Sshd } from "@effect-remote/testing"
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { existsSync } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { BenchError, failed } from "./contender.js"
import { viaRsync, viaScp, viaSftp } from "./peers/copyPrograms.js"
import { viaNodeSsh } from "./peers/nodeSsh.js"
import { viaSsh2 } from "./peers/ssh2.js"
import { viaSsh2SftpClient } from "./peers/ssh2SftpClient.js"
import { viaSshForwarding } from "./peers/sshForwarding.js"
import { viaMultiplexedSsh } from "./peers/sshMultiplexed.js"
import { interleaved, median, spread } from "./rounds.js"
import { ours } from "./subject.js"
import { type Measured, render, type Row } from "./table.js"
import { connectCold } from "./work/connect.js"
import * as ends from "./work/ends.js"
import { execParallel, execSequential } from "./work/exec.js"
import {
  existsParallel,
  existsSequential,
  getFile,
  getSlowly,
  getTree,
  putFile,
  putSlowly,
  putTree,
  readSmall,
  writeAtomic,
  writeSmall
} from "./work/files.js"
import { memoryCommand, memoryLayer, memoryStat } from "./work/memory.js"
import { tunnelOpen, tunnelThroughput } from "./work/tunnel.js"

const known = [
  ours,
  viaSsh2,
  viaNodeSsh,
  viaSsh2SftpClient,
  viaMultiplexedSsh,
  viaSshForwarding,
  viaScp,
  viaSftp,
  viaRsync
]

const works = [
  execSequential,
  execParallel,
  connectCold,
  tunnelThroughput,
  tunnelOpen,
  existsSequential,
  existsParallel,
  readSmall,
  writeSmall,
  writeAtomic,
  putFile,
  getFile,
  putTree,
  getTree,
  putSlowly,
  getSlowly,
  memoryStat,
  memoryCommand,
  memoryLayer
]

const isInstalled = (program: string): boolean =>
  (process.env.PATH ?? "").split(Path.delimiter).some((directory) => existsSync(Path.join(directory, program)))

const contenders = known.filter(({ program }) => program === undefined || isInstalled(program))

const misused = (message: string) =>
  new BenchError({
    message: [
      message,
      "usage: npm run bench -- [--only NAME,...] [--rounds COUNT] [--json FILE]",
      `NAME is a work item, or the beginning of some: ${works.map(({ name }) => name).join(" ")}`
    ].join("\n")
  })

const options = Effect.try({
  try: () => parseArgs({ options: { json: { type: "string" }, only: { type: "string" }, rounds: { type: "string" } } }),
  catch: (cause) => misused((cause as Error).message)
}).pipe(
  Effect.flatMap(({ values: { json, only = "", rounds = "9" } }) => {
    const unknown = only.split(",").find((prefix) => !works.some(({ name }) => name.startsWith(prefix)))
    if (unknown !== undefined) return misused(`${unknown} is not a work item`)
    if (!/^[1-9]\d*$/.test(rounds)) return misused(`--rounds must be a positive integer, got ${rounds}`)
    const chosen = works.filter(({ name }) => only.split(",").some((prefix) => name.startsWith(prefix)))
    return Effect.succeed({ json, chosen, rounds: Number(rounds) })
  })
)

const measure = (work: (typeof works)[number], rounds: number) =>
  Effect.gen(function*() {
    const sshd = yield* Sshd.Sshd
    const entries = yield* Effect.forEach(
      contenders.filter((one) => work.needs === undefined ? one === ours : one.can.includes(work.needs)),
      (contender) => Effect.map(work.prepare(contender, sshd), (measure) => ({ name: contender.name, measure }))
    )
    const figures = yield* interleaved(entries, rounds)
    const medians = Object.fromEntries(Array.from(figures, ([name, figures]) => [name, median(figures)]))
    const { [ours.name]: own = NaN, ...peers } = medians
    const { better, goal = "", name, unit } = work
    const noise = Math.max(...Array.from(figures.values(), spread))
    return { work: name, unit, better, ours: own, peers, noise, goal } satisfies Measured
  }).pipe(Effect.scoped)

const program = Effect.gen(function*() {
  const { chosen, json, rounds } = yield* options
  for (const { name } of known.filter((one) => !contenders.includes(one))) {
    yield* Console.error(`${name} is left out: it is not installed`)
  }
  const measured = yield* Effect.forEach(
    chosen,
    (work) => Effect.zipRight(Console.error(`${work.name}: ${rounds} rounds`), measure(work, rounds))
  ).pipe(Effect.provide(layer))
  yield* Console.log(`\n${render(measured)}`)
  if (json === undefined) return
  const rows = measured.map(({ better, ours, peers, unit, work }): Row => ({ work, unit, better, ours, peers }))
  yield* Effect.tryPromise({
    try: () => Fs.writeFile(json, `${JSON.stringify(rows, undefined, 2)}\n`),
    catch: failed(json)
  })
})

const layer = Layer.merge(
  Sshd.layer({
    kind: "openssh",
    // With the usual ten sessions of a connection, peers fail that open one just after another was closed.
    maxSessions: 64,
    // The startup files of the user who runs this must not be measured.
    config: ["SetEnv HOME=/nonexistent"]
  }),
  ends.layer
)

program.pipe(
  Effect.tapError((error) => Console.error(error.message)),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
