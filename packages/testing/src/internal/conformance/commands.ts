/**
 * Input and results of commands.
 */
import { sh } from "@effect-remote/core/RemoteCommand"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import { Transport } from "@effect-remote/core/Transport"
import * as Command from "@effect/platform/Command"
import { ExitCode } from "@effect/platform/CommandExecutor"
import { assert } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../ConformanceHost.js"
import { words as nasty } from "../../unstable/Words.js"
import { cases, type Group } from "./cases.js"
import { bytes, directory, nameBytes, running } from "./support.js"

// Prints the words of a program, each ended by a NUL, so that every byte is visible.
const dump = "printf '%s\\0' \"$@\""

const dumped = (words: ReadonlyArray<string>) => Buffer.concat(words.map((word) => nameBytes(`${word}\0`)))

const output: Group = (test) => {
  test("string, lines, bytes and checkOutput give what a command prints", () =>
    Effect.gen(function*() {
      const command = Command.make("printf", "one\\ntwo\\n")
      assert.strictEqual(yield* RemoteContext.string(command), "one\ntwo\n")
      assert.deepStrictEqual(yield* RemoteContext.lines(command), ["one", "two"])
      assert.deepStrictEqual(yield* RemoteContext.bytes(command), bytes("one\ntwo\n"))
      assert.deepStrictEqual(yield* RemoteContext.checkOutput(command), bytes("one\ntwo\n"))
    }))

  test("stream and streamLines give it while the command runs", () =>
    Effect.gen(function*() {
      const seen = yield* Deferred.make<void>()
      // The command goes on only after its first line was seen here.
      const answer = Stream.fromEffect(Effect.as(Deferred.await(seen), bytes("go\n")))
      const command = sh`echo first; read word; echo "$word"`.pipe(Command.stdin(answer))
      const lines = yield* RemoteContext.streamLines(command).pipe(
        Stream.tap(() => Deferred.succeed(seen, undefined)),
        Stream.runCollect
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(lines), ["first", "go"])
      const whole = yield* Stream.mkString(Stream.decodeText(RemoteContext.stream(Command.make("printf", "a b"))))
      assert.strictEqual(whole, "a b")
    }))

  test("20 MiB on stdout and on stderr at once arrive, neither blocks the other", () =>
    Effect.gen(function*() {
      const size = 20 * 1024 * 1024
      const command = sh`yes | head -c ${size} >&2 | yes | head -c ${size}`
      assert.strictEqual((yield* RemoteContext.checkOutput(command)).length, size)
      let errors = 0
      const count = Sink.forEach((chunk: Uint8Array) => Effect.sync(() => void (errors += chunk.length)))
      yield* Effect.scoped(Effect.gen(function*() {
        const process = yield* RemoteContext.start(command)
        yield* Effect.all([Stream.runDrain(process.stdout), Stream.run(process.stderr, count)], {
          concurrency: 2
        })
        assert.strictEqual(yield* process.exitCode, 0)
      }))
      assert.strictEqual(errors, size)
    }))

  test("text that is split inside a character stays whole", () =>
    Effect.gen(function*() {
      // The second half of the character comes only after the first has arrived.
      const half = yield* Deferred.make<void>()
      const command = sh`printf 'a\342\202'; read go; printf '\254b\n'`.pipe(
        Command.stdin(Stream.fromEffect(Effect.as(Deferred.await(half), bytes("go\n"))))
      )
      const parts = yield* RemoteContext.stream(command).pipe(
        Stream.tap(() => Deferred.succeed(half, undefined)),
        Stream.runCollect
      )
      assert.isAbove(Chunk.size(parts), 1)
      const again = sh`printf 'a\342\202'; sleep 0.2; printf '\254b\n'`
      const lines = yield* Stream.runCollect(RemoteContext.streamLines(again))
      assert.deepStrictEqual(Chunk.toReadonlyArray(lines), ["a€b"])
      const cut = yield* Stream.runCollect(RemoteContext.streamLines(sh`printf 'a\342\202'`))
      assert.deepStrictEqual(Chunk.toReadonlyArray(cut), ["a\ufffd"])
    }))
}

