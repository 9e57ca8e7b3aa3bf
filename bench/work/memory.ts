import { InMemoryHost } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { Effect } from "effect"
import { BenchError, checkSize, command, failed } from "../contender.js"
import { milliseconds, runChecked, type Work } from "./work.js"

const counts = { stat: 2000, command: 400, layer: 200 } as const

const fail = Effect.mapError(failed("the host in memory"))

const content = "1,2\n"

// A typical test.
const layer = InMemoryHost.layer({
  files: { "/data/input.csv": content, "/srv/app/config.json": "{}" },
  directories: ["/srv/app/releases"],
  commands: { [command.program]: command.output, restart: 0 }
})

/** A work item of the host in memory, which has no peers: `once` runs `times` times, one after the other. */
const memory = (
  name: string,
  times: number,
  goal: string,
  once: (host: InMemoryHost.InMemoryHost) => Effect.Effect<void, BenchError>
): Work => ({
  name,
  unit: "ms each",
  better: "lower",
  goal,
  prepare: () =>
    Effect.succeed(
      Effect.flatMap(InMemoryHost.InMemoryHost, (host) => milliseconds(Effect.repeatN(once(host), times - 1))).pipe(
        Effect.map((time) => time / times),
        Effect.provide(layer),
        Effect.catchTag("InMemoryHostError", failing)
      )
    )
})

const failing = (error: InMemoryHost.InMemoryHostError) => new BenchError({ message: error.message })

export const memoryStat = memory(
  "memory-stat",
  counts.stat,
  "0.2 ms",
  ({ fileSystem }) =>
    Effect.map(fail(fileSystem.stat("/data/input.csv")), ({ size }) => checkSize(Number(size), content.length))
)

export const memoryCommand = memory(
  "memory-command",
  counts.command,
  "1 ms",
  ({ context }) => runChecked({ run: fail(context.string(Command.make(command.program, command.argument))) })
)

/** A host for each test, and its end. */
export const memoryLayer = memory(
  "memory-layer",
  counts.layer,
  "2 ms",
  () => fail(Effect.provide(Effect.asVoid(InMemoryHost.InMemoryHost), layer))
)
