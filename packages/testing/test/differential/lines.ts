/**
 * Generates words and lines of commands over existing entries.
 */
import type { Dice, World } from "./world.js"

type Words = readonly [string, ...ReadonlyArray<string>]

export const quote = (word: string): string =>
  /^[\w./-]+$/.test(word) && !word.startsWith("-") ? word : `'${word.replaceAll("'", "'\\''")}'`

// Keeps a path that begins with a hyphen from being read as an option.
const operand = (path: string) => path.startsWith("-") ? `./${path}` : path

const plain = (path: string) => path.replace(/^(?:\.\/+)+|(?:\/+\.?)+$/g, "").replace(/\/+/g, "/")

const isWithin = (path: string, directory: string) => `${plain(path)}/`.startsWith(`${plain(directory)}/`)

/** One command. */
export const words = ({ chance, of, weighted }: Dice, world: World): Words => {
  const any = () => operand(world.any())
  const file = () => operand(world.some("file"))
  const directory = () => operand(world.some("directory"))
  const fresh = () => operand(world.fresh())
  const options = (...among: ReadonlyArray<string>) => among.filter(() => chance(40))
  return weighted<() => Words>(
    [6, () => ["cat", ...chance(70) ? [file()] : [file(), any()]]],
    [4, () => ["ls", ...options("-a", "-1", "-d"), any()]],
    [1, () => ["ls", "-R", directory()]],
    [3, () => {
      const path = fresh()
      world.add(path, "directory")
      return ["mkdir", ...options("-p"), path]
    }],
    [2, () => ["rmdir", directory()]],
    [3, () => {
      const path = any()
      world.remove(path)
      return ["rm", ...options("-r", "-f"), path]
    }],
    [4, () => {
      const [from, to] = [any(), chance(50) ? any() : fresh()]
      // what of a directory is copied into itself depends on the order of its entries
      if (isWithin(to, from)) return ["cp", "-p", from, to]
      world.copy(from, to)
      return ["cp", ...options("-r", "-p"), from, to]
    }],
    [4, () => {
      const [from, to] = [any(), chance(50) ? any() : fresh()]
      world.move(from, to)
      return ["mv", ...options("-f"), from, to]
    }],
    [2, () => {
      const path = chance(50) ? any() : fresh()
      world.add(path, "file")
      return ["touch", ...options("-c"), path]
    }],
    [3, () => {
      const [target, path] = [any(), chance(30) ? any() : fresh()]
      world.link(target, path)
      return ["ln", ...chance(70) ? ["-s"] : [], ...options("-f", "-n"), target, path]
    }],
    [3, () => ["chmod", of("644", "755", "600", "u+x", "go-rwx", "a=r", "0444", "+w"), any()]],
    [2, () => ["head", "-n", of("0", "1", "2", "-1"), file()]],
    [2, () => ["tail", "-n", of("1", "2", "+2"), file()]],
    [2, () => ["sort", ...options("-r", "-n", "-u"), file()]],
    [2, () => ["grep", ...options("-c", "-v", "-n", "-q"), of("o", "one", "^x", "nothing"), file()]],
    [2, () => ["test", of("-e", "-f", "-d", "-L", "-s", "-r", "-w", "-x"), any()]],
    // through a link to what is below itself (`ln -s m/e m`), those of coreutils 9.1 do not end (FOUND A26)
    [2, () => {
      const made = [...options("-f"), any()]
      return ["readlink", ...world.mayLoop() ? made.slice(-1) : made]
    }],
    [1, () => [world.mayLoop() ? "readlink" : "realpath", any()]],
    [2, () => ["stat", "-c", of("%F %a %s", "%n %a", "%h %U"), file()]],
    [1, () => ["sha256sum", file()]],
    [1, () => ["md5sum", file()]],
    [2, () => {
      const path = chance(50) ? file() : fresh()
      world.add(path, "file")
      return ["tee", ...options("-a"), path]
    }],
    [1, () => ["pwd"]],
    [1, () => ["basename", any()]],
    [1, () => ["dirname", any()]],
    [2, () => ["printf", of("%s\\n", "[%s]", "%d\\n"), of("1", "a b", "", "it's")]],
    [1, () => ["echo", of("a", "a  b", "-n", "\\t")]],
    [1, () => ["printenv", of("X", "HOME", "NOPE")]],
    [1, () => ["seq", of("3", "0", "2 5")]],
    [1, () => [of("true", "false")]],
    [2, () => ["cat"]],
    [1, () => ["wc", of("-l", "-c", "-w")]]
  )()
}

/** Generates a command that prints something without input. */
export const source = ({ of, weighted }: Dice, world: World): Words =>
  weighted<() => Words>(
    [3, () => ["cat", operand(world.some("file"))]],
    [2, () => ["ls", operand(world.some("directory"))]],
    [2, () => ["seq", of("5", "30", "0")]],
    [1, () => ["printf", "b\\na\\nb\\n"]],
    [1, () => ["sh", "-c", of("echo x; exit 3", "printf 'z\\ny\\n'; false", "echo e >&2; echo o")]],
    [1, () => ["nope"]]
  )()

/** Generates a command that reads all of its input. */
export const filter = ({ of, weighted }: Dice): Words =>
  weighted<() => Words>(
    [2, () => ["sort"]],
    [1, () => ["cat"]],
    [1, () => ["wc", "-l"]],
    [1, () => ["tr", "a-z", "A-Z"]],
    [1, () => ["grep", of("a", "1", "nothing")]],
    [1, () => ["tail", "-n", "2"]],
    [1, () => ["uniq"]],
    [1, () => ["sh", "-c", of("cat; exit 4", "sort -r", "while read -r x; do echo \"[$x]\"; done")]]
  )()

const line = (words: Words) => words.map(quote).join(" ")

/** A line of the shell. */
export const script = (dice: Dice, world: World): string => {
  const { chance, of, weighted } = dice
  const simple = () => line(words(dice, world))
  const target = () => {
    const path = world.target()
    world.add(path, "file")
    return quote(path)
  }
  const part = (): string =>
    weighted<() => string>(
      [10, simple],
      [4, () => `${line(source(dice, world))} >${of("", ">")}${target()}`],
      [2, () => `echo ${of("a", "$X", "\"$X\"", "*", "$((1+2))", "'q'")} >${of("", ">")}${target()}`],
      [2, () => `cat <${quote(world.some("file"))}`],
      [2, () => `${line(source(dice, world))} | ${line(filter(dice))}`],
      [1, () => `cd ${quote(operandOf(world))} && pwd`],
      [1, () => `for i in *; do echo "<$i>"; done`],
      [1, () => `if ${simple()}; then echo yes; else echo "no $?"; fi`],
      [1, () => `(${simple()}; exit ${of("0", "1", "7")})`],
      [1, () => `x=$(${line(source(dice, world))}); echo "$? $x"`],
      [1, () => of("exit 0", "exit 3", "exit 255", "false", "! true", "set -e")],
      [1, () => `{ echo '#!/bin/sh'; echo 'echo "ran $#: $*"; exit 5'; } >${target()}`],
      [1, () => `while read -r x; do echo "$x" >&2; done <${quote(world.some("file"))}`]
    )()
  let text = part()
  for (let more = of(0, 0, 1, 1, 2, 3); more > 0; more--) text += of("; ", " && ", " || ", "; ") + part()
  return chance(10) ? `! { ${text}; }` : text
}

const operandOf = (world: World) => operand(world.some("directory"))
