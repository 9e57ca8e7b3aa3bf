import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Either, FastCheck, Option } from "effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll } from "vitest"
import * as reports from "../../src/internal/launch/reports.js"
import * as text from "../../src/internal/lib/text.js"
import * as Frame from "../../src/unstable/Frame.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const marker = "0123456789abcdef0123456789abcdef"

const stage = (words: Frame.Stage["words"], more: Partial<Frame.Stage> = {}): Frame.Stage => ({
  words,
  directory: Option.none(),
  environment: [],
  clearEnvironment: false,
  ...more
})

const frameOf = (...stages: Arr.NonEmptyReadonlyArray<Frame.Stage>): Frame.Frame => ({
  marker,
  guard: Option.none(),
  stages,
  terminal: Option.none(),
  pipefail: false
})

const tricky = [
  "",
  "-n",
  "--",
  "'",
  "\"",
  "\\",
  "\n",
  "a\nb\n",
  "\"$er_nl\"",
  "'\"$er_nl\"'",
  "er_nl=$(echo; echo x); er_nl=${er_nl%x}",
  "; er_nl=$(echo; echo x); er_nl=${er_nl%x}; ",
  "; ",
  " | ",
  "{",
  "}",
  "}; er_exec 'x'",
  "=",
  "a=b",
  "$(echo x)",
  "`echo x`",
  "$HOME",
  "*",
  "~",
  "!",
  " ",
  "\t",
  "\r",
  "\r\n",
  marker,
  `${marker} started 1`,
  "er_exec",
  "é😀",
  "\udcff",
  "\udcc3'\udca9",
  text.decode(Uint8Array.from({ length: 255 }, (_, index) => index + 1))
]

const asText = (word: string) => text.decode(text.encode(word))

const anyWord = FastCheck.oneof(
  FastCheck.constantFrom(...tricky),
  FastCheck.array(FastCheck.constantFrom(...tricky), { maxLength: 4 }).map((parts) => parts.join("")),
  FastCheck.string({ unit: "binary", maxLength: 8 }),
  FastCheck.uint8Array({ maxLength: 8 }).map(text.decode)
).map((word) => asText(word.replaceAll("\0", "")))

const anyName = FastCheck.oneof(
  FastCheck.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,5}$/),
  FastCheck.constantFrom("UID", "RANDOM", "_", "er_marker", "PATH", "IFS", "SHLVL")
)

const anyStage: FastCheck.Arbitrary<Frame.Stage> = FastCheck.record({
  words: FastCheck.array(anyWord, { minLength: 1, maxLength: 6 }).filter(Arr.isNonEmptyArray),
  directory: FastCheck.option(anyWord.map((path) => `/${path}`), { nil: undefined }).map(Option.fromNullable),
  environment: FastCheck.uniqueArray(FastCheck.tuple(anyName, anyWord), { maxLength: 4, selector: ([name]) => name }),
  clearEnvironment: FastCheck.boolean()
})

const anyFrame: FastCheck.Arbitrary<Frame.Frame> = FastCheck.record({
  marker: FastCheck.constantFrom(marker, "0", "f00d"),
  guard: FastCheck.option(FastCheck.record({ fifo: anyWord, keep: FastCheck.boolean() }), { nil: undefined }).map(
    Option.fromNullable
  ),
  stages: FastCheck.array(anyStage, { minLength: 1, maxLength: 3 }).filter(Arr.isNonEmptyArray),
  pipefail: FastCheck.boolean(),
  terminal: FastCheck.option(
    FastCheck.record({ rows: FastCheck.integer({ min: 1, max: 65535 }), columns: FastCheck.constant(80) }),
    { nil: undefined }
  ).map(Option.fromNullable)
}).map((value) => ({ ...value, pipefail: value.pipefail && value.stages.length > 1 }))

// The order of variables has no meaning.
const sorted = (value: Frame.Frame): Frame.Frame => ({
  ...value,
  stages: Arr.map(value.stages, (stage) => ({
    ...stage,
    environment: stage.environment.slice().sort(([one], [other]) => one < other ? -1 : 1)
  }))
})

