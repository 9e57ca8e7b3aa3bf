// FOUND A21
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as childProcess from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as realFileSystem from "../src/internal/sftp/realFileSystem.js"
import * as shell from "./fixtures/shell.js"

const isGnu = childProcess.spawnSync("tar", ["--version"], { encoding: "utf8" }).stdout?.includes("GNU tar") ?? false

const setUp = (made: string) => {
  shell.sample(made)
  const deep = path.join(made, "d", "x".repeat(90), "y".repeat(90))
  fs.mkdirSync(deep, { recursive: true })
  fs.writeFileSync(path.join(deep, "z".repeat(120)), "long\n")
  fs.writeFileSync(path.join(made, "d", "big"), Buffer.alloc(200_001, "content "))
  fs.linkSync(path.join(made, "d/big"), path.join(made, "d/other"))
  fs.symlinkSync("../a", path.join(made, "d/up"))
  fs.chmodSync(path.join(made, "d/f"), 0o640)
  fs.utimesSync(path.join(made, "d/f"), 1_000_000_000, 1_000_000_000)
  fs.mkdirSync(path.join(made, "out"))
}

const treeOf = (made: string) =>
  childProcess.execFileSync("find", [".", "-printf", "%P %y %m %n %l %U:%G " + "%Ts %s\n"], {
    cwd: path.join(made, "out"),
    encoding: "utf8"
  }).split("\n").map((line) => line.replace(/ \d+$/, (size) => / d /.test(line) ? "" : size)).sort()
    // the directory that all is unpacked into
    .filter((line) => !line.startsWith(" d "))
    .concat(
      childProcess.execFileSync("sh", ["-c", "find . -type f -exec cksum {} + | sort"], {
        cwd: path.join(made, "out"),
        encoding: "utf8"
      }).split("\n")
    )

const gnu = (made: string, script: string) => {
  const { status, stderr, stdout } = childProcess.spawnSync("sh", ["-c", script], {
    cwd: made,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], LC_ALL: "C" }
  })
  return { code: status ?? -1, stderr, stdout }
}

const double = (made: string, script: string) =>
  Effect.gen(function*() {
    const files = yield* realFileSystem.make(made)
    const { exit, stderr, stdout } = yield* shell.run({ words: ["sh", "-c", script], files, directory: made })
    return { code: exit._tag === "Code" ? exit.code : exit.signal, stderr, stdout }
  })

const fine = { code: 0, stderr: "", stdout: "" }

describe.skipIf(!isGnu)("tar of the double and GNU's (skipped without GNU tar)", () => {
  it.scoped.each(["cf a.tar d", "czf a.tar d", "--create --gzip --file=a.tar d", "-c -z d > a.tar"])(
    "tar %s is unpacked by the other, both ways",
    (words) =>
      Effect.gen(function*() {
        const unpack = words.includes("z") ? "tar xzf a.tar -C out" : "tar xf a.tar -C out"
        const list = words.includes("z") ? "tar tzf a.tar | sort" : "tar tf a.tar | sort"
        const here = yield* shell.directory(setUp)
        assert.deepStrictEqual(yield* double(here, `tar ${words}`), fine)
        assert.deepStrictEqual(gnu(here, unpack), fine)
        const byGnu = treeOf(here)
        const listed = gnu(here, list)
        assert.deepStrictEqual(yield* double(here, list), listed)
        assert.include(listed.stdout, "d/other")
        fs.rmSync(path.join(here, "out"), { recursive: true })
        fs.mkdirSync(path.join(here, "out"))
        assert.deepStrictEqual(gnu(here, `tar ${words}`), fine)
        assert.deepStrictEqual(yield* double(here, unpack), fine)
        assert.deepStrictEqual(treeOf(here), byGnu)
        assert.isAbove(byGnu.length, 10)
      }),
    30_000
  )

  it.scoped.each([
    "tar cf a.tar d nofile; echo $?; tar tf a.tar d/f",
    "tar cf a.tar d; tar xf a.tar -C out --strip-components=1 d/f d/e; echo $?; find out | sort",
    "tar cf a.tar --exclude='*g' --exclude=y* d; tar tf a.tar | sort",
    "tar cf - d/e | tar xvf - -C out; find out | sort",
    "printf 'd/f\\na\\n' | tar cf a.tar -T -; tar tf a.tar",
    "tar cf a.tar d/f; tar tf a.tar nope; echo $?",
    "tar tf b; echo $?; tar tzf b; echo $?; tar; echo $?; tar c; echo $?; tar xf nofile; echo $?",
    "tar cf a.tar $PWD/d/f; cd out; tar xf ../a.tar; find . -type f | grep -c f",
    "tar cf d/a.tar d/e d/a.tar; echo $?"
  ])("%s ends as with GNU's", (script) =>
    Effect.gen(function*() {
      const one = yield* shell.directory(setUp)
      const other = yield* shell.directory(setUp)
      assert.deepStrictEqual(yield* double(one, script), gnu(other, script))
    }), 30_000)

  it.scoped("unpacks nothing outside of the directory", () =>
    Effect.gen(function*() {
      const here = yield* shell.directory(setUp)
      gnu(
        here,
        "cd d; tar cPf ../a.tar ../a; ln -s ../empty l; tar cf ../b.tar l; rm l; mkdir l; echo > l/x; tar rf ../b.tar l/x"
      )
      const climbing = yield* double(here, "cd out; tar xf ../a.tar")
      assert.deepStrictEqual([climbing.code, climbing.stderr.split("\n")[0]], [
        2,
        "tar: ../a: Member name contains '..'"
      ])
      yield* double(here, "cd out; tar xf ../b.tar")
      assert.deepStrictEqual(fs.readdirSync(path.join(here, "empty")), [])
    }))

  it.scoped("fails with 2 for an archive that is cut off anywhere", () =>
    Effect.gen(function*() {
      const here = yield* shell.directory(setUp)
      gnu(here, "tar cf a.tar a b; tar czf z.tar a b")
      for (const size of [0, 1, 512, 700, 1024, 2047, 2048]) {
        const { code } = yield* double(here, `head -c ${size} a.tar | tar t`)
        assert.strictEqual(code, 2, `${size}`)
      }
      assert.strictEqual((yield* double(here, "head -c 60 z.tar | tar tz")).code, 2)
    }))
})
