import type { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { OpenSsh } from "@effect-remote/node"
import { type HostCommand, InMemoryHost, Sshd } from "@effect-remote/testing"
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import type { PlatformError } from "@effect/platform/Error"
import { Cause, Effect, Layer, Record } from "effect"

/** A program of the host: what the host in memory does, and the same as a script for a real one. */
export interface Program {
  readonly inMemory: HostCommand.Script
  readonly script: string
}

export interface Host {
  readonly name: string
  readonly layer: Layer.Layer<
    RemoteContext.RemoteContext | RemoteFileSystem.RemoteFileSystem,
    InMemoryHost.InMemoryHostError | PlatformError | RemoteConnectionError | Sshd.SshdError
  >
}

// A home of its own, with the programs in its `bin`, which comes first in PATH.
const real = (programs: Readonly<Record<string, Program>>): Host["layer"] =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const home = yield* fs.makeTempDirectoryScoped()
    yield* fs.makeDirectory(`${home}/bin`)
    for (const [name, { script }] of Object.entries(programs)) {
      yield* fs.writeFileString(`${home}/bin/${name}`, `#!/bin/sh\n${script}`, { mode: 0o755 })
    }
    const environment = { PATH: `${home}/bin:${process.env.PATH}` }
    const sshd = yield* Sshd.make({ home, environment, loginShell: "sh" })
    return OpenSsh.layer(sshd.host)
  }).pipe(Effect.provide(NodeFileSystem.layer), Layer.unwrapScoped)

/** The hosts of each test. A relative path begins in the home directory, which only contains `bin`. */
export const hosts = (programs: Readonly<Record<string, Program>> = {}): ReadonlyArray<Host> => [
  {
    name: "a host in memory",
    layer: InMemoryHost.layer({ commands: Record.map(programs, ({ inMemory }) => inMemory) })
  },
  { name: "a real host", layer: real(programs) }
]

/** Asks until the answer is good, for events without a notification. */
export const eventually = <A, E, R>(ask: Effect.Effect<A, E, R>, isGood: (answer: A) => boolean) => {
  const again: Effect.Effect<A, E, R> = Effect.flatMap(
    ask,
    (answer) => isGood(answer) ? Effect.succeed(answer) : Effect.delay(again, "10 millis")
  )
  return Effect.timeoutFailCause(again, { duration: "20 seconds", onTimeout: () => Cause.die("no good answer came") })
}
