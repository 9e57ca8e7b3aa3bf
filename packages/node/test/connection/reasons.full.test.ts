import { RemoteContext, type RemoteError } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { openssh } from "../suites/servers.js"
import { newestSsh } from "../suites/versions.js"

/** The port of a server on loopback that sends a greeting, and then ends the connection or stays silent. */
const greeter = (greeting: string, { ends = false } = {}) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Net.Server>((resume) => {
        const server = Net.createServer((socket) => {
          socket.on("error", () => {})
          socket.resume()
          if (ends) socket.end(greeting)
          else socket.write(greeting)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => void server.close())
    ),
    (server) => (server.address() as Net.AddressInfo).port
  )

/** A key that no server takes. */
const otherKey = (sshd: Sshd.Sshd) =>
  Effect.sync(() => {
    const path = `${sshd.directory}/other`
    if (!Fs.existsSync(path)) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path])
    return path
  })

const written = (sshd: Sshd.Sshd, name: string, text: string) =>
  Effect.sync(() => {
    const path = `${sshd.directory}/${name}`
    Fs.writeFileSync(path, text)
    return path
  })

const nowhere = { host: "127.0.0.1", sshConfig: "none", hostKeys: "off" } as const

const soon = { connectTimeout: "3 seconds" } as const

for (
  const { layer, make, name } of [
    { name: "layer", make: OpenSsh.make, layer: OpenSsh.layer },
    { name: "layerProcess", make: OpenSsh.makeProcess, layer: OpenSsh.layerProcess }
  ]
) {
  const failure = (options: OpenSsh.Options) =>
    Effect.flip(Effect.scoped(make(options))) as Effect.Effect<RemoteError.RemoteConnectionError>

  const failureOf = (options: OpenSsh.Options, command: Command.Command, run: RemoteContext.StartOptions = {}) =>
    Effect.scoped(Effect.flatMap(RemoteContext.start(command, run), ({ exitCode }) => exitCode)).pipe(
      Effect.flip,
      Effect.provide(layer(options))
    )

  describe(`the reason of a failed connection, ${name}`, () => {
    // B1
    it.scopedLive("a time-out names the step and what was said", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ loginShell: "sh" })
        const said = "log in at https://sso.example"
        const proxyCommand = `sh -c 'echo ${said} >&2; exec cat 3>&1 >/dev/null'`
        const sshConfig = yield* written(sshd, "proxy", `ProxyCommand ${proxyCommand}\n`)
        const proxy = yield* failure({ ...sshd.host, ...soon, sshConfig })
        assert.strictEqual(proxy.reason, "TimedOut")
        assert.include(proxy.output, said)
        assert.include(proxy.detail, "ProxyCommand")

        const port = yield* greeter("SSH-2.0-OpenSSH_9.9\r\n")
        const keys = yield* failure({ ...nowhere, ...soon, port })
        assert.strictEqual(keys.reason, "TimedOut")
        assert.include(keys.detail, "OpenSSH_9.9 answered")

        const silent = yield* failure({ ...nowhere, ...soon, port: yield* greeter("220 mail.example\r\n") })
        assert.strictEqual(silent.reason, "TimedOut")
        assert.include(silent.message, "220 mail.example")
      }))

    // B1
    it.scopedLive("a launch that takes too long shows what the login shell said", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ forceCommand: "echo loading modules; exec sleep 1005" })
        const error = yield* failureOf({ ...sshd.host, connectTimeout: "4 seconds" }, Command.make("true"))
        assert.strictEqual(error.reason, "TimedOut")
        assert.include(error.message, "loading modules")
      }))

    // B2
    it.scopedLive.skipIf(!openssh)("no banner decides it, before and after the login", () =>
      Effect.gen(function*() {
        const words = "Users whose authorization has been revoked are logged.\r\nHost key verification failed.\r\n"
        const elsewhere = yield* Sshd.make({ loginShell: "sh" })
        const banner = yield* written(elsewhere, "banner", words)
        const sshd = yield* Sshd.make({ kind: "openssh", loginShell: "sh", config: [`Banner ${banner}`] })
        const refused = yield* failure({ ...sshd.host, keyFile: yield* otherKey(sshd) })
        assert.strictEqual(refused.reason, "AuthenticationFailed")
        assert.include(refused.output, "authorization has been revoked")
        const lost = yield* Effect.gen(function*() {
          const process = yield* RemoteContext.start(Command.make("sleep", "1006"))
          yield* sshd.dropConnections
          return yield* Effect.flip(process.exitCode)
        }).pipe(Effect.scoped, Effect.provide(layer(sshd.host)))
        assert.strictEqual(lost.reason, "ConnectionLost")
      }))

    // B5
    it.scopedLive("names the hop that failed", () =>
      Effect.gen(function*() {
        const bastion = yield* Sshd.make({ loginShell: "sh" })
        const inner = yield* Sshd.make({ loginShell: "sh" })
        const key = yield* otherKey(bastion)
        const at = `127.0.0.1:${bastion.host.port}`

        const refused = yield* failure({ ...inner.host, jumpHosts: [{ ...bastion.host, keyFile: key }] })
        assert.strictEqual(refused.reason, "AuthenticationFailed")
        assert.include(refused.detail, at)
        const down = yield* failure({ ...inner.host, port: 1, jumpHosts: [bastion.host] })
        assert.strictEqual(down.reason, "Unreachable")
        assert.match(
          down.detail,
          new RegExp(`jump host .*${at}: it could not connect to the next host: Connection refused`)
        )

        // A hop of ssh_config, though its log level is QUIET.
        const sshConfig = yield* written(
          bastion,
          "ssh_config",
          `Host bastion
  HostName 127.0.0.1
  Port ${bastion.host.port}
  User ${bastion.host.username}
  UserKnownHostsFile ${bastion.host.knownHostsFile}
  IdentityFile ${key}
  IdentitiesOnly yes
  LogLevel QUIET
Host inner
  HostName 127.0.0.1
  ProxyJump bastion
`
        )
        const jump = yield* failure({ ...inner.host, host: "inner", sshConfig })
        assert.strictEqual(jump.reason, "AuthenticationFailed")
        assert.include(jump.detail, `jump host ${bastion.host.username}@127.0.0.1: `)
      }))

    it.scopedLive.skipIf(!openssh)(
      "a jump host that forbids forwarding refuses a channel",
      () =>
        Effect.gen(function*() {
          const bastion = yield* Sshd.make({ kind: "openssh", loginShell: "sh", allowTcpForwarding: false })
          const inner = yield* Sshd.make({ loginShell: "sh" })
          const { hint, reason } = yield* failure({ ...inner.host, jumpHosts: [bastion.host] })
          assert.strictEqual(reason, "ChannelRefused")
          assert.include(hint, "AllowTcpForwarding")
        })
    )

    // B9
    it.scopedLive.skipIf(!openssh)("a refused session or terminal is a refused channel", () =>
      Effect.gen(function*() {
        const closed = yield* Sshd.make({ kind: "openssh", loginShell: "sh", maxSessions: 0 })
        assert.strictEqual((yield* failureOf(closed.host, Command.make("true"))).reason, "ChannelRefused")
        const plain = yield* Sshd.make({ kind: "openssh", loginShell: "sh", config: ["PermitTTY no"] })
        const error = yield* failureOf(plain.host, Command.make("true"), { pty: true })
        assert.strictEqual(error.reason, "ChannelRefused")
        assert.include(error.message, "PermitTTY")
      }))

    // B12
    it.scopedLive("a server that refuses every login for now is busy", () =>
      Effect.gen(function*() {
        const penalty = yield* failure({
          ...nowhere,
          port: yield* greeter("Not allowed at this time\r\n", { ends: true })
        })
        assert.strictEqual(penalty.reason, "ServerBusy")
        assert.include(penalty.hint, "PerSourcePenalties")
        const startups = yield* failure({
          ...nowhere,
          port: yield* greeter("Exceeded MaxStartups\r\n", { ends: true })
        })
        assert.strictEqual(startups.reason, "ServerBusy")
        assert.include(startups.hint, "MaxStartups")
      }))

    // B13
    it.scopedLive.skipIf(!openssh)("a channel that the server closes alone has a hint", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({
          kind: "openssh",
          loginShell: "sh",
          config: ["ChannelTimeout session:command=1s"]
        })
        const error = yield* failureOf(sshd.host, Command.make("sleep", "1007"))
        assert.strictEqual(error.reason, "ConnectionLost")
        assert.include(error.message, "ChannelTimeout")
      }))

    it.scopedLive("a SHELL that does not exist on this machine prevents no login", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ loginShell: "sh" })
        const { SHELL } = process.env
        process.env.SHELL = "/no/such/shell"
        yield* Effect.scoped(make(sshd.host)).pipe(Effect.ensuring(Effect.sync(() => {
          if (SHELL === undefined) delete process.env.SHELL
          else process.env.SHELL = SHELL
        })))
      }))

    // B10, B11
    describe.skipIf(newestSsh === undefined)("by the newest client (scripts/openssh-versions.mjs)", () => {
      it.scopedLive("a connection that is closed before it began has its words", () =>
        Effect.gen(function*() {
          const port = yield* greeter("", { ends: true })
          const { detail, reason } = yield* failure({ ...nowhere, port, ssh: newestSsh })
          assert.strictEqual(reason, "Unreachable")
          assert.include(detail, "closed before it began")
        }))

      it.scopedLive("a failed login does not begin with a warning about key exchange", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ loginShell: "sh" })
          const error = yield* failure({ ...sshd.host, keyFile: yield* otherKey(sshd), ssh: newestSsh })
          assert.strictEqual(error.reason, "AuthenticationFailed")
          assert.notInclude(error.output, "post-quantum")
        }))
    })
  })
}

// B17
describe("a remote tunnel", () => {
  it.scopedLive("that the server refuses has a hint", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      const error = yield* RemoteContext.remoteTunnel({ remotePort: sshd.host.port!, localPort: 1 }).pipe(
        Effect.flip,
        Effect.provide(OpenSsh.layer(sshd.host))
      )
      assert.strictEqual(error.reason, "ChannelRefused")
      assert.include(error.message, "PermitListen")
    }))
})
