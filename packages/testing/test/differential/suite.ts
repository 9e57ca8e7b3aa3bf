/**
 * Random programs as tests.
 */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as childProcess from "node:child_process"
import { isComparable } from "../fixtures/shell.js"
import { report, seedVariable } from "./compare.js"
import { type Options, program } from "./generate.js"
import * as sides from "./sides.js"

const hasSshd = (): boolean =>
  process.env.EFFECT_REMOTE_SSHD !== "embedded" &&
  childProcess.spawnSync("/bin/sh", ["-c", "command -v sshd || command -v /usr/sbin/sshd"]).status === 0

/** Whether the machine has the programs that the double imitates. */
export const isPossible = process.platform === "linux" && hasSshd() && isComparable()

// Chooses the program to run again, if the environment names its seed. Otherwise chooses all seeds.
const chosen = (seeds: ReadonlyArray<number>, length: number): ReadonlyArray<Options> => {
  const [seed, given = length] = (process.env[seedVariable] ?? "").split(":").map(Number)
  return seed === undefined || !(seed > 0) ? seeds.map((seed) => ({ seed, length })) : [{ seed, length: given }]
}

const atOnce = 25

/** Registers the tests of programs that share one connection. */
export const programs = (seeds: ReadonlyArray<number>, length: number): void => {
  const all = chosen(seeds, length)
  layer(sides.layer, { excludeTestServices: true, timeout: 60_000 })("the double and sshd", (it) => {
    for (let from = 0; from < all.length; from += atOnce) {
      const some = all.slice(from, from + atOnce)
      it.effect(
        `do the same, programs of seeds ${some[0]?.seed} to ${some.at(-1)?.seed}`,
        () =>
          Effect.gen(function*() {
            const both = yield* sides.Sides
            for (const one of some) {
              const found = yield* report(both, program(one))
              if (found !== undefined) assert.fail(found)
            }
          }),
        600_000
      )
    }
  })
}