describe("encode and decode", () => {
  it.prop("a frame comes back", { value: anyFrame }, ({ value }) => {
    assert.deepStrictEqual(Either.map(Frame.decode(Frame.encode(value)), sorted), Either.right(sorted(value)))
  }, { fastCheck: { numRuns: 300 } })

  it.prop("a frame comes back from the line of a command with a terminal", { value: anyFrame }, ({ value }) => {
    assert.deepStrictEqual(
      Option.map(Frame.decodeTerminalLine(Frame.terminalLine(value)), Either.map(sorted)),
      Option.some(Either.right(sorted(value)))
    )
  })

  it("a line without a frame decodes to None", () => {
    for (const line of [Frame.launchLine, "", "ls", Frame.terminalLine(frameOf(stage(["ls"]))).slice(0, -1)]) {
      assert.isTrue(Option.isNone(Frame.decodeTerminalLine(line)), line)
    }
  })

  it("encoded reports decode to themselves", () => {
    const written: ReadonlyArray<Frame.Report> = [
      { _tag: "Started", pid: 4711, on: "stdout" },
      { _tag: "Started", pid: 4711, on: "stderr" },
      { _tag: "Unguarded" },
      { _tag: "Stages", codes: [[1, 0], [2, 141]] },
      { _tag: "Failed", step: "directory", code: 2 }
    ]
    const bytes = text.concat(written.map((report) => Frame.encodeReport(marker, report)))
    assert.deepStrictEqual(reports.scanner(marker, "stderr").push(bytes).reports, written)
  })

  it.prop("a frame is one line", { value: anyFrame }, ({ value }) => {
    const encoded = Frame.encode(value)
    assert.strictEqual(encoded.indexOf(10), encoded.length - 1)
  }, { fastCheck: { numRuns: 200 } })

  it("a relative directory comes back as one below the current", () => {
    const decoded = Frame.decode(Frame.encode(frameOf(stage(["ls"], { directory: Option.some("-a") }))))
    assert.deepStrictEqual(Either.getOrThrow(decoded).stages[0].directory, Option.some("./-a"))
  })

  it("a long word with line ends comes back", () => {
    const value = frameOf(stage(["echo", "a'\n".repeat(100_000), "x".repeat(3_000_000)]))
    assert.deepStrictEqual(Either.getOrThrow(Frame.decode(Frame.encode(value))), value)
  })

  it("a frame without a guard is one that has none", () => {
    const { guard: _, ...value } = frameOf(stage(["ls"]))
    assert.deepStrictEqual(Either.getOrThrow(Frame.decode(Frame.encode(value))), frameOf(stage(["ls"])))
  })

  it("a command registers itself before it is reported", () => {
    for (const value of [frameOf(stage(["ls"])), frameOf(stage(["ls"]), stage(["cat"]))]) {
      const line = text.decode(Frame.encode({ ...value, guard: Option.some({ fifo: "/f", keep: false }) }))
      assert.match(line, /; er_guard '\/f' 'end'; er_started; /)
    }
  })

  it.each([
    ["nothing", ""],
    ["other calls", "er_marker=0; rm '-rf'"],
    ["no marker", "er_begin; er_exec 'ls'"],
    ["no program", "er_marker=0; er_begin; er_exec"],
    ["no program behind variables", "er_marker=0; er_begin; er_with 'UID=1'"],
    ["an open quote", "er_marker=0; er_exec 'ls"],
    ["a variable without a name", "er_marker=0; er_environment '=x'; er_exec 'ls'"]
  ])("decode refuses %s", (_, line) => {
    assert.isTrue(Either.isLeft(Frame.decode(text.encode(`${line}\n`))))
  })

  it("nothing of a frame is in the launch line, which every login shell takes as it is", () => {
    const quoted = /^exec \/bin\/sh -c '([^'\\!\n]+)' '\/bin\/sh' '([^'\\!\n]+)'$/
    assert.match(Frame.launchLine, quoted)
  })
})

interface Shell {
  readonly name: string
  readonly command: ReadonlyArray<string>
}

const which = (program: string) =>
  spawnSync("/bin/sh", ["-c", "command -v \"$1\"", "sh", program]).stdout.toString().trim()

const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "effect-remote-frame-")))

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

// Under its own name bash would read the user's .bashrc, as its stdin may be a network's.
const bashAsSh = path.join(directory, "sh")
if (which("bash") !== "") fs.symlinkSync(which("bash"), bashAsSh)

/** In the place of `/bin/sh`. */
const launchers: ReadonlyArray<Shell> = [
  { name: "dash", command: ["dash"] },
  { name: "bash as sh", command: [bashAsSh] },
  { name: "busybox sh", command: ["busybox", "sh"] },
  { name: "mksh", command: ["mksh"] }
]

const loginShells: ReadonlyArray<Shell> = ["sh", "bash", "mksh", "zsh", "fish", "tcsh"].map((name) => ({
  name,
  command: [name]
}))

const forEach = (shells: ReadonlyArray<Shell>, tests: (shell: Shell) => void) => {
  for (const shell of shells) {
    const installed = which(String(shell.command[0])) !== ""
    describe.skipIf(!installed)(installed ? shell.name : `${shell.name}: not installed`, () => tests(shell))
  }
}

