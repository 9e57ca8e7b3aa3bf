/**
 * docs/errors.md: the messages there are those of real errors. `EFFECT_REMOTE_WRITE_DOCS=1` writes the page.
 */
import { Sshd } from "@effect-remote/testing"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as childProcess from "node:child_process"
import * as fs from "node:fs"
import { vi } from "vitest"
import * as page from "./errors/page.js"

vi.mock("ssh2", () => {
  throw new Error("Cannot find package 'ssh2'")
})

// The messages of `ssh` differ from version to version.
const { stderr } = childProcess.spawnSync("ssh", ["-V"], { encoding: "utf8" })
const isPossible = process.platform === "linux" && /^OpenSSH_9\.2/.test(stderr) && fs.existsSync("/usr/sbin/sshd") &&
  process.env.EFFECT_REMOTE_SSHD !== "embedded"

describe.skipIf(!isPossible)("docs/errors.md", () => {
  layer(Sshd.layer({ kind: "openssh", allowTcpForwarding: false }), { excludeTestServices: true })((it) => {
    it.effect("has each reason of each error, and its message", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.Sshd
        for (const { examples, name, reasons } of page.families(sshd)) {
          assert.deepStrictEqual(Object.keys(examples), [...reasons], name)
        }
        const text = yield* page.text(sshd)
        if (process.env.EFFECT_REMOTE_WRITE_DOCS === "1") fs.writeFileSync(page.file, text)
        assert.strictEqual(
          fs.readFileSync(page.file, "utf8"),
          text,
          "a message has changed: write the page with EFFECT_REMOTE_WRITE_DOCS=1 npm run test:full -- errorsPage"
        )
      }), 120_000)
  })
})
