import { sh } from "@effect-remote/core"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck, Redacted, Schema } from "effect"
import { inspect } from "node:util"
import { mask } from "../src/internal/annotations.js"
import * as failures from "../src/internal/failure.js"
import { compile } from "../src/internal/program.js"
import * as text from "../src/internal/text.js"
import { RemoteCommandError } from "../src/RemoteError.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

// None of these is a part of what is around it.
const anySecret = FastCheck.oneof(
  FastCheck.constantFrom(
    "s3cr3t Z",
    "it's",
    "\"Q\"",
    "back\\slash",
    "two\nlines",
    "$(Z)",
    "Zé😀",
    "tab\tZ",
    "Z".repeat(3000)
  ),
  FastCheck.array(FastCheck.constantFrom(..."'\"\\$\n ZQ"), { maxLength: 8 }).map((chars) => `ZQ${chars.join("")}QZ`)
)

const variants = (command: Command.Command): ReadonlyArray<Command.Command> => [
  command,
  Command.env(command, { A: "x" }),
  Command.workingDirectory(command, "/tmp"),
  Command.feed(command, "x"),
  Command.runInShell(command, true),
  Command.stderr(command, "inherit"),
  Command.pipeTo(command, Command.make("cat")),
  Command.make("cat").pipe(Command.pipeTo(command), Command.env({ A: "x" })),
  command.pipe(Command.pipeTo(command), Command.workingDirectory("/tmp"))
]

const forms = (secret: string) => [secret, secret.replaceAll("'", "'\\''"), JSON.stringify(secret).slice(1, -1)]

const assertHides = (secret: string, where: string) => {
  for (const form of forms(secret)) assert.notInclude(where, form)
}

const programOf = (command: Command.Command) => Either.getOrThrow(compile(command))

describe("a Redacted in a command", () => {
  it.prop("is shown by nothing that shows the command", { secret: anySecret }, ({ secret }) => {
    const redacted = Redacted.make(secret)
    for (
      const command of variants(sh`curl -u ${redacted} "${redacted}" '${redacted}' u:${redacted} ${[redacted]} # x`)
    ) {
      const { shown } = programOf(command)
      assert.include(shown, "<redacted>")
      for (const where of [shown, String(command), JSON.stringify(command), inspect(command, { depth: 9 })]) {
        assertHides(secret, where)
      }
    }
  })

  it.prop("is shown by no error", { secret: anySecret }, ({ secret }) => {
    const program = programOf(sh`cat ${Redacted.make(secret)}`)
    const failure = failures.make("host", program)
    failure.stderr.push(text.encode(`+ cat ${secret} '${secret.replaceAll("'", "'\\''")}'\n`))
    failure.noise.push(text.encode(`noise ${secret}`))
    const stdout = text.encode(`out ${secret}`)
    const errors = [
      failure.exit(3, stdout),
      failure.signal(Either.getRight(Either.right("TERM")), stdout),
      failure.error({ reason: "InputFailed", detail: `no ${JSON.stringify(secret)}` }),
      failure.fromReport({ _tag: "Failed", step: "exec", code: 127 })
    ]
    for (const error of errors) {
      const encoded = Schema.encodeSync(RemoteCommandError)(error)
      assertHides(
        secret,
        [
          error.message,
          String(error),
          JSON.stringify(error),
          JSON.stringify(encoded),
          inspect(error),
          text.decode(error.stdout)
        ].join("\n")
      )
    }
    const lost = failure.connection({ reason: "ConnectionLost", detail: "x" })
    assertHides(secret, lost.message + JSON.stringify(lost))
  })

  it("hides a problem's command too", () => {
    const command = sh`cat <<${Redacted.make("s3cr3t")}`
    const problem = Either.getOrThrow(Either.flip(compile(command)))
    assert.notInclude(JSON.stringify(problem) + JSON.stringify(command), "s3cr3t")
  })

  it("may be a piece of what the command is shown with", () => {
    for (const secret of [",", ":", "\"", "{", "null", "true", "args", "/bin/sh", "e", "<redacted>"]) {
      const command = sh`echo ${Redacted.make(secret)}`
      assert.include(String(command), "<redacted>")
      assert.deepStrictEqual(Object.keys(JSON.parse(JSON.stringify(command))), Object.keys(Object(command.toJSON())))
    }
  })

  it("is what the program gets", () => {
    const [stage] = programOf(sh`echo ${Redacted.make("it's")}`).stages
    assert.deepStrictEqual(stage.words, ["/bin/sh", "-c", "echo 'it'\\''s'"])
  })

  it("leaves a command without one as it is", () => {
    const command = sh`echo ${"x"}`
    assert.strictEqual(String(command), String(Command.make("/bin/sh", "-c", "echo 'x'")))
    assert.deepStrictEqual(command.toJSON(), Command.make("/bin/sh", "-c", "echo 'x'").toJSON())
    assert.isFalse(programOf(command).hasSecrets)
  })
})

describe("mask", () => {
  it("hides the longest of several first, and nothing twice", () => {
    const hide = mask(["ab", "abc", "e", "", "ab"].map((secret) => Redacted.make(secret)))
    assert.strictEqual(hide("abcd ab e 'abc' x"), "<redacted>d <redacted> <redacted> <redacted> x")
    assert.strictEqual(hide(""), "")
  })

  it("changes nothing without secrets", () => {
    assert.strictEqual(mask([])("a\nb"), "a\nb")
    assert.strictEqual(mask([Redacted.make("")])("a\nb"), "a\nb")
  })
})