interface Ran {
  readonly pid: number
  readonly code: number | null
  readonly stdout: ReturnType<typeof scan>
  readonly stderr: ReturnType<typeof scan>
}

const scan = (bytes: Uint8Array, own: Frame.Output) => {
  const scanner = reports.scanner(marker, own)
  const [pushed, ended] = [scanner.push(bytes), scanner.end()]
  return {
    noise: text.decode(text.concat([pushed.noise, ended.noise])),
    output: text.decode(text.concat([pushed.output, ended.output])),
    reports: pushed.reports
  }
}

const spawn = (
  command: ReadonlyArray<string>,
  line: string,
  input: Uint8Array,
  env: Record<string, string | undefined> = process.env,
  detached = false
): Ran => {
  const [program, ...args] = command
  // Types of Node.js lack `detached` here.
  const options = { input, env, detached, cwd: os.tmpdir() }
  const { pid, status, stderr, stdout } = spawnSync(which(String(program)), [...args, "-c", line], options)
  return { pid, code: status, stdout: scan(stdout, "stdout"), stderr: scan(stderr, "stderr") }
}

const launch = (
  shell: Shell,
  value: Frame.Frame,
  rest: string | Uint8Array = "",
  env: Record<string, string | undefined> = process.env
): Ran => {
  const [program, ...args] = shell.command
  const line = Frame.launchLine.replaceAll("/bin/sh", [which(String(program)), ...args].join(" "))
  return spawn(["sh"], line, Buffer.concat([Frame.encode(value), Buffer.from(rest)]), env)
}

/** As a server with terminals does: the program leads a session. */
const spawnOnTerminal = (command: ReadonlyArray<string>, line: string, input: Uint8Array): Ran =>
  spawn(command, line, input, process.env, true)

const started = ({ pid }: Ran, on: Frame.Output): ReadonlyArray<Frame.Report> => [{ _tag: "Started", pid, on }]

/** Prints its arguments, two variables and its directory, each ended by a NUL, and then its input. */
const tell = "printf \"%s\\0\" \"$#\" \"$@\" \"$A\" \"$B\"; pwd; printf \"\\0\"; cat"

const told = (args: ReadonlyArray<string>, a: string, b: string, directory: string, rest: string) =>
  [String(args.length), ...args, a, b, `${directory}\n`, rest].join("\0")

const make = (name: string, content: string, mode: number): string => {
  const file = path.join(directory, name)
  fs.writeFileSync(file, content)
  fs.chmodSync(file, mode)
  return file
}

