import { RemoteContext, RemoteError, RemoteHost } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Fault, Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { Context, Effect, Fiber, Layer, Option } from "effect"
import * as childProcess from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import { type Example, type Family, onHost } from "./example.js"

const nowhere = { host: "127.0.0.1", port: 1, sshConfig: "none" } as const

const failure = (options: OpenSsh.Options) => Effect.flip(OpenSsh.make(options))

const failureOf = (sshd: Sshd.Sshd, change: Partial<OpenSsh.Options>) => failure({ ...sshd.host, ...change })

const file = (sshd: Sshd.Sshd, name: string, text: string) => {
  fs.writeFileSync(`${sshd.directory}/${name}`, text, { mode: 0o600 })
  return `${sshd.directory}/${name}`
}

const otherKey = (sshd: Sshd.Sshd) => {
  const name = `${sshd.directory}/other`
  if (!fs.existsSync(name)) childProcess.execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", name])
  return { name, publicKey: fs.readFileSync(`${name}.pub`, "utf8") }
}

/** The port of a server that does this with each connection. */
const listener = (handle: (socket: net.Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<net.Server>((resume) => {
        const server = net.createServer((socket) => handle(socket.on("error", () => {})))
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    ),
    (server) => (server.address() as net.AddressInfo).port
  )

const silent = listener(() => {})

// as `sshd` does if too many connections are not logged in yet
const busy = listener((socket) => socket.resume().end("Exceeded MaxStartups\r\n"))

const command = Command.make("backup")

const examples = (sshd: Sshd.Sshd): Record<RemoteError.RemoteConnectionReason, Example> => ({
  InvalidHost: {
    advice: "Correct the option.",
    error: Effect.flip(RemoteHost.make({ host: "worker-01", port: 65_536 }))
  },
  Unreachable: {
    advice: "Check the name, the port and the network. Start `sshd`.",
    error: failure(nowhere)
  },
  TimedOut: {
    advice: "Check that the host is up. Raise `connectTimeout` for a slow one.",
    error: Effect.flatMap(silent, (port) => failure({ ...nowhere, port, connectTimeout: "3 seconds" }))
  },
  AuthenticationFailed: {
    advice: "Check `username`, `keyFile` and `password`. The server's log has its reason.",
    error: failureOf(sshd, { keyFile: otherKey(sshd).name })
  },
  HostKeyUnknown: {
    advice: "Add the key to known_hosts after you have compared its fingerprint, or pin it with `hostKeys`.",
    error: failureOf(sshd, { knownHostsFile: file(sshd, "known_hosts_empty", "") })
  },
  HostKeyMismatch: {
    advice:
      "Find out whether the host was reinstalled. If not, do not connect: another machine may answer in its place.",
    error: failureOf(sshd, {
      knownHostsFile: file(sshd, "known_hosts_changed", `[127.0.0.1]:${sshd.host.port} ${otherKey(sshd).publicKey}`)
    })
  },
  HostKeyRevoked: {
    advice: "Give the host another key, and add that one to known_hosts.",
    error: failureOf(sshd, { knownHostsFile: file(sshd, "known_hosts_revoked", `@revoked * ${sshd.hostKey}\n`) })
  },
  NegotiationFailed: {
    advice: "Allow a common algorithm in `ssh_config`, or update the older side.",
    error: failureOf(sshd, { sshConfig: file(sshd, "ssh_config", "KexAlgorithms diffie-hellman-group14-sha256\n") })
  },
  ServerBusy: {
    advice: "Try again later, with fewer connections at the same time. Correct the failed logins first.",
    error: Effect.flatMap(busy, (port) => failure({ ...nowhere, port }))
  },
  ConnectionLost: {
    advice: "Connect again. Repeat a command only if it may run twice.",
    error: onHost(
      { commands: { backup: Effect.never } as never },
      ({ awaitRun, context, dropConnection }) =>
        Effect.gen(function*() {
          const running = yield* Effect.fork(context.string(command))
          yield* awaitRun("backup")
          yield* dropConnection
          return yield* Fiber.join(running)
        })
    )
  },
  ChannelRefused: {
    advice: "Allow it in the server's `sshd_config`, or close sessions that other programs hold.",
    error: Effect.flip(Effect.flatMap(
      OpenSsh.connect(sshd.host),
      ({ context }) => context.remoteTunnel({ localPort: 5432 })
    ))
  },
  ShellUnavailable: {
    advice: "Use a user with a POSIX shell. For a host without one, set `shell: \"none\"`.",
    error: Effect.gen(function*() {
      const { host } = yield* Sshd.make({ kind: "openssh", forceCommand: "echo no commands for you; exit 1" })
      const { context } = yield* OpenSsh.connect(host)
      return yield* Effect.flip(context.string(command))
    })
  },
  Protocol: {
    advice: "Report it to the maker of the server. The startup files of a login shell must not print anything.",
    error: onHost({ faults: [Fault.breakReply("Stat")] }, ({ fileSystem }) => fileSystem.stat("/"))
  },
  SshNotFound: {
    advice: "Install OpenSSH's client, or correct the option `ssh`.",
    error: failure({ ...nowhere, ssh: "/opt/openssh/bin/ssh" })
  },
  Unsupported: {
    advice: "Use the transport or the option that the message names.",
    error: Effect.flip(Effect.flatMap(
      Layer.build(OpenSsh.layerProcess(sshd.host)),
      (services) => Context.get(services, RemoteContext.RemoteContext).remoteTunnel({ localPort: 5432 })
    ))
  },
  Unknown: {
    advice: "Read the output of `ssh` in the message.",
    error: failure({ ...nowhere, ssh: "/etc/passwd" })
  }
})

/** @internal */
export const connections = (sshd: Sshd.Sshd): Family => ({
  name: "RemoteConnectionError",
  text: "A connection could not be made, or failed. The file system has it as the cause of a `PlatformError`: " +
    "`RemoteError.findConnectionError` finds it there.",
  meanings: ["core/src/RemoteError.ts", "RemoteConnectionReason"],
  reasons: RemoteError.RemoteConnectionReason.literals,
  examples: Object.fromEntries(
    Object.entries(examples(sshd)).map(([reason, example]) => [reason, {
      ...example,
      error: typeof example.error === "string" ?
        example.error :
        Effect.map(example.error, (error) => Option.getOrElse(RemoteError.findConnectionError(error), () => error))
    }])
  )
})
