import { RemoteCommand, sh } from "@effect-remote/core"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck, Redacted } from "effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll } from "vitest"
import { compile } from "../src/internal/command/compile.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "effect-remote-sh-"))

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

interface Shell {
  readonly name: string
  readonly command: readonly [program: string, ...args: ReadonlyArray<string>]
}

const shells: ReadonlyArray<Shell> = [
  { name: "dash", command: ["dash"] },
  { name: "bash", command: ["bash", "--posix"] },
  { name: "busybox sh", command: ["busybox", "sh"] },
  { name: "mksh", command: ["mksh"] },
  { name: "zsh", command: ["zsh", "--emulate", "sh"] }
]

const present = shells.filter(({ command: [program] }) =>
  spawnSync("/bin/sh", ["-c", "command -v \"$1\"", "sh", program]).status === 0
)

// The others are kin of these.
const different = present.filter(({ name }) => ["dash", "bash", "mksh"].includes(name))

const forEachShell = (tests: (shell: Shell) => void) => {
  for (const shell of shells) {
    const installed = present.includes(shell)
    describe.skipIf(!installed)(installed ? shell.name : `${shell.name}: not installed`, () => tests(shell))
  }
}

const scriptOf = (command: Command.Command): string => {
  const [{ args, command: program }] = Command.flatten(command)
  assert.deepStrictEqual([program, args.length, args[0]], ["/bin/sh", 2, "-c"])
  return String(args[1])
}

const problemOf = (command: Command.Command): string | undefined =>
  Either.match(compile(command), { onLeft: ({ detail }) => detail, onRight: () => undefined })

const run = ({ command: [program, ...args] }: Shell, script: string, ...options: ReadonlyArray<string>) =>
  spawnSync(program, [...args, ...options, "-c", script], {
    cwd: directory,
    env: { PATH: process.env.PATH, SHLVL: "2" },
    input: "",
    timeout: 10_000
  })

const prints = (shell: Shell, command: Command.Command): string => {
  assert.strictEqual(problemOf(command), undefined)
  const { status, stderr, stdout } = run(shell, scriptOf(command))
  assert.strictEqual(`${status} ${stderr}`, "0 ")
  return String(stdout)
}

const nasty = [
  "",
  " ",
  "a b",
  "'",
  "\"",
  "\\",
  "\\'",
  "\n",
  "a\n",
  "$x",
  "$(echo x)",
  "`echo x`",
  "${x}",
  "*",
  "~",
  "#",
  "-n",
  "2",
  "if",
  "a=b",
  "a-z",
  "!",
  "é😀"
]

const anyText = FastCheck.oneof(
  FastCheck.constantFrom(...nasty),
  FastCheck.array(FastCheck.constantFrom(..."'\"\\$`(){}#!~*?[]<>|&; \n\t=ab1"), { maxLength: 10 }).map((chars) =>
    chars.join("")
  ),
  FastCheck.string({ unit: "grapheme", maxLength: 10 }).map((text) => text.replaceAll("\0", ""))
)

/** As a template with these pieces, the same value between any two. */
const template = (pieces: ReadonlyArray<string>, value: RemoteCommand.Interpolation): Command.Command =>
  sh(Object.assign(pieces.slice(), { raw: pieces }), ...pieces.slice(1).map(() => value))

const shown = (words: ReadonlyArray<string>) => words.map((word) => `<${word}>`).join("")

