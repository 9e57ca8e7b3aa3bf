import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as sshConfig from "../../src/internal/ssh/sshConfig.js"

describe("the generated ssh_config", () => {
  /** A setting of the host `h`, as `ssh` reads it. */
  const setting = (name: string, user: string) => {
    const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "config-"))
    try {
      const [ours, theirs] = [Path.join(directory, "ours"), Path.join(directory, "theirs")]
      Fs.writeFileSync(theirs, user)
      Fs.writeFileSync(ours, sshConfig.render("h", theirs, [], []))
      const lines = execFileSync("ssh", ["-G", "-F", ours, "h"], { stdio: ["ignore", "pipe", "ignore"] }).toString()
        .split("\n")
      return lines.find((line) => line.startsWith(`${name} `))
    } finally {
      Fs.rmSync(directory, { recursive: true })
    }
  }

  // B11
  it("marks no traffic as urgent, unless the user's own line says so", () => {
    assert.strictEqual(setting("ipqos", ""), "ipqos none none")
    assert.strictEqual(setting("ipqos", "IPQoS af21 cs1\n"), "ipqos af21 cs1")
  })

  // B5
  it("lets the hops of a ProxyJump say why they fail", () => {
    assert.strictEqual(setting("loglevel", "LogLevel QUIET\n"), "loglevel INFO")
  })
})
