import { RemoteHost } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
// Not `it.effect` and `it.scoped`: `layer` replaces those of the whole file by ones that need its services.
import { assert, describe, effect, layer, scoped, scopedLive } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Exit, Redacted, Scope } from "effect"
import * as childProcess from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as Processes from "../src/unstable/Processes.js"
import * as ssh from "./fixtures/ssh.js"
import * as ssh2Client from "./fixtures/ssh2Client.js"
import * as tcp from "./fixtures/tcp.js"

const searchPath = (process.env.PATH ?? "").split(":")
const find = (name: string, ...directories: ReadonlyArray<string>) =>
  [...directories, ...searchPath].map((directory) => path.join(directory, name)).find((file) => fs.existsSync(file))

const hasSshd = find("sshd", "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin") !== undefined ||
  process.env.EFFECT_REMOTE_REQUIRE_SSHD === "1"

const hasSftpServer =
  find("sftp-server", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec") !== undefined

// without it, orphans are not found
const hasProc = fs.existsSync("/proc/self/stat")

const kinds: ReadonlyArray<Sshd.Kind> = ["openssh", "embedded"]

const other = (host: RemoteHost.RemoteHost, changes: Partial<RemoteHost.Options>) =>
  RemoteHost.make({ ...host, ...changes })

describe.each(kinds)("Sshd, %s", (kind) => {
  const suite = describe.skipIf(kind === "openssh" && !hasSshd)

  suite(kind === "openssh" && !hasSshd ? "skipped: sshd is not installed" : "one server", () => {
    layer(Sshd.layer({ kind }))((it) => {
      it.effect("describes itself", () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.Sshd
          assert.strictEqual(sshd.kind, kind)
          assert.match(sshd.version, kind === "openssh" ? /^OpenSSH_\d+\.\d+/ : /^ssh2/)
          assert.match(sshd.hostKey, /^ssh-ed25519 [A-Za-z0-9+/]+=*$/)
          assert.strictEqual(sshd.host.host, "127.0.0.1")
          assert.strictEqual(sshd.host.hostKeys, "strict")
          assert.strictEqual(sshd.host.sshConfig, "none")
          assert.strictEqual(fs.statSync(sshd.directory).mode & 0o777, 0o700)
          const shown = childProcess.execFileSync("ssh-keygen", ["-lf", path.join(sshd.directory, "host_key.pub")])
          assert.strictEqual(sshd.fingerprint, shown.toString().split(" ")[1])
          assert.include(yield* sshd.log, `Server listening on 127.0.0.1 port ${sshd.host.port}.`)
        }))

      it.effect("runs a command", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const result = yield* ssh.run(host, "echo out; echo err >&2; exit 7")
          assert.strictEqual(result.stdout.toString(), "out\n")
          assert.strictEqual(result.stderr, "err\n")
          assert.strictEqual(result.code, 7)
        }))

      it.effect("gives a command the environment of a login", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const line = "cd; pwd; echo \"$USER $LOGNAME ${SSH_CONNECTION%% *} ${SSH_CLIENT%% *}\"; echo $HOME"
          const [directory, names, home] = (yield* ssh.run(host, line)).stdout.toString().split("\n")
          assert.strictEqual(names, `${host.username} ${host.username} 127.0.0.1 127.0.0.1`)
          assert.strictEqual(directory, home)
        }))

      it.effect("keeps every character of a command line", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const text = "a  b\t$HOME `x` \"q\" \\ ! * ü \u{1f600}\nline"
          const { stdout } = yield* ssh.run(host, `printf %s '${text}'`)
          assert.strictEqual(stdout.toString(), text)
        }))

      it.effect("says which way a command was ended by a signal", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const killed = yield* ssh.run(host, "kill -TERM $$", { args: ["-v"] })
          assert.strictEqual(killed.code, 255)
          assert.include(killed.stderr, "rtype exit-signal")
          const exited = yield* ssh.run(host, "exit 143", { args: ["-v"] })
          assert.strictEqual(exited.code, 143)
          assert.include(exited.stderr, "rtype exit-status")
        }))

      it.effect("sends a status after the end of the output", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const result = yield* ssh.run(host, "exec >&- 2>&-; cat; exit 3")
          assert.strictEqual(result.code, 3)
        }))

      it.effect("carries 5 MB through a command and back", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const bytes = randomBytes(5_000_000)
          const result = yield* ssh.run(host, "cat", { stdin: bytes })
          assert.isTrue(result.stdout.equals(bytes), `${result.stdout.length} bytes came back`)
          assert.strictEqual(result.code, 0)
        }))

      it.effect("keeps stdout and stderr apart when both are long", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const lines = (word: string) => `yes ${word} | head -c 5000000`
          const result = yield* ssh.run(host, `{ ${lines("out")}; } & { ${lines("error")}; } >&2; wait`)
          const expected = (word: string) => `${word}\n`.repeat(1_250_000).slice(0, 5_000_000)
          assert.isTrue(result.stdout.toString() === expected("out"), "stdout is intact")
          assert.isTrue(result.stderr === expected("error"), "stderr is intact")
        }))

      it.effect("ends stdin when the client does", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const { stdout } = yield* ssh.run(host, "cat; echo after", { stdin: "before " })
          assert.strictEqual(stdout.toString(), "before after\n")
        }))

      it.effect("throws away the input of a command that has ended", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const { code } = yield* ssh.run(host, "exec <&-; exit 4", { stdin: randomBytes(5_000_000) })
          assert.strictEqual(code, 4)
        }))

      it.effect("keeps a channel open while something holds its output", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const running = yield* ssh.start(host, "sleep 1000 & echo \"pid $!\"")
          const [, pid] = /pid (\d+)/.exec(yield* running.said(/pid \d+\n/)) ?? []
          yield* ssh.run(host, `kill ${pid}`)
          assert.strictEqual((yield* running.result).code, 0)
        }).pipe(Effect.scoped))

      it.effect("serves twenty connections at once", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const results = yield* Effect.forEach(
            Array.from({ length: 20 }, (_, index) => index),
            (index) => ssh.run(host, `echo ${index}`),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(
            results.map(({ stdout }) => stdout.toString()),
            results.map((_, index) => `${index}\n`)
          )
        }))

      it.effect("does not take the client's environment", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const { stdout } = yield* ssh.run(host, "echo \"<$FROM_CLIENT>\"", {
            args: ["-o", "SendEnv=FROM_CLIENT"],
            env: { FROM_CLIENT: "x" }
          })
          assert.strictEqual(stdout.toString(), "<>\n")
        }))

      it.effect("connects to a TCP server", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const port = yield* tcp.echoPort
          const bytes = randomBytes(5_000_000)
          const result = yield* ssh.run(host, undefined, { args: ["-W", `127.0.0.1:${port}`], stdin: bytes })
          assert.isTrue(result.stdout.equals(Buffer.concat([bytes, Buffer.from("bye")])), result.stderr)
        }).pipe(Effect.scoped))

      it.effect("says that nobody listens on a port", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const port = yield* tcp.closedPort
          const result = yield* ssh.run(host, undefined, { args: ["-W", `127.0.0.1:${port}`] })
          assert.strictEqual(result.code, 255)
          assert.include(result.stderr, "open failed: connect failed")
        }))

      it.effect("forwards connections to unix sockets and from them", () =>
        Effect.gen(function*() {
          const { directory, host } = yield* Sshd.Sshd
          const [echo, local, remote] = ["echo", "local", "remote"].map((name) => path.join(directory, name)) as [
            string,
            string,
            string
          ]
          yield* tcp.echoPath(echo)
          const args = ["-L", `${local}:${echo}`, "-R", `${remote}:${echo}`, "-o", "ExitOnForwardFailure=yes"]
          const running = yield* ssh.start(host, "echo ready; cat", { args })
          yield* running.said(/ready/)
          assert.strictEqual(yield* tcp.talk({ path: local }, "hello "), "hello bye")
          assert.strictEqual(yield* tcp.talk({ path: remote }, "hello "), "hello bye")
        }).pipe(Effect.scoped))

      it.effect("listens on a port for the client", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const args = ["-R", `0:127.0.0.1:${yield* tcp.echoPort}`, "-o", "ExitOnForwardFailure=yes"]
          const running = yield* ssh.start(host, "echo ready; cat", { args })
          const said = yield* running.said(/Allocated port \d+/, "stderr")
          const port = Number(/Allocated port (\d+)/.exec(said)?.[1])
          yield* running.said(/ready/)
          assert.strictEqual(yield* tcp.talk({ host: "127.0.0.1", port }, "hello "), "hello bye")
          running.stdin.end()
          yield* running.result
        }).pipe(Effect.scoped))

      it.effect("refuses another key, another user and another host key", () =>
        Effect.gen(function*() {
          const { directory, host } = yield* Sshd.Sshd
          const keyFile = path.join(directory, "stranger")
          childProcess.execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", keyFile])
          const stranger = yield* ssh.run(yield* other(host, { keyFile }), "true")
          assert.strictEqual(stranger.code, 255)
          assert.include(stranger.stderr, "Permission denied")

          const nobody = yield* ssh.run(yield* other(host, { username: "no-such-user" }), "true")
          assert.include(nobody.stderr, "Permission denied")

          const knownHostsFile = path.join(directory, "other_hosts")
          const [type, key] = fs.readFileSync(`${keyFile}.pub`, "utf8").split(" ")
          fs.writeFileSync(knownHostsFile, `[127.0.0.1]:${host.port} ${type} ${key}\n`)
          const elsewhere = yield* ssh.run(yield* other(host, { knownHostsFile }), "true")
          assert.include(elsewhere.stderr, "Host key verification failed")
        }))

      it.effect("survives clients that speak something else", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.Sshd
          const address = { host: "127.0.0.1", port: host.port ?? 0 }
          yield* Effect.exit(tcp.talk(address, "GET / HTTP/1.0\r\n\r\n"))
          yield* Effect.exit(tcp.talk(address, `SSH-2.0-x\r\n${"\xff".repeat(100)}`))
          yield* Effect.exit(tcp.talk(address, ""))
          assert.strictEqual((yield* ssh.run(host, "echo fine")).stdout.toString(), "fine\n")
        }))

      it.effect("drops connections, and the commands go on", () =>
        Effect.gen(function*() {
          const { dropConnections, host, processes } = yield* Sshd.Sshd
          const running = yield* ssh.start(host, "echo \"pid $$\"; exec sleep 1000")
          const pid = Number(/pid (\d+)/.exec(yield* running.said(/pid \d+\n/))?.[1])
          const early = yield* tcp.hold(host.port ?? 0)
          yield* dropConnections
          assert.strictEqual((yield* running.result).code, 255)
          yield* early.closed
          if (hasProc) {
            const found = (yield* processes).map(({ group, name, pid }) => ({ group, name, pid }))
            assert.deepInclude(found, { group: pid, name: "sleep", pid })
          }
          assert.strictEqual((yield* ssh.run(host, `kill ${pid}; echo back`)).stdout.toString(), "back\n")
        }).pipe(Effect.scoped))
    })

    scoped("enforces maxSessions and frees a slot when its command has exited", () =>
      Effect.gen(function*() {
        const { directory, host } = yield* Sshd.make({ kind, maxSessions: 2 })
        const socket = path.join(directory, "master")
        const master = yield* ssh.start(host, "echo ready; cat", { args: ["-M", "-S", socket] })
        yield* master.said(/ready/)
        // a port without a listener, so that a refused client cannot connect by itself
        const session = (command: string) => ssh.start(host, command, { args: ["-S", socket, "-p", "9"] })
        const second = yield* session("echo ready; cat")
        yield* second.said(/ready/)
        const third = yield* Effect.flatMap(session("echo ready"), (running) => running.result)
        assert.include(third.stderr, "Session open refused by peer")
        second.stdin.end()
        yield* second.result
        // a slot is free a little after the channel is closed
        const fourth = yield* Effect.flatMap(session("echo ready"), (running) => running.result).pipe(
          Effect.repeat({ until: ({ stderr }) => !stderr.includes("refused by peer"), times: 100 })
        )
        assert.strictEqual(fourth.stdout.toString(), "ready\n")
      }))

    scoped("enforces maxStartups", () =>
      Effect.gen(function*() {
        const { host } = yield* Sshd.make({ kind, maxStartups: 1 })
        yield* Effect.scoped(Effect.gen(function*() {
          yield* tcp.hold(host.port ?? 0)
          const result = yield* ssh.run(host, "true")
          assert.strictEqual(result.code, 255)
        }))
      }))

    scoped("forbids forwarding", () =>
      Effect.gen(function*() {
        const { host } = yield* Sshd.make({ kind, allowTcpForwarding: false })
        const port = yield* tcp.echoPort
        const result = yield* ssh.run(host, undefined, { args: ["-W", `127.0.0.1:${port}`] })
        assert.include(result.stderr, "administratively prohibited")
        const remote = yield* ssh.run(host, "true", {
          args: ["-R", `0:127.0.0.1:${port}`, "-o", "ExitOnForwardFailure=yes"]
        })
        assert.include(remote.stderr, "remote port forwarding failed")
      }))

    scoped("runs a forced command", () =>
      Effect.gen(function*() {
        const { host } = yield* Sshd.make({ kind, forceCommand: "echo \"not $SSH_ORIGINAL_COMMAND\"" })
        assert.strictEqual((yield* ssh.run(host, "this")).stdout.toString(), "not this\n")
      }))

    scoped("serves nothing but SFTP", () =>
      Effect.gen(function*() {
        const { host } = yield* Sshd.make({ kind, forceCommand: "internal-sftp" })
        const result = yield* ssh.run(host, "echo hello")
        assert.strictEqual(result.code, 1)
        assert.include(result.stdout.toString(), "sftp connections only")
      }))

    scoped("serves no SFTP", () =>
      Effect.gen(function*() {
        const { host } = yield* Sshd.make({ kind, sftp: "none" })
        const result = yield* ssh.run(host, "sftp", { args: ["-s"] })
        assert.include(result.stderr, "subsystem request failed")
      }))

    scoped.skipIf(!hasSftpServer)("has the login shell run sftp-server", () =>
      Effect.gen(function*() {
        const home = yield* directory
        fs.writeFileSync(path.join(home, "here"), "")
        const { host } = yield* Sshd.make({ kind, loginShell: "sh", home, sftp: "external" })
        // SSH_FXP_INIT, version 3; the answer is SSH_FXP_VERSION
        const running = yield* ssh.start(host, "sftp", { args: ["-s"] })
        running.stdin.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3]))
        yield* running.said(/^[^]{4}\u0002\0\0\0\u0003/)
      }))

    describe("login shells", () => {
      const shells: ReadonlyArray<{
        readonly name: string
        /** The startup file in the home directory that the shell reads before it runs a line. */
        readonly startup?: string
        /** A line that means this in no other shell. */
        readonly line: string
        readonly output: string
      }> = [
        { name: "sh", line: "x=sh; echo $x", output: "sh" },
        { name: "bash", startup: ".bashrc", line: "echo ${BASH_VERSION:+bash} <(:)", output: "bash /dev/fd/63" },
        { name: "zsh", startup: ".zshenv", line: "echo ${(U):-zsh}", output: "ZSH" },
        { name: "fish", startup: ".config/fish/config.fish", line: "echo (echo fish)", output: "fish" },
        { name: "tcsh", startup: ".tcshrc", line: "set x = tcsh; echo $x:u", output: "Tcsh" }
      ]
      for (const { line, name, output, startup } of shells) {
        describe.skipIf(find(name) === undefined)(find(name) === undefined ? `${name} is not installed` : name, () => {
          scoped("runs the line, after its startup file", () =>
            Effect.gen(function*() {
              const home = yield* directory
              if (startup !== undefined) {
                fs.mkdirSync(path.dirname(path.join(home, startup)), { recursive: true })
                fs.writeFileSync(path.join(home, startup), "echo noise\n")
              }
              // bash reads .bashrc where it was built to know sshd, and otherwise this
              const environment = { BASH_ENV: path.join(home, ".bashrc"), QUOTED: "a 'b'  $c" }
              const { host } = yield* Sshd.make({ kind, loginShell: name, home, environment, sftp: "none" })
              const noise = startup === undefined ? "" : "noise\n"
              assert.strictEqual((yield* ssh.run(host, line)).stdout.toString(), `${noise}${output}\n`)
              const facts = yield* ssh.run(host, "printf '%s\\n' \"$HOME\" \"$QUOTED\" \"$SHELL\"; pwd; exit 5")
              assert.strictEqual(
                facts.stdout.toString(),
                `${noise}${home}\n${environment.QUOTED}\n${find(name)}\n${home}\n`
              )
              assert.strictEqual(facts.code, 5)
            }))
        })
      }
    })

    scoped.skipIf(!hasProc)("leaves nothing behind", () =>
      Effect.gen(function*() {
        const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
        const sshd = yield* Sshd.make({ kind }).pipe(Scope.extend(scope))
        const running = yield* ssh.start(sshd.host, "echo \"pids $$ $PPID\"; exec sleep 1000")
        const [, shell, parent] = /pids (\d+) (\d+)/.exec(yield* running.said(/pids \d+ \d+\n/)) ?? []
        const orphan = yield* ssh.run(sshd.host, "sleep 1000 > /dev/null 2>&1 & echo $!")
        const stray = yield* ssh.run(sshd.host, "(setsid sleep 1000 > /dev/null 2>&1 & echo $!)")
        const pids = [shell, `${orphan.stdout}`, `${stray.stdout}`].map(Number)
        if (kind === "openssh") pids.push(Number(parent))
        assert.deepStrictEqual(pids.map(Processes.isRunning), pids.map(() => true))
        assert.includeMembers((yield* sshd.processes).map(({ pid }) => pid), pids.slice(0, 3))

        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(pids.map(Processes.isRunning), pids.map(() => false))
        assert.isFalse(fs.existsSync(sshd.directory))
        assert.isTrue(yield* tcp.isRefused(sshd.host.port ?? 0))
        assert.strictEqual((yield* running.result).code, 255)
      }))

    // FOUND E2
    scoped.skipIf(process.platform !== "linux")(
      "leaves alone processes with a line end in their name",
      () =>
        Effect.gen(function*() {
          const stranger = childProcess.spawn("/bin/sh", ["-c", "printf '\\n' >/proc/$$/comm; echo; read -r line; :"])
          yield* Effect.addFinalizer(() => Effect.sync(() => stranger.kill("SIGKILL")))
          yield* Effect.async<void>((resume) => void stranger.stdout.once("data", () => resume(Effect.void)))
          yield* Effect.scoped(Sshd.make({ kind }))
          assert.isTrue(Processes.isRunning(stranger.pid!))
        })
    )

    scopedLive.skipIf(!hasProc)(
      "leaves nothing behind when the test process is killed",
      () =>
        Effect.gen(function*() {
          const first = yield* Deferred.make<string>()
          const holder = yield* Effect.acquireRelease(
            Effect.sync(() =>
              childProcess.spawn(process.execPath, ["--import", "tsx", fixture("holder.ts"), kind], {
                stdio: ["ignore", "pipe", "inherit"],
                env: { ...process.env, TSX_TSCONFIG_PATH: fixture("../../../../tsconfig.base.json") }
              })
            ),
            (child) => Effect.sync(() => child.kill("SIGKILL"))
          )
          holder.stdout.once("data", (chunk: Buffer) => Deferred.unsafeDone(first, Effect.succeed(chunk.toString())))
          holder.once("exit", (code) => Deferred.unsafeDone(first, Effect.dieMessage(`the holder ended with ${code}`)))
          const { directory, ...options } = JSON.parse(yield* Deferred.await(first))
          const host = yield* RemoteHost.make({ host: "127.0.0.1", ...options })
          const running = yield* ssh.start(host, "echo \"pids $$ $PPID\"; exec sleep 1000")
          const [, shell, parent] = /pids (\d+) (\d+)/.exec(yield* running.said(/pids \d+ \d+\n/)) ?? []
          const orphan = yield* ssh.run(host, "sleep 1000 > /dev/null 2>&1 & echo $!")

          holder.kill("SIGKILL")
          assert.strictEqual((yield* running.result).code, 255)
          // the last thing to go
          yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => !fs.existsSync(directory) })
          assert.isFalse([shell, parent, `${orphan.stdout}`].map(Number).some(Processes.isRunning))
          assert.isTrue(yield* tcp.isRefused(options.port))
        })
    )
  })
})

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

