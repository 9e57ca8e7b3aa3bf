import { Format, RemoteContext, RemoteFileSystem, RemoteTarget, sh } from "@effect-remote/core"
import { Transport } from "@effect-remote/core/Transport"
import { HostCommand, InMemoryHost } from "@effect-remote/testing"
import { Command, FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Array, Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Option, Stream } from "effect"

const host = InMemoryHost.InMemoryHost

describe("commands", () => {
  it.effect("a script is a text, an exit code, a signal, an effect or a function", () =>
    Effect.gen(function*() {
      const { exitCode, string } = yield* RemoteContext.RemoteContext
      assert.strictEqual(yield* string(Command.make("text", "web")), "some text\n")
      assert.strictEqual(yield* exitCode(Command.make("code")), 7)
      assert.strictEqual((yield* Effect.flip(string(Command.make("signal")))).message.includes("SEGV"), true)
      assert.strictEqual(yield* string(Command.make("effect")), "")
      assert.strictEqual(yield* string(Command.make("/usr/bin/function", "a b", "c")), "a b|c")
      assert.strictEqual(yield* exitCode(Command.make("/opt/function")), 3)
      const { expectIdle, expectOrder, expectRan } = yield* host
      yield* expectRan("text web", { times: 1 })
      yield* expectOrder("text", ["/usr/bin/function", "a b", "c"], "/opt/function")
      yield* expectIdle
    }).pipe(Effect.provide(InMemoryHost.layer({
      commands: {
        text: "some text\n",
        code: 7,
        signal: { signal: "SEGV" },
        effect: Effect.void,
        function: ({ argv, stdout }) => stdout(argv.slice(1).join("|")),
        "/opt/function": () => Effect.succeed(3)
      }
    }))))

  it.effect("a script gets its arguments, environment, directory, input, files and both outputs", () =>
    Effect.gen(function*() {
      const process = yield* RemoteContext.start(
        Command.make("all", "ünïcödé\n", "").pipe(
          Command.env({ NAME: "it's" }),
          Command.workingDirectory("/data"),
          Command.feed("input")
        )
      )
      const [stdout, stderr, code] = yield* Effect.all([
        Stream.mkString(Stream.decodeText(process.stdout)),
        Stream.mkString(Stream.decodeText(process.stderr)),
        process.exitCode
      ], { concurrency: "unbounded" })
      assert.deepStrictEqual(JSON.parse(stdout), {
        argv: ["all", "ünïcödé\n", ""],
        cwd: "/data",
        stdin: "input",
        seed: "seeded",
        NAME: "it's",
        HOME: "/home/luigi",
        LOGIN: "yes"
      })
      assert.strictEqual(stderr, "told")
      assert.strictEqual(code, 5)
      yield* (yield* host).expectFile("/data/out", "written")
      const [run] = yield* (yield* host).runs
      assert.strictEqual(run?.pid, process.pid)
    }).pipe(
      Effect.scoped,
      Effect.provide(InMemoryHost.layer({
        username: "luigi",
        environment: { LOGIN: "yes" },
        directories: { "/data": { owner: "luigi" } },
        files: { "/data/seed": "seeded" },
        commands: {
          all: ({ argv, cwd, env, files, stderr, stdin, stdout }) =>
            Effect.gen(function*() {
              yield* files.writeFileString("/data/out", "written")
              yield* stdout(JSON.stringify({
                argv,
                cwd,
                stdin: yield* Stream.mkString(Stream.decodeText(stdin)),
                seed: yield* files.readFileString("/data/seed"),
                NAME: env.NAME,
                HOME: env.HOME,
                LOGIN: env.LOGIN
              }))
              yield* stderr("told")
              return 5
            })
        }
      }))
    ))

  class Greeting extends Context.Tag("Greeting")<Greeting, string>() {}
  class Other extends Context.Tag("Other")<Other, number>() {}

  it.effect("scripts use services that the host's layer requires", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* RemoteContext.string(Command.make("greet")), "hello")
      assert.strictEqual(yield* RemoteContext.exitCode(Command.make("other")), 9)
    }).pipe(
      Effect.provide(InMemoryHost.layer({
        commands: {
          greet: ({ stdout }) => Effect.flatMap(Greeting, stdout),
          other: Effect.map(Other, (code): number => code)
        }
      })),
      Effect.provideService(Greeting, "hello"),
      Effect.provideService(Other, 9)
    ))

  it.effect("a list of commands matches by predicate if no name matches", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* RemoteContext.string(Command.make("git", "pull")), "pulled")
      assert.strictEqual(yield* RemoteContext.string(Command.make("git", "push")), "pushed")
      assert.strictEqual(yield* RemoteContext.string(Command.make("make")), "made")
    }).pipe(Effect.provide(InMemoryHost.layer({
      commands: [
        HostCommand.matching("git pull", ([name, verb]) => name === "git" && verb === "pull", "pulled"),
        HostCommand.matching("git", ([name]) => name === "git" || name === "make", "pushed"),
        HostCommand.make("make", "made")
      ]
    }))))

  it.effect("a failing script prints its error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(RemoteContext.string(Command.make("broken")))
      assert.strictEqual(error._tag === "RemoteCommandError" && error.exitCode, 1)
      assert.include(error.message, "the script of \"broken\" failed")
      assert.include(error.message, "/nowhere")
      const defect = yield* Effect.flip(RemoteContext.string(Command.make("defect")))
      assert.include(defect.message, "a bug of the test")
    }).pipe(Effect.provide(InMemoryHost.layer({
      commands: {
        broken: ({ files }) => Effect.asVoid(files.readFileString("/nowhere")),
        defect: () => Effect.die("a bug of the test")
      }
    }))))

  it.effect("an unknown program, a missing directory and a non-executable file fail as on any host", () =>
    Effect.gen(function*() {
      const reason = (command: Command.Command) =>
        Effect.map(Effect.flip(RemoteContext.string(command)), ({ reason }) => reason)
      assert.strictEqual(yield* reason(Command.make("nothing")), "ProgramNotFound")
      assert.strictEqual(yield* reason(Command.make("/data/plain")), "ProgramNotExecutable")
      assert.strictEqual(
        yield* reason(Command.make("true").pipe(Command.workingDirectory("/nowhere"))),
        "DirectoryNotFound"
      )
      const error = yield* Effect.flip(RemoteContext.string(sh`nothing at all`))
      assert.strictEqual(error._tag === "RemoteCommandError" && error.exitCode, 127)
      assert.include(error.message, "not found")
    }).pipe(Effect.provide(InMemoryHost.layer({
      unknownCommands: "notFound",
      files: { "/data/plain": "no program" }
    }))))

  it.effect("pipelines, shells and scripts can be combined", () =>
    Effect.gen(function*() {
      const upper = Command.make("numbers").pipe(Command.pipeTo(Command.make("upper")))
      assert.strictEqual(yield* RemoteContext.string(upper), "ONE\nTWO\n")
      assert.strictEqual(yield* RemoteContext.string(sh`numbers | upper | head -n 1; echo $?`), "ONE\n0\n")
      assert.strictEqual(
        yield* RemoteContext.exitCode(Command.make("numbers").pipe(Command.pipeTo(Command.make("code")))),
        4
      )
      const missing = Command.make("numbers").pipe(Command.pipeTo(Command.make("nothing")))
      assert.strictEqual((yield* Effect.flip(RemoteContext.string(missing))).reason, "ProgramNotFound")
      const { expectIdle, expectOrder } = yield* host
      yield* expectOrder("numbers", "upper", "sh -c", "numbers", "upper")
      yield* expectIdle
    }).pipe(Effect.provide(InMemoryHost.layer({
      unknownCommands: "notFound",
      commands: {
        numbers: "one\ntwo\n",
        code: 4,
        upper: ({ stdin, stdout }) => Stream.runForEach(Stream.decodeText(stdin), (text) => stdout(text.toUpperCase()))
      }
    }))))

  it.effect("a program that writes without a reader ends by SIGPIPE", () =>
    Effect.gen(function*() {
      const lines = yield* Stream.runCollect(Stream.take(RemoteContext.streamLines(Command.make("yes")), 3))
      assert.deepStrictEqual([...lines], ["y", "y", "y"])
      const run = yield* (yield* host).awaitRun("yes")
      assert.notStrictEqual((yield* run.ended)._tag, "Exited")
      yield* RemoteContext.string(Command.make("yes").pipe(Command.pipeTo(Command.make("true"))))
      const second = yield* (yield* host).awaitRun("yes", 2)
      assert.deepStrictEqual(yield* second.ended, { _tag: "Signalled", signal: "PIPE" })
      yield* (yield* host).expectIdle
    }).pipe(Effect.provide(InMemoryHost.layer({
      commands: { yes: ({ stdout }) => Effect.forever(stdout("y\n")) }
    }))))

  it.effect("an interrupted command interrupts its program and waits for its end", () =>
    Effect.gen(function*() {
      const cleaned = yield* Deferred.make<void>()
      const program = Effect.gen(function*() {
        const { awaitRun, counts, expectIdle } = yield* host
        const fiber = yield* Effect.fork(RemoteContext.string(Command.make("serve")))
        const run = yield* awaitRun("serve")
        assert.strictEqual((yield* counts).programs, 1)
        assert.isUndefined(yield* run.outcome)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(yield* Deferred.isDone(cleaned))
        assert.deepStrictEqual(yield* run.ended, { _tag: "Interrupted" })
        yield* expectIdle
      })
      yield* Effect.provide(
        program,
        InMemoryHost.layer({
          commands: { serve: Effect.onInterrupt(Effect.never, () => Deferred.succeed(cleaned, undefined)) }
        })
      )
    }))

  it.effect("signals end a program, and its error names the signal", () =>
    Effect.gen(function*() {
      const { awaitRun } = yield* host
      const process = yield* RemoteContext.start(Command.make("serve"))
      yield* process.kill("SIGHUP")
      const error = yield* Effect.flip(process.exitCode)
      assert.strictEqual(error._tag === "RemoteCommandError" && error.signal, "SIGHUP")
      const bad = yield* RemoteContext.start(Command.make("serve"))
      assert.strictEqual((yield* Effect.flip(bad.kill("SIGXYZ" as "SIGHUP"))).reason, "InvalidCommand")
      const run = yield* awaitRun("serve", 2)
      yield* run.kill("TERM")
      const second = yield* Effect.flip(bad.exitCode)
      assert.strictEqual(second._tag === "RemoteCommandError" && second.signal, "SIGTERM")
    }).pipe(Effect.scoped, Effect.provide(InMemoryHost.layer({ commands: { serve: Effect.never } }))))

  it.effect("large input and output pass, and a slow reader causes back-pressure", () =>
    Effect.gen(function*() {
      const piece = new Uint8Array(100_000).fill(120)
      const output = yield* RemoteContext.checkOutput(
        Command.make("cat").pipe(Command.stdin(Stream.take(Stream.repeatValue(piece), 50)))
      )
      assert.strictEqual(output.length, 5_000_000)
      const process = yield* RemoteContext.start(Command.make("flood"))
      const run = yield* (yield* host).awaitRun("flood")
      yield* Effect.repeatN(Effect.yieldNow(), 100)
      assert.isUndefined(yield* run.outcome)
      assert.strictEqual(yield* Stream.runFold(process.stdout, 0, (size, { length }) => size + length), 10_000_000)
    }).pipe(
      Effect.scoped,
      Effect.provide(InMemoryHost.layer({
        commands: {
          flood: ({ stdout }) => Effect.repeatN(stdout(new Uint8Array(100_000)), 99)
        }
      }))
    ))

  // FOUND A13
  it.effect("a terminal echoes its input and hands it over by lines until ^D", () =>
    Effect.gen(function*() {
      const cat = Command.make("cat")
      const fed = (text: string) => RemoteContext.string(Command.feed(cat, text), { pty: true })
      assert.strictEqual(yield* fed("one\n"), "one\r\none\r\n")
      assert.strictEqual(yield* fed("one"), "oneone")
      assert.strictEqual(yield* fed(""), "")
      assert.strictEqual(yield* RemoteContext.string(cat, { pty: true }), "")
      assert.strictEqual(yield* fed("a\u0004b\r\u0001\n"), "ab\r\n^A\r\nab\r\n\u0001\r\n")
    }).pipe(Effect.provide(InMemoryHost.layer())))

  it.effect("a terminal merges both outputs and ends lines by CR LF", () =>
    Effect.gen(function*() {
      const process = yield* RemoteContext.start(sh`echo out; echo err >&2`, { pty: true })
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(process.stdout)), "out\r\nerr\r\n")
    }).pipe(Effect.scoped, Effect.provide(InMemoryHost.layer())))

  it.effect("a host without a shell gets the bare line", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* RemoteContext.string(Command.make("show", "a b")), "a b")
    }).pipe(Effect.provide(InMemoryHost.layer({
      host: { host: "switch", shell: "none" },
      commands: { show: ({ argv, stdout }) => stdout(argv.slice(1).join(",")) }
    }))))

  it.effect("more commands than sessions take turns", () =>
    Effect.gen(function*() {
      const { counts, expectIdle, expectRan, awaitRun } = yield* host
      const fiber = yield* Effect.fork(
        Effect.forEach([1, 2, 3, 4, 5, 6], (id) => RemoteContext.string(Command.make("job", `${id}`)), {
          concurrency: "unbounded"
        })
      )
      const first = yield* awaitRun("job", 1)
      yield* Effect.repeatN(Effect.yieldNow(), 200)
      assert.isAtMost((yield* counts).sessions, 2)
      yield* first.kill()
      yield* Fiber.interrupt(fiber)
      yield* Effect.forEach([1, 2, 3], () => RemoteContext.string(Command.make("quick")), { concurrency: "unbounded" })
      yield* (yield* RemoteFileSystem.RemoteFileSystem).writeFileString("f", "x")
      yield* RemoteContext.string(Command.make("quick"))
      yield* expectRan("quick", { times: 4 })
      yield* expectIdle
    }).pipe(Effect.provide(InMemoryHost.layer({ maxSessions: 2, commands: { job: Effect.never, quick: 0 } }))))

  it.scoped("an ended command gives its session back before its scope closes", () =>
    Effect.gen(function*() {
      for (const id of ["1", "2", "3"]) {
        const process = yield* RemoteContext.start(Command.make("quick", id))
        assert.strictEqual(yield* process.exitCode, 0)
      }
    }).pipe(Effect.provide(InMemoryHost.layer({ maxSessions: 1, commands: { quick: 0 } }))))

  // FOUND A18
  it.effect("open files never exceed the host's limit", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      yield* fs.writeFileString("f", "x")
      const read = yield* Effect.all(Array.makeBy(20, () => fs.readFileString("f")), { concurrency: "unbounded" })
      assert.strictEqual(read.join(""), "x".repeat(20))
      yield* Effect.all(Array.makeBy(20, (index) => fs.copyFile("f", `f${index}`)), { concurrency: "unbounded" })
    }).pipe(Effect.provide(InMemoryHost.layer({ maxHandles: 2 }))))

  it.effect("with one session, commands and files take turns without a guardian", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      yield* fs.writeFileString("f", "x")
      assert.strictEqual(yield* RemoteContext.string(Command.make("cat", "f")), "x")
      assert.strictEqual(yield* fs.readFileString("f"), "x")
      const fiber = yield* Effect.fork(RemoteContext.string(Command.make("job")))
      const run = yield* (yield* host).awaitRun("job")
      yield* Fiber.interrupt(fiber)
      yield* run.ended
    }).pipe(Effect.provide(InMemoryHost.layer({ maxSessions: 1, commands: { job: Effect.never } }))))
})

