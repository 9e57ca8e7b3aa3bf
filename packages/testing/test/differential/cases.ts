/**
 * Differences that random programs have found, each reduced to the steps that show it.
 */
import { type Commands, Input, Step } from "./program.js"

interface Case {
  readonly name: string
  /** Of the program that has found it, as programs were made then. */
  readonly seed: number
  readonly steps: ReadonlyArray<Step>
}

const file = (path: string, text: string, mode?: number): Step =>
  Step.Write({ path, content: { text, times: 1 }, flag: "w", ...(mode !== undefined && { mode }) })

const directory = (path: string): Step => Step.MakeDirectory({ path, recursive: true })

const link = (path: string, target: string): Step => Step.Symlink({ target, path })

const commands = (words: Commands["words"], change: Partial<Commands> = {}): Commands => ({
  words,
  environment: {},
  directory: "",
  input: Input.None(),
  ...change
})

const run = (...words: Commands["words"][number]): Step => Step.Run({ verb: "start", commands: commands([words]) })

const shell = (script: string): Step => run("sh", "-c", script)

/** Cases, named after their defect. */
export const cases: ReadonlyArray<Case> = [
  {
    name: "the name of the signal that ended a command",
    seed: 4,
    steps: [Step.Kill({ commands: commands([["sh", "-c", "echo ready; exec sleep 1000"]]), signal: "SIGUSR1" })]
  },
  {
    name: "what is said of a program that is not executable, behind the start",
    seed: 1,
    steps: [file("a", "x"), run("./a"), run("<root>/a")]
  },
  {
    name: "what is said of a program that is of no format",
    seed: 157,
    steps: [file("a", "\0", 0o755), run("./a"), shell("./a"), file("b", "x\n\0y\n", 0o755), run("./b"), shell("./b")]
  },
  {
    name: "what is kept of a file that is copied over",
    seed: 435,
    steps: [file("a", ""), file("b", "x", 0o4755), Step.Chmod({ path: "b", mode: 0o4755 }), run("cp", "-p", "a", "b")]
  },
  { name: "no lines of a directory", seed: 454, steps: [directory("d"), run("head", "-n", "0", "d")] },
  {
    name: "the name of a directory that is sorted",
    seed: 380,
    steps: [directory("it's"), run("sort", "it's")]
  },
  {
    name: "what is said of a directory that cannot be entered",
    seed: 6,
    steps: [file("a", "x"), Step.Run({ verb: "start", commands: commands([["pwd"]], { directory: "a" }) })]
  },
  {
    name: "the directory of a command that a link leads to",
    seed: 18,
    steps: [
      directory("d"),
      link("l", "d"),
      Step.Run({ verb: "string", commands: commands([["pwd"]], { directory: "l" }) })
    ]
  },
  {
    name: "a file that is read and written to by the same command",
    seed: 15,
    steps: [file("a", "x\n"), shell("cat a >>a"), shell("grep x a >>a"), shell("cat a a")]
  },
  {
    name: "lines of what is no text",
    seed: 7,
    steps: [
      file("a", "\0x\nx\n"),
      run("grep", "x", "a"),
      run("grep", "-v", "y", "a"),
      run("grep", "-c", "-v", "y", "a"),
      run("wc", "-w", "a")
    ]
  },
  {
    name: "a directory where lines are read",
    seed: 13,
    steps: [
      directory("d"),
      ...["cat", "wc -l", "sort", "head", "tail", "grep x", "cut -c 1", "uniq", "tr a b", "tee t"].map((tool) =>
        shell(`${tool} <d`)
      ),
      run("uniq", "d"),
      run("grep", "-c", "x", "d")
    ]
  },
  {
    name: "what stands below a file",
    seed: 6,
    steps: [
      file("a", "x"),
      file("b", "y"),
      run("mv", "b", "a/c"),
      run("cp", "b", "a/c"),
      run("cp", "b", "a/"),
      run("ln", "-f", "b", "a/c"),
      run("ln", "-s", "-f", "b", "a/c"),
      run("touch", "-c", "a/c"),
      directory("d"),
      run("cp", "d", "a/c")
    ]
  },
  {
    name: "a link that leads to itself",
    seed: 56,
    steps: [link("a", "a"), run("ls", "a"), run("readlink", "-f", "a"), run("realpath", "a")]
  },
  {
    // FOUND A26: without `readlink -f` and `realpath`, which do not end with coreutils 9.1
    name: "a link to what is below itself",
    seed: 2108663,
    steps: [link("m", "m/e"), run("cat", "m"), run("readlink", "m"), run("ls", "m"), run("ls", "m/e")]
  },
  {
    name: "a link that leads nowhere",
    seed: 89,
    steps: [file("b", "x"), link("a", "nowhere"), run("cp", "b", "a"), run("chmod", "644", "a")]
  },
  {
    name: "a file with a slash behind its name",
    seed: 209,
    steps: [
      file("a", "x"),
      run("readlink", "-f", "a/"),
      run("cp", "a/", "b"),
      run("touch", "a/"),
      run("touch", "c/"),
      run("cp", "nope/", "b")
    ]
  },
  {
    name: "a link to what it replaces",
    seed: 175,
    steps: [
      directory("d"),
      file("a", "x"),
      file("d/c", "y"),
      run("ln", "-s", "-f", "./a", "a"),
      run("ln", "-f", "d/c", "d"),
      run("cat", "a", "d/c")
    ]
  },
  {
    name: "numbers that are none",
    seed: 16,
    steps: [run("printf", "%d", "it's"), run("printf", "%d", ""), shell("printf %d ''")]
  },
  {
    name: "quotes around names",
    seed: 114,
    steps: [file("a", "x"), run("sort", "it's/é"), run("cat", "é's"), run("mkdir", "a/é"), run("mkdir", "a/it's")]
  },
  {
    name: "blanks behind the parameters",
    seed: 67,
    steps: [
      shell("set -- 1 2; printf '<%s>' \"$@\"$(echo 'a  b')$(echo 'c  d')"),
      shell("set --; printf '<%s>' \"x$@\"$(echo 'a  b')")
    ]
  },
  { name: "a default of nothing within quotes", seed: 146, steps: [shell("printf '<%s>' \"${z:-}\" ${z:-}")] },
  { name: "the line of what is redirected", seed: 46, steps: [shell(":\n{ :; } <nope")] },
  {
    name: "a directory that can be read and not entered",
    seed: 27,
    steps: [
      directory("d"),
      file("d/a", "x"),
      Step.Chmod({ path: "d", mode: 0o600 }),
      run("ls", "d"),
      run("ls", "-p", "d"),
      run("mkdir", "-p", "d/e")
    ]
  },
  { name: "a program of a long name", seed: 269, steps: [shell("x".repeat(300))] },
  {
    name: "a program behind a link that leads to itself",
    seed: 73,
    steps: [
      link("d", "d"),
      file("a", ""),
      shell("d/f"),
      shell("exec d/f"),
      shell("a/f"),
      run("sh", "d/f"),
      run("sh", "a/f")
    ]
  },
  {
    name: "a link in the place of what is copied over",
    seed: 112,
    steps: [
      link("e", "e"),
      directory("d"),
      link("l", "d"),
      run("cp", "-r", "d", "e"),
      run("cp", "-r", "-T", "d", "l"),
      run("cp", "e", "f")
    ]
  },
  {
    name: "a link that is copied over what it names",
    seed: 341,
    steps: [
      directory("m"),
      file("m/n", "x"),
      link("c", "m/n"),
      run("cp", "-r", "-p", "c", "m/n"),
      run("cp", "-r", "c", "b")
    ]
  },
  {
    name: "directories behind a link that leads to itself",
    seed: 179,
    steps: [link("m", "m/e"), link("b", "m"), run("mkdir", "-p", "b/e/c"), run("mkdir", "-p", "b"), run("mkdir", "b")]
  },
  {
    name: "a directory in the place of a link",
    seed: 435,
    steps: [directory("e/d"), run("ln", "-s", "-f", "e/d", "e"), run("ln", "-s", "e/d", "e")]
  },
  {
    name: "an owner without a name",
    seed: 489,
    steps: [file("b", "x"), Step.Chown({ path: "b", uid: 21001, gid: 21001 }), run("stat", "-c", "%h %U %G", "b")]
  }
]