const directory = Effect.acquireRelease(
  Effect.sync(() => fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "sshd-test-")))),
  (name) => Effect.sync(() => fs.rmSync(name, { recursive: true }))
)

describe("Sshd, embedded only", () => {
  layer(Sshd.layer({ kind: "embedded" }))((it) => {
    it.effect("refuses a terminal", () =>
      Effect.gen(function*() {
        const { host } = yield* Sshd.Sshd
        const result = yield* ssh.run(host, "true", { args: ["-tt"] })
        assert.include(result.stderr, "PTY allocation request failed")
      }))

    it.effect("passes signals on to the whole process group", () =>
      Effect.gen(function*() {
        const running = yield* ssh2Client.start(yield* Sshd.Sshd, "echo ready; sleep 1000; echo not reached")
        yield* running.read(running.channel, 1)
        running.channel.signal("TERM")
        assert.deepStrictEqual(yield* running.exit, ["SIGTERM"])
      }).pipe(Effect.scoped))

    it.effect("answers a request to send a signal", () =>
      Effect.gen(function*() {
        const running = yield* ssh2Client.start(yield* Sshd.Sshd, "echo ready; exec sleep 1000")
        yield* running.read(running.channel, 1)
        assert.isFalse(yield* running.signal("ALRM"))
        assert.isTrue(yield* running.signal("KILL"))
        assert.deepStrictEqual(yield* running.exit, ["SIGKILL"])
      }).pipe(Effect.scoped))

    it.effect("sends no status for a signal without a name", () =>
      Effect.gen(function*() {
        const running = yield* ssh2Client.start(yield* Sshd.Sshd, "kill -XCPU $$")
        assert.deepStrictEqual(yield* running.exit, [])
      }).pipe(Effect.scoped))

    it.effect("waits for a client that does not read, on stdout and then on stderr", () =>
      Effect.gen(function*() {
        const size = 6_000_000
        const lines = (word: string) => `yes ${word} | head -c ${size}`
        const running = yield* ssh2Client.start(
          yield* Sshd.Sshd,
          `${lines("out")}; read go; ${lines("error")} >&2; read go`
        )
        const expected = (word: string) => `${word}\n`.repeat(size / 4).slice(0, size)
        const { channel } = running
        yield* running.full
        assert.isTrue((yield* running.read(channel, size)).toString() === expected("out"), "stdout is intact")
        channel.write("go\n")
        yield* running.full
        assert.isTrue((yield* running.read(channel.stderr, size)).toString() === expected("error"), "stderr is intact")
        channel.write("go\n")
        assert.deepStrictEqual(yield* running.exit, [0])
      }).pipe(Effect.scoped))

    it.effect("cannot take a long line", () =>
      Effect.gen(function*() {
        const { host, log } = yield* Sshd.Sshd
        const result = yield* ssh.run(host, `: ${"x".repeat(36_000)}`)
        assert.strictEqual(result.code, 255)
        assert.include(yield* log, "Bad packet length")
      }))
  })

  scoped("says that a command could not be started", () =>
    Effect.gen(function*() {
      const { host } = yield* Sshd.make({ kind: "embedded", environment: { LONG: "x".repeat(140_000) } })
      const result = yield* ssh.run(host, "true")
      assert.strictEqual(result.stderr, "/bin/sh: argument list too long\n")
      assert.strictEqual(result.code, 1)
    }))
})

