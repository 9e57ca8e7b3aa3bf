import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { spawnSync } from "node:child_process"
import * as text from "../src/internal/lib/text.js"
import * as quote from "../src/internal/scripts/quote.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const byteRange = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

const allBytes = text.decode(Uint8Array.from(byteRange(1, 255)))

const nasty = [
  "",
  " ",
  "-n",
  "--",
  "'",
  "''",
  "\"",
  "\\",
  "\\'",
  "'\\''",
  "$HOME",
  "$(echo x)",
  "`echo x`",
  "${x}",
  "!",
  "!!",
  "a!b",
  "\\!",
  "~",
  "~root",
  "*",
  "?",
  "[a-z]",
  "{a,b}",
  "#",
  "a#b",
  "%1",
  "=ls",
  "^a^b",
  "a;b",
  "a&b",
  "a|b",
  "<",
  ">",
  "(",
  ")",
  "\t",
  "\r",
  "é😀",
  "\udcff",
  "\udcc3(",
  "if",
  "2"
]

const withLineEnds = ["\n", "a\nb", "a\n", "\n\n", "'\n'", "\\\n"]

interface Shell {
  readonly name: string
  readonly command: ReadonlyArray<string>
}

const posixShells: ReadonlyArray<Shell> = [
  { name: "sh", command: ["/bin/sh"] },
  { name: "dash", command: ["dash"] },
  { name: "bash", command: ["bash"] },
  { name: "bash --posix", command: ["bash", "--posix"] },
  { name: "busybox sh", command: ["busybox", "sh"] },
  { name: "mksh", command: ["mksh"] },
  { name: "zsh", command: ["zsh"] }
]

const loginShells: ReadonlyArray<Shell> = [
  ...posixShells,
  { name: "fish", command: ["fish"] },
  { name: "tcsh", command: ["tcsh"] }
]

const isInstalled = ({ command: [program] }: Shell) =>
  spawnSync("/bin/sh", ["-c", "command -v \"$1\"", "sh", String(program)]).status === 0

const forEach = (shells: ReadonlyArray<Shell>, tests: (shell: Shell) => void) => {
  for (const shell of shells) {
    const installed = isInstalled(shell)
    describe.skipIf(!installed)(installed ? shell.name : `${shell.name}: not installed`, () => tests(shell))
  }
}

// Node cannot pass an argument that is not UTF-8, so a shell reads the line with `cat`.
const run = (shell: Shell, line: string): Buffer => {
  const { status, stderr, stdout } = spawnSync(
    "/bin/sh",
    ["-c", "line=$(cat; echo x); exec \"$@\" -c \"${line%x}\"", "sh", ...shell.command],
    { input: text.encode(line) }
  )
  assert.strictEqual(`${status} ${stderr}`, "0 ")
  return stdout
}

const argumentsOf = (shell: Shell, line: string): ReadonlyArray<string> =>
  text.decode(run(shell, `/usr/bin/printf '%s\\0' x ${line}`)).split("\0").slice(1, -1)

const words = (bytes: ReadonlyArray<number>) =>
  FastCheck.array(
    FastCheck.array(
      FastCheck.oneof(
        FastCheck.constantFrom(..."'\\!\"$` #ab"),
        FastCheck.constantFrom(
          ...bytes.map((byte) => text.decode(Uint8Array.of(byte)))
        )
      ),
      { maxLength: 12 }
    ).map((chars) => text.decode(text.encode(chars.join("")))),
    { minLength: 10, maxLength: 20 }
  )

describe("posix", () => {
  forEach(posixShells, (shell) => {
    it("stands for exactly the text, whatever the text", () => {
      const all = [
        ...nasty,
        ...withLineEnds,
        ...Array.from(byteRange(1, 255), (byte) => text.decode(Uint8Array.of(byte)))
      ]
      assert.deepStrictEqual(argumentsOf(shell, [...all, allBytes].map(quote.posix).join(" ")), [...all, allBytes])
    })

    it.prop("stands for any text", { words: words(byteRange(1, 255)) }, ({ words }) => {
      assert.deepStrictEqual(argumentsOf(shell, words.map(quote.posix).join(" ")), words)
    }, { fastCheck: { numRuns: 6 } })

    it("grows together with what is around it, and stays a word where a shell looks for something else", () => {
      assert.deepStrictEqual(argumentsOf(shell, `a${quote.posix("b c")}d`), ["ab cd"])
      assert.strictEqual(String(run(shell, `if=1; echo ${quote.posix("2")}>&1 ${quote.posix("if")}`)), "2 if\n")
      assert.strictEqual(String(run(shell, `${quote.posix("a=b")} 2>/dev/null || echo none`)), "none\n")
    })
  })
})

describe("line", () => {
  it("quotes no more than it needs", () => {
    assert.strictEqual(quote.line(["dd", "if=/dev/zero", "of=/tmp/a b"]), "dd if=/dev/zero 'of=/tmp/a b'")
    assert.strictEqual(quote.line(["echo", "if", "2", ""]), "echo if 2 ''")
  })

  it("quotes a program that a shell would not take for one", () => {
    assert.strictEqual(quote.line(["if", "x"]), "'if' x")
    assert.strictEqual(quote.line(["a=b", "a=b"]), "'a=b' a=b")
    assert.strictEqual(quote.line(["%1"]), "'%1'")
  })

  forEach(posixShells, (shell) => {
    it("gives the words back", () => {
      assert.deepStrictEqual(argumentsOf(shell, quote.line(["x", ...nasty, ...withLineEnds])), [
        "x",
        ...nasty,
        ...withLineEnds
      ])
    })
  })
})

describe("loginShell", () => {
  const printable = byteRange(1, 255).filter((byte) => byte !== 10)

  forEach(loginShells, (shell) => {
    it("stands for exactly the text, when it has no line end", () => {
      const all = [...nasty, ...printable.map((byte) => text.decode(Uint8Array.of(byte)))]
      const together = allBytes.replace("\n", "")
      assert.deepStrictEqual(argumentsOf(shell, [...all, together].map(quote.loginShell).join(" ")), [...all, together])
    })

    it.prop("stands for any text without line ends", { words: words(printable) }, ({ words }) => {
      assert.deepStrictEqual(argumentsOf(shell, words.map(quote.loginShell).join(" ")), words)
    }, { fastCheck: { numRuns: 6 } })
  })
})
