import { assert, describe, it } from "@effect/vitest"
import * as childProcess from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as fileDigest from "../src/internal/scripts/fileDigest.js"

const content = "some content\n"

const programs = (name: string) =>
  (process.env.PATH ?? "").split(":").map((directory) => Path.join(directory, name)).find((path) => Fs.existsSync(path))

// Each program of the map is the one of this machine, or a script of that text.
const run = (
  tools: Readonly<Record<string, string | undefined>>,
  algorithm: string,
  change = (seen: string) => seen,
  length = ""
) => {
  const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-remote-digest-"))
  try {
    for (const [name, text] of Object.entries(tools)) {
      const path = Path.join(directory, name)
      if (text === undefined) Fs.symlinkSync(programs(name)!, path)
      else Fs.writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    }
    const file = Path.join(directory, "-n\nit's \\ a \"file\"")
    Fs.writeFileSync(file, content)
    const { gid, mtimeMs, size, uid } = Fs.statSync(file)
    const seen = change(`${size} ${Math.floor(mtimeMs / 1000)} ${uid} ${gid}`)
    const { status, stdout } = childProcess.spawnSync("/bin/sh", [
      "-c",
      fileDigest.text,
      "sh",
      file,
      seen,
      algorithm,
      length
    ], {
      encoding: "utf8",
      env: { PATH: directory }
    })
    return { status, stdout }
  } finally {
    Fs.rmSync(directory, { recursive: true })
  }
}

const expected = (algorithm: string) => `${Crypto.createHash(algorithm).update(content).digest("hex")}\n`

describe("the script of a digest", () => {
  for (const algorithm of ["md5", "sha1", "sha256", "sha512"]) {
    const sum = `${algorithm}sum`
    for (const tool of [sum, "openssl", ...algorithm === "md5" ? [] : ["shasum"]]) {
      it.skipIf(programs(tool) === undefined || programs("stat") === undefined)(`${algorithm} by ${tool}`, () => {
        assert.deepStrictEqual(run({ stat: undefined, [tool]: undefined }, algorithm), {
          status: 0,
          stdout: expected(algorithm)
        })
      })
    }

    it.skipIf(programs(sum) === undefined)(`${algorithm} by the tools of BSD`, () => {
      const stat = `[ "$1 $2 $3" = "-L -f %z %m %u %g" ] && exec ${programs("stat")} -L -c '%s %Y %u %g' "$4"; exit 1`
      const digest = `[ "$*" = -q ] && ${programs(sum)} | while read -r digest rest; do echo "$digest"; done`
      assert.deepStrictEqual(run({ stat, [algorithm]: digest }, algorithm), {
        status: 0,
        stdout: expected(algorithm)
      })
    })
  }

  it.skipIf(programs("sha256sum") === undefined)("of so many bytes from the beginning", () => {
    const stdout = `${Crypto.createHash("sha256").update(content.slice(0, 5)).digest("hex")}\n`
    const tools = { stat: undefined, sha256sum: undefined }
    assert.deepStrictEqual(run({ ...tools, head: undefined }, "sha256", (seen) => seen, "5"), { status: 0, stdout })
    assert.deepStrictEqual(run(tools, "sha256", (seen) => seen, "5"), { status: 93, stdout: "" })
  })

  it("reports a missing tool with its own exit code", () => {
    assert.deepStrictEqual(run({ sha256sum: undefined }, "sha256"), { status: 93, stdout: "" })
    assert.deepStrictEqual(run({ stat: undefined }, "sha256"), { status: 93, stdout: "" })
  })

  it("does not read a file with other attributes", () => {
    const tools = { stat: undefined, sha256sum: "exit 1" }
    for (const change of [() => "1 2 3 4", () => "", (seen: string) => `${seen}0`]) {
      assert.deepStrictEqual(run(tools, "sha256", change), { status: 94, stdout: "" })
    }
  })

  it("fails as its tool does", () => {
    assert.deepStrictEqual(run({ stat: undefined, sha256sum: "echo no; exit 7" }, "sha256"), { status: 7, stdout: "" })
  })
})