describe("Sshd, passwords", () => {
  scoped("lets a password in", () =>
    Effect.gen(function*() {
      const password = { username: "luigi", password: Redacted.make("correct horse") }
      const sshd = yield* Sshd.make({ kind: "embedded", password })
      const host = yield* other(sshd.host, { username: password.username })
      const attempt = (secret: string) => {
        const askpass = path.join(sshd.directory, "askpass")
        fs.writeFileSync(askpass, `#!/bin/sh\necho '${secret}'\n`, { mode: 0o700 })
        return ssh.run(host, "echo in", {
          args: ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"],
          env: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" }
        })
      }
      assert.strictEqual((yield* attempt(Redacted.value(password.password))).stdout.toString(), "in\n")
      const refused = yield* attempt("wrong")
      assert.strictEqual(refused.code, 255)
      assert.include(refused.stderr, "Permission denied (publickey,password)")
      // the key is the user's, not luigi's
      assert.strictEqual((yield* ssh.run(host, "true")).code, 255)
      assert.strictEqual((yield* ssh.run(sshd.host, "true")).code, 0)
      assert.notInclude(yield* sshd.log, Redacted.value(password.password))
    }))
})

describe("Sshd, keyboard-interactive", () => {
  scoped("asks every round and lets right answers in", () =>
    Effect.gen(function*() {
      const question = (prompt: string, answer: string, echo = false) => ({
        prompt,
        echo,
        answer: Redacted.make(answer)
      })
      const sshd = yield* Sshd.make({
        kind: "embedded",
        keyboardInteractive: {
          username: "luigi",
          rounds: [[question("First: ", "one"), question("Second: ", "two", true)], [question("Third: ", "three")]]
        }
      })
      const host = yield* other(sshd.host, { username: "luigi" })
      const attempt = (third: string) => {
        const askpass = path.join(sshd.directory, "askpass")
        const asked = path.join(sshd.directory, "asked")
        fs.writeFileSync(asked, "")
        fs.writeFileSync(
          askpass,
          `#!/bin/sh\necho "$1" >>${asked}\ncase $1 in *First*) echo one ;; *Second*) echo two ;; *) echo ${third} ;; esac\n`,
          { mode: 0o700 }
        )
        return Effect.map(
          ssh.run(host, "echo in", {
            args: ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"],
            env: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: "force" }
          }),
          (result) => ({ ...result, asked: fs.readFileSync(asked, "utf8") })
        )
      }
      const right = yield* attempt("three")
      assert.strictEqual(right.stdout.toString(), "in\n")
      assert.strictEqual(right.asked.replaceAll(/\(luigi@127.0.0.1\) /g, ""), "First: \nSecond: \nThird: \n")
      const wrong = yield* attempt("four")
      assert.include(wrong.stderr, "Permission denied (publickey,keyboard-interactive)")
      assert.strictEqual(wrong.asked, right.asked)
    }))
})