describe("sh", () => {
  forEachShell((shell) => {
    it.prop("an interpolation is a word of exactly its text, within any quotes", { x: anyText }, ({ x }) => {
      const alone = sh`printf '<%s>' ${x} "${x}" '${x}' a${x}b "a${x}b${x}" '"${x}"' "'${x}'" ~${x} x=${x}`
      assert.strictEqual(
        prints(shell, alone),
        shown([x, x, x, `a${x}b`, `a${x}b${x}`, `"${x}"`, `'${x}'`, `~${x}`, `x=${x}`])
      )

      const nested = sh`printf '<%s>' "$(printf '%s.' ${x})" "$(printf '%s.' "${x}" '${x}')" $(echo "#" '#' \# a#)${x}`
      assert.strictEqual(prints(shell, nested), shown([`${x}.`, `${x}.${x}.`, "#", "#", "#", `a#${x}`]))

      const mixed = sh`
        # a comment with ' and "
        case ${x} in
          (${x}) printf '<%s>' "a\"${x}" ;;
        esac
        v=${x}; printf '<%s>' "$v\\${x}" "\${v}$${x}" "$${x}" '$${x}' \\${x} # and ' another
        printf '<%s>' ${x}`
      assert.strictEqual(
        prints(shell, mixed),
        shown([`a"${x}`, `${x}\\${x}`, `${x}$${x}`, `$${x}`, `$${x}`, `\\${x}`, x])
      )
    }, { fastCheck: { numRuns: 12 } })

    it("an array is a word for each of its elements", () => {
      const list = (values: RemoteCommand.Interpolation) => prints(shell, sh`set -- ${values}; printf '<%s>' "$#" "$@"`)
      assert.strictEqual(list(nasty), shown([String(nasty.length), ...nasty]))
      assert.strictEqual(list([]), "<0>")
      assert.strictEqual(list([1, -2.5, 3n, Redacted.make("a b")]), "<4><1><-2.5><3><a b>")
      assert.strictEqual(prints(shell, sh`printf '<%s>' a${["b", "c"]}d "x${["y", "z"]}"`), "<ab><cd><xy><z>")
    })

    it("no word leaves nothing, and lets nothing grow together", () => {
      const none: ReadonlyArray<string> = []
      assert.strictEqual(
        prints(shell, sh`printf '<%s>' a ${none}${none}; printf '<%s>' ${none}b d${none}e`),
        "<a><><b><de>"
      )
      assert.strictEqual(prints(shell, sh`${none}printf '<%s>' x ${none} ${none}`), "<x>")
      assert.strictEqual(prints(shell, sh`(echo a ${none}); echo "${none}" '${none}'`), "a\n \n")
    })

    it("numbers stand anywhere", () => {
      const command = sh`x=abc; echo $((${1} + ${2n})) "${4}" \`echo ${5}\` # ${6}
        cat <<END
${7}
END
`
      assert.strictEqual(prints(shell, command), "3 4 5\n7\n")
    })

    it("a number or a digit names no descriptor and no directory", () => {
      const command = sh`echo ${2}>a; echo ${"2"}>b; echo ${[1, 2]}>c; echo ${1}2>d; cat a b c d; echo ~${0}`
      assert.strictEqual(prints(shell, command), "2\n2\n1 2\n12\n~0\n")
    })

    it("a text is never a keyword, an assignment or a pattern", () => {
      const command = sh`
        { ${"if"} || ${"a=b"} || ${"A"}=b; } 2>/dev/null || echo 1
        case - in [a${"-"}z]) echo 2 ;; esac
        case b in [${"a-c"}]) echo no ;; *) echo 3 ;; esac`
      assert.strictEqual(prints(shell, command), "1\n2\n3\n")
    })
  })

  it("reads the template raw, except \\` and \\${", () => {
    assert.strictEqual(scriptOf(sh`a\n\t\\ \` \${x} \$y \\\``), "a\\n\\t\\\\ ` ${x} \\$y \\\\`")
  })

  it("makes a command that composes", () => {
    const command = sh`cat`.pipe(Command.env({ A: "x" }), Command.workingDirectory("/"), Command.feed("input"))
    assert.strictEqual(scriptOf(command), "cat")
    assert.strictEqual(problemOf(command), undefined)
    assert.strictEqual(problemOf(Command.pipeTo(command, sh`wc ${"-c"}`)), undefined)
  })

  it("refuses interpolations that are not text", () => {
    // @ts-expect-error not an interpolation
    assert.strictEqual(problemOf(sh`echo ${undefined}`), "an interpolation is undefined, not text")
    // @ts-expect-error not an interpolation
    assert.strictEqual(problemOf(sh`echo ${null}`), "an interpolation is null, not text")
    // @ts-expect-error not an interpolation
    assert.strictEqual(problemOf(sh`echo ${[{}]}`), "an interpolation is object, not text")
  })

  it("an invalid interpolation fails every command made from it", () => {
    const command = sh`echo $'${"a"}'`
    for (
      const each of [
        Command.env(command, { A: "x" }),
        Command.workingDirectory(command, "/"),
        Command.feed(command, "x"),
        Command.runInShell(command, true),
        Command.stdout(command, "inherit"),
        Command.pipeTo(Command.make("cat"), command),
        command.pipe(Command.pipeTo(Command.make("cat")), Command.env({ A: "x" }))
      ]
    ) {
      assert.match(String(problemOf(each)), /cannot be quoted/)
    }
  })
})