const words: Group = (test) => {
  test("arguments arrive as they are", () =>
    Effect.gen(function*() {
      const output = yield* RemoteContext.checkOutput(Command.make("sh", "-c", dump, "sh", ...nasty))
      assert.deepStrictEqual(Buffer.from(output), dumped(nasty))
    }))

  test("an argument of 100 kB arrives", () =>
    Effect.gen(function*() {
      const argument = "0123456789".repeat(10_000)
      assert.strictEqual(yield* RemoteContext.string(Command.make("printf", "%s", argument)), argument)
    }))

  test("the environment arrives as it is, and extends the login's", () =>
    Effect.gen(function*() {
      const values = nasty.filter((value) => value.length > 0)
      const environment = Object.fromEntries(values.map((value, index) => [`NASTY_${index}`, value]))
      const script = values.map((_, index) => `"$NASTY_${index}"`).join(" ")
      const output = yield* RemoteContext.checkOutput(
        Command.make("sh", "-c", `set -- ${script}; ${dump}; test -n "$HOME"`).pipe(Command.env(environment))
      )
      assert.deepStrictEqual(Buffer.from(output), dumped(values))
    }))

  // FOUND A24
  test("extendEnv: false gives exactly the variables named, and the program is found all the same", () =>
    Effect.gen(function*() {
      const bare = (command: Command.Command, environment: Record<string, string>) =>
        Command.env(command, environment, { extendEnv: false })
      assert.deepStrictEqual(yield* RemoteContext.lines(bare(Command.make("env"), {})), [])
      const values = { ONLY: "this one", NASTY: nasty.join(""), SHLVL: "7", _: "x", PWD: "/y" }
      const output = yield* RemoteContext.checkOutput(bare(Command.make("env", "-0"), values))
      assert.sameMembers(
        Buffer.from(output).toString("latin1").split("\0").slice(0, -1),
        Object.entries(values).map(([name, value]) => nameBytes(`${name}=${value}`).toString("latin1"))
      )
      const piped = bare(Command.make("env"), { A: "1" }).pipe(Command.pipeTo(bare(Command.make("cat"), {})))
      assert.deepStrictEqual(yield* RemoteContext.lines(piped), ["A=1"])
      const script = bare(Command.make("sh", "-c", "echo \"$1:${HOME-unset}:$ONLY\"", "sh", "a b"), { ONLY: "x" })
      assert.strictEqual(yield* RemoteContext.string(script), "a b:unset:x\n")
      const missing = yield* Effect.flip(RemoteContext.string(bare(Command.make("no-such-program"), {})))
      assert.strictEqual(missing.reason, "ProgramNotFound")
    }))

  test("the working directory may have any name", () =>
    Effect.gen(function*() {
      const at = yield* directory
      const paths = nasty.filter((part) => part.trim().length > 0 && !part.includes("/")).map((part) =>
        `${at}/d${part} `
      )
      yield* RemoteContext.exitCode(Command.make("mkdir", "--", ...paths))
      yield* Effect.forEach(paths.filter((_, index) => index % 4 === 0), (path) =>
        Effect.gen(function*() {
          const where = yield* RemoteContext.string(
            Command.make("sh", "-c", "pwd -P; echo .").pipe(Command.workingDirectory(path))
          )
          // Bytes that are not UTF-8 come back as U+FFFD.
          assert.strictEqual(where, `${path.replace(/[\udc80-\udcff]/g, "\ufffd")}\n.\n`)
        }), { concurrency: 3 })
    }))
}

const stdin: Group = (test) => {
  test("stdin arrives as it is: text, a stream, and ten megabytes of it", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* RemoteContext.string(Command.make("cat").pipe(Command.feed(nasty[9]!))), nasty[9])
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      const stream = Stream.make(all, new Uint8Array(), all)
      assert.deepStrictEqual(
        yield* RemoteContext.checkOutput(Command.make("cat").pipe(Command.stdin(stream))),
        new Uint8Array([...all, ...all])
      )
      const large = Stream.repeatValue(new Uint8Array(65536).fill(7)).pipe(Stream.take(160))
      const count = yield* RemoteContext.string(Command.make("wc", "-c").pipe(Command.stdin(large)))
      assert.strictEqual(count.trim(), String(160 * 65536))
    }))

  test("a command that reads no stdin ends all the same", () =>
    Effect.gen(function*() {
      const endless = Stream.repeatValue(new Uint8Array(65536))
      const command = sh`head -c 10 | wc -c`.pipe(Command.stdin(endless))
      assert.strictEqual((yield* RemoteContext.string(command)).trim(), "10")
      assert.strictEqual(yield* RemoteContext.exitCode(Command.make("cat")), 0)
    }))
}