describe("the options of a host", () => {
  const failure = (layer: Layer.Layer<InMemoryHost.Provided, InMemoryHost.InMemoryHostError>) =>
    Effect.flip(Effect.scoped(Layer.build(layer)))

  it.effect.each(
    [
      ["InvalidSeed", "relative", InMemoryHost.layer({ files: { relative: "" } })],
      ["InvalidSeed", "/a/b", InMemoryHost.layer({ files: { "/a": "", "/a/b": "" } })],
      ["InvalidSeed", "/c", InMemoryHost.layer({ files: { "/c": { content: "", owner: "nobody" } } })],
      ["InvalidSeed", "/l", InMemoryHost.layer({ links: { "/l": "" } })],
      ["InvalidCommand", "", InMemoryHost.layer({ commands: { "": 0 } })],
      ["InvalidCommand", "bin/x", InMemoryHost.layer({ commands: { "bin/x": 0 } })],
      [
        "InvalidCommand",
        "twice",
        InMemoryHost.layer({ commands: [HostCommand.make("twice", 0), HostCommand.make("twice", 1)] })
      ],
      ["InvalidService", "db", InMemoryHost.layer({ services: { db: () => Effect.void } })],
      ["InvalidService", "db:0", InMemoryHost.layer({ services: { "db:0": () => Effect.void } })],
      [
        "InvalidService",
        "127.0.0.1:80",
        InMemoryHost.layer({ services: { "localhost:80": () => Effect.void, "127.0.0.1:80": () => Effect.void } })
      ],
      ["InvalidOptions", "maxSessions", InMemoryHost.layer({ maxSessions: 1.5 })],
      ["InvalidOptions", "maxHandles", InMemoryHost.layer({ maxHandles: 0 })],
      ["InvalidOptions", "keptEvents", InMemoryHost.layer({ keptEvents: -1 })],
      ["InvalidOptions", "quota", InMemoryHost.layer({ quota: -1 })],
      ["InvalidOptions", "A B", InMemoryHost.layer({ environment: { "A B": "" } })],
      ["InvalidOptions", "-oProxyCommand", InMemoryHost.layer({ host: "-oProxyCommand" })]
    ] as const
  )("what cannot be is told when it is built: %s %s", ([reason, entry, layer]) =>
    Effect.gen(function*() {
      const error = yield* failure(layer)
      assert.deepStrictEqual([error.reason, error.entry], [reason, entry])
      if (entry !== "") assert.include(error.message, entry)
    }))

  it.effect("a failed expectation reports the actual state", () =>
    Effect.gen(function*() {
      const { expectFile, expectIdle, expectMissing, expectOrder, expectRan } = yield* host
      yield* RemoteContext.string(Command.make("echo", "a b"))
      yield* RemoteContext.start(Command.make("serve"))
      const messages = yield* Effect.all(
        [
          expectRan("restart"),
          expectRan("echo", { times: 2 }),
          expectOrder("serve", "echo"),
          expectFile("/etc/motd", "hello"),
          expectFile("/etc/none", "hello"),
          expectMissing("/etc/motd"),
          expectIdle
        ].map((expectation) => Effect.map(Effect.flip(expectation), ({ message }) => message))
      )
      assert.deepStrictEqual(messages, [
        "expected restart to be run, but what was run is:\n  echo \"a b\"\n  serve",
        "expected echo to be run 2 times (it was once), but what was run is:\n  echo \"a b\"\n  serve",
        "expected echo to be run after serve, but what was run is:\n  echo \"a b\"\n  serve",
        "expected /etc/motd to hold\n  | hello\nbut it holds\n  | welcome",
        "expected /etc/none, but the file does not exist",
        "expected nothing at /etc/motd, but there is\n-rw-r--r-- root /etc/motd\n    welcome\n    \\ No newline at end of file\n",
        "expected nothing to be open, but there are:\n  1 programs"
      ])
    }).pipe(
      Effect.scoped,
      Effect.provide(InMemoryHost.layer({ files: { "/etc/motd": "welcome" }, commands: { serve: Effect.never } }))
    ))

  it.effect("its tree is available as data and as text", () =>
    Effect.gen(function*() {
      const { files, snapshot, tree } = yield* host
      yield* files.writeFileString("/srv/app/b", "two\n")
      yield* files.remove("/srv/app/a")
      assert.strictEqual(
        yield* snapshot("/srv"),
        "drwxr-xr-x root /srv\ndrwxr-x--- luigi /srv/app\n-rw-r--r-- root /srv/app/b\n    two\nlrwxrwxrwx luigi /srv/app/c -> b\n"
      )
      const entries = yield* tree("/srv")
      assert.deepStrictEqual([...entries.keys()], ["/srv", "/srv/app", "/srv/app/b", "/srv/app/c"])
      const entry = entries.get("/srv/app/b")
      assert.strictEqual(entry?.type === "file" && new TextDecoder().decode(entry.content), "two\n")
    }).pipe(Effect.provide(InMemoryHost.layer({
      username: "luigi",
      directories: { "/srv/app": { owner: "luigi", mode: 0o750 } },
      files: { "/srv/app/a": "one\n" },
      links: { "/srv/app/c": "b" }
    }))))

  it.effect("two hosts are independent, and one may be the other's local side", () =>
    Effect.gen(function*() {
      const from = yield* InMemoryHost.make({ host: "from", files: { "/data/a": "one", "/data/b/c": "two" } })
      const to = yield* InMemoryHost.make({ host: "to", local: from.files, username: "root" })
      yield* to.fileSystem.put("/data", "/copy")
      yield* to.expectFile("/copy/b/c", "two")
      yield* from.expectMissing("/copy")
      yield* to.fileSystem.get("/copy/a", "/back")
      yield* from.expectFile("/back", "one")
      assert.strictEqual(String(to.transport.host), "root@to")
    }).pipe(Effect.scoped))

  it.effect("a target that is bound to a host stays on it with any other layer", () =>
    Effect.gen(function*() {
      const from = yield* InMemoryHost.make({ host: "from", files: { "/log": "one" } })
      const to = yield* InMemoryHost.make({ host: "to", username: "root" })
      const log = RemoteTarget.make("/log", Format.text)
      const [source, target] = [RemoteTarget.on(log, from.fileSystem), RemoteTarget.on(to.fileSystem)(log)]
      const copied = Effect.gen(function*() {
        assert.deepStrictEqual([yield* source.exists, yield* target.exists], [true, false])
        yield* Stream.run(source.read, target.write)
        assert.strictEqual(yield* target.fs, to.fileSystem)
      })
      yield* Effect.provideService(copied, RemoteFileSystem.RemoteFileSystem, from.fileSystem)
      yield* to.expectFile("/log", "one")
      yield* from.expectFile("/log", "one")
    }).pipe(Effect.scoped))

  it.effect("the layer provides what programs need, without further files of this machine", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      assert.strictEqual(yield* fs.readFileString("/a"), "there")
      assert.isTrue(Option.isSome(yield* Stream.runHead((yield* Transport).state)))
    }).pipe(
      Effect.provide(Layer.provideMerge(
        RemoteFileSystem.layerFileSystem,
        InMemoryHost.layer({ files: { "/a": "there" } })
      ))
    ))
})

