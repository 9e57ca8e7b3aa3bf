import * as Sftp from "@effect-remote/core/protocol/Sftp"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as fileDigest from "../../core/src/internal/scripts/fileDigest.js"
import { type Lookup, ProgramExit } from "../src/internal/program/program.js"
import * as realFileSystem from "../src/internal/sftp/realFileSystem.js"
import { fail, type SftpFileSystem } from "../src/internal/sftp/sftpFileSystem.js"
import * as shell from "./fixtures/shell.js"

const run = (
  script: string,
  options: Pick<shell.Running, "lookup" | "stdin" | "stdout"> = {}
) =>
  Effect.gen(function*() {
    const directory = yield* shell.directory(shell.sample)
    const files = yield* realFileSystem.make(directory)
    return yield* shell.run({ words: ["sh", "-c", script], files, directory, ...options })
  })

describe("shell", () => {
  it.scoped.each([
    ["echo ran; [[ a = a ]]", "[["],
    ["echo ran; sleep 1 &", "& (a command in the background)"],
    ["echo ran\nx=(1 2)", "the array x=( )"],
    ["echo ran; cat <<< x", "<<<"],
    ["echo ran; echo ${x/a/b}", "${x/a/b}"],
    ["echo ran; diff <(a) <(b)", "<( )"],
    ["echo ran; umask 022", "umask"]
  ])("runs nothing of %s", ([script = "", construct = ""]) =>
    Effect.gen(function*() {
      const { exit, stderr, stdout } = yield* run(script)
      assert.deepStrictEqual(exit, ProgramExit.Code({ code: 2 }))
      assert.strictEqual(stdout, "")
      assert.include(stderr, `InMemoryHost does not understand ${construct}`)
    }))

  it.scoped("refuses an option that a tool does not have", () =>
    Effect.gen(function*() {
      const { exit, stderr } = yield* run("ls --color=always")
      assert.deepStrictEqual(exit, ProgramExit.Code({ code: 2 }))
      assert.strictEqual(stderr, "ls: InMemoryHost does not understand the option --color=always\n")
    }))

  // FOUND A21
  it.scoped.each([
    ["sed l a", "the command l"],
    ["sed '/a/Md' a", "the flag M"],
    ["sed 's/a/b/e' a", "the flag e of s"],
    ["sed 's/[[.a.]]/b/' a", "the pattern [[.a.]]"],
    ["sed 's/a/\\x41/' a", "\\x"],
    ["sed --debug p a", "the option --debug"],
    ["sed -E 's/((a)|b)+/\\2/' a", "a group within a repeated one: ((a)|b)+"],
    ["tar -xf a.tar -S 1", "the option -S"]
  ])("refuses %s, which the real tool understands", ([script = "", construct = ""]) =>
    Effect.gen(function*() {
      const { exit, stderr, stdout } = yield* run(script)
      assert.notDeepEqual(exit, ProgramExit.Code({ code: 0 }))
      assert.strictEqual(stdout, "")
      assert.include(stderr, `InMemoryHost does not understand ${construct}`)
    }))

  // FOUND A21
  it.scoped.each([
    ["{ print gensub(/a/, \"b\", 1) }", "the function gensub"],
    ["/a{2}/", "the interval {2} of the pattern a{2}"],
    ["/a\\w/", "the pattern a\\w"],
    ["BEGIN { print 1 / 0 }", "a division by zero (1 / 0)"],
    ["BEGIN { print 0x1f }", "the hexadecimal number at line 1"],
    ["BEGIN {\nprint (1 }", "the program at line 2, at }"],
    ["BEGIN { !x = 1 }", "the program at line 1, at !"],
    ["BEGIN { printf \"%d %d\", 1 }", "the format \"%d %d\" with 1 values"],
    ["BEGIN { printf \"%y\", 1 }", "the conversion %y"],
    ["BEGIN { x = 1; x[1] = 2 }", "x as an array"],
    ["BEGIN { x[1] = 2; print x }", "x as a value"],
    ["function f() { f() } BEGIN { f() }", "functions that call each other"]
  ])("refuses the awk program %s", ([program = "", construct = ""]) =>
    Effect.gen(function*() {
      const { exit, stderr, stdout } = yield* run(`awk '${program}' a`)
      assert.deepStrictEqual(exit, ProgramExit.Code({ code: 2 }))
      assert.strictEqual(stdout, "")
      assert.include(stderr, `awk: InMemoryHost does not understand ${construct}`)
    }))

  // FOUND A21
  it.scopedLive("interrupts an awk program that does not end", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        run("awk 'BEGIN { print \"begun\"; fflush(); while (1) i++ }'", {
          stdout: () => Effect.as(Deferred.succeed(begun, undefined), true)
        })
      )
      yield* Deferred.await(begun)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
    }))

  // differences of Debian's mawk from POSIX
  it.scoped.each([
    [
      "awk 'BEGIN { print 2 ^ 31, 2 ^ 53, 1e18; printf \"%d\\n\", 2 ^ 40 }'",
      "2147483648 9007199254740992 1000000000000000000\n1099511627776\n"
    ],
    ["awk 'BEGIN { print substr(\"hello\", 0, 2), substr(\"hello\", -1, 3) }'", "h h\n"],
    ["printf 'x y\\nz:w\\n' | awk -v RS= -F: '{ print NF, $2, $3 }'", "3 z w\n"],
    ["awk 'BEGIN { \"cat a\" | getline x; print NR }'", "1\n"]
  ])("runs %s as POSIX has it", ([script = "", printed = ""]) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* run(script)).stdout, printed)
    }))

  it.scoped("prefers scripted programs to its own tools", () =>
    Effect.gen(function*() {
      const scripted: Lookup = ({ words: [name] }) =>
        Effect.succeed(
          name === "restart" || name === "ls"
            ? Option.some((invocation) =>
              Effect.as(
                invocation.stdout(Buffer.from(`scripted ${invocation.words.join(" ")}\n`)),
                ProgramExit.Code({ code: 0 })
              )
            )
            : Option.none()
        )
      const { stdout } = yield* run("restart now && ls | cat && env restart x", { lookup: shell.lookupOf(scripted) })
      assert.strictEqual(stdout, "scripted restart now\nscripted ls\nscripted restart x\n")
    }))

  it.scoped("sleeps by the clock", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(run("sleep 1000; echo woke"))
      // until the clock shows that it sleeps
      while ((yield* TestClock.sleeps()).length === 0) yield* Effect.yieldNow({ priority: 1 })
      yield* TestClock.adjust("999 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).stdout, "woke\n")
    }))

  it.scopedLive("ends in the middle of a pipeline when it is interrupted", () =>
    Effect.gen(function*() {
      let ended = 0
      const started = yield* Effect.makeLatch()
      const serve = Effect.zipRight(started.open, Effect.never)
      const scripted: Lookup = ({ words: [name] }) =>
        Effect.succeed(
          name === "serve"
            ? Option.some(() => Effect.onInterrupt(serve, () => Effect.sync(() => ended++)))
            : Option.none()
        )
      const fiber = yield* Effect.fork(run("sleep 1000 | cat | serve", { lookup: shell.lookupOf(scripted) }))
      yield* started.await
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(ended, 1)
    }))

  it.scoped("computes digests by the script that core runs", () =>
    Effect.gen(function*() {
      const directory = yield* shell.directory(shell.sample)
      const files = yield* realFileSystem.make(directory)
      const path = `${directory}/bytes`
      const { gid, mtime, size, uid } = yield* files.stat(path)
      const content = fs.readFileSync(path)
      const compute = (algorithm: string, length: string, seen = `${size} ${mtime} ${uid} ${gid}`) =>
        shell.run({ words: ["sh", "-c", fileDigest.text, "sh", path, seen, algorithm, length], files, directory })
      for (const algorithm of ["md5", "sha1", "sha256", "sha512"]) {
        const hex = (bytes: Uint8Array) => createHash(algorithm).update(bytes).digest("hex")
        assert.strictEqual((yield* compute(algorithm, "")).stdout, `${hex(content)}\n`)
        assert.strictEqual((yield* compute(algorithm, "3")).stdout, `${hex(content.subarray(0, 3))}\n`)
      }
      const { exit } = yield* compute("md5", "", "0 0 0 0")
      assert.deepStrictEqual(exit, ProgramExit.Code({ code: 94 }))
    }))

  it.scoped("stops reading when its output is not read", () =>
    Effect.gen(function*() {
      const page = new Uint8Array(16384).fill(97)
      const pages = 200
      const taken = yield* Effect.makeSemaphore(1)
      yield* taken.take(1)
      let read = 0
      let written = 0
      const stdin = Effect.sync(() => read++ < pages ? Option.some(page) : Option.none())
      const stdout = (bytes: Uint8Array) => Effect.as(Effect.tap(taken.take(1), () => written += bytes.length), true)
      const fiber = yield* Effect.fork(run("cat | tr a b | cat", { stdin, stdout }))
      while ((yield* Effect.sync(() => read)) < 2) yield* Effect.yieldNow()
      for (let turn = 0; turn < 1000; turn++) yield* Effect.yieldNow()
      assert.strictEqual(written, 0)
      // two pipes, and the chunks in transit between them
      assert.isAtMost(read, 14)
      yield* taken.release(pages * 2)
      yield* Fiber.join(fiber)
      assert.strictEqual(written, pages * page.length)
    }))

  it.scoped("passes on any bytes of words and names", () =>
    Effect.gen(function*() {
      const name = Uint8Array.of(0xff, 0x41, 0xc3)
      const directory = yield* shell.directory()
      const files = yield* realFileSystem.make(directory)
      const word = Sftp.decodeName(name)
      const ended = yield* shell.run({
        words: [
          "sh",
          "-c",
          "echo $1 ${#1} >$1; cat ./*; for f in *; do echo $f; done; env x=$1 sh -c 'echo $x'; test -f $1",
          "sh",
          word
        ],
        files,
        directory
      })
      const text = Buffer.from(name).toString("latin1")
      assert.deepStrictEqual(ended, {
        exit: ProgramExit.Code({ code: 0 }),
        stdout: `${text} 3\n${text}\n${text}\n`,
        stderr: ""
      })
      assert.deepStrictEqual(fs.readdirSync(directory, { encoding: "buffer" }), [Buffer.from(name)])
    }))

  it.scoped("reports a full disk as dash and GNU's tools do", () =>
    Effect.gen(function*() {
      const directory = yield* shell.directory(shell.sample)
      const files = yield* realFileSystem.make(directory)
      let left = 3
      const full: SftpFileSystem = {
        ...files,
        open: (path, flags, mode) =>
          Effect.map(files.open(path, flags, mode), (file) => ({
            ...file,
            write: (offset, bytes) => {
              const taken = bytes.subarray(0, left)
              left -= taken.length
              return taken.length === 0 ? fail("ENOSPC") : file.write(offset, taken)
            }
          }))
      }
      const { exit, stderr, stdout } = yield* shell.run({
        words: ["sh", "-c", "cat a >made; echo $?; cat made; echo; echo x >more; cp a again"],
        files: full,
        directory
      })
      assert.strictEqual(stdout, "1\nalp\n")
      assert.strictEqual(
        stderr,
        "cat: write error: No space left on device\nsh: 1: echo: echo: I/O error\n" +
          "cp: error writing 'again': No space left on device\n"
      )
      assert.deepStrictEqual(exit, ProgramExit.Code({ code: 1 }))
    }))
})