// Every way out of any quotes, each of which would leave a file behind.
const escapes = [
  "\\'; : >hacked; '",
  "\"; : >hacked; \"",
  "\n: >hacked\n}; : >hacked; ); : >hacked\n)); : >hacked\n;; esac; : >hacked\nEND\n: >hacked\n",
  "$(: >hacked)`: >hacked``'\n: >hacked #\"\n: >hacked #\n"
].join("")

// A text that is not quoted usually changes whether the shell can parse the whole script.
const isInert = (shell: Shell, pieces: ReadonlyArray<string>) => {
  const parses = (value: string) => run(shell, scriptOf(template(pieces, value)), "-n").status === 0
  assert.strictEqual(parses(escapes), parses("x"), `${shell.name} ${JSON.stringify(pieces)}`)
  run(shell, scriptOf(template(pieces, escapes)))
  assert.isFalse(fs.existsSync(path.join(directory, "hacked")), `${shell.name} ${JSON.stringify(pieces)}`)
}

describe("positions in which sh quotes a text", () => {
  it.each([
    ["after an escaped blank, # is not a comment", "echo a\\ #'", "'"],
    ["after a substitution, # is not a comment", "echo $(echo)#'", "'"],
    ["after arithmetic, # is not a comment", "echo $((1))#'", "'"],
    ["after a parameter, # is not a comment", "echo ${x}#'", "'"],
    ["$# is not a comment", "echo $# '", "'"],
    ["a no-break space is not a blank", "echo \u00a0#'", "'"],
    ["a quote in a comment", "# it's\necho ", ""],
    ["a quote in a comment after an operator", ": >f;#'\necho '", "'"],
    ["a quote in a comment in a subshell", "(# it's \"\necho ", ")"],
    ["quotes in backquotes", "echo `#'` '", "'"],
    ["a quote after backquotes", "echo `echo x` \"", "\""],
    ["nested substitutions", "echo \"$(echo \"$(echo '", "')\")\""],
    ["a subshell in a substitution", "echo \"$( (echo x); echo ", ")\""],
    ["after a substitution with a subshell", "echo \"$( (echo x) )", "\""],
    ["a parenthesis in quotes in a substitution", "echo \"$(echo ')' ", ")\""],
    ["a parenthesis in a parameter", "echo \"${x:-)}", "\""],
    ["an escaped brace in a parameter", "echo ${x:-\\}} '", "'"],
    ["a quoted brace in a parameter", "echo ${x:-'}'} '", "'"],
    ["an escaped quote in a parameter", "echo \"${x#\\\"}", "\""],
    ["arithmetic with parentheses", "echo \"$(( (1 + 2) * 3 ))", "\""],
    ["a shift in arithmetic", "echo $((1 << 2)) '", "'"],
    ["a continued line", "echo \\\n '", "'"],
    ["an escaped quote", "echo \\\"\\' ", ""],
    ["an escaped quote in quotes", "echo \"\\\"", "\""],
    ["an escaped backslash", "echo \\\\", ""],
    ["an escaped backslash in quotes", "echo \"\\\\", "\""],
    ["a backslash in single quotes", "echo 'a\\", "'"],
    ["a dollar in double quotes", "echo \"a$", "\""],
    ["an escaped dollar", "echo \\$", ""],
    ["a case with lone parentheses", "case x in a) echo '", "' ;; x) echo \"b\" ;; esac"],
    ["a function", "f() { echo ", "; }; f"],
    ["the word case in a substitution", "echo \"$(grep case f; echo ", ")\""]
  ])("%s", (_, before, after) => {
    assert.strictEqual(problemOf(template([before, after], escapes)), undefined)
    for (const shell of different) isInert(shell, [before, after])
  })
})

