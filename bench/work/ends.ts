import { Context, Effect, Layer, type Scope } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { BenchError, failed } from "../contender.js"
import type { Answer, Request } from "./endProgram.js"

/** A service on the other side of a tunnel, and a client on this one. */
export interface Ends {
  /** Port of the service on 127.0.0.1. */
  readonly port: number
  /** Sends a request to the client. Succeeds with the milliseconds that it took. */
  readonly ask: (request: Request) => Effect.Effect<number, BenchError>
}

export const Ends = Context.GenericTag<Ends>("bench/Ends")

const program = fileURLToPath(new URL("endProgram.ts", import.meta.url))

const start = (name: "service" | "client"): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = fork(program, [name])
      child.on("error", () => {})
      return child
    }),
    (child) =>
      Effect.async<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.on("exit", () => resume(Effect.void))
        if (child.connected) child.disconnect()
      })
  )

const answer = (child: ChildProcess, request?: Request): Effect.Effect<Answer, BenchError> =>
  Effect.async((resume) => {
    const settle = (result: Effect.Effect<Answer, BenchError>) => {
      child.off("message", onMessage).off("exit", onExit)
      resume(result)
    }
    const onMessage = (answer: unknown) => settle(Effect.succeed(answer as Answer))
    const onExit = (code: number | null) => settle(Effect.fail(failed("an end of the tunnel")(`exit code ${code}`)))
    child.on("message", onMessage).on("exit", onExit)
    if (request !== undefined) child.send(request)
  })

const unexpected = (answer: Answer) =>
  new BenchError({ message: answer._tag === "Failed" ? answer.message : JSON.stringify(answer) })

export const layer: Layer.Layer<Ends, BenchError> = Layer.scoped(
  Ends,
  Effect.gen(function*() {
    const [service, client] = yield* Effect.all([start("service"), start("client")])
    const listening = yield* answer(service)
    if (listening._tag !== "Listening") return yield* unexpected(listening)
    return {
      port: listening.port,
      ask: (request) =>
        Effect.flatMap(
          answer(client, request),
          (done) => done._tag === "Done" ? Effect.succeed(done.milliseconds) : unexpected(done)
        )
    }
  })
)
