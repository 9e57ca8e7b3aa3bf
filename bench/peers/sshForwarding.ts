import { Effect, Schedule } from "effect"
import { spawn } from "node:child_process"
import * as Net from "node:net"
import { type BenchError, type Contender, failed, incapable } from "../contender.js"
import { login } from "./openSsh.js"

const name = "ssh -L"
const fail = failed(name)

// `-L` does not accept port 0.
const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as Net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const reach = (port: number) =>
  Effect.async<void, BenchError>((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.on("error", (cause) => resume(Effect.fail(fail(cause))))
    socket.on("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
  })

const running = (args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("ssh", args, { stdio: ["ignore", "ignore", "inherit"] })
      child.on("error", () => {})
      return child
    }),
    (child) =>
      Effect.async<void>((resume) => {
        if (child.pid === undefined || child.exitCode !== null) return resume(Effect.void)
        child.on("exit", () => resume(Effect.void))
        child.kill()
      })
  )

/** OpenSSH's client: one `ssh -N -L`. */
export const viaSshForwarding: Contender = {
  name,
  can: ["forward"],
  connect: (sshd) =>
    Effect.succeed({
      ...incapable,
      forward: (port) =>
        Effect.gen(function*() {
          const local = yield* freePort
          const forward = ["-N", "-o", "ExitOnForwardFailure=yes", "-L", `127.0.0.1:${local}:127.0.0.1:${port}`]
          yield* running([...login(sshd), ...forward, "--", sshd.host.host])
          yield* Effect.retry(reach(local), Schedule.intersect(Schedule.spaced("20 millis"), Schedule.recurs(500)))
          return local
        })
    })
}
