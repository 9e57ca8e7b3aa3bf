import { sh } from "@effect-remote/core"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck, Redacted, Schema } from "effect"
import { inspect } from "node:util"
import { compile } from "../src/internal/command/compile.js"
import * as commandErrors from "../src/internal/command/errors.js"
import * as masks from "../src/internal/command/mask.js"
import * as text from "../src/internal/lib/text.js"
import { RemoteCommandError } from "../src/RemoteError.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

// The text around a secret contains none of these.
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
    const failure = commandErrors.make("host", program)
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
    const hide = masks.make(["ab", "abc", "e", "", "ab"].map((secret) => Redacted.make(secret)))
    assert.strictEqual(hide("abcd ab e 'abc' x"), "<redacted>d <redacted> <redacted> <redacted> x")
    assert.strictEqual(hide(""), "")
  })

  it("changes nothing without secrets", () => {
    assert.strictEqual(masks.make([])("a\nb"), "a\nb")
    assert.strictEqual(masks.make([Redacted.make("")])("a\nb"), "a\nb")
  })

  // Secrets have small letters and digits in them, and what is around them has none.
  const anyWord = FastCheck.array(
    FastCheck.oneof(
      { arbitrary: FastCheck.constantFrom(..."abcdefghijklmnopqrstuvwxyz0123456789"), weight: 4 },
      FastCheck.constantFrom(..."'\"\\\n $!`é")
    ),
    { minLength: 8, maxLength: 40 }
  ).map((chars) => chars.join("")).filter((word) => word.replace(/[^a-z0-9]/g, "").length >= 6)

  const octal = (word: string) =>
    Array.from(text.encode(word), (byte) =>
      byte > 0x20 && byte < 0x7f && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\0${byte.toString(8).padStart(3, "0")}`).join("")

  const quotings: Record<string, (word: string) => string> = {
    none: (word) => word,
    posix: (word) => `'${word.replaceAll("'", "'\\''")}'`,
    dash: (word) => `'${word.replaceAll("'", "'\"'\"'")}'`,
    double: (word) => `"${word.replace(/["\\$`]/g, "\\$&")}"`,
    backslashes: (word) => word.replace(/[^a-z0-9]/g, "\\$&"),
    dollar: (word) => `$'${word.replace(/['\\]/g, "\\$&").replaceAll("\n", "\\n")}'`,
    loginShell: (word) => `'${word.replace(/['\\!]/g, (char) => `'\\${char}'`)}'`,
    frame: (word) => `'${word.replaceAll("'", "'\\''").replaceAll("\n", "'\"$er_nl\"'")}'`,
    json: JSON.stringify,
    octal,
    terminal: (word) => word.replaceAll("\n", "\r\n")
  }

  const longestRun = (shown: string) =>
    Math.max(0, ...(shown.replaceAll("<redacted>", "-").match(/[a-z0-9]+/g) ?? []).map((run) => run.length))

  const anyQuoting = FastCheck.constantFrom(...Object.keys(quotings).filter((name) => name !== "terminal"))

  // FOUND A15
  it.prop(
    "hides a secret in every form that quoting gives it, once and twice",
    {
      secret: anyWord,
      once: anyQuoting,
      twice: FastCheck.constantFrom("none", "posix", "frame", "loginShell", "terminal")
    },
    ({ once, secret, twice }) => {
      const quoted = quotings[twice]!(quotings[once]!(secret))
      const shown = masks.make([Redacted.make(secret)])(`SH: CANNOT READ ${quoted} HERE`)
      assert.match(shown, /^SH: CANNOT READ .*HERE$/s)
      assert.isBelow(longestRun(shown.replace(/\$er\\*_nl|\\'?0?[0-7]{3}/g, "")), 4, shown)
    },
    { fastCheck: { numRuns: 500 } }
  )

  // FOUND E18
  it.prop(
    "leaves less than four characters of a secret that is cut, at either end or both",
    {
      secret: FastCheck.oneof(anyWord, anyWord.map((word) => word.repeat(300))),
      quoting: FastCheck.constantFrom("none", "posix", "json", "loginShell"),
      ends: FastCheck.tuple(FastCheck.nat(), FastCheck.nat())
    },
    ({ ends, quoting, secret }) => {
      const whole = `BEFORE ${quotings[quoting]!(secret)} AFTER`
      const [from, to] = ends.map((end) => end % (whole.length + 1)).sort((one, other) => one - other)
      const shown = masks.make([Redacted.make(secret)])(whole.slice(from, to), { start: true, end: true })
      assert.isBelow(longestRun(shown), 4, shown)
    },
    { fastCheck: { numRuns: 300 } }
  )

  // FOUND E18
  it("hides parts in what an error holds: of its stderr, of what a login shell printed, of what was collected", () => {
    const secret = Array.from({ length: 2000 }, (_, index) => `x${index}y`).join("")
    const failure = commandErrors.make("host", programOf(sh`cat ${Redacted.make(secret)}`))
    failure.noise.push(text.encode(`${secret.repeat(2)}NOISE ${secret.slice(0, 9)}`))
    failure.stderr.push(text.encode(`${secret}`.repeat(2)))
    const error = failure.exit(1, text.encode(`OUT ${secret.slice(0, 4000)}`))
    assert.strictEqual(text.decode(error.stdout), "OUT <redacted>")
    assert.isBelow(longestRun(error.stderr), 4)
    assert.strictEqual(failure.loginOutput(), "<redacted>NOISE <redacted>")
    assert.strictEqual(longestRun(String(failure.connection({ reason: "Unknown", detail: "X" }).output)), 0)
  })

  it("shows what only looks like the beginning of a secret where nothing was cut", () => {
    assert.strictEqual(masks.make([Redacted.make("password")])("passw"), "passw")
  })

  it("is fast on large outputs", () => {
    const hide = masks.make([Redacted.make("it's-my-token")])
    const large = "{\"a\": \"it's-my-toke \\n\"}\n".repeat(50_000)
    assert.isTrue(hide(`${large}it's-my-token`) === `${large}<redacted>`)
  })
})
