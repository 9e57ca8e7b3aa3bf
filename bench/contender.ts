import type { Sshd } from "@effect-remote/testing"
import { Data, Effect, type Scope } from "effect"

/** Something went wrong, so that there is no figure. */
export class BenchError extends Data.TaggedError("BenchError")<{ readonly message: string }> {}

export const failed = (who: string) => (cause: unknown) =>
  new BenchError({ message: `${who}: ${cause instanceof Error ? cause.message : String(cause)}` })

/** A program by its path, so that it is a process for everybody and no shell's builtin. */
export const command = { program: "/bin/echo", argument: "ok", line: "/bin/echo ok", output: "ok\n" } as const

export interface Connection {
  /** Runs `command`: what it printed, if it exited with 0. */
  readonly run: Effect.Effect<string, BenchError>
  /** Carries connections to a port of 127.0.0.1 on the other side. Succeeds with the port on this one. */
  readonly forward: (port: number) => Effect.Effect<number, BenchError, Scope.Scope>
}

/** The subject or a peer. */
export interface Contender {
  readonly name: string
  readonly can: ReadonlyArray<keyof Connection>
  readonly connect: (sshd: Sshd.Sshd) => Effect.Effect<Connection, BenchError, Scope.Scope>
}

/** For a peer that is not asked. */
export const cannot: Effect.Effect<never, BenchError> = Effect.fail(new BenchError({ message: "not its work" }))
