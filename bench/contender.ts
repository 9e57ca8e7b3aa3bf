import type { Sshd } from "@effect-remote/testing"
import { Data, Effect, type Scope } from "effect"

/** A failure that leaves a measurement without a figure. */
export class BenchError extends Data.TaggedError("BenchError")<{ readonly message: string }> {}

export const failed = (who: string) => (cause: unknown) =>
  new BenchError({ message: `${who}: ${cause instanceof Error ? cause.message : String(cause)}` })

/** A program by its path, so that it is a process for every contender, not a builtin of a shell. */
export const command = { program: "/bin/echo", argument: "ok", line: "/bin/echo ok", output: "ok\n" } as const

/** How often something is done, and how many of those at once. */
export interface Repeated {
  readonly times: number
  readonly atOnce: number
}

/** The work with files that a connection does. Paths are absolute, on this machine as on the host. */
export interface Files {
  /** Looks whether a file that exists does. */
  readonly exists: (path: string, repeated: Repeated) => Effect.Effect<void, BenchError>
  /** Reads a small file, each time the whole of it, and looks at its size. */
  readonly read: (path: string, size: number, repeated: Repeated) => Effect.Effect<void, BenchError>
  readonly write: (path: string, content: Uint8Array, repeated: Repeated) => Effect.Effect<void, BenchError>
  /** As `write`, each time so that nobody sees half of it. */
  readonly atomicWrite: (path: string, content: Uint8Array, repeated: Repeated) => Effect.Effect<void, BenchError>
  /** One file from this machine to the host. */
  readonly put: (local: string, remote: string) => Effect.Effect<void, BenchError>
  readonly get: (remote: string, local: string) => Effect.Effect<void, BenchError>
  /** A directory of files, to a name that does not exist. */
  readonly putTree: (local: string, remote: string) => Effect.Effect<void, BenchError>
  readonly getTree: (remote: string, local: string) => Effect.Effect<void, BenchError>
}

export interface Connection extends Files {
  /** Runs `command`: what it printed, if it exited with 0. */
  readonly run: Effect.Effect<string, BenchError>
  /** Carries connections to a port of 127.0.0.1 on the other side. Succeeds with the port on this one. */
  readonly forward: (port: number) => Effect.Effect<number, BenchError, Scope.Scope>
}

/** The subject or a peer. */
export interface Contender {
  readonly name: string
  readonly can: ReadonlyArray<keyof Connection>
  /** A program that must be installed. */
  readonly program?: string
  readonly connect: (sshd: Sshd.Sshd) => Effect.Effect<Connection, BenchError, Scope.Scope>
}

const cannot: Effect.Effect<never, BenchError> = Effect.fail(new BenchError({ message: "not its work" }))

/** A connection that can do nothing. Peers replace the parts that they can do. */
export const incapable: Connection = {
  run: cannot,
  forward: () => cannot,
  exists: () => cannot,
  read: () => cannot,
  write: () => cannot,
  atomicWrite: () => cannot,
  put: () => cannot,
  get: () => cannot,
  putTree: () => cannot,
  getTree: () => cannot
}

/** Has promises do it, with nothing of Effect in between. */
export const repeat = (
  who: string,
  { atOnce, times }: Repeated,
  once: () => Promise<void>
): Effect.Effect<void, BenchError> =>
  Effect.tryPromise({
    try: async () => {
      let left = times
      const work = async () => {
        while (left-- > 0) await once()
      }
      await Promise.all(Array.from({ length: atOnce }, work))
    },
    catch: failed(who)
  })

export const checkSize = (size: number, expected: number): void => {
  if (size !== expected) throw new Error(`${size} bytes came instead of ${expected}`)
}