describe("Sshd, failures", () => {
  const fail = (options: Sshd.Options, environment: Record<string, string> = {}) =>
    Effect.flip(Effect.scoped(Sshd.make(options))).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(
        new Map(Object.entries({ PATH: process.env.PATH ?? "", ...environment }))
      ))
    )

  effect("says what is missing", () =>
    Effect.gen(function*() {
      const executable = "/nonexistent/sshd"
      const sshd = yield* fail({ kind: "openssh", executable })
      assert.strictEqual(sshd.reason, "NotFound")
      assert.include(sshd.message, executable)
      assert.include(sshd.message, "apt-get install openssh-server")
      const required = yield* fail({ executable }, { EFFECT_REMOTE_REQUIRE_SSHD: "1" })
      assert.strictEqual(required.reason, "NotFound")
      const asked = yield* fail({ executable }, { EFFECT_REMOTE_SSHD: "openssh" })
      assert.strictEqual(asked.reason, "NotFound")
      const named = yield* fail({}, { EFFECT_REMOTE_SSHD: executable })
      assert.strictEqual(named.reason, "NotFound")
      const shell = yield* fail({ kind: "embedded", loginShell: "no-such-shell" })
      assert.strictEqual(shell.reason, "ShellNotFound")
      const keygen = yield* fail({ kind: "embedded" }, { PATH: "/nonexistent" })
      assert.strictEqual(keygen.reason, "SshKeygenNotFound")
    }))

  scoped("falls back on the embedded server", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ executable: "/nonexistent/sshd" }).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["PATH", process.env.PATH ?? ""]])))
      )
      assert.strictEqual(sshd.kind, "embedded")
    }))

  effect("says which options cannot be meant", () =>
    Effect.gen(function*() {
      const reasons = yield* Effect.forEach([
        fail({}, { EFFECT_REMOTE_SSHD: "telnet" }),
        fail({ environment: { "A=B": "" } }),
        fail({ environment: { A: "\0" } }),
        fail({ forceCommand: "a\nb" }),
        fail({ maxSessions: -1 }),
        fail({ maxStartups: 0 }),
        fail({ config: ["LogLevel QUIET"] }),
        fail({ kind: "embedded", home: "/nonexistent" })
      ], Effect.map((error) => error.reason))
      assert.deepStrictEqual(reasons, reasons.map(() => "InvalidOptions"))
      assert.strictEqual((yield* fail({ kind: "embedded", config: [] })).reason, "Unsupported")
    }))
})