const results: Group = (test) => {
  test("run gives both outputs and the exit code, whatever the code is", () =>
    Effect.gen(function*() {
      for (const code of [0, 3, 126, 127, 255]) {
        assert.deepStrictEqual(yield* RemoteContext.run(sh`echo out; echo err >&2; exit ${code}`), {
          stdout: "out\n",
          stderr: "err\n",
          exitCode: ExitCode(code),
          signal: undefined
        })
      }
      const raw = yield* RemoteContext.run(sh`printf 'a\377'; printf 'b\376' >&2`, { encoding: "bytes" })
      assert.deepStrictEqual(raw.stdout, Uint8Array.of(97, 255))
      assert.deepStrictEqual(raw.stderr, Uint8Array.of(98, 254))
      assert.strictEqual((yield* RemoteContext.run(sh`printf 'a\377'`, { encoding: "latin1" })).stdout, "a\u00ff")
      const fed = yield* RemoteContext.run(Command.feed(Command.make("cat"), "input"))
      assert.strictEqual(fed.stdout, "input")
      const piped = yield* RemoteContext.run(sh`echo first; exit 3`.pipe(Command.pipeTo(Command.make("cat"))))
      assert.deepStrictEqual([piped.exitCode, piped.stdout], [ExitCode(3), "first\n"])
    }))

  test("run gives the signal that ended the command, and what was printed before", () =>
    Effect.gen(function*() {
      const { capabilities } = yield* Transport
      const result = yield* RemoteContext.run(sh`echo out; echo err >&2; kill -KILL $$`)
      assert.deepStrictEqual(result, {
        stdout: "out\n",
        stderr: "err\n",
        exitCode: undefined,
        signal: capabilities.exitSignal ? "SIGKILL" : undefined
      })
    }), "jobs")

  test("run keeps all of stdout and of stderr", () =>
    Effect.gen(function*() {
      const size = 2 * 1024 * 1024
      const command = sh`yes | head -c ${size} >&2; yes no | head -c ${size}`
      const { stderr, stdout } = yield* RemoteContext.run(command, { encoding: "bytes" })
      assert.deepStrictEqual([stdout.length, stderr.length], [size, size])
      assert.deepStrictEqual([stdout.slice(0, 3), stderr.slice(0, 2)], [bytes("no\n"), bytes("y\n")])
    }))
}

const runFailures: Group = (test) => {
  test("run fails when the command was not run, and when an output is larger than maxOutput", () =>
    Effect.gen(function*() {
      const reasonOf = (command: Command.Command, options: RemoteContext.TextOptions = {}) =>
        Effect.map(Effect.flip(RemoteContext.run(command, options)), (error) => error.reason)
      assert.strictEqual(yield* reasonOf(Command.make("no-such-program")), "ProgramNotFound")
      assert.strictEqual(
        yield* reasonOf(Command.make("ls").pipe(Command.workingDirectory("/no/such/directory"))),
        "DirectoryNotFound"
      )
      assert.strictEqual(yield* reasonOf(Command.make("true"), { encoding: "no-such" }), "InvalidCommand")
      for (const command of [Command.make("yes"), sh`yes >&2`]) {
        assert.strictEqual(yield* reasonOf(command, { maxOutput: 100_000 }), "OutputTooLarge")
      }
      assert.strictEqual(yield* running("yes"), 0)
      const fits = yield* RemoteContext.run(sh`printf 12345; printf 1234 >&2`, { maxOutput: 5 })
      assert.deepStrictEqual([fits.stdout, fits.stderr], ["12345", "1234"])
      const tooLarge = yield* Effect.flip(RemoteContext.run(sh`printf 1234; printf 12345 >&2`, { maxOutput: 4 }))
      assert.strictEqual(tooLarge.reason, "OutputTooLarge")
      assert.include(tooLarge.message, "on stderr")
    }))

  test("run fails with the partial output when its timeout passes, and ends the command", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        RemoteContext.run(sh`echo partial; echo words >&2; sleep 1001`, { timeout: "3 seconds" })
      )
      assert(error._tag === "RemoteCommandError" && error.reason === "TimedOut")
      assert.deepStrictEqual([error.stdout, error.stderr], [bytes("partial\n"), "words\n"])
      assert.strictEqual(yield* running("sleep"), 0)
    }))
}

