import type { RemoteHost } from "@effect-remote/core"
import { RemoteContext, type RemoteError, sh } from "@effect-remote/core"
import type { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import * as Processes from "@effect-remote/testing/unstable/Processes"
import { Command, FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber, Redacted, Schedule, Scope } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { openssh } from "./servers.js"
import { untilRunning, withTemporaryDirectory } from "./support.js"

/** The port of a server on loopback that does this with each connection. */
const listener = (handle: (socket: Net.Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Net.Server>((resume) => {
        const server = Net.createServer((socket) => {
          socket.on("error", () => {})
          handle(socket)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => void server.close())
    ),
    (server) => (server.address() as Net.AddressInfo).port
  )

const password = "correct horse 'battery' \"staple\" $(id) \\ é"

/** A host that is not there. */
const nowhere = { host: "127.0.0.1", port: 1, sshConfig: "none" } as const

export interface ConnectionSuite {
  readonly name: string
  readonly make: typeof OpenSsh.makeProcess
  readonly layer: typeof OpenSsh.layerProcess
  readonly servers: ReadonlyArray<Sshd.Kind>
}

/** How hosts are reached, and why not, on every transport. */
export const connection = ({ layer, make, name, servers }: ConnectionSuite) => {
  const failure = (options: OpenSsh.Options) =>
    Effect.flip(Effect.scoped(make(options))) as Effect.Effect<RemoteError.RemoteConnectionError>

  const run = (options: OpenSsh.Options, command: Command.Command, run?: RemoteContext.TextOptions) =>
    Effect.provide(RemoteContext.string(command, run), layer(options))

  describe(`a host that cannot be used, ${name}`, () => {
    it.effect("is refused before anything is started", () =>
      Effect.gen(function*() {
        // No `ssh` could be started: whatever fails otherwise, fails with SshNotFound.
        const ssh = "/no/such/ssh"
        for (
          const options of [
            { host: "" },
            { host: "-oProxyCommand=touch /tmp/owned" },
            { host: "a b" },
            { host: "a\nb" },
            { host: "h", username: "" },
            { host: "h", username: "-l" },
            { host: "h", username: "a\u0000b" },
            { host: "h", port: 0 },
            { host: "h", port: 65536 },
            { host: "h", port: 2.5 },
            { host: "h", keyFile: "/no/such/key" },
            { host: "h", keyFile: "a\nb" },
            { host: "h", sshConfig: "/no/such/config" },
            { host: "h", password: "plain" as never },
            { host: "h", jumpHosts: [{ host: "-J" }] },
            { host: "h", connectTimeout: -1 },
            { host: "h", hostKeys: { pinned: ["nonsense"] } }
          ] satisfies ReadonlyArray<RemoteHost.Options>
        ) {
          const error = yield* failure({ ...options, ssh })
          assert.strictEqual(error.reason, "InvalidHost", JSON.stringify(options))
          assert.notInclude(error.message, "plain")
        }
      }))

    it.live("ssh is not installed", () =>
      Effect.gen(function*() {
        const error = yield* failure({ ...nowhere, ssh: "/no/such/ssh" })
        assert.strictEqual(error.reason, "SshNotFound")
        assert.include(error.message, "apt-get install openssh-client")
      }))

    it.live("ssh cannot be started", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* failure({ ...nowhere, ssh: "/etc/passwd" })).reason, "Unknown")
      }))

    it.scopedLive("its ssh_config has an option that ssh does not know", () =>
      Effect.gen(function*() {
        const config = `${yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())}/my config`
        Fs.writeFileSync(config, "Hostt h\n")
        const error = yield* failure({ ...nowhere, sshConfig: config })
        assert.strictEqual(error.reason, "Unsupported")
        assert.include(error.output, `${config}: line 1: Bad configuration option: hostt`)
        assert.notInclude(error.message, "user-config")
      }).pipe(Effect.provide(NodeFileSystem.layer)))

    it.live("nobody listens on the port", () =>
      Effect.gen(function*() {
        const error = yield* failure(nowhere)
        assert.strictEqual(error.reason, "Unreachable")
        assert.include(error.message, "Connection refused")
      }))

    it.live("its name does not resolve", () =>
      Effect.gen(function*() {
        const error = yield* failure({ host: "no-such-host.invalid", sshConfig: "none" })
        assert.strictEqual(error.reason, "Unreachable")
        assert.include(error.detail, "does not resolve")
      }))

    it.scopedLive("it accepts and says nothing", () =>
      Effect.gen(function*() {
        const port = yield* listener(() => {})
        const error = yield* failure({ ...nowhere, port, connectTimeout: "1 second" })
        assert.strictEqual(error.reason, "TimedOut")
      }))

    it.scopedLive("it closes at once", () =>
      Effect.gen(function*() {
        const port = yield* listener((socket) => socket.destroy())
        assert.strictEqual((yield* failure({ ...nowhere, port })).reason, "Unreachable")
      }))

    it.scopedLive("it is not an SSH server", () =>
      Effect.gen(function*() {
        const port = yield* listener((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
        assert.strictEqual((yield* failure({ ...nowhere, port })).reason, "Unreachable")
      }))

    it.scopedLive("an interrupted attempt ends at once", () =>
      Effect.gen(function*() {
        let accepted: (() => void) | undefined
        const contact = new Promise<void>((resolve) => {
          accepted = resolve
        })
        const port = yield* listener(() => accepted?.())
        const fiber = yield* Effect.fork(failure({ ...nowhere, port }))
        yield* Effect.promise(() => contact)
        yield* Fiber.interrupt(fiber)
      }))
  })

  for (const kind of servers) {
    describe(`a host served by the ${kind} server, ${name}`, () => {
      const file = (sshd: Sshd.Sshd, name: string, text: string) =>
        Effect.sync(() => {
          const path = `${sshd.directory}/${name}`
          Fs.writeFileSync(path, text, { mode: 0o600 })
          return path
        })

      const keyPair = (sshd: Sshd.Sshd, name: string) =>
        Effect.sync(() => {
          const path = `${sshd.directory}/${name}`
          execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path])
          return { path, publicKey: Fs.readFileSync(`${path}.pub`, "utf8").split(" ").slice(0, 2).join(" ") }
        })

      it.scopedLive("host keys: unknown, changed, revoked, accepted when new, off", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
          const { port } = sshd.host
          const other = yield* keyPair(sshd, "other")
          const reasonWith = (knownHostsFile: string) =>
            Effect.map(failure({ ...sshd.host, knownHostsFile }), (error) => error.reason)

          const empty = yield* file(sshd, "known_hosts_empty", "")
          assert.strictEqual(yield* reasonWith(empty), "HostKeyUnknown")
          assert.strictEqual(Fs.readFileSync(empty, "utf8"), "")
          const changed = yield* file(sshd, "known_hosts_changed", `[127.0.0.1]:${port} ${other.publicKey}\n`)
          assert.strictEqual(yield* reasonWith(changed), "HostKeyMismatch")
          const revoked = yield* file(sshd, "known_hosts_revoked", `@revoked * ${sshd.hostKey}\n`)
          assert.strictEqual(yield* reasonWith(revoked), "HostKeyRevoked")

          const fresh = { ...sshd.host, knownHostsFile: empty, hostKeys: "accept-new" } as const
          assert.strictEqual(yield* run(fresh, Command.make("echo", "in")), "in\n")
          assert.include(Fs.readFileSync(empty, "utf8"), sshd.hostKey.split(" ")[1])
          assert.strictEqual(
            (yield* failure({ ...fresh, knownHostsFile: changed })).reason,
            "HostKeyMismatch"
          )
          assert.strictEqual(
            yield* run({ ...sshd.host, knownHostsFile: changed, hostKeys: "off" }, Command.make("echo", "in")),
            "in\n"
          )
        }))

      it.scopedLive("host keys: pinned keys and fingerprints work without known_hosts", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
          const other = yield* keyPair(sshd, "other")
          const fingerprint = execFileSync("ssh-keygen", ["-l", "-f", `${other.path}.pub`]).toString().split(" ")[1]!
          const pinned = (...pinned: [string, ...Array<string>]) => ({
            ...sshd.host,
            knownHostsFile: undefined,
            hostKeys: { pinned }
          })
          for (const pins of [[sshd.hostKey], [sshd.fingerprint], [other.publicKey, fingerprint, sshd.fingerprint]]) {
            assert.strictEqual(yield* run(pinned(...pins as [string]), Command.make("echo", "in")), "in\n")
          }
          assert.strictEqual((yield* failure(pinned(other.publicKey))).reason, "HostKeyMismatch")
          assert.strictEqual((yield* failure(pinned(fingerprint))).reason, "HostKeyMismatch")
        }))

      it.scopedLive("a key that the server does not take", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
          const other = yield* keyPair(sshd, "other")
          const error = yield* failure({ ...sshd.host, keyFile: other.path })
          assert.strictEqual(error.reason, "AuthenticationFailed")
          assert.include(error.message, "publickey")
        }))

      it.scopedLive("a key of which only the public half is there is left to ssh", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
          const other = yield* keyPair(sshd, "other")
          Fs.rmSync(other.path)
          assert.strictEqual((yield* failure({ ...sshd.host, keyFile: other.path })).reason, "AuthenticationFailed")
        }))

      it.scopedLive("no shell on the other side", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, forceCommand: "echo no commands for you; exit 1" })
          const error = yield* Effect.flip(run(sshd.host, Command.make("true")))
          assert.strictEqual(error.reason, "ShellUnavailable")
          assert.include(error.message, "no commands for you")
        }))

      it.scopedLive("shell \"none\" sends the bare line, and says what it cannot", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, forceCommand: "echo \"got <$SSH_ORIGINAL_COMMAND>\"" })
          const host = { ...sshd.host, shell: "none" } as const
          assert.strictEqual(yield* run(host, Command.make("show", "version", "a b")), "got <show version 'a b'>\n")
          assert.strictEqual(yield* run(host, sh`show run | grep ${"x y"}`), "got <show run | grep 'x y'>\n")
          for (
            const command of [
              Command.env(Command.make("x"), { A: "1" }),
              Command.workingDirectory(Command.make("x"), "/")
            ]
          ) {
            assert.strictEqual((yield* Effect.flip(run(host, command))).reason, "Unsupported")
          }
        }))

      it.scopedLive("a server that is gone before the first command", () =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          const sshd = yield* Scope.extend(Sshd.make({ kind, loginShell: "sh" }), scope)
          const command = Effect.gen(function*() {
            yield* Scope.close(scope, Either.void as never)
            return yield* RemoteContext.string(Command.make("true"))
          })
          const error = yield* Effect.flip(Effect.provide(command, layer(sshd.host)))
          assert.strictEqual(error.reason, "Unreachable")
        }))

      it.scopedLive("a launch that takes longer than connectTimeout", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, forceCommand: "exec sleep 1003" })
          const error = yield* Effect.flip(run({ ...sshd.host, connectTimeout: "2 seconds" }, Command.make("true")))
          assert.strictEqual(error.reason, "TimedOut")
        }))

      // The embedded server goes on reading what a command prints when its client is gone.
      it.scopedLive.skipIf(kind === "embedded")(
        "a launch that was given up does not happen later",
        () =>
          Effect.gen(function*() {
            const sshd = yield* Sshd.make({
              kind,
              forceCommand: "sleep 2.5; exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\""
            })
            const touched = `${sshd.directory}/touched`
            const error = yield* Effect.flip(
              run({ ...sshd.host, connectTimeout: "2 seconds" }, Command.make("touch", touched))
            )
            assert.strictEqual(error.reason, "TimedOut")
            yield* sshd.processes.pipe(
              Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (processes) => processes.length === 0 })
            )
            assert.isFalse(Fs.existsSync(touched))
          })
      )

      it.scopedLive("connectTimeout and keepAlive find a server that answers no more", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
          // A relay that can swallow everything.
          let silent = false
          const port = yield* listener((socket) => {
            const upstream = Net.connect(sshd.host.port!, "127.0.0.1")
            upstream.on("error", () => {})
            socket.on("close", () => upstream.destroy())
            socket.on("data", (data) => silent || upstream.write(data))
            upstream.on("data", (data) => silent || socket.write(data))
          })
          const known = yield* file(sshd, "known_hosts_relay", `* ${sshd.hostKey}\n`)
          const host = {
            ...sshd.host,
            port,
            knownHostsFile: known,
            keepAlive: { interval: "1 second", count: 2 }
          } as const
          const program = Effect.gen(function*() {
            const fiber = yield* Effect.fork(RemoteContext.string(Command.make("sleep", "1004")))
            yield* untilRunning("sleep", 1)
            silent = true
            return yield* Effect.flip(Fiber.join(fiber))
          })
          const error = yield* program.pipe(
            Effect.provideService(Sshd.Sshd, sshd),
            Effect.provide(layer(host))
          )
          assert.strictEqual(error.reason, "ConnectionLost")
        }))
    })
  }

  describe(`a password, ${name}`, () => {
    it.scopedLive("logs in, and is in no argument, environment, file, log or error", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({
          kind: "embedded",
          password: { username: "somebody", password: Redacted.make(password) }
        })
        const host = { ...sshd.host, keyFile: undefined, username: "somebody", password: Redacted.make(password) }
        const looked: Array<string> = []
        const program = Effect.gen(function*() {
          const fiber = yield* Effect.fork(RemoteContext.string(sh`sleep 1005`))
          yield* untilRunning("sleep", 1)
          for (const { pid } of Processes.all()) {
            looked.push(Processes.read(`/proc/${pid}/cmdline`) + Processes.read(`/proc/${pid}/environ`))
          }
          yield* Fiber.interrupt(fiber)
        })
        yield* program.pipe(Effect.provideService(Sshd.Sshd, sshd), Effect.provide(layer(host)))
        assert.isTrue(looked.some((text) => text.startsWith("ssh\0")))
        for (const text of looked) {
          assert.notInclude(text, "correct horse")
          assert.notInclude(text, Buffer.from(password).toString("latin1"))
        }

        const wrong = yield* failure({ ...host, password: Redacted.make("wrong guess") })
        assert.strictEqual(wrong.reason, "AuthenticationFailed")
        for (const shown of [wrong.message, JSON.stringify(wrong), String(wrong.stack)]) {
          assert.notInclude(shown, "wrong guess")
        }
      }))

    it.scopedLive("wrong, where the server asks in two ways, is refused at once", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({
          kind: "embedded",
          password: { username: "somebody", password: Redacted.make(password) }
        })
        const host = {
          ...sshd.host,
          keyFile: undefined,
          username: "somebody",
          password: Redacted.make("wrong guess"),
          connectTimeout: "20 seconds" as const
        }
        assert.strictEqual((yield* failure(host)).reason, "AuthenticationFailed")
      }))

    it.scopedLive("is not given to a question about the host key", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({
          kind: "embedded",
          password: { username: "somebody", password: Redacted.make(password) }
        })
        const config = `${sshd.directory}/ssh_config`
        Fs.writeFileSync(config, "StrictHostKeyChecking ask\n")
        const error = yield* failure({
          ...sshd.host,
          keyFile: undefined,
          username: "somebody",
          password: Redacted.make(password),
          hostKeys: "config",
          knownHostsFile: "/dev/null",
          sshConfig: config
        })
        assert.strictEqual(error.reason, "HostKeyUnknown")
      }))

    // CI makes a user whose password the system checks; elsewhere nobody has one to give.
    const [username, secret] = process.env.EFFECT_REMOTE_TEST_LOGIN?.split(":") ?? []
    it.scopedLive.skipIf(username === undefined)(
      "logs in to OpenSSH's server (EFFECT_REMOTE_TEST_LOGIN)",
      () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({
            kind: "openssh",
            config: ["PasswordAuthentication yes", "KbdInteractiveAuthentication no", "PermitRootLogin yes"]
          })
          const host = { ...sshd.host, keyFile: undefined, username, password: Redacted.make(secret!) }
          assert.strictEqual(yield* run(host, Command.make("id", "-un")), `${username}\n`)
          const wrong = yield* failure({ ...host, password: Redacted.make("wrong guess") })
          assert.strictEqual(wrong.reason, "AuthenticationFailed")
        })
    )
  })

  describe(`ssh_config, ${name}`, () => {
    it.scopedLive("aliases, identities, Include and Match go on working; interactive settings do not leak in", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ loginShell: "sh" })
        const touched = `${sshd.directory}/touched`
        const config = `${sshd.directory}/ssh_config`
        const included = `${sshd.directory}/included config`
        Fs.writeFileSync(included, `Host alias\n  IdentityFile ${sshd.host.keyFile}\n`)
        Fs.writeFileSync(
          config,
          `Include "${included}"
Host alias
  HostName 127.0.0.1
  Port ${sshd.host.port}
  User ${sshd.host.username}
  UserKnownHostsFile ${sshd.host.knownHostsFile}
Match originalhost alias exec "true"
  ControlMaster auto
  ControlPath ${sshd.directory}/control
  ControlPersist 60
  RequestTTY force
  PermitLocalCommand yes
  LocalCommand touch ${touched}
  LocalForward 127.0.0.1:${sshd.host.port} 127.0.0.1:1
  RemoteForward 127.0.0.1:${sshd.host.port} 127.0.0.1:1
  DynamicForward 127.0.0.1:${sshd.host.port}
  ExitOnForwardFailure yes
  ForkAfterAuthentication yes
  StdinNull yes
  SessionType none
  LogLevel QUIET
  EscapeChar ~
`
        )
        const host = { host: "alias", sshConfig: config }
        const input = "~.\nplain\n"
        assert.strictEqual(yield* run(host, Command.make("cat").pipe(Command.feed(input))), input)
        assert.strictEqual(yield* run(host, sh`test -t 0 || echo no terminal`), "no terminal\n")
        assert.isFalse(Fs.existsSync(touched))
        assert.isFalse(Fs.existsSync(`${sshd.directory}/control`))
      }))

    it.scopedLive.skipIf(!openssh)("SendEnv and SetEnv ask for what they ask of ssh for", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind: "openssh", config: ["AcceptEnv EFFECT_REMOTE_TEST_*"] })
        const config = `${sshd.directory}/ssh_config`
        // Variables that the server does not accept do no harm.
        Fs.writeFileSync(
          config,
          `SendEnv EFFECT_REMOTE_TEST_S?NT LANG LC_* PATH\nSetEnv EFFECT_REMOTE_TEST_SET="set = 'it'" NOBODY=accepts\n`
        )
        process.env.EFFECT_REMOTE_TEST_SENT = "sent * \"it\""
        process.env.EFFECT_REMOTE_TEST_KEPT = "kept"
        const show =
          sh`printf '%s\n' "$EFFECT_REMOTE_TEST_SENT" "$EFFECT_REMOTE_TEST_SET" "<$EFFECT_REMOTE_TEST_KEPT$NOBODY>"`
        const lines = yield* Effect.provide(RemoteContext.lines(show), layer({ ...sshd.host, sshConfig: config }))
        assert.deepStrictEqual(lines, ["sent * \"it\"", "set = 'it'", "<>"])
      }))

    it.scopedLive("ProxyCommand of the user's is used", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ loginShell: "sh" })
        const config = `${sshd.directory}/ssh_config`
        const relay = `ssh -F none -i ${sshd.host.keyFile} -o UserKnownHostsFile=${sshd.host.knownHostsFile} ` +
          `-p ${sshd.host.port} -l ${sshd.host.username} -W 127.0.0.1:${sshd.host.port} 127.0.0.1`
        Fs.writeFileSync(config, `Host behind\n  HostKeyAlias [127.0.0.1]:${sshd.host.port}\n  ProxyCommand ${relay}\n`)
        const host = { ...sshd.host, host: "behind", port: undefined, sshConfig: config }
        assert.strictEqual(yield* run(host, Command.make("echo", "through")), "through\n")
      }))

    // FOUND A14
    it.scopedLive("a helper that ProxyCommand leaves behind with our stderr does not delay the end", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ loginShell: "sh" })
        const config = `${sshd.directory}/ssh_config`
        const relay = `ssh -F none -i ${sshd.host.keyFile} -o UserKnownHostsFile=${sshd.host.knownHostsFile} ` +
          `-p ${sshd.host.port} -l ${sshd.host.username} -W 127.0.0.1:${sshd.host.port} 127.0.0.1`
        const helper = `${5000 + Math.floor(Math.random() * 1_000_000)}`
        const helpers = () => Processes.all().filter(({ words: [name, word] }) => name === "sleep" && word === helper)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            for (const { pid } of helpers()) process.kill(pid, "SIGKILL")
          })
        )
        Fs.writeFileSync(
          config,
          `Host behind\n  HostKeyAlias [127.0.0.1]:${sshd.host.port}\n` +
            `  ProxyCommand sleep ${helper} </dev/null >/dev/null & exec ${relay}\n`
        )
        const host = { ...sshd.host, host: "behind", port: undefined, sshConfig: config }
        assert.strictEqual(yield* run(host, Command.make("echo", "through")), "through\n")
        // So is a login that fails.
        const refused = { ...host, username: "nobody-of-that-name" }
        const error = yield* Effect.flip(run(refused, Command.make("true")))
        assert.strictEqual(error.reason, "AuthenticationFailed")
        assert.isNotEmpty(helpers())
      }))
  })

  describe(`a ProxyJump of the user's configuration, ${name}`, () => {
    it.scopedLive("is not given what is meant for the host: port, pins, password, log level", () =>
      Effect.gen(function*() {
        const inner = yield* Sshd.make({
          kind: "embedded",
          password: { username: "somebody", password: Redacted.make(password) }
        })
        // The bastion would accept that very password, but must not get it.
        const bastion = yield* Sshd.make({
          kind: "embedded",
          password: { username: "somebody", password: Redacted.make(password) }
        })
        const config = `${inner.directory}/ssh_config`
        const through = (identity: string) =>
          Fs.writeFileSync(
            config,
            `Host target
  HostName 127.0.0.1
  ProxyJump bastion
Host bastion
  HostName 127.0.0.1
  Port ${bastion.host.port}
  User somebody
  UserKnownHostsFile ${bastion.host.knownHostsFile}
${identity}`
          )
        const host = {
          host: "target",
          username: "somebody",
          port: inner.host.port,
          password: Redacted.make(password),
          hostKeys: { pinned: [inner.hostKey] as const },
          sshConfig: config
        }
        through("  IdentityFile /no/such/key\n  IdentitiesOnly yes\n")
        const refused = yield* failure(host)
        assert.strictEqual(refused.reason, "AuthenticationFailed")
        assert.notInclude(yield* inner.log, "password")

        through(
          `  User ${bastion.host.username}\n  IdentityFile ${bastion.host.keyFile}\n`.replace("  User", "  # User")
        )
        Fs.writeFileSync(
          config,
          Fs.readFileSync(config, "utf8").replace("User somebody", `User ${bastion.host.username}`)
        )
        const error = yield* Effect.flip(run(host, sh`echo words >&2; exit 3`))
        assert(error._tag === "RemoteCommandError")
        assert.strictEqual(error.stderr, "words\n")
      }))
  })

  describe(`jump hosts, ${name}`, () => {
    it.scopedLive("each with its own user, port, key, host key and password", () =>
      Effect.gen(function*() {
        const inner = yield* Sshd.make({ loginShell: "sh" })
        const first = yield* Sshd.make({ loginShell: "sh" })
        const second = yield* Sshd.make({
          kind: "embedded",
          password: { username: "somebody", password: Redacted.make("jump secret") }
        })
        const host = {
          ...inner.host,
          jumpHosts: [
            first.host,
            {
              host: "127.0.0.1",
              port: second.host.port,
              username: "somebody",
              password: Redacted.make("jump secret"),
              hostKeys: { pinned: [second.fingerprint] as const }
            }
          ]
        }
        assert.strictEqual(yield* run(host, Command.make("echo", "in")), "in\n")
        const [, bad] = host.jumpHosts
        const error = yield* failure({
          ...host,
          jumpHosts: [first.host, { ...bad!, password: Redacted.make("wrong guess") }]
        })
        assert.strictEqual(error.reason, "AuthenticationFailed")
        const closed = yield* failure({ ...host, jumpHosts: [{ ...first.host, port: 1 }] })
        assert.strictEqual(closed.reason, "Unreachable")
      }))
  })

  describe(`what is left, ${name}`, () => {
    it.scopedLive("no file and no process once the layer is gone", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ loginShell: "sh" })
        const temporary = `${sshd.directory}/tmp`
        yield* run(sshd.host, Command.make("true")).pipe(withTemporaryDirectory(temporary))
        assert.deepStrictEqual(Fs.readdirSync(temporary), [])
        // The guardian needs a moment to leave.
        yield* eventually(sshd.processes, (processes) => processes.length === 0)
      }))
  })
}