describe("the launch line", () => {
  forEach(launchers, (shell) => {
    // bash 5.2 loses a 0x01 after an invalid byte, once it has seen another 0x01 or 0x7f.
    const word = shell.name === "bash as sh" ? anyWord.map((word) => asText(word.replace(/[\x01\x7f]/g, ""))) : anyWord

    it.prop(
      "arguments, environment, directory and the rest of stdin arrive byte for byte",
      { words: FastCheck.array(word, { maxLength: 5 }), a: word, b: word, rest: FastCheck.uint8Array() },
      ({ a, b, rest, words }) => {
        const ran = launch(
          shell,
          frameOf(stage(["/bin/sh", "-c", tell, "sh", ...words], {
            directory: Option.some(directory),
            environment: [["A", a], ["B", b]]
          })),
          rest
        )
        assert.deepStrictEqual(ran.stderr, { noise: "", output: "", reports: started(ran, "stderr") })
        assert.deepStrictEqual(ran.stdout, {
          noise: "",
          output: told(words, a, b, directory, text.decode(rest)),
          reports: started(ran, "stdout")
        })
        assert.strictEqual(ran.code, 0)
      },
      { fastCheck: { numRuns: 10 } }
    )

    it("any name of a directory can be entered", () => {
      for (const name of ["-", "-a", "a b", "'", "a\nb\n", "\udcff", "$HOME", "~", "\\"]) {
        fs.mkdirSync(Buffer.concat([Buffer.from(`${directory}/`), text.encode(name)]), { recursive: true })
        const ran = launch(
          shell,
          frameOf(stage(["/bin/sh", "-c", "pwd; printf ."], { directory: Option.some(`${directory}/${name}`) }))
        )
        assert.strictEqual(ran.stdout.output, `${directory}/${name}\n.`)
      }
      const relative = launch(
        shell,
        frameOf(stage(["pwd"], { directory: Option.some(path.relative(os.tmpdir(), path.join(directory, "-"))) })),
        "",
        { ...process.env, CDPATH: "/", OLDPWD: "/" }
      )
      assert.strictEqual(relative.stdout.output, `${directory}/-\n`)
    })

    it("variables that shells keep for themselves arrive too", () => {
      const names = [
        ..."UID EUID GID PPID GROUPS RANDOM SECONDS LINENO SHLVL OPTIND OPTARG COLUMNS LINES TMOUT HISTSIZE".split(" "),
        ..."BASHOPTS SHELLOPTS BASH_VERSINFO PGRP KSHUID USERNAME EPOCHSECONDS _ IFS PS4 ENV CDPATH".split(" "),
        ..."er_marker er_step er_code er_nl er_frame er_name er_names".split(" ")
      ]
      for (const value of ["x y", "7"]) {
        const environment = names.map((name) => [name, value] as const)
        const ran = launch(shell, frameOf(stage(["/usr/bin/env"], { environment })))
        const lines = ran.stdout.output.split("\n")
        assert.deepStrictEqual(names.filter((name) => !lines.includes(`${name}=${value}`)), [])
        assert.deepStrictEqual(ran.stderr.reports, started(ran, "stderr"))
      }
    })

    // FOUND A24
    it("clearEnvironment leaves exactly what is given, and finds the program in the PATH of the login", () => {
      const given = [["A", "x\ny"], ["SHLVL", "7"], ["_", "u"], ["PWD", "p"], ["UID", "q"], ["IFS", "/:"]] as const
      const bare = (program: string, environment: Frame.Stage["environment"], ...args: ReadonlyArray<string>) =>
        launch(shell, frameOf(stage([program, ...args], { clearEnvironment: true, environment })), "", {
          PATH: process.env.PATH,
          B: "y\nA=1\n=x\n -u",
          "not-a-name": "z",
          HOME: "/",
          LANG: "C"
        })
      assert.strictEqual(bare("env", []).stdout.output, "")
      const ran = bare("env", given, "-0")
      const lines = ran.stdout.output.split("\0").slice(0, -1)
      assert.sameMembers(lines, given.map(([name, value]) => `${name}=${value}`))
      assert.deepStrictEqual(ran.stderr, { noise: "", output: "", reports: started(ran, "stderr") })
      assert.strictEqual(bare("printf", [], "%s", "a=b").stdout.output, "a=b")
    })

    it("clearEnvironment looks for the program in the PATH that is given", () => {
      const reports = (program: string, environment: Frame.Stage["environment"]) =>
        launch(shell, frameOf(stage([program], { clearEnvironment: true, environment }))).stderr.reports
      const missing: ReadonlyArray<Frame.Report> = [{ _tag: "Failed", step: "program", code: 127 }]
      const forbidden: ReadonlyArray<Frame.Report> = [{ _tag: "Failed", step: "program", code: 126 }]
      make("only-here", "#!/bin/sh\n", 0o755)
      assert.deepStrictEqual(reports("env", [["PATH", "/nonexistent"]]), missing)
      assert.deepStrictEqual(reports("only-here", []), missing)
      assert.strictEqual(reports("only-here", [["PATH", `/nonexistent::${directory}`]])[0]?._tag, "Started")
      assert.strictEqual(reports("./only-here", [])[0]?._tag, "Failed")
      assert.deepStrictEqual(reports(make("not-executable", "", 0o644), []), forbidden)
      // `env` would take it for a variable
      assert.deepStrictEqual(reports(make("a=b", "#!/bin/sh\n", 0o755), []), forbidden)
    })

    it("no value shows in the arguments of env but those of names that shells keep for themselves", () => {
      const shown = path.join(directory, "shown")
      const recorders = path.join(directory, "recorders")
      fs.mkdirSync(recorders, { recursive: true })
      fs.writeFileSync(
        path.join(recorders, "env"),
        `#!/bin/sh\nprintf "%s " "$@" >>${shown}\nexec /usr/bin/env "$@"\n`,
        { mode: 0o755 }
      )
      const environment = [["TOKEN", "secret"], ["UID", "kept"]] as const
      for (const clearEnvironment of [true, false]) {
        fs.writeFileSync(shown, "")
        const ran = launch(
          shell,
          frameOf(stage(["/bin/sh", "-c", "echo $TOKEN"], { clearEnvironment, environment })),
          "",
          { PATH: `${recorders}:${process.env.PATH}`, OTHER: "login" }
        )
        assert.strictEqual(ran.stdout.output, "secret\n")
        const words = fs.readFileSync(shown, "latin1")
        assert.include(words, "UID=kept ")
        assert.notInclude(words, "TOKEN=secret")
        assert.notInclude(words, "login")
        assert.strictEqual(words.includes("-u OTHER "), clearEnvironment)
      }
    })

    it("clearEnvironment without env is a failure, not a command with everything", () => {
      const ran = launch(
        shell,
        frameOf(stage(["/usr/bin/env"], { clearEnvironment: true })),
        "",
        { PATH: "/nonexistent", SECRET: "x" }
      )
      assert.deepStrictEqual(ran.stderr.reports, [{ _tag: "Failed", step: "environment", code: Number(ran.code) }])
      assert.strictEqual(ran.stdout.output, "")
    })

    it("sets variables that shells keep for themselves through the env of the login", () => {
      const impostors = path.join(directory, "impostors")
      fs.mkdirSync(impostors, { recursive: true })
      fs.writeFileSync(path.join(impostors, "env"), "#!/bin/sh\necho impostor\n", { mode: 0o755 })
      const environment = [["UID", "q"], ["PATH", impostors]] as const
      const ran = launch(shell, frameOf(stage(["/usr/bin/env"], { environment })))
      assert.include(`\n${ran.stdout.output}`, "\nUID=q\n")
      assert.include(`\n${ran.stdout.output}`, `\nPATH=${impostors}\n`)
      const sought = launch(shell, frameOf(stage(["env"], { environment })))
      assert.strictEqual(sought.stdout.output, "impostor\n")
    })

    it("never takes a program for a variable when env sets others", () => {
      const run = (program: string) =>
        launch(shell, frameOf(stage([program, "echo", "ran"], { environment: [["UID", "q"]] })))
      const missing = run("a=b")
      assert.strictEqual(missing.stdout.output, "")
      assert.deepStrictEqual(missing.stderr.reports, [{ _tag: "Failed", step: "program", code: 127 }])
      const present = run(make("c=d", "#!/bin/sh\necho ran\n", 0o755))
      assert.strictEqual(present.stdout.output, "")
      assert.deepStrictEqual(present.stderr.reports, [{ _tag: "Failed", step: "program", code: 126 }])
    })

    it("variables of the login with the names of ours change nothing, and ours are not exported", () => {
      const names = [...new Set(Frame.launchLine.match(/\ber_\w+/g))]
      assert.includeMembers(names, ["er_index", "er_marker", "er_frame", "er_stage"])
      const disturbed = (value: Frame.Frame) =>
        launch(shell, value, "", { ...process.env, ...Object.fromEntries(names.map((name) => [name, "7"])) })
      const printed = stage(["env"], { directory: Option.some("/"), environment: [["A", "x\ny"]] })
      for (
        const value of [
          frameOf(printed),
          frameOf(stage(["echo", "x"]), printed),
          { ...frameOf(stage(["echo", "x"]), printed), pipefail: true },
          frameOf({ ...printed, environment: [["UID", "1"]] }),
          frameOf({ ...printed, clearEnvironment: true })
        ]
      ) {
        const ran = disturbed(value)
        assert.strictEqual(ran.code, 0)
        const ours = ran.stdout.output.split("\n").filter((line) => /^er_\w+=(?!7$)/.test(line))
        assert.deepStrictEqual(ours, [])
      }
      for (
        const value of [frameOf(stage(["nonexistent"])), frameOf(stage(["cat"], { directory: Option.some("/-") }))]
      ) {
        const [plain, ran] = [launch(shell, value), disturbed(value)]
        assert.deepStrictEqual([ran.stderr, ran.code], [plain.stderr, plain.code])
      }
    })

    it("a directory that cannot be entered is reported, and nothing runs", () => {
      const ran = launch(shell, frameOf(stage(["echo", "x"], { directory: Option.some("/nonexistent/a\nb") })))
      assert.strictEqual(ran.stdout.output + ran.stdout.noise, "")
      assert.deepStrictEqual(ran.stderr.reports, [{ _tag: "Failed", step: "directory", code: Number(ran.code) }])
      assert.notStrictEqual(ran.code, 0)
    })

    it.each(["nonexistent", "/nonexistent/x", "-x", "a b", "nonexistent\n"])(
      "a program that is missing: %j",
      (program) => {
        const ran = launch(shell, frameOf(stage([program, "x"])))
        assert.strictEqual(ran.code, 127)
        assert.deepStrictEqual(ran.stderr, {
          noise: "",
          output: "",
          reports: [{ _tag: "Failed", step: "program", code: 127 }]
        })
      }
    )

    it("a program that is not executable, and one without its interpreter", () => {
      const plain = launch(shell, frameOf(stage([make("plain", "echo x\n", 0o644)])))
      assert.strictEqual(plain.code, 126)
      assert.include(JSON.stringify(plain.stderr.reports.at(-1)), "\"code\":126")
      const orphan = launch(shell, frameOf(stage([make("orphan", "#!/nonexistent/interpreter\n", 0o755)])))
      assert.include([126, 127], orphan.code)
      assert.deepStrictEqual(orphan.stderr.reports, [
        ...started(orphan, "stderr"),
        { _tag: "Failed", step: "exec", code: Number(orphan.code) }
      ])
      assert.strictEqual(orphan.stdout.output, "")
    })

    it("too many arguments are reported", () => {
      const program = make("program", "#!/bin/sh\necho x\n", 0o755)
      // Linux has a limit for one word, others for all
      const size = process.platform === "linux" ? 140_000 : 1_200_000
      const ran = launch(shell, frameOf(stage([program, "x".repeat(size)])))
      assert.deepStrictEqual(ran.stderr.reports, [...started(ran, "stderr"), {
        _tag: "Failed",
        step: "exec",
        code: 126
      }])
    })

    it("a program that fails does not fail the launch, with any exit code", () => {
      for (const code of [0, 1, 2, 3, 126, 127, 255]) {
        const ran = launch(shell, frameOf(stage(["/bin/sh", "-c", `exit ${code}`])))
        assert.strictEqual(ran.code, code)
        assert.deepStrictEqual(ran.stderr.reports, started(ran, "stderr"))
      }
    })

    it("a program that the shell has built in keeps its code", () => {
      for (
        const [code, ...words] of [[0, "true"], [1, "false"], [0, "echo", "x"], [1, "test", "a", "=", "b"]] as const
      ) {
        const ran = launch(shell, frameOf(stage([words[0], ...words.slice(1)])))
        assert.strictEqual(ran.code, code)
        assert.deepStrictEqual(ran.stderr.reports, started(ran, "stderr"))
      }
    })

    it("a pipeline carries bytes from stage to stage, and ends with the last one's code", () => {
      const ran = launch(
        shell,
        frameOf(
          stage(["tr", "a", "b"]),
          stage(["/bin/sh", "-c", "cat; printf \"%s\" \"$A\""], { environment: [["A", "x\ny"]] }),
          stage(["/bin/sh", "-c", "cat; pwd; exit 7"], { directory: Option.some("/") })
        ),
        "aca\n"
      )
      assert.deepStrictEqual(ran.stdout, { noise: "", output: "bcb\nx\ny/\n", reports: started(ran, "stdout") })
      assert.deepStrictEqual(ran.stderr, { noise: "", output: "", reports: started(ran, "stderr") })
      assert.strictEqual(ran.code, 7)
    })

    // FOUND A19
    it("pipefail: the exit code is that of the last failed stage, and SIGPIPE does not count", () => {
      const exits = (...codes: ReadonlyArray<number>) =>
        codes.map((code) => stage(["/bin/sh", "-c", `cat; exit ${code}`])) as unknown as Arr.NonEmptyArray<Frame.Stage>
      const run = (...stages: Arr.NonEmptyReadonlyArray<Frame.Stage>) =>
        launch(shell, { ...frameOf(...stages), pipefail: true }, "x")
      for (const [code, ...codes] of [[0, 0, 0], [1, 1, 0], [3, 0, 3], [3, 1, 3], [2, 1, 2, 0], [0, 141, 0]]) {
        const ran = run(...exits(...codes))
        assert.deepStrictEqual([ran.code, ran.stdout.output], [code, "x"])
        const ended = code === 0 ? [] : [{ _tag: "Stages", codes: codes.map((code, index) => [index + 1, code]) }]
        assert.deepStrictEqual<ReadonlyArray<unknown>>(ran.stderr.reports, [...started(ran, "stderr"), ...ended])
      }
      assert.strictEqual(run(stage(["yes"]), stage(["head", "-n", "1"])).code, 0)
      const missing = run(stage(["nonexistent"]), stage(["cat"]))
      assert.strictEqual(missing.code, 127)
      assert.deepInclude(missing.stderr.reports, { _tag: "Failed", step: "program", code: 127 })
      const bare = run(stage(["env"], { clearEnvironment: true, environment: [["A", "1"]] }), ...exits(4))
      assert.deepStrictEqual([bare.code, bare.stdout.output], [4, "A=1\n"])
      const killed = run(stage(["/bin/sh", "-c", "kill -9 $PPID; sleep 0.1"]), stage(["cat"]))
      assert.notStrictEqual(killed.code, 0)
    })

    it("a stage that is missing is reported, wherever it stands", () => {
      const missing = { _tag: "Failed", step: "program", code: 127 } as const
      const first = launch(shell, frameOf(stage(["nonexistent"]), stage(["cat"])), "x")
      assert.deepStrictEqual(first.stderr.reports, [...started(first, "stderr"), missing])
      assert.strictEqual(first.code, 0)
      const last = launch(shell, frameOf(stage(["echo", "x"]), stage(["nonexistent"])))
      assert.deepStrictEqual(last.stderr.reports, [...started(last, "stderr"), missing])
      assert.strictEqual(last.code, 127)
    })

    it("each stage of a pipeline has its own directory and environment", () => {
      const ran = launch(
        shell,
        frameOf(
          stage(["/bin/sh", "-c", "pwd; echo \"$A\""], { directory: Option.some("/"), environment: [["A", "1"]] }),
          stage(["/bin/sh", "-c", "cat; pwd; echo \"$A\""], { clearEnvironment: true })
        ),
        "",
        { ...process.env, A: "0" }
      )
      assert.strictEqual(ran.stdout.output, `/\n1\n${os.tmpdir()}\n\n`)
    })

    it("a command registers itself with the FIFO of its frame", () => {
      const name = `fifo-${path.basename(String(shell.command[0]))} 'a\nb`
      const fifo = path.join(directory, name)
      spawnSync("mkfifo", [fifo])
      const file = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK)
      const registered = () => {
        const buffer = Buffer.alloc(200)
        try {
          return buffer.toString("latin1", 0, fs.readSync(file, buffer))
        } catch {
          return ""
        }
      }
      // `cat` reads of itself, and so of the shell that became it
      const own = fs.existsSync("/proc/self/stat") ? stage(["cat", "/proc/self/stat"]) : stage(["true"])
      const startOf = (stat: string) => stat === "" ? "-" : stat.slice(stat.lastIndexOf(") ")).split(" ")[20]
      try {
        for (const keep of [false, true]) {
          for (
            const environment of [[], [["IFS", "0123456789 "]], [["IFS", ""], [
              "LC_ALL",
              "C.UTF-8"
            ]]] satisfies ReadonlyArray<
              Frame.Stage["environment"]
            >
          ) {
            for (const clearEnvironment of [false, true]) {
              const ran = launch(shell, {
                ...frameOf({ ...own, environment, clearEnvironment }),
                guard: Option.some({ fifo, keep })
              })
              assert.deepStrictEqual(ran.stderr, { noise: "", output: "", reports: started(ran, "stderr") })
              assert.strictEqual(
                registered(),
                `add ${ran.pid} ${startOf(ran.stdout.output)} ${keep ? "keep" : "end"}\n`
              )
            }
          }
        }
        const guard = Option.some({ fifo, keep: false })
        const pipeline = launch(shell, { ...frameOf(stage(["echo", "x"]), stage(["cat"])), guard })
        assert.strictEqual(pipeline.stdout.output, "x\n")
        assert.match(registered(), new RegExp(`^add ${pipeline.pid} (-|\\d+) end\n$`))
        // IFS is still the command's
        const env = launch(shell, { ...frameOf(stage(["env"], { environment: [["IFS", "0123456789 "]] })), guard })
        assert.include(env.stdout.output, "\nIFS=0123456789 \n")
        registered()
        const missing = launch(shell, { ...frameOf(stage(["nonexistent"])), guard })
        assert.strictEqual(missing.code, 127)
        assert.strictEqual(registered(), "")
      } finally {
        fs.closeSync(file)
      }
    })

    it.skipIf(!fs.existsSync("/proc/self/stat"))("whatever its shell is called", () => {
      const [program, ...args] = shell.command
      const fifo = path.join(directory, `fifo-odd-${path.basename(String(program))}`)
      spawnSync("mkfifo", [fifo])
      const file = fs.openSync(fifo, fs.constants.O_RDWR | fs.constants.O_NONBLOCK)
      // busybox goes by its name
      const odd = path.join(directory, program === "busybox" ? "busybox) 1 (x" : "a) Z 1 (x")
      fs.copyFileSync(which(String(program)), odd)
      const line = Frame.launchLine.replaceAll("/bin/sh", [`"${odd}"`, ...args].join(" "))
      const value = { ...frameOf(stage(["cat", "/proc/self/stat"])), guard: Option.some({ fifo, keep: false }) }
      const ran = spawn(["sh"], line, Frame.encode(value))
      const buffer = Buffer.alloc(200)
      const registered = buffer.toString("latin1", 0, fs.readSync(file, buffer))
      fs.closeSync(file)
      assert.strictEqual(registered, `add ${ran.pid} ${ran.stdout.output.split(" ")[21]} end\n`)
    })

    // FOUND D1
    it.skipIf(!fs.existsSync("/proc/self/stat"))("the command leads a session, however its server starts it", () => {
      const [program, ...args] = shell.command
      const line = Frame.launchLine.replaceAll("/bin/sh", [which(String(program)), ...args].join(" "))
      const frame = Frame.encode(frameOf(stage(["/bin/cat", "/proc/self/stat"])))
      const leads = ({ pid, stdout }: Ran) => {
        const [, group, session] = stdout.output.replace(/.*\) /, "").split(" ").slice(1)
        return [group, session].every((id) => id === String(pid))
      }
      for (const detached of [false, true]) {
        const ran = spawn(["sh"], line, frame, process.env, detached)
        assert.isTrue(leads(ran), ran.stdout.output)
        assert.deepStrictEqual(ran.stdout.reports, started(ran, "stdout"))
      }
      const without = { ...process.env, PATH: "/nowhere" }
      assert.isTrue(leads(spawn(["sh"], line, frame, without, true)))
      const alone = spawn(["sh"], line, frame, without)
      assert.isFalse(leads(alone))
      assert.deepStrictEqual(alone.stdout.reports, [{ _tag: "Started", pid: 0, on: "stdout" }])
    })

    it("a command that cannot register itself does not run", () => {
      const plain = make(`plain-${path.basename(String(shell.command[0]))}`, "x", 0o600)
      const absent = path.join(directory, "absent")
      for (const fifo of [plain, absent, directory, `${absent}/guardian`, "", "-p", "a = a -o -p"]) {
        const guard = Option.some({ fifo, keep: false })
        for (const value of [frameOf(stage(["echo", "x"])), frameOf(stage(["echo", "x"]), stage(["cat"]))]) {
          const ran = launch(shell, { ...value, guard })
          assert.deepStrictEqual(ran.stderr, { noise: "", output: "", reports: [{ _tag: "Unguarded" }] })
          assert.deepStrictEqual(ran.stdout, { noise: "", output: "", reports: [] })
          assert.strictEqual(ran.code, 1)
        }
      }
      assert.strictEqual(fs.readFileSync(plain, "utf8"), "x")
      assert.isFalse(fs.existsSync(absent))
    })

    it("input that ends before the frame does runs nothing", () => {
      const [program, ...args] = shell.command
      const line = Frame.launchLine.replaceAll("/bin/sh", [which(String(program)), ...args].join(" "))
      const whole = Frame.encode(frameOf(stage(["echo", "x"])))
      const ran = spawn(["sh"], line, whole.slice(0, -1))
      assert.deepStrictEqual([ran.stdout.output, ran.stdout.noise, ran.stderr.reports], ["", "", []])
      assert.notStrictEqual(ran.code, 0)
    })
  })
})

