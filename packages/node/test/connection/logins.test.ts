import { RemoteContext } from "@effect-remote/core"
import type { RemoteError, RemoteHost } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { full, openssh } from "../suites/servers.js"
import { withTemporaryDirectory } from "../suites/support.js"

const question = (prompt: string, answer: string, echo = false) => ({ prompt, echo, answer: Redacted.make(answer) })

const password = "correct horse 'battery' \\ é"

/** A server that asks the user `somebody`, and the options to reach it without a key. */
const asking = Effect.fnUntraced(function*(...rounds: ReadonlyArray<ReadonlyArray<ReturnType<typeof question>>>) {
  const sshd = yield* Sshd.make({
    kind: "embedded",
    loginShell: "sh",
    keyboardInteractive: { username: "somebody", rounds }
  })
  return { sshd, host: { ...sshd.host, keyFile: undefined, username: "somebody" } }
})

const generateKey = (file: string, passphrase = "") => {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", file])
  return file
}

/** The server's own key, locked with a passphrase. */
const lock = (sshd: Sshd.Sshd, passphrase: string) => {
  const file = `${sshd.directory}/locked`
  Fs.copyFileSync(sshd.host.keyFile!, file)
  Fs.chmodSync(file, 0o600)
  execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", file])
  return file
}

/** Arguments and environments of all processes, as far as this user may read them. */
const visible = () =>
  Fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      return [Fs.readFileSync(`/proc/${pid}/cmdline`, "utf8") + Fs.readFileSync(`/proc/${pid}/environ`, "utf8")]
    } catch {
      return []
    }
  })

/** The text of every file below a directory. A FIFO is not a file. */
const files = (directory: string): ReadonlyArray<string> =>
  Fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = `${directory}/${entry.name}`
    return entry.isDirectory() ? files(path) : entry.isFile() ? [Fs.readFileSync(path, "utf8")] : []
  })