describe("a connection", () => {
  it.effect("that is lost ends programs except kept ones, and the next use connects again", () =>
    Effect.gen(function*() {
      const { awaitRun, dropConnection, counts, events } = yield* host
      const dies = yield* Effect.fork(RemoteContext.string(Command.make("job", "end")))
      const keeps = yield* Effect.fork(
        Effect.scoped(Effect.flatMap(
          RemoteContext.start(Command.make("job", "keep"), { onDisconnect: "keep" }),
          ({ exitCode }) => exitCode
        ))
      )
      const [end, keep] = yield* Effect.all([awaitRun("job end"), awaitRun("job keep")])
      yield* dropConnection
      for (
        const exit of yield* Effect.all([
          Effect.map(Fiber.await(dies), Exit.asVoid),
          Effect.map(Fiber.await(keeps), Exit.asVoid)
        ])
      ) {
        assert.isTrue(Exit.isFailure(exit))
        const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
        assert.strictEqual(error?.reason, "ConnectionLost")
      }
      assert.deepStrictEqual(yield* end.ended, { _tag: "Interrupted" })
      assert.isUndefined(yield* keep.outcome)
      assert.strictEqual((yield* counts).programs, 1)
      assert.strictEqual(yield* RemoteContext.string(Command.make("echo", "again")), "again\n")
      assert.deepStrictEqual(
        (yield* events).map(({ _tag }) => _tag).filter((tag) => tag.startsWith("Connect")),
        ["Connected", "ConnectionLost", "Connected"]
      )
      yield* keep.kill()
    }).pipe(Effect.provide(InMemoryHost.layer({ commands: { job: Effect.never } }))))

  it.effect("reports the state of its connection", () =>
    Effect.gen(function*() {
      const { state } = yield* Transport
      const { dropConnection } = yield* host
      const seen: Array<string> = []
      const fiber = yield* Effect.fork(Stream.runForEach(state, (now) => Effect.sync(() => void seen.push(now))))
      const settle = Effect.repeatN(Effect.yieldNow(), 20)
      yield* settle
      yield* dropConnection
      yield* settle
      yield* RemoteContext.string(Command.make("true"))
      yield* settle
      assert.strictEqual(seen[0], "ready")
      assert.strictEqual(seen[1], "lost")
      assert.strictEqual(seen.at(-1), "ready")
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(InMemoryHost.layer())))
})