describe.skipIf(!hasSshd || !hasSftpServer)("Sshd, another version", () => {
  scoped("runs the sshd that EFFECT_REMOTE_SSHD names, and its sftp-server", () =>
    Effect.gen(function*() {
      const prefix = yield* directory
      const program = (name: string, line: string) => {
        fs.mkdirSync(path.dirname(path.join(prefix, name)), { recursive: true })
        fs.writeFileSync(path.join(prefix, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 })
        return path.join(prefix, name)
      }
      const started = path.join(prefix, "started")
      const sshd = program("sbin/sshd", `echo sshd >> '${started}'; exec ${find("sshd", "/usr/sbin")} "$@"`)
      program("libexec/sftp-server", `echo sftp-server >> '${started}'`)
      const { host, kind } = yield* Sshd.make({ sftp: "external" }).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(
          new Map([["PATH", process.env.PATH ?? ""], ["EFFECT_REMOTE_SSHD", sshd]])
        ))
      )
      assert.strictEqual(kind, "openssh")
      yield* ssh.run(host, "sftp", { args: ["-s"] })
      assert.deepStrictEqual([...new Set(fs.readFileSync(started, "utf8").trim().split("\n"))], ["sshd", "sftp-server"])
    }))
})

describe.skipIf(!hasSshd)("Sshd, sshd_config", () => {
  scoped("takes lines that win, and Match blocks", () =>
    Effect.gen(function*() {
      const config = [
        "SetEnv FROM_CONFIG=yes",
        "AcceptEnv FROM_CLIENT",
        "MaxSessions 0",
        "Match All",
        "  MaxSessions 1",
        "  ForceCommand echo \"$FROM_CONFIG $FROM_CLIENT $SSH_ORIGINAL_COMMAND\""
      ]
      const { host, processes } = yield* Sshd.make({ kind: "openssh", config })
      const { stdout } = yield* ssh.run(host, "hello", {
        args: ["-o", "SendEnv=FROM_CLIENT"],
        env: { FROM_CLIENT: "client" }
      })
      assert.strictEqual(stdout.toString(), "yes client hello\n")
      assert.deepStrictEqual(yield* processes, [])
    }))

  effect("fails with sshd's own words", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Sshd.make({ kind: "openssh", config: ["NoSuchKeyword yes"] })))
      assert.strictEqual(error.reason, "StartFailed")
      assert.include(error.message, "Bad configuration option: NoSuchKeyword")
    }))

  effect("refuses questions", () =>
    Effect.gen(function*() {
      const keyboardInteractive = { username: "luigi", rounds: [] }
      const error = yield* Effect.flip(Effect.scoped(Sshd.make({ kind: "openssh", keyboardInteractive })))
      assert.strictEqual(error.reason, "Unsupported")
    }))

  effect("refuses passwords", () =>
    Effect.gen(function*() {
      const password = { username: "luigi", password: Redacted.make("secret") }
      const error = yield* Effect.flip(Effect.scoped(Sshd.make({ kind: "openssh", password })))
      assert.strictEqual(error.reason, "Unsupported")
    }))
})
