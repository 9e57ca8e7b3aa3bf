import { Effect, type Scope } from "effect"
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { type BenchError, failed } from "../contender.js"

const program = fileURLToPath(new URL("slowLinkProgram.ts", import.meta.url))

/**
 * A link to a port of this machine that delays each direction by `delay` milliseconds. Succeeds with the port to connect to.
 */
export const slowLink = (port: number, delay: number): Effect.Effect<number, BenchError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => fork(program, [String(port), String(delay)])),
    (child) => Effect.sync(() => child.connected && child.disconnect())
  ).pipe(Effect.flatMap((child) =>
    Effect.async<number, BenchError>((resume) => {
      child.on("error", (cause) => resume(Effect.fail(failed("the slow link")(cause))))
      child.on("exit", (code) => resume(Effect.fail(failed("the slow link")(`exit code ${code}`))))
      child.on("message", (port) => resume(Effect.succeed(port as number)))
    })
  ))