describe("positions in which sh refuses a text", () => {
  it.each([
    ["a backslash before it", "echo \\", ""],
    ["a backslash before it, in quotes", "echo \"\\", "\""],
    ["a dollar before it", "echo $", ""],
    ["backquotes", "echo `echo ", "`"],
    ["backquotes in quotes", "echo \"`echo ", "`\""],
    ["quotes in backquotes", "echo `echo \"", "\"`"],
    ["a comment", "echo # ", ""],
    ["a comment at the start", "# ", ""],
    ["a comment after an operator", "echo x;# ", ""],
    ["a here-document", "cat <<END\n", "\nEND\n"],
    ["a here-document without tabs", "cat <<-END\n", "\n\tEND\n"],
    ["a quoted here-document", "cat <<'END'\n", "\nEND\n"],
    ["after a here-document", "cat <<END\n'\nEND\necho ", ""],
    ["the end of a here-document", "cat <<", "\nx\n"],
    ["a parameter", "echo ${x:-", "}"],
    ["a parameter in quotes", "echo \"${x:-", "}\""],
    ["the name of a parameter", "echo ${", "}"],
    ["a substitution in a parameter", "echo ${x:-$(echo ", ")}"],
    ["arithmetic", "echo $((", "))"],
    ["a substitution in arithmetic", "echo $(( $(echo ", ") ))"],
    ["$'...'", "echo $'", "'"],
    ["after $'...'", "echo $'a\\'b' ", ""],
    ["$[...]", "echo $[", "]"],
    ["$[...] in quotes", "echo \"$[", "]\""],
    ["${ ...; }", "echo ${ echo ", "; }"],
    ["((...))", "((", "))"],
    ["[[ =~ ]]", "[[ x =~ (#') ]] && echo '", "'"],
    ["after an extended pattern", "echo @(a|#') '", "'"],
    ["a case in a substitution", "echo \"$(case x in x) echo ", " ;; esac)\""],
    ["after a case in a substitution", "echo \"$(case x in x) echo y;; esac; echo \"", "\")\""],
    ["a case in a subshell in a substitution", "echo \"$( (case x in x) echo ", " ;; esac) )\""],
    ["subshells that look like arithmetic", "echo \"$((echo a); echo \"", "\")\""],
    ["after a quoted brace in a quoted parameter", "echo \"${x:-'}'}", "\""],
    ["after a quote in a comment in a substitution", "echo \"$(# it's\necho ", ")\""],
    ["after a continued line within an operator", "cat <\\\n<END\n", "\nEND\n"],
    ["after a continued line within an expansion", "echo \"$\\\n(echo ", ")\""],
    ["after an alias", "alias q=\"echo '\"\nq ", "'"]
  ])("%s", (_, before, after) => {
    for (const value of ["a", "1", "", Redacted.make("a"), ["a"], [1, "a"], [], 1e21, NaN]) {
      assert.match(String(problemOf(template([before, after], value))), /cannot be quoted/)
    }
    for (const value of [1, -2n, 2.5, [1, 2]]) {
      assert.strictEqual(problemOf(template([before, after], value)), undefined)
    }
  })

  const anyPiece = FastCheck.array(
    FastCheck.constantFrom(
      ..."'\"`()#$\\ \n;|{}<~=-x1",
      ..."'\")) ",
      "echo ",
      "$(",
      "$((",
      "))",
      "${x:-",
      "<<END\n",
      "\nEND\n",
      "<<<",
      "\\\n",
      "case x in x) ",
      ";; esac ",
      "[[ ",
      " ]] ",
      "\u00a0"
    ),
    { maxLength: 6 }
  ).map((tokens) => tokens.join(""))

  it.prop(
    "the shell never evaluates a text, even in a malformed template",
    { pieces: FastCheck.array(anyPiece, { minLength: 2, maxLength: 3 }) },
    ({ pieces }) => {
      FastCheck.pre(problemOf(template(pieces, escapes)) === undefined)
      for (const shell of different) isInert(shell, pieces)
    },
    { fastCheck: { numRuns: 30 } }
  )
})

describe("quote", () => {
  it("is one word for a shell", () => {
    assert.strictEqual(RemoteCommand.quote("it's"), "'it'\\''s'")
    assert.strictEqual(RemoteCommand.quote(""), "''")
    assert.strictEqual(RemoteCommand.quote("if"), "'if'")
  })
})