const failures: Group = (test) => {
  test("a failing command reports its code, its stderr and its output", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(RemoteContext.string(sh`echo out; echo "no such luck" >&2; exit 3`))
      assert(error._tag === "RemoteCommandError")
      assert.strictEqual(error.reason, "Exit")
      assert.strictEqual(error.exitCode, 3)
      assert.strictEqual(error.stderr, "no such luck\n")
      assert.deepStrictEqual(error.stdout, bytes("out\n"))
      assert.include(error.message, "exited with code 3")
      assert.include(error.message, "no such luck")
      const streamed = yield* Effect.flip(Stream.runDrain(RemoteContext.stream(sh`echo out; exit 4`)))
      assert.strictEqual(streamed._tag === "RemoteCommandError" ? streamed.exitCode : undefined, 4)
    }))

  test("exitCode gives the code, 255 included, and ignores the output", () =>
    Effect.gen(function*() {
      for (const code of [0, 126, 127, 255]) {
        assert.strictEqual(yield* RemoteContext.exitCode(sh`yes | head -c 300000; exit ${code}`), code)
      }
    }))

  test("distinguishes a missing program, a missing directory and a code of 127", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const plain = `${yield* directory}/plain`
      yield* files.writeFileString(plain, "no program")
      const reasonOf = (command: Command.Command) =>
        Effect.map(Effect.flip(RemoteContext.string(command)), (error) => error.reason)
      assert.strictEqual(yield* reasonOf(Command.make("no-such-program", "x")), "ProgramNotFound")
      assert.strictEqual(yield* reasonOf(Command.make("/no/such/program")), "ProgramNotFound")
      assert.strictEqual(yield* reasonOf(Command.make(plain)), "ProgramNotExecutable")
      assert.strictEqual(
        yield* reasonOf(Command.make("touch", "here").pipe(Command.workingDirectory("/no/such/directory"))),
        "DirectoryNotFound"
      )
      assert.strictEqual(
        yield* reasonOf(Command.make("ls").pipe(Command.workingDirectory(plain))),
        "DirectoryNotFound"
      )
      assert.strictEqual(yield* reasonOf(sh`no-such-program`), "Exit")
      assert.strictEqual(
        yield* reasonOf(Command.make("no-such-program").pipe(Command.pipeTo(Command.make("cat")))),
        "ProgramNotFound"
      )
      const started = yield* Effect.flip(Effect.scoped(RemoteContext.start(Command.make("no-such-program"))))
      assert.strictEqual(started.reason, "ProgramNotFound")
    }))

  test("reports an environment that the system refuses", () =>
    Effect.gen(function*() {
      const command = Command.make("/bin/true").pipe(Command.env({ LARGE: "x".repeat(1_000_000) }))
      const error = yield* Effect.flip(RemoteContext.exitCode(command))
      assert.strictEqual(error.reason, "ArgumentsTooLong")
    }))
}

