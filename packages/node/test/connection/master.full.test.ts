import { RemoteContext, type RemoteError } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { family, masters } from "../fixtures/processes.js"
import * as proxies from "../fixtures/proxy.js"
import * as programs from "../programs/program.js"
import { servers } from "../suites/servers.js"
import { withTemporaryDirectory } from "../suites/support.js"

const failure = (options: OpenSsh.Options) =>
  Effect.flip(Effect.scoped(OpenSsh.make(options))) as Effect.Effect<RemoteError.RemoteConnectionError>

/** A program in place of `ssh`, in a directory of the server's. */
const script = (sshd: Sshd.Sshd, text: string) =>
  Effect.sync(() => {
    const path = `${sshd.directory}/ssh-${Math.random().toString(36).slice(2)}`
    Fs.writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    return path
  })

/** An `ssh` that a signal ends when it has said that it has logged in, and what is done then. */
const dies = (signal: string, last = "kill -KILL $$") =>
  `for word do
  case $word in */host-0) directory=$(basename "$(dirname "$word")") ;; esac
done
ssh -o "LocalCommand=echo effect-remote-$directory-ready >&2; kill -${signal} \\$PPID" "$@"
${last}`

describe("an ssh that cannot share its connection", () => {
  it.scopedLive("fails with Unsupported and names the transport that works without sharing", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      const wrappers = {
        // As one that does not know them and drops them.
        "without multiplexing": `
for word do
  shift
  case $word in
    -M | ControlMaster=*) continue ;;
    -S) drop=1; continue ;;
  esac
  [ -z "$drop" ] || { drop=; continue; }
  [ "$word" != -o ] || { option=1; continue; }
  [ -z "$option" ] || { option=; set -- "$@" -o; }
  set -- "$@" "$word"
done
exec ssh "$@"`,
        "that ends at once": "exit 0",
        "that fails without a word": "exit 1"
      }
      for (const [name, text] of Object.entries(wrappers)) {
        const error = yield* failure({ ...sshd.host, ssh: yield* script(sshd, text) })
        assert.strictEqual(error.reason, "Unsupported", `${name}: ${error.message}`)
        assert.include(error.message, "OpenSsh.layerProcess", name)
      }
      assert.deepStrictEqual(masters(), [])
    }))

  it.scopedLive("is not what one is that dies when it has just logged in", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      for (const [text, words] of [[dies("KILL"), "ended by a signal"], [dies("TERM", "exit 0"), "code 0"]] as const) {
        const error = yield* failure({ ...sshd.host, ssh: yield* script(sshd, text) })
        assert.strictEqual(error.reason, "ConnectionLost", error.message)
        assert.include(error.detail, words)
      }
    }))
})

describe("a temporary directory whose path is too long for a socket", () => {
  it.scopedLive("is reported before anything is started", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      const started = `${sshd.directory}/started`
      const ssh = yield* script(sshd, `echo "$@" >>${started}\nexec ssh "$@"`)
      const error = yield* failure({ ...sshd.host, ssh }).pipe(
        withTemporaryDirectory(Path.join(sshd.directory, "long".repeat(20)))
      )
      assert.strictEqual(error.reason, "Unsupported")
      assert.include(error.message, "Set TMPDIR")
      assert.include(error.message, "OpenSsh.layerProcess")
      assert.isFalse(Fs.existsSync(started))
    }))

  it.scopedLive("is not what the longest is that fits, nor one with a percent sign, spaces and quotes", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      // The socket's path in there: `/effect-remote-XXXXXX/c-XXXXXX/s`.
      const longest = 90 - "/effect-remote-XXXXXX/c-XXXXXX/s".length
      const odd = `${sshd.directory}/it's %h "`
      for (const path of [odd, `${odd}${"x".repeat(longest - Buffer.from(odd).length)}`]) {
        const output = yield* RemoteContext.string(Command.make("echo", "in")).pipe(
          Effect.provide(OpenSsh.layer(sshd.host)),
          withTemporaryDirectory(path)
        )
        assert.strictEqual(output, "in\n")
      }
    }))
})

