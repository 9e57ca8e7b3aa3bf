import { RemoteContext } from "@effect-remote/core"
import type { RemoteError, RemoteHost } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as Fs from "node:fs"
import { openssh } from "../suites/servers.js"

const modules = ["pam_exec", "pam_stress"]

// Only root can add a service of PAM. The modules are those of Debian's libpam-modules.
const hasPam = openssh && process.getuid?.() === 0 && Fs.existsSync("/etc/pam.d") &&
  modules.every((name) => execFileSync("find", ["/lib", "/usr/lib", "-name", `${name}.so`]).length > 0)

const password = "correct horse 'battery' é"

/**
 * OpenSSH's server with a service of PAM of its own, for logins without a key. `sshd` names the service after its own name.
 * No module changes an account.
 */
const server = Effect.fnUntraced(function*(rules: ReadonlyArray<string>, config: ReadonlyArray<string> = []) {
  const { directory } = yield* Sshd.make({ kind: "embedded" })
  const name = `effect-remote-${randomBytes(6).toString("hex")}`
  const executable = `${directory}/${name}`
  const check = `${directory}/check`
  Fs.symlinkSync(
    execFileSync("sh", ["-c", "PATH=$PATH:/usr/sbin; command -v sshd"], { encoding: "utf8" }).trim(),
    executable
  )
  Fs.writeFileSync(`${directory}/password`, password)
  Fs.writeFileSync(check, `#!/bin/sh\n[ "$(tr -d '\\0')" = "$(cat ${directory}/password)" ]\n`, { mode: 0o755 })
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      Fs.writeFileSync(
        `/etc/pam.d/${name}`,
        [
          `auth requisite pam_exec.so expose_authtok quiet ${check}`,
          // An auth module that sets credentials, as sshd requires.
          "auth optional pam_permit.so",
          ...rules,
          "account required pam_permit.so",
          "session required pam_permit.so",
          ""
        ].join("\n")
      )
    ),
    () => Effect.sync(() => Fs.rmSync(`/etc/pam.d/${name}`))
  )
  return yield* Sshd.make({
    kind: "openssh",
    executable,
    loginShell: "sh",
    config: [
      "UsePAM yes",
      "KbdInteractiveAuthentication yes",
      "PasswordAuthentication no",
      "PermitRootLogin yes",
      ...config
    ]
  })
})

describe.runIf(hasPam).each([
  { name: "layer", make: OpenSsh.make, layer: OpenSsh.layer },
  { name: "layerProcess", make: OpenSsh.makeProcess, layer: OpenSsh.layerProcess }
])("PAM, $name", ({ layer, make }) => {
  const run = (options: OpenSsh.TransportOptions) =>
    Effect.provide(RemoteContext.string(Command.make("echo", "in")), layer(options))
  const failure = (options: OpenSsh.TransportOptions) =>
    Effect.flip(Effect.scoped(make(options))) as Effect.Effect<RemoteError.RemoteConnectionError>

  // B3
  it.scopedLive("a password and a second prompt, each by its own option", () =>
    Effect.gen(function*() {
      const sshd = yield* server(["auth required pam_stress.so"])
      const host = { ...sshd.host, keyFile: undefined, password: Redacted.make(password) }
      const asked: Array<RemoteHost.Prompt> = []
      const answer = (prompt: RemoteHost.Prompt) =>
        Effect.sync(() => {
          asked.push(prompt)
          return Redacted.make("anything")
        })
      assert.strictEqual(yield* run({ ...host, answer }), "in\n")
      assert.deepStrictEqual(asked[0], { host: `${sshd.host}`, text: "STRESS Password: ", attempt: 1 })

      const wrong = yield* failure({ ...host, password: Redacted.make("wrong guess") })
      assert.strictEqual(wrong.reason, "AuthenticationFailed")
      assert.include(wrong.message, "the server refused the password")
    }))

  it.scopedLive("a key, and then a password", () =>
    Effect.gen(function*() {
      const sshd = yield* server([], ["AuthenticationMethods publickey,keyboard-interactive"])
      assert.strictEqual(yield* run({ ...sshd.host, password: Redacted.make(password) }), "in\n")
    }))

  // CI makes a user whose password the system checks.
  const [username, secret] = process.env.EFFECT_REMOTE_TEST_LOGIN?.split(":") ?? []
  it.scopedLive.skipIf(username === undefined)(
    "the system's own service asks for a password",
    () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({
          kind: "openssh",
          config: ["UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication no"]
        })
        const host = { ...sshd.host, keyFile: undefined, username, password: Redacted.make(secret!) }
        assert.strictEqual(yield* run(host), "in\n")
      })
  )
})