describe.each([
  { name: "layer", make: OpenSsh.make, layer: OpenSsh.layer },
  ...(full ? [{ name: "layerProcess", make: OpenSsh.makeProcess, layer: OpenSsh.layerProcess }] : [])
])("$name", ({ layer, make }) => {
  const run = (options: OpenSsh.TransportOptions) =>
    Effect.provide(RemoteContext.string(Command.make("echo", "in")), layer(options))
  const failure = (options: OpenSsh.TransportOptions) =>
    Effect.flip(Effect.scoped(make(options))) as Effect.Effect<RemoteError.RemoteConnectionError>

  // B3
  it.scopedLive.each(["Passwort:", "TACACS Password: ", "Geheimwort: "])(
    "a password answers the prompt %j",
    (prompt) =>
      Effect.gen(function*() {
        const { host } = yield* asking([question(prompt, password)])
        assert.strictEqual(yield* run({ ...host, password: Redacted.make(password) }), "in\n")
      })
  )

  // B3
  it.scopedLive("a second factor is answered, and no secret is in a process, a file, a log or an error", () =>
    Effect.gen(function*() {
      const { host, sshd } = yield* asking([question("Password: ", password)], [
        question("Verification code:\n", "code 123456", true)
      ])
      const asked: Array<RemoteHost.Prompt> = []
      const seen: Array<string> = []
      const look = () => {
        for (const text of [...visible(), ...files(temporary)]) seen.push(text)
      }
      const temporary = `${sshd.directory}/tmp`
      const options = {
        ...host,
        password: Redacted.make(password),
        answer: (prompt: RemoteHost.Prompt) =>
          Effect.sync(() => {
            asked.push(prompt)
            look()
            return Redacted.make("code 123456")
          })
      }
      assert.strictEqual(
        yield* Effect.zipRight(make(options), Effect.sync(look)).pipe(
          Effect.scoped,
          Effect.zipRight(run(options)),
          withTemporaryDirectory(temporary)
        ),
        "in\n"
      )
      assert.deepStrictEqual(asked[0], {
        host: `${sshd.host}`.replace(/^.*@/, "somebody@"),
        text: "Verification code:\n",
        attempt: 1
      })
      assert.isTrue(seen.some((text) => text.startsWith("ssh\0")))
      const wrong = yield* failure({ ...options, password: Redacted.make("wrong guess") })
      assert.strictEqual(wrong.reason, "AuthenticationFailed")
      for (const text of [...seen, yield* sshd.log, wrong.message, JSON.stringify(wrong), String(wrong.stack)]) {
        for (const secret of ["correct horse", "code 123456", "wrong guess"]) assert.notInclude(text, secret)
      }
    }))

  // B3
  it.scopedLive("several questions in one request are each answered", () =>
    Effect.gen(function*() {
      const { host } = yield* asking([question("One: ", "1"), question("Two: ", "2"), question("", "")])
      const answer = ({ text }: RemoteHost.Prompt) =>
        Effect.succeed(Redacted.make(text === "One: " ? "1" : text === "Two: " ? "2" : ""))
      assert.strictEqual(yield* run({ ...host, answer }), "in\n")
    }))

  // B3
  it.scopedLive("a prompt that no option answers is named", () =>
    Effect.gen(function*() {
      const { host } = yield* asking([question("Password: ", password)], [question("Verification code: ", "1")])
      const error = yield* failure({ ...host, password: Redacted.make(password) })
      assert.strictEqual(error.reason, "AuthenticationFailed")
      assert.include(error.message, "no option answers its prompt \"Verification code: \"")
      assert.include(error.message, "Pass `answer`")
    }))

  it.scopedLive("an answer that is refused is asked for three times, with the number of the attempt", () =>
    Effect.gen(function*() {
      const { host } = yield* asking([question("Code: ", "right")])
      const attempts: Array<number> = []
      const answer = ({ attempt }: RemoteHost.Prompt) =>
        Effect.sync(() => {
          attempts.push(attempt)
          return Redacted.make("wrong")
        })
      assert.strictEqual((yield* failure({ ...host, answer })).reason, "AuthenticationFailed")
      assert.deepStrictEqual(attempts, [1, 2, 3])
    }))

  it.scopedLive.each<readonly [string, Effect.Effect<Redacted.Redacted<string>, string>, string]>([
    ["fails", Effect.fail("no token"), "no token"],
    ["dies", Effect.die("a defect"), "a defect"],
    ["has a line end", Effect.succeed(Redacted.make("s3cr3t\n")), "a line end"],
    ["is too long", Effect.succeed(Redacted.make("s3cr3t".repeat(171))), "more than 1023 bytes"]
  ])("an answer that %s fails the login, with the cause", ([, answer, cause]) =>
    Effect.gen(function*() {
      const { host } = yield* asking([question("Code: ", "right")])
      const error = yield* failure({ ...host, answer: () => answer })
      assert.strictEqual(error.reason, "AuthenticationFailed")
      assert.include(error.detail, "`answer` failed for the prompt \"Code: \" of somebody@127.0.0.1")
      assert.include(String(error.cause), cause)
      assert.notInclude(error.message + JSON.stringify(error), "s3cr3t")
    }))

  it.scopedLive("an answer that never comes can be interrupted, and is limited by connectTimeout", () =>
    Effect.gen(function*() {
      const { host } = yield* asking([question("Code: ", "right")])
      const waiting = yield* Deferred.make<void>()
      const answer = () => Effect.zipRight(Deferred.succeed(waiting, undefined), Effect.never)
      const fiber = yield* Effect.fork(failure({ ...host, answer }))
      yield* Deferred.await(waiting)
      yield* Fiber.interrupt(fiber)
      const error = yield* failure({ ...host, connectTimeout: "2 seconds", answer: () => Effect.never })
      assert.strictEqual(error.reason, "TimedOut")
    }))

  it.scopedLive("prompts of a jump host go to its own answer", () =>
    Effect.gen(function*() {
      const inner = yield* Sshd.make({ kind: "embedded", loginShell: "sh" })
      const { host: jump } = yield* asking([question("Jump code: ", "jump")])
      const asked: Array<string> = []
      const answer = ({ host, text }: RemoteHost.Prompt) =>
        Effect.sync(() => {
          asked.push(`${text}of ${host}`)
          return Redacted.make("jump")
        })
      const { host, hostKeys, knownHostsFile, port, username } = jump
      const via = { host, hostKeys, knownHostsFile, port: port!, username }
      const target = { ...inner.host, answer: () => Effect.die("not for the host") }
      assert.strictEqual(yield* run({ ...target, jumpHosts: [{ ...via, answer }] }), "in\n")
      assert.strictEqual(asked[0], `Jump code: of somebody@127.0.0.1:${port}`)
      const error = yield* failure({ ...target, jumpHosts: [{ ...via, password: Redacted.make("wrong") }] })
      assert.include(error.message, `no option answers its prompt "Jump code: " (somebody@127.0.0.1:${port})`)
    }))

  // B18
  it.scopedLive("a key is given as text, in a file for this user alone that goes with the connection", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      const temporary = `${sshd.directory}/tmp`
      const text = Fs.readFileSync(sshd.host.keyFile!, "utf8")
      const key = Redacted.make(text.trimEnd().replaceAll("\n", "\r\n"))
      const line = text.split("\n")[2]!
      yield* Effect.gen(function*() {
        yield* make({ ...sshd.host, keyFile: undefined, key })
        const [directory] = Fs.readdirSync(temporary)
        const found = Fs.readdirSync(`${temporary}/${directory}`).filter((name) => name.startsWith("key-"))
        assert.deepStrictEqual(found, ["key-0"])
        assert.strictEqual(Fs.statSync(`${temporary}/${directory}/key-0`).mode & 0o777, 0o600)
        for (const process of visible()) assert.notInclude(process, line)
      }).pipe(Effect.scoped, withTemporaryDirectory(temporary))
      assert.deepStrictEqual(Fs.readdirSync(temporary), [])
      assert.strictEqual(yield* run({ ...sshd.host, keyFile: undefined, key }), "in\n")
    }))

  // B6, B18
  it.scopedLive("a locked key takes its passphrase, and an error says that it is locked", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      const keyFile = lock(sshd, "the phrase")
      const host = { ...sshd.host, keyFile }
      const key = Redacted.make(Fs.readFileSync(keyFile, "utf8"))
      const passphrase = Redacted.make("the phrase")
      assert.strictEqual(yield* run({ ...host, passphrase }), "in\n")
      assert.strictEqual(yield* run({ ...host, keyFile: undefined, key, passphrase }), "in\n")
      assert.strictEqual(yield* run({ ...host, answer: () => Effect.succeed(passphrase) }), "in\n")

      const locked = yield* failure(host)
      assert.strictEqual(locked.reason, "AuthenticationFailed")
      assert.include(locked.message, `the key ${keyFile} is locked by a passphrase`)
      assert.include(locked.message, "Pass `passphrase`")
      const wrong = yield* failure({ ...host, passphrase: Redacted.make("another") })
      assert.include(wrong.message, `the passphrase does not unlock the key ${keyFile}`)
      assert.notInclude(wrong.message + JSON.stringify(wrong), "another")
      const text = yield* failure({ ...host, keyFile: undefined, key, ssh: "/no/such/ssh" })
      assert.strictEqual(text.reason, "InvalidHost")
      assert.include(text.message, "is locked by a passphrase")
    }))

  // B6
  it.scopedLive.skipIf(!openssh)(
    "a given key is offered alone, whatever the agent holds",
    () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind: "openssh", loginShell: "sh" })
        const socket = `${sshd.directory}/agent`
        const started = execFileSync("ssh-agent", ["-a", socket], { encoding: "utf8" })
        const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(started)![1])
        yield* Effect.addFinalizer(() => Effect.sync(() => process.kill(pid)))
        for (let index = 0; index < 7; index++) {
          const file = generateKey(`${sshd.directory}/agent-${index}`)
          execFileSync("ssh-add", ["-q", file], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: "ignore" })
        }
        const sshConfig = `${sshd.directory}/ssh_config`
        Fs.writeFileSync(sshConfig, `IdentityAgent ${socket}\n`)
        assert.strictEqual(yield* run({ ...sshd.host, sshConfig }), "in\n")
        const crowded = yield* failure({ ...sshd.host, sshConfig, keyFile: undefined })
        assert.strictEqual(crowded.reason, "AuthenticationFailed")
        assert.include(crowded.message, "Too many authentication failures")
      })
  )

  // B7
  it.scopedLive("an alias with a RemoteCommand is refused", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ loginShell: "sh" })
      const sshConfig = `${sshd.directory}/ssh_config`
      Fs.writeFileSync(sshConfig, `Host alias\n  HostName 127.0.0.1\n  RemoteCommand sudo -i\n`)
      const error = yield* failure({ ...sshd.host, host: "alias", sshConfig })
      assert.strictEqual(error.reason, "Unsupported", error.message)
      assert.include(error.message, "ssh_config gives this host a RemoteCommand")
      assert.strictEqual(yield* run({ ...sshd.host, sshConfig }), "in\n")
      assert.notInclude(yield* sshd.log, "sudo")
    }))

  // B4
  it.scopedLive.skipIf(!openssh)(
    "a pinned fingerprint finds the plain key of a server with a host certificate",
    () =>
      Effect.gen(function*() {
        const outer = yield* Sshd.make({ kind: "embedded" })
        const key = generateKey(`${outer.directory}/host`)
        const authority = generateKey(`${outer.directory}/authority`)
        execFileSync("ssh-keygen", ["-q", "-s", authority, "-I", "host", "-h", `${key}.pub`])
        const sshd = yield* Sshd.make({
          kind: "openssh",
          loginShell: "sh",
          config: [`HostKey ${key}`, `HostCertificate ${key}-cert.pub`]
        })
        const publicKey = Fs.readFileSync(`${key}.pub`, "utf8").trim()
        const [, fingerprint] = execFileSync("ssh-keygen", ["-lf", `${key}.pub`], { encoding: "utf8" }).split(" ")
        for (const pin of [fingerprint!, publicKey]) {
          assert.strictEqual(yield* run({ ...sshd.host, hostKeys: { pinned: [pin] } }), "in\n")
        }
        const other = Fs.readFileSync(`${authority}.pub`, "utf8").trim()
        for (const pin of [`SHA256:${"a".repeat(43)}`, other]) {
          const error = yield* failure({ ...sshd.host, hostKeys: { pinned: [pin] } })
          assert.strictEqual(error.reason, "HostKeyMismatch")
          assert.notInclude(error.hint ?? "", "ssh-keygen -R")
        }
      })
  )

  it.scopedLive("a script that asks ends with the connection", () =>
    Effect.gen(function*() {
      const { host } = yield* asking([question("Code: ", "right")])
      const waiting = yield* Deferred.make<void>()
      const answer = () => Effect.zipRight(Deferred.succeed(waiting, undefined), Effect.never)
      const scripts = () => visible().filter((text) => /^\/bin\/sh\0[^\0]*\/askpass-0\0/.test(text)).length
      const before = scripts()
      const fiber = yield* Effect.fork(failure({ ...host, answer }))
      yield* Deferred.await(waiting)
      assert.isAbove(scripts(), before)
      yield* Fiber.interrupt(fiber)
      yield* eventually(Effect.sync(scripts), (count) => count <= before)
    }))
})
