/**
 * A throwaway server of another kind, as the service of OpenSSH's.
 */
import { RemoteHost } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import { Effect, Schedule } from "effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import * as keeper from "../../packages/testing/src/internal/sshd/keeper.js"
import * as keyPair from "../../packages/testing/src/internal/sshd/keyPair.js"
import * as serverLog from "../../packages/testing/src/internal/sshd/serverLog.js"
import { relayTo } from "./relay.js"
import { loginName, type Server } from "./servers.js"

/** A port on which nothing listens. */
export const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as Net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const accepts = (port: number): Effect.Effect<void, Error> =>
  Effect.async((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.on("connect", () => resume(Effect.void))
    socket.on("error", (cause) => resume(Effect.fail(cause)))
    return Effect.sync(() => socket.destroy())
  })

// The name of the script is the name that the keeper knows the server by until `exec` has replaced it.
const startLine = (command: string, mark: string, home: string): string =>
  `#!/bin/sh\nexport ${keeper.markName}=${mark} HOME=${home}\ncd ${home}\nexec ${command}\n`

/** Starts the server. It ends with the scope. */
export const start = (server: Server, name?: string) =>
  Effect.gen(function*() {
    const program = (directory: string) => Path.join(directory, server.program)
    const kept = yield* keeper.make((directory) => [program(directory)])
    const { directory, mark, stderr } = kept
    const log = serverLog.make()
    stderr.on("data", log.append).on("error", () => {})
    const file = (name: string) => Path.join(directory, name)
    const home = file("home")
    Fs.mkdirSync(home)
    if (name !== undefined) Fs.writeFileSync(Path.join(home, "name"), name)
    const [hostKey, userKey] = yield* Effect.all([
      keyPair.generate("ssh-keygen", file("host_key")),
      keyPair.generate("ssh-keygen", file("user_key"))
    ])
    Fs.writeFileSync(file("authorized_keys"), `${userKey.publicKey}\n`, { mode: 0o600 })
    const port = yield* freePort
    const command = server.command({ directory, port })
    Fs.writeFileSync(program(directory), startLine(command, mark, home), { mode: 0o700 })
    yield* kept.request("start")
    yield* Effect.retry(accepts(port), { schedule: Schedule.spaced("50 millis"), times: 400 }).pipe(
      Effect.orElseFail(() => new Error(`${server.name} does not listen:\n${log.text()}`))
    )
    const relay = yield* relayTo(port)
    const publicKey = Fs.readFileSync(file("host_key.pub"), "utf8").trim().split(" ").slice(0, 2).join(" ")
    const knownHostsFile = yield* keyPair.writeKnownHosts(file("known_hosts"), relay.port, { ...hostKey, publicKey })
    const host = yield* RemoteHost.make({
      host: "127.0.0.1",
      port: relay.port,
      username: loginName,
      keyFile: userKey.privateKeyFile,
      hostKeys: "strict",
      knownHostsFile,
      sshConfig: "none"
    })
    const processes = Effect.map(kept.request("list"), (lines) =>
      lines.map((line) => {
        const [pid, parent, group, ...name] = line.split(" ")
        return { pid: Number(pid), parent: Number(parent), group: Number(group), name: name.join(" ") }
      }))
    return Sshd.Sshd.of({
      [Sshd.TypeId]: Sshd.TypeId,
      kind: "openssh",
      version: server.name,
      host,
      hostKey: publicKey,
      fingerprint: keyPair.fingerprint(publicKey),
      directory,
      log: Effect.sync(() => log.text()),
      processes: Effect.orDie(processes),
      dropConnections: relay.cut
    })
  })