const refusals: Group = (test) => {
  test("what cannot be sent is refused before anything is", () =>
    Effect.gen(function*() {
      const reasonOf = (command: Command.Command) =>
        Effect.map(Effect.flip(RemoteContext.exitCode(command)), (error) => error.reason)
      assert.strictEqual(yield* reasonOf(Command.make("echo", "a\0b")), "InvalidCommand")
      assert.strictEqual(yield* reasonOf(Command.make("echo", "\ud800")), "InvalidCommand")
      assert.strictEqual(yield* reasonOf(Command.make("")), "InvalidCommand")
      assert.strictEqual(yield* reasonOf(Command.make("echo").pipe(Command.env({ "1A": "x" }))), "InvalidCommand")
      assert.strictEqual(yield* reasonOf(Command.make("echo").pipe(Command.env({ "A B": "x" }))), "InvalidCommand")
      assert.strictEqual(yield* reasonOf(Command.make("echo").pipe(Command.env({ A: "x\0" }))), "InvalidCommand")
      assert.strictEqual(yield* reasonOf(Command.make("echo").pipe(Command.workingDirectory(""))), "InvalidCommand")
      assert.strictEqual(yield* reasonOf(sh`echo \`echo ${"x"}\``), "InvalidCommand")
      const asSomebodyElse = Object.assign(Command.make("id"), { uid: Option.some(1000) })
      assert.strictEqual(yield* reasonOf(asSomebodyElse), "Unsupported")
      const encoding = yield* Effect.flip(RemoteContext.string(Command.make("id"), { encoding: "no-such" }))
      assert.strictEqual(encoding.reason, "InvalidCommand")
    }))

  test("refuses options that are not durations or numbers of bytes", () =>
    Effect.gen(function*() {
      const invalid: ReadonlyArray<RemoteContext.RunOptions> = [
        { timeout: "soon" as never },
        { timeout: -1 },
        { killAfter: "later" as never },
        { maxOutput: -1 },
        { maxOutput: NaN }
      ]
      for (const options of invalid) {
        const error = yield* Effect.flip(RemoteContext.string(Command.make("true"), options))
        assert.strictEqual(error.reason, "InvalidCommand")
      }
    }))
}

const shellLines: Group = (test) => {
  test("a pipeline is one, and runs in the host's shell only as far as pipes go", () =>
    Effect.gen(function*() {
      const command = Command.make("printf", "b $HOME\na *\n").pipe(
        Command.pipeTo(Command.make("sort")),
        Command.pipeTo(Command.make("tr", "ab", "AB"))
      )
      assert.strictEqual(yield* RemoteContext.string(command), "A *\nB $HOME\n")
      const failing = Command.make("echo", "x").pipe(Command.pipeTo(Command.make("sh", "-c", "cat >&2; exit 5")))
      const error = yield* Effect.flip(RemoteContext.string(failing))
      assert(error._tag === "RemoteCommandError")
      assert.deepStrictEqual([error.exitCode, error.stderr], [5, "x\n"])
      const { files } = yield* ConformanceHost
      const at = yield* files.realPath(yield* directory)
      const placed = Command.make("pwd", "-P").pipe(
        Command.workingDirectory("/"),
        Command.pipeTo(Command.make("sh", "-c", "cat; pwd -P").pipe(Command.workingDirectory(at)))
      )
      assert.deepStrictEqual(yield* RemoteContext.lines(placed), ["/", at])
    }))

  // FOUND A19
  test("a pipeline fails if any of its programs fails, except one whose reader stopped early", () =>
    Effect.gen(function*() {
      const failing = sh`echo part; exit 3`.pipe(Command.pipeTo(Command.make("cat")))
      const error = yield* Effect.flip(RemoteContext.string(failing))
      assert(error._tag === "RemoteCommandError" && error.reason === "Exit")
      assert.deepStrictEqual([error.exitCode, error.stdout], [3, bytes("part\n")])
      assert.include(error.detail, "(pipeline: /bin/sh 3, cat 0)")
      assert.strictEqual(yield* RemoteContext.exitCode(failing), 3)
      const streamed = yield* Effect.flip(Stream.runDrain(RemoteContext.streamLines(failing)))
      assert.strictEqual(streamed.reason, "Exit")
      assert.strictEqual(yield* RemoteContext.string(failing, { pipefail: false }), "part\n")
      assert.strictEqual(
        yield* Effect.provide(Command.exitCode(failing), RemoteContext.layerCommandExecutor),
        0
      )
      const enough = Command.make("yes").pipe(Command.pipeTo(Command.make("head", "-n", "1")))
      assert.strictEqual(yield* RemoteContext.string(enough), "y\n")
    }))

  test("runInShell and sh give shell lines, interpolations stay words", () =>
    Effect.gen(function*() {
      const shell = Command.make("echo", "$((1 + 2))", "|", "cat").pipe(Command.runInShell(true))
      assert.strictEqual(yield* RemoteContext.string(shell), "3\n")
      const words = nasty.filter((word) => !/[\udc80-\udcff]/.test(word))
      assert.strictEqual(
        yield* RemoteContext.string(sh`printf '%s|' ${words}`),
        words.map((word) => `${word}|`).join("")
      )
      const word = `"two" 'words' $HOME \`id\` \\`
      assert.strictEqual(
        yield* RemoteContext.string(
          sh`printf '%s|' ${word} "<${word}>" '<${word}>' a${word}b "$(printf %s ${word})"`
        ),
        `${word}|<${word}>|<${word}>|a${word}b|${word}|`
      )
    }))
}