// FOUND E19
describe("a temporary directory where others can replace our files", () => {
  it.scopedLive("is refused, before anything is started", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      const started = `${sshd.directory}/started`
      const ssh = yield* script(sshd, `echo "$@" >>${started}\nexec ssh "$@"`)
      const open = `${sshd.directory}/open`
      Fs.mkdirSync(`${open}/below`, { recursive: true })
      Fs.chmodSync(open, 0o777)
      const refused: Array<readonly [directory: string, words: string]> = [
        [open, "no sticky bit"],
        [`${open}/below`, "no sticky bit"]
      ]
      if (process.getuid?.() === 0) {
        // Only root can make one.
        Fs.mkdirSync(`${sshd.directory}/theirs`, { mode: 0o755 })
        Fs.chownSync(`${sshd.directory}/theirs`, 12345, 12345)
        refused.push([`${sshd.directory}/theirs`, "belongs to another user"])
      }
      for (const [directory, words] of refused) {
        for (const make of [OpenSsh.make, OpenSsh.makeProcess]) {
          const error = yield* Effect.flip(Effect.scoped(make({ ...sshd.host, ssh }))).pipe(
            withTemporaryDirectory(directory)
          )
          assert.strictEqual(error.reason, "Unsupported", error.message)
          assert.include(error.message, words)
          assert.include(error.message, "TMPDIR")
        }
      }
      assert.isFalse(Fs.existsSync(started))
      Fs.chmodSync(open, 0o1777)
      yield* Effect.scoped(OpenSsh.make(sshd.host)).pipe(withTemporaryDirectory(open))
    }))
})

describe("a password", () => {
  it.scopedLive("logs in again when the connection was lost", () =>
    Effect.gen(function*() {
      const password = Redacted.make("correct horse")
      const sshd = yield* Sshd.make({
        kind: "embedded",
        loginShell: "sh",
        password: { username: "somebody", password }
      })
      const host = { ...sshd.host, keyFile: undefined, username: "somebody", password }
      yield* Effect.gen(function*() {
        for (const word of ["once", "again"]) {
          assert.strictEqual(yield* RemoteContext.string(Command.make("echo", word)), `${word}\n`)
          yield* sshd.dropConnections
        }
        assert.strictEqual((yield* sshd.log).match(/Accepted password/g)?.length, 2)
      }).pipe(Effect.provide(OpenSsh.layer(host)))
    }))
})

describe("a program that ends", () => {
  for (const kind of servers) {
    it.scopedLive(`by SIGKILL leaves no master, no watcher and no socket, ${kind} server`, () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        const holder = yield* programs.bundled("commandAtEnd")
        const child = yield* programs.start(holder, sshd.host, `${sshd.directory}/last`)
        assert.strictEqual(yield* programs.firstLine(child), "holding\n")
        const [master, ...more] = masters(child.pid!)
        assert.deepStrictEqual(more, [])
        const socket = master!.words[master!.words.indexOf("-S") + 1]!
        assert.isTrue(Fs.existsSync(socket))
        // The watcher is one of two.
        assert.strictEqual(family(master!.pid).length, 2)
        process.kill(child.pid!, "SIGKILL")
        yield* programs.ended(child)
        yield* eventually(Effect.sync(() => family(master!.pid)), (left) => left.length === 0)
        assert.isFalse(Fs.existsSync(socket))
        assert.isFalse(Fs.existsSync(`${sshd.directory}/last`))
      }))
  }

  it.scopedLive("by SIGKILL while it connects leaves neither", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      const proxy = yield* proxies.make(sshd.host.port!)
      yield* proxy.next("silent")
      const holder = yield* programs.bundled("commandAtEnd")
      const child = yield* programs.start(holder, { ...sshd.host, port: proxy.port })
      yield* eventually(Effect.sync(proxy.accepted), (accepted) => accepted === 1)
      const master = masters(child.pid!)[0]!.pid
      process.kill(child.pid!, "SIGKILL")
      yield* programs.ended(child)
      yield* eventually(Effect.sync(() => family(master)), (left) => left.length === 0)
    }))

  it.scopedLive("by an interrupt at its terminal has its connection until its finalizers have run", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      const holder = yield* programs.bundled("commandAtEnd")
      const child = yield* programs.start(holder, sshd.host, `${sshd.directory}/last`)
      assert.strictEqual(yield* programs.firstLine(child), "holding\n")
      const master = masters(child.pid!)[0]!.pid
      // As a terminal does: it signals the whole foreground group.
      process.kill(-child.pid!, "SIGINT")
      yield* programs.ended(child)
      assert.isTrue(Fs.existsSync(`${sshd.directory}/last`))
      // The guardian needs a moment to leave.
      yield* eventually(sshd.processes, (processes) => processes.length === 0)
      yield* eventually(Effect.sync(() => family(master)), (left) => left.length === 0)
    }))
})
