/**
 * The running processes of the host, by process id.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import { ProgramExit } from "../program/program.js"

/** @internal */
export interface Process {
  readonly pid: number
  readonly exit: Effect.Effect<ProgramExit>
}

/** @internal */
export interface Processes {
  readonly nextPid: () => number
  /** Runs a program until its end or a signal. After a defect it ends with code 1. */
  readonly start: (
    pid: number,
    run: Effect.Effect<ProgramExit>,
    ended: (exit: ProgramExit) => Effect.Effect<void>
  ) => Effect.Effect<Process>
  /** Sends a signal. The process ends unless the signal does nothing by default. `false` if the process does not exist. */
  readonly signal: (pid: number, name: string) => Effect.Effect<boolean>
  /** Ends a process and waits for its end, at most `rounds` rounds of 50 ms. Then KILL ends it. */
  readonly end: (pid: number, rounds: number) => Effect.Effect<void>
}

interface Running extends Process {
  readonly killed: Deferred.Deferred<string>
}

// Signals that a process ignores by default according to POSIX, or that only stop it.
const harmless = new Set(["0", "CHLD", "CONT", "URG", "WINCH", "STOP", "TSTP", "TTIN", "TTOU"])

// As a kernel that has been up for some minutes.
const firstPid = 1001

/** @internal */
export const make = (scope: Scope.Scope): Processes => {
  const running = new Map<number, Running>()
  let last = firstPid - 1

  const signal: Processes["signal"] = (pid, name) =>
    Effect.suspend(() => {
      const process = running.get(pid)
      if (process === undefined) return Effect.succeed(false)
      return harmless.has(name) ? Effect.succeed(true) : Effect.as(Deferred.succeed(process.killed, name), true)
    })

  return {
    nextPid: () => ++last,
    start: (pid, run, ended) =>
      Effect.suspend(() => {
        const killed = Deferred.unsafeMake<string>(FiberId.none)
        const exited = Deferred.unsafeMake<ProgramExit>(FiberId.none)
        const process: Running = { pid, killed, exit: Deferred.await(exited) }
        running.set(pid, process)
        return Effect.raceFirst(run, Effect.map(Deferred.await(killed), (signal) => ProgramExit.Signal({ signal })))
          .pipe(
            Effect.interruptible,
            Effect.exit,
            Effect.flatMap((exit) => {
              running.delete(pid)
              const how = Exit.isSuccess(exit)
                ? exit.value
                : Cause.isInterrupted(exit.cause)
                ? ProgramExit.Signal({ signal: "KILL" })
                : ProgramExit.Code({ code: 1 })
              return Effect.zipRight(ended(how), Deferred.succeed(exited, how))
            }),
            Effect.uninterruptible,
            Effect.forkIn(scope),
            Effect.as(process)
          )
      }),
    signal,
    end: (pid, rounds) =>
      Effect.suspend(() => {
        const process = running.get(pid)
        if (process === undefined) return Effect.void
        return Effect.zipRight(
          signal(pid, "TERM"),
          Effect.asVoid(Effect.timeoutOption(process.exit, Duration.millis(rounds * 50)))
        )
      })
  }
}
