import { sh } from "@effect-remote/core"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Either, Option, Sink, Stream } from "effect"
import * as compile from "../src/internal/command/compile.js"

const programOf = (command: Command.Command) => Either.getOrThrow(compile.compile(command))

const problemOf = (command: Command.Command) =>
  Either.match(compile.compile(command), {
    onLeft: ({ detail, reason }) => `${reason}: ${detail}`,
    onRight: () => "none"
  })

const withFields = (command: Command.Command, fields: object): Command.Command =>
  Object.assign(Object.create(Object.getPrototypeOf(command)), command, fields)

const bareLine = (command: Command.Command) => Option.getOrUndefined(compile.bareLine(programOf(command)))

describe("compile", () => {
  it("keeps words, directory and environment", () => {
    const command = Command.make("ls", "-l", "a b").pipe(
      Command.workingDirectory("/tmp"),
      Command.env({ A: "1", B: undefined, C: "" })
    )
    const { stages } = programOf(command)
    assert.deepStrictEqual(
      stages.map(({ environment, ...stage }) => ({ ...stage, environment: [...environment].sort() })),
      [
        {
          words: ["ls", "-l", "a b"],
          directory: Option.some("/tmp"),
          environment: [["A", "1"], ["C", ""]],
          clearEnvironment: false
        }
      ]
    )
  })

  it("extendEnv: false drops the login's environment", () => {
    const [stage] = programOf(Command.env(Command.make("env"), { A: "1" }, { extendEnv: false })).stages
    assert.isTrue(stage.clearEnvironment)
    assert.deepStrictEqual(stage.environment, [["A", "1"]])
  })

  it("a pipeline has its stages in order, stdin of the first and the outputs of the last", () => {
    const input = Stream.make(new Uint8Array())
    const output: Sink.Sink<Uint8Array, Uint8Array> = Sink.as(Sink.drain, new Uint8Array())
    const { stages, stderr, stdin, stdout } = programOf(
      Command.make("a").pipe(
        Command.pipeTo(Command.make("b").pipe(Command.pipeTo(Command.make("c")))),
        Command.stdin(input),
        Command.stdout(output),
        Command.stderr("inherit")
      )
    )
    assert.deepStrictEqual(stages.map(({ words }) => words[0]), ["a", "b", "c"])
    assert.strictEqual(stdin, input)
    assert.strictEqual(stdout, output)
    assert.strictEqual(stderr, "inherit")
  })

  it("runInShell joins the words for a shell, as Node does", () => {
    const words = (shell: boolean | string) =>
      programOf(Command.make("echo", "a", "$HOME").pipe(Command.runInShell(shell))).stages[0].words
    assert.deepStrictEqual(words(true), ["/bin/sh", "-c", "echo a $HOME"])
    assert.deepStrictEqual(words("/bin/bash"), ["/bin/bash", "-c", "echo a $HOME"])
    assert.deepStrictEqual(words(false), ["echo", "a", "$HOME"])
  })

  it("shows the command as a line, shortened", () => {
    const shown = (command: Command.Command) => programOf(command).shown
    assert.strictEqual(shown(Command.make("ls", "-l", "a b", "it's")), "ls -l 'a b' 'it'\\''s'")
    assert.strictEqual(shown(sh`ls ${"a b"}/*`), "ls 'a b'/*")
    assert.strictEqual(shown(Command.make("a").pipe(Command.pipeTo(sh`b | c`))), "a | b | c")
    assert.strictEqual(shown(Command.make("echo", "x".repeat(2000))), `echo ${"x".repeat(995)}... (2005 characters)`)
  })

  it.each([
    ["a NUL in the program", Command.make("a\0"), "an argument contains a NUL"],
    ["a NUL in an argument", Command.make("a", "b", "\0"), "an argument contains a NUL"],
    ["a NUL in a template", sh`echo ${"\0"}`, "an argument contains a NUL"],
    ["a lone surrogate", Command.make("a", "\ud800"), "an argument contains a lone surrogate, which cannot be encoded"],
    ["escapes of a character", Command.make("a", "\udcc3\udca9"), "an argument contains a lone surrogate"],
    ["no program", Command.make(""), "the program is empty"],
    ["no program, with a shell", Command.make("").pipe(Command.runInShell(true)), "the program is empty"],
    ["a shell without a name", Command.make("a").pipe(Command.runInShell("")), "the program is empty"],
    ["no directory", Command.make("a").pipe(Command.workingDirectory("")), "the working directory is empty"],
    [
      "a NUL in the directory",
      Command.make("a").pipe(Command.workingDirectory("/\0")),
      "the working directory contains a NUL"
    ],
    [
      "a NUL in a variable",
      Command.make("a").pipe(Command.env({ A: "\0" })),
      "the environment variable A contains a NUL"
    ],
    [
      "an empty name",
      Command.make("a").pipe(Command.env({ "": "x" })),
      "\"\" is not a valid name of an environment variable"
    ],
    ["a name with =", Command.make("a").pipe(Command.env({ "A=B": "x" })), "\"A=B\" is not a valid name"],
    ["a name with a line end", Command.make("a").pipe(Command.env({ "A\n": "x" })), "\"A\\n\" is not a valid name"],
    ["a name that is a command", Command.make("a").pipe(Command.env({ "A;ls": "x" })), "\"A;ls\" is not a valid name"],
    ["a name with a digit first", Command.make("a").pipe(Command.env({ "1A": "x" })), "\"1A\" is not a valid name"],
    ["a name beyond ASCII", Command.make("a").pipe(Command.env({ "é": "x" })), "\"é\" is not a valid name"],
    ["a later stage", Command.make("a").pipe(Command.pipeTo(Command.make("b", "\0"))), "an argument contains a NUL"]
  ])("refuses %s", (_, command, detail) => {
    assert.include(problemOf(command), `InvalidCommand: ${detail}`)
  })

  it.each(["uid", "gid"])("refuses another %s", (field) => {
    assert.match(problemOf(withFields(Command.make("a"), { [field]: Option.some(0) })), /^Unsupported: .* uid or gid/)
  })

  it("says which command it was", () => {
    const problem = Either.getOrThrow(Either.flip(compile.compile(Command.make("ls", "\0"))))
    assert.include(problem.shown, "ls ")
  })

  it("takes what is odd but possible", () => {
    const command = Command.make("if", "", "\udcff", "a\nb").pipe(
      Command.env({ _: "\n", a1: "=" }),
      Command.workingDirectory("-")
    )
    assert.strictEqual(problemOf(command), "none")
  })
})

describe("bareLine", () => {
  it("is the quoted words, or the script as it is", () => {
    assert.strictEqual(bareLine(Command.make("show", "version", "a b")), "show version 'a b'")
    assert.strictEqual(bareLine(sh`show ${"a b"}; exit`), "show 'a b'; exit")
    assert.strictEqual(bareLine(Command.make("if", "x")), "'if' x")
  })

  it("keeps the stages of a pipeline apart", () => {
    assert.strictEqual(
      bareLine(sh`a; b # c`.pipe(Command.pipeTo(Command.make("d", "|")))),
      "/bin/sh -c 'a; b # c' | d '|'"
    )
  })

  it("cannot say a directory or an environment", () => {
    assert.strictEqual(bareLine(Command.make("a").pipe(Command.workingDirectory("/"))), undefined)
    assert.strictEqual(bareLine(Command.make("a").pipe(Command.env({ A: "x" }))), undefined)
    assert.strictEqual(bareLine(Command.make("a").pipe(Command.env({}, { extendEnv: false }))), undefined)
    assert.strictEqual(
      bareLine(Command.make("a").pipe(Command.pipeTo(Command.make("b").pipe(Command.env({ A: "x" }))))),
      undefined
    )
  })
})
