import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { root } from "../src/internal/memory/accounts.js"
import type { Memory } from "../src/internal/memory/memory.js"
import { Change, type SftpFileSystem, type Stat } from "../src/internal/sftp/sftpFileSystem.js"
import { inMemory, onThisMachine } from "./fixtures/memoryPeers.js"
import { programs } from "./fixtures/memoryPrograms.js"
import { difference } from "./fixtures/memoryRuns.js"

const isRoot = process.getuid?.() === 0

const sampled = programs({ seed: 7, count: 6, length: 300 })

const real = Effect.runSync(Effect.cached(onThisMachine(sampled)))

type Defect = (memory: Memory, fileSystem: SftpFileSystem) => SftpFileSystem

const differences = (defect?: Defect) =>
  Effect.flatMap(real, (runs) =>
    Effect.forEach(sampled, (steps, index) => {
      const run = runs[index]!
      return Effect.map(inMemory(run, steps, defect), (results) => difference(steps, run, results))
    }))

const superuser = (memory: Memory, { home }: SftpFileSystem) => memory.as({ ...root, home })

const defects: Readonly<Record<string, Defect>> = {
  "a rename that forgets the permissions": (memory, fileSystem) => ({
    ...fileSystem,
    rename: (from, to) =>
      Effect.zipLeft(
        fileSystem.rename(from, to),
        Effect.ignore(superuser(memory, fileSystem).changeLink(to, Change.Mode({ mode: 0o644 })))
      )
  }),
  "a count of links that is not kept": (_, fileSystem) => {
    const forget = (stat: Stat): Stat => ({ ...stat, nlink: Math.min(stat.nlink, 2) })
    return { ...fileSystem, lstat: (path) => Effect.map(fileSystem.lstat(path), forget) }
  },
  "a name that goes from a sticky directory by anybody": (memory, fileSystem) => ({
    ...fileSystem,
    unlink: (path) =>
      Effect.catchIf(
        fileSystem.unlink(path),
        ({ errno }) => errno === "EPERM",
        () => superuser(memory, fileSystem).unlink(path)
      )
  }),
  "a link that is followed where it is to be taken itself": (_, fileSystem) => ({
    ...fileSystem,
    lstat: fileSystem.stat
  })
}

// An ordinary user cannot act as two users, so no file belongs to another user.
const needRoot = ["a name that goes from a sticky directory by anybody"]

const isLinux = process.platform === "linux"

describe.skipIf(!isLinux)(`files in memory and those of this machine${isLinux ? "" : " (skipped: not Linux)"}`, () => {
  it.live("are alike to random programs of calls", () =>
    Effect.gen(function*() {
      for (const found of yield* differences()) if (found !== undefined) assert.fail(found)
    }), 60_000)

  for (const [name, defect] of Object.entries(defects)) {
    const skipped = needRoot.includes(name) && !isRoot
    it.live.skipIf(skipped)(
      `differ by ${name}${skipped ? " (skipped: needs root)" : ""}`,
      () =>
        Effect.gen(function*() {
          assert.isTrue((yield* differences(defect)).some((found) => found !== undefined))
        }),
      60_000
    )
  }
})