describe("through a login shell", () => {
  const words = ["", "it's", "a\nb", "\\", "!x", "$HOME", "\udcff", "é", "-n", "\"$er_nl\"", "a;b", "*"]
  const program = () =>
    stage(["/bin/sh", "-c", tell, "sh", ...words], {
      directory: Option.some(directory),
      environment: [["A", "1\n2"], ["B", "é!\\'"]]
    })
  const expected = (rest: string) => told(words, "1\n2", "é!\\'", directory, rest)

  forEach(loginShells, (shell) => {
    it("the frame is read from stdin and the rest is left to the command", () => {
      const ran = spawn(
        shell.command,
        Frame.launchLine,
        Buffer.concat([
          Frame.encode(frameOf(program())),
          Buffer.from("rest\0\xff", "latin1")
        ])
      )
      assert.strictEqual(ran.stdout.output, expected("rest\0\udcff"))
      assert.deepStrictEqual(ran.stdout.reports, started(ran, "stdout"))
    })

    it("with a terminal the frame travels in the line, and stdin is the command's", () => {
      const ran = spawnOnTerminal(shell.command, Frame.terminalLine(frameOf(program())), Buffer.from("rest"))
      assert.strictEqual(ran.stdout.output, expected("rest"))
      assert.deepStrictEqual(ran.stderr, { noise: "", output: "", reports: started(ran, "stderr") })
    })

    it("with a terminal failures are reported as without", () => {
      const ran = spawnOnTerminal(
        shell.command,
        Frame.terminalLine({ ...frameOf(stage(["nonexistent"])), terminal: Option.some({ rows: 24, columns: 80 }) }),
        new Uint8Array()
      )
      assert.deepStrictEqual(ran.stderr.reports, [{ _tag: "Failed", step: "program", code: 127 }])
      assert.strictEqual(ran.code, 127)
    })
  })

  forEach(launchers, (shell) => {
    it("a terminal's line is read by any /bin/sh", () => {
      const [name, ...args] = shell.command
      const line = Frame.terminalLine(frameOf(program())).replace("/bin/sh", [which(String(name)), ...args].join(" "))
      assert.strictEqual(spawnOnTerminal(["sh"], line, Buffer.from("rest")).stdout.output, expected("rest"))
    })
  })
})