const executor: Group = (test) => {
  test("a Redacted is used, and shown nowhere", () =>
    Effect.gen(function*() {
      const secret = Redacted.make("hunter2 'quoted'")
      assert.strictEqual(yield* RemoteContext.string(sh`printf %s ${secret}`), Redacted.value(secret))
      const error = yield* Effect.flip(RemoteContext.string(sh`echo ${secret}; echo ${secret} >&2; exit 1`))
      for (const shown of [error.message, String(error), JSON.stringify(error), error.stack ?? ""]) {
        assert.notInclude(shown, "hunter2")
      }
      assert(error._tag === "RemoteCommandError")
      assert.notInclude(new TextDecoder().decode(error.stdout), "hunter2")
    }))

  test("the platform's executor runs there", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Command.string(Command.make("printf", "%s", "a  b")), "a  b")
      assert.deepStrictEqual(yield* Command.lines(sh`echo a; echo b`), ["a", "b"])
      assert.strictEqual(yield* Command.exitCode(sh`exit 9`), 9)
      // As in Node, what was printed counts and the code does not.
      assert.strictEqual(yield* Command.string(sh`echo printed; exit 1`), "printed\n")
      const missing = yield* Effect.flip(Command.string(Command.make("no-such-program")))
      assert.strictEqual(missing._tag === "SystemError" ? missing.reason : "", "NotFound")
      const invalid = yield* Effect.flip(Command.string(Command.make("echo", "\0")))
      assert.strictEqual(invalid._tag, "BadArgument")
    }).pipe(Effect.provide(RemoteContext.layerCommandExecutor)))
}

const terminals: Group = (test) => {
  test(
    "a pseudo-terminal is one, of the size asked for",
    () =>
      Effect.gen(function*() {
        const plain = yield* RemoteContext.exitCode(Command.make("test", "-t", "1"))
        assert.strictEqual(plain, 1)
        const command = sh`test -t 1 && stty size && echo "$TERM" && echo ${nasty.at(5)!} >&2`
        const lines = yield* RemoteContext.lines(command, { pty: { term: "vt100", columns: 132, rows: 50 } })
        assert.deepStrictEqual(lines, ["50 132", "vt100", "line", "end"])
        const missing = yield* Effect.flip(RemoteContext.string(Command.make("no-such-program"), { pty: true }))
        assert.strictEqual(missing.reason, "ProgramNotFound")
      }),
    "pty"
  )

  // FOUND A13
  test(
    "stdin of a pseudo-terminal is echoed, and its end reaches the program",
    () =>
      Effect.gen(function*() {
        const cat = Command.make("cat")
        const fed = (text: string) =>
          RemoteContext.string(Command.feed(cat, text), { pty: true, timeout: "20 seconds" })
        assert.strictEqual(yield* fed("one\n"), "one\r\none\r\n")
        assert.strictEqual(yield* fed("one"), "oneone")
        assert.strictEqual(yield* fed(""), "")
        assert.strictEqual(yield* RemoteContext.string(cat, { pty: true, timeout: "20 seconds" }), "")
        const typed = yield* Effect.scoped(Effect.gen(function*() {
          const process = yield* RemoteContext.start(Command.make("sh", "-c", "read a; echo \"<$a>\"; cat"), {
            pty: true
          })
          yield* Stream.run(Stream.make(bytes("x"), bytes("y\n"), new Uint8Array()), process.stdin)
          return yield* Stream.mkString(Stream.decodeText(process.stdout))
        }))
        assert.strictEqual(typed, "xy\r\n<xy>\r\n")
      }),
    "pty"
  )
}

/** @internal */
export const commands = cases(
  "commands",
  output,
  words,
  stdin,
  results,
  runFailures,
  failures,
  refusals,
  shellLines,
  executor,
  terminals
)
