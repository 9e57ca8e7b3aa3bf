import { RemoteContext, RemoteError, sh } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { ExitCode } from "@effect/platform/CommandExecutor"
import { SystemError } from "@effect/platform/Error"
import { assert, layer } from "@effect/vitest"
import { Array, Cause, Chunk, Deferred, Effect, Either, Exit, Fiber, Option, Redacted, Sink, Stream } from "effect"
import { nasty, running, type Suite, untilRunning } from "./support.js"

const bytes = (text: string) => new TextEncoder().encode(text)

// Every argument on a line of its own, as octal bytes, so that what arrived is seen whatever it holds.
const dump = "for word do printf %s \"$word\" | od -An -v -to1 | tr -d ' \\n'; echo; done"
const octal = (text: string) => Array.fromIterable(utf8(text)).map((byte) => byte.toString(8).padStart(3, "0")).join("")

// As the library carries bytes that are no UTF-8 in strings.
const utf8 = (text: string): Uint8Array =>
  Uint8Array.from(
    text.split(/([\udc80-\udcff]+)/u).flatMap((part, index) =>
      index % 2 === 0 ? [...bytes(part)] : [...part].map((char) => char.charCodeAt(0) - 0xdc00)
    )
  )

/** What commands do on every transport. */
export const commands = ({ capabilities, layer: live, name }: Suite) =>
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`commands on ${name}`, (it) => {
    it.effect("string, lines and checkOutput give what a command prints", () =>
      Effect.gen(function*() {
        const command = Command.make("printf", "one\\ntwo\\n")
        assert.strictEqual(yield* RemoteContext.string(command), "one\ntwo\n")
        assert.deepStrictEqual(yield* RemoteContext.lines(command), ["one", "two"])
        assert.deepStrictEqual(yield* RemoteContext.checkOutput(command), bytes("one\ntwo\n"))
      }))

    it.effect("stream and streamLines give it while the command runs", () =>
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

    it.effect("arguments arrive as they are", () =>
      Effect.gen(function*() {
        const lines = yield* RemoteContext.lines(Command.make("sh", "-c", dump, "sh", ...nasty))
        assert.deepStrictEqual(lines, nasty.map(octal))
      }))

    it.effect("an argument of 100 kB arrives", () =>
      Effect.gen(function*() {
        const argument = "0123456789".repeat(10_000)
        assert.strictEqual(yield* RemoteContext.string(Command.make("printf", "%s", argument)), argument)
      }))

    it.effect("the environment arrives as it is, and extends the login's", () =>
      Effect.gen(function*() {
        const values = nasty.filter((value) => value.length > 0)
        const environment = Object.fromEntries(values.map((value, index) => [`NASTY_${index}`, value]))
        const script = values.map((_, index) => `"$NASTY_${index}"`).join(" ")
        const lines = yield* RemoteContext.lines(
          Command.make("sh", "-c", `set -- ${script}; ${dump}; test -n "$HOME"`).pipe(Command.env(environment))
        )
        assert.deepStrictEqual(lines, values.map(octal))
      }))

    it.effect("extendEnv: false leaves nothing of the login's environment", () =>
      Effect.gen(function*() {
        const lines = yield* RemoteContext.lines(
          Command.make("env").pipe(Command.env({ ONLY: "this one" }, { extendEnv: false }))
        )
        const own = lines.filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line))
        assert.sameMembers(own, ["ONLY=this one", "PATH=/usr/local/bin:/usr/bin:/bin"])
      }))

    it.scoped("the working directory may have any name", () =>
      Effect.gen(function*() {
        const { directory } = yield* Sshd.Sshd
        const paths = nasty.filter((part) => part.trim().length > 0 && !part.includes("/")).map((part) =>
          `${directory}/d${part} `
        )
        yield* RemoteContext.exitCode(Command.make("mkdir", "--", ...paths))
        yield* Effect.forEach(paths.filter((_, index) => index % 4 === 0), (path) =>
          Effect.gen(function*() {
            const where = yield* RemoteContext.string(
              Command.make("sh", "-c", "pwd -P; echo .").pipe(Command.workingDirectory(path))
            )
            // What is no UTF-8 comes back as U+FFFD.
            assert.strictEqual(where, `${path.replace(/[\udc80-\udcff]/g, "\ufffd")}\n.\n`)
          }), { concurrency: 3 })
      }))

    it.effect("stdin arrives as it is: text, a stream, and ten megabytes of it", () =>
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

    it.effect("a command that reads no stdin ends all the same", () =>
      Effect.gen(function*() {
        const endless = Stream.repeatValue(new Uint8Array(65536))
        const command = sh`head -c 10 | wc -c`.pipe(Command.stdin(endless))
        assert.strictEqual((yield* RemoteContext.string(command)).trim(), "10")
        assert.strictEqual(yield* RemoteContext.exitCode(Command.make("cat")), 0)
      }))

    it.effect("stdin that fails is told, and ends the command", () =>
      Effect.gen(function*() {
        const cause = new SystemError({ module: "Stream", method: "read", reason: "Unknown", description: "broken" })
        const command = Command.make("cat").pipe(
          Command.stdin(Stream.concat(Stream.make(bytes("part")), Stream.fail(cause)))
        )
        const error = yield* Effect.flip(RemoteContext.string(command))
        assert(error._tag === "RemoteCommandError" && error.reason === "InputFailed")
        assert.strictEqual((error.cause as SystemError).description, "broken")
        assert.deepStrictEqual(yield* running("cat"), [])
      }))

    it.effect("stdin that dies ends the command, too", () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(
          RemoteContext.string(Command.make("cat").pipe(Command.stdin(Stream.die("bug"))))
        )
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
        assert.deepStrictEqual(yield* running("cat"), [])
      }))

    it.effect("20 MiB on stdout and on stderr at once arrive, neither blocks the other", () =>
      Effect.gen(function*() {
        const size = 20 * 1024 * 1024
        const command = sh`head -c ${size} /dev/zero >&2 & head -c ${size} /dev/zero; wait`
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

    it.effect("stderr that nobody reads does not block the command", () =>
      Effect.scoped(Effect.gen(function*() {
        const process = yield* RemoteContext.start(sh`head -c 8388608 /dev/zero >&2; echo done`)
        assert.strictEqual(yield* Stream.mkString(Stream.decodeText(process.stdout)), "done\n")
        assert.strictEqual(yield* process.exitCode, 0)
      })))

    it.effect("text that is split inside a character stays whole", () =>
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

    it.effect("a command that fails tells its code, its stderr and its output", () =>
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

    it.effect("exitCode gives the code, 255 included, and takes no part in the output", () =>
      Effect.gen(function*() {
        for (const code of [0, 126, 127, 255]) {
          assert.strictEqual(yield* RemoteContext.exitCode(sh`head -c 300000 /dev/zero; exit ${code}`), code)
        }
      }))

    it.effect("death by a signal is no exit code", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(RemoteContext.exitCode(sh`kill -KILL $$`))
        assert(error._tag === "RemoteCommandError")
        assert.strictEqual(error.reason, "Signal")
        assert.strictEqual(error.signal, capabilities.exitSignal ? "SIGKILL" : undefined)
      }))

    it.effect("a missing program, a missing directory and a code of 127 are told apart", () =>
      Effect.gen(function*() {
        const reasonOf = (command: Command.Command) =>
          Effect.map(Effect.flip(RemoteContext.string(command)), (error) => error.reason)
        assert.strictEqual(yield* reasonOf(Command.make("no-such-program", "x")), "ProgramNotFound")
        assert.strictEqual(yield* reasonOf(Command.make("/no/such/program")), "ProgramNotFound")
        assert.strictEqual(yield* reasonOf(Command.make("/etc/passwd")), "ProgramNotExecutable")
        assert.strictEqual(
          yield* reasonOf(Command.make("touch", "here").pipe(Command.workingDirectory("/no/such/directory"))),
          "DirectoryNotFound"
        )
        assert.strictEqual(
          yield* reasonOf(Command.make("ls").pipe(Command.workingDirectory("/etc/passwd"))),
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

    it.effect("an environment that the system refuses is told as such", () =>
      Effect.gen(function*() {
        const command = Command.make("/bin/true").pipe(Command.env({ LARGE: "x".repeat(1_000_000) }))
        const error = yield* Effect.flip(RemoteContext.exitCode(command))
        assert.strictEqual(error.reason, "ArgumentsTooLong")
      }))

    it.effect("what cannot be sent is refused before anything is", () =>
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

    it.effect("a pipeline is one, and runs in the host's shell only as far as pipes go", () =>
      Effect.gen(function*() {
        const command = Command.make("printf", "b $HOME\na *\n").pipe(
          Command.pipeTo(Command.make("sort")),
          Command.pipeTo(Command.make("sed", "s/^/> /"))
        )
        assert.strictEqual(yield* RemoteContext.string(command), "> a *\n> b $HOME\n")
        const failing = Command.make("echo", "x").pipe(Command.pipeTo(Command.make("sh", "-c", "cat >&2; exit 5")))
        const error = yield* Effect.flip(RemoteContext.string(failing))
        assert(error._tag === "RemoteCommandError")
        assert.deepStrictEqual([error.exitCode, error.stderr], [5, "x\n"])
        const placed = Command.make("pwd", "-P").pipe(
          Command.workingDirectory("/"),
          Command.pipeTo(Command.make("sh", "-c", "cat; pwd -P").pipe(Command.workingDirectory("/usr")))
        )
        assert.deepStrictEqual(yield* RemoteContext.lines(placed), ["/", "/usr"])
      }))

    it.effect("runInShell and sh give shell lines, interpolations stay words", () =>
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

    it.effect("more output than maxOutput fails, and ends the command", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(RemoteContext.checkOutput(Command.make("yes"), { maxOutput: 100_000 }))
        assert.strictEqual(error.reason, "OutputTooLarge")
        assert.deepStrictEqual(yield* running("yes"), [])
      }))

    it.effect("a timeout fails with the partial output, and ends the command", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(
          RemoteContext.string(sh`echo partial; echo words >&2; sleep 1001`, { timeout: "3 seconds" })
        )
        assert(error._tag === "RemoteCommandError")
        assert.strictEqual(error.reason, "TimedOut")
        assert.strictEqual(new TextDecoder().decode(error.stdout), "partial\n")
        assert.strictEqual(error.stderr, "words\n")
        assert.deepStrictEqual(yield* running("sleep"), [])
        const streamed = yield* RemoteContext.stream(sh`echo partial; sleep 1001`, { timeout: "3 seconds" }).pipe(
          Stream.either,
          Stream.runCollect
        )
        const [first, last] = Chunk.toReadonlyArray(streamed)
        assert(first !== undefined && Either.isRight(first))
        assert(last !== undefined && Either.isLeft(last) && last.left.reason === "TimedOut")
        assert.deepStrictEqual(yield* running("sleep"), [])
      }))

    it.effect("a program that makes a process group of its own is ended as well", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(RemoteContext.string(sh`timeout 1000 sleep 1000; true`))
        yield* untilRunning("sleep", 1)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual([...yield* running("sleep"), ...yield* running("timeout")], [])
      }))

    it.effect("every verb can be used in a finalizer", () =>
      Effect.gen(function*() {
        const command = sh`echo done`
        const results = yield* Effect.uninterruptible(Effect.all([
          RemoteContext.exitCode(command, { timeout: "20 seconds" }),
          RemoteContext.string(command),
          Stream.mkString(RemoteContext.streamLines(command, { timeout: "20 seconds" })),
          Effect.scoped(Effect.flatMap(
            RemoteContext.start(Command.make("cat").pipe(Command.stdin(Stream.never))),
            (process) => Effect.as(process.isRunning, "started")
          ))
        ]))
        assert.deepStrictEqual(results, [ExitCode(0), "done\n", "done", "started"])
        const late = yield* Effect.flip(Effect.uninterruptible(
          RemoteContext.exitCode(Command.make("sleep", "1000"), { timeout: "2 seconds" })
        ))
        assert.strictEqual(late.reason, "TimedOut")
      }))

    it.effect("a timeout ends what a command that has exited left behind with its output", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(RemoteContext.string(sh`sleep 1000 & echo hi`, { timeout: "3 seconds" }))
        assert.strictEqual(error.reason, "TimedOut")
        assert.deepStrictEqual(yield* running("sleep"), [])
      }))

    it.effect("interruption ends the whole process group", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(RemoteContext.string(sh`sleep 1000 & sleep 1000 & wait`))
        yield* untilRunning("sleep", 2)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* running("sleep"), [])
      }))

    it.effect("interruption at any moment of a launch leaves nothing", () =>
      Effect.gen(function*() {
        yield* Effect.forEach(Array.range(0, 11), (step) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(RemoteContext.string(Command.make("sleep", "1000")))
            yield* Effect.sleep(step * 40)
            yield* Fiber.interrupt(fiber)
          }), { concurrency: 3 })
        assert.deepStrictEqual(yield* running("sleep"), [])
      }))

    it.effect("what ignores TERM is killed after the grace period", () =>
      Effect.gen(function*() {
        const stubborn = sh`trap '' TERM; echo ready; while :; do sleep 1000; done`
        yield* Effect.scoped(Effect.gen(function*() {
          const process = yield* RemoteContext.start(stubborn, { killAfter: "300 millis" })
          yield* Stream.runHead(process.stdout)
        }))
        assert.deepStrictEqual(yield* running("sleep"), [])
      }))

    it.effect("a stream that is left early ends its command", () =>
      Effect.gen(function*() {
        const lines = yield* RemoteContext.streamLines(Command.make("yes")).pipe(Stream.take(3), Stream.runCollect)
        assert.deepStrictEqual(Chunk.toReadonlyArray(lines), ["y", "y", "y"])
        assert.deepStrictEqual(yield* running("yes"), [])
      }))

    it.effect("start gives a process to talk to, that a signal reaches", () =>
      Effect.scoped(Effect.gen(function*() {
        const process = yield* RemoteContext.start(sh`trap 'echo caught; exit 7' USR1; echo $$; cat; wait`)
        assert.isTrue(yield* process.isRunning)
        const output = yield* Effect.fork(Stream.mkString(Stream.decodeText(process.stdout)))
        yield* Stream.run(Stream.make(bytes("hello\n")), process.stdin)
        const code = yield* process.exitCode
        assert.strictEqual(code, 0)
        assert.strictEqual(yield* Fiber.join(output), `${process.pid}\nhello\n`)
        assert.isFalse(yield* process.isRunning)
      })))

    it.effect("kill sends the signal asked for and waits for the end", () =>
      Effect.scoped(Effect.gen(function*() {
        const process = yield* RemoteContext.start(sh`trap 'exit 7' USR1; echo ready; while :; do sleep 0.1; done`)
        yield* Stream.runHead(process.stdout)
        yield* process.kill("SIGUSR1")
        assert.isFalse(yield* process.isRunning)
        assert.strictEqual(yield* process.exitCode, 7)
      })))

    it.effect("kill says what the host does not know", () =>
      Effect.scoped(Effect.gen(function*() {
        const process = yield* RemoteContext.start(Command.make("cat"))
        const unknown = yield* Effect.flip(process.kill("SIGBREAK"))
        assert.strictEqual(unknown.reason, "InvalidCommand")
        assert.isTrue(yield* process.isRunning)
      })))

    it.effect("exitCode does not wait for a reader of stderr that has stopped", () =>
      Effect.scoped(Effect.gen(function*() {
        // More than is kept here, by no more than the pipe of an `ssh` holds: one that cannot write does not end.
        const process = yield* RemoteContext.start(sh`head -c 360000 /dev/zero >&2; exit 127`)
        const pull = yield* Stream.toPull(process.stderr)
        yield* Effect.either(pull)
        assert.strictEqual(yield* process.exitCode, 127)
      })))

    it.effect("options that are no durations are refused", () =>
      Effect.gen(function*() {
        for (const options of [{ timeout: "soon" as never }, { killAfter: "later" as never }]) {
          const error = yield* Effect.flip(RemoteContext.string(Command.make("true"), options))
          assert.strictEqual(error.reason, "InvalidCommand")
        }
      }))

    it.effect("a Redacted is used, and shown nowhere", () =>
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

    it.effect("the platform's executor runs there", () =>
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

    it.effect("a lost connection is no success, whatever was read", () =>
      Effect.gen(function*() {
        const { dropConnections } = yield* Sshd.Sshd
        const dropped = <A, E, R>(run: Effect.Effect<A, E, R>) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(Effect.exit(run))
            yield* untilRunning("sleep", 1)
            yield* dropConnections
            const exit = yield* Fiber.join(fiber)
            // The guardian, which has lost its connection with it, ends it.
            yield* untilRunning("sleep", 0)
            return exit
          })
        const command = Command.make("sh", "-c", "echo some; exec sleep 1002")
        for (
          const run of [
            Effect.asVoid(RemoteContext.string(command)),
            Effect.asVoid(RemoteContext.exitCode(command)),
            Stream.runDrain(RemoteContext.stream(command)),
            Stream.runDrain(RemoteContext.streamLines(command))
          ]
        ) {
          const error = yield* Effect.flip(Effect.flatten(dropped(run)))
          assert.strictEqual(error.reason, "ConnectionLost")
        }
        const platform = yield* Effect.flip(Effect.flatten(
          dropped(Effect.provide(Command.string(command), RemoteContext.layerCommandExecutor))
        ))
        const found = RemoteError.connectionError(platform)
        assert.strictEqual(Option.getOrThrow(found).reason, "ConnectionLost")
        assert.isTrue(Exit.isSuccess(yield* Effect.exit(RemoteContext.string(Command.make("true")))))
      }))

    it.effect.skipIf(!capabilities.pty)(
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
        })
    )
  })
