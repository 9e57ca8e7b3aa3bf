/**
 * The grammar of the shell: POSIX's, as dash reads it. A script is read completely before it runs. Constructs outside of this
 * grammar, and constructs that the double does not support, are errors.
 */
import { type Assignment, type Command, isName, type Part, type Redirection, type Script, type Word } from "./syntax.js"
import * as tokens from "./tokens.js"
import { ParseError, type Reader, refuse, syntaxError } from "./words.js"

const { unexpected } = tokens

/** Words that cannot begin a command, because they end the preceding list. */
const closing = new Set(["do", "done", "elif", "else", "esac", "fi", "then", "}"])

/** Commands of other shells, and commands that need real processes. */
const refusedCommands = new Set([
  "[[",
  "alias",
  "bg",
  "bind",
  "builtin",
  "caller",
  "complete",
  "compgen",
  "coproc",
  "declare",
  "dirs",
  "disown",
  "enable",
  "fc",
  "fg",
  "function",
  "getopts",
  "hash",
  "history",
  "jobs",
  "let",
  "logout",
  "mapfile",
  "popd",
  "pushd",
  "readarray",
  "select",
  "shopt",
  "source",
  "suspend",
  "time",
  "times",
  "type",
  "typeset",
  "ulimit",
  "umask",
  "unalias"
])

const parser = (reader: Reader, end: ")" | ""): Script => {
  const { look, take } = tokens.make(reader, parser)
  const functions = new Set<string>()
  const called: Array<{ readonly name: string; readonly line: number }> = []

  const isOperator = (text: string): boolean => {
    const token = look()
    return token._tag === "Operator" && token.text === text
  }
  const isReserved = (text: string): boolean => {
    const token = look()
    return token._tag === "Word" && token.plain === text
  }

  const expectReserved = (text: string): void => {
    if (!isReserved(text)) unexpected(look(), text)
    take()
  }
  const expectOperator = (text: string): void => {
    if (!isOperator(text)) unexpected(look(), text)
    take()
  }
  const skipNewlines = (): void => {
    while (isOperator("\n")) take()
  }

  /** Reads commands up to a word that cannot begin one. */
  const list = (): Script => {
    const commands: Array<Command> = []
    while (true) {
      skipNewlines()
      const token = look()
      if (token._tag === "End" || token._tag === "Operator" && token.text === ")") break
      if (token._tag === "Operator" && token.text === ";;") break
      if (token._tag === "Word" && token.plain !== undefined && closing.has(token.plain)) break
      commands.push(andOr())
      if (isOperator("&")) refuse(look(), "& (a command in the background)")
      if (isOperator(";")) take()
      else if (!isOperator("\n")) break
    }
    return commands
  }

  const body = (expected?: string): Script => {
    const commands = list()
    return commands.length === 0 ? unexpected(look(), look()._tag === "End" ? expected : undefined) : commands
  }

  const andOr = (): Command => {
    let left = pipeline()
    while (isOperator("&&") || isOperator("||")) {
      const isAnd = isOperator("&&")
      take()
      skipNewlines()
      left = { _tag: isAnd ? "And" : "Or", left, right: pipeline() }
    }
    return left
  }

  const pipeline = (): Command => {
    const negated = isReserved("!")
    if (negated) take()
    const commands = [command()]
    while (isOperator("|")) {
      take()
      skipNewlines()
      commands.push(command())
    }
    const [only] = commands
    return commands.length === 1 && only !== undefined && !negated ? only : { _tag: "Pipeline", commands, negated }
  }

  const redirections = (): ReadonlyArray<Redirection> => {
    const found: Array<Redirection> = []
    while (true) {
      const token = look()
      if (token._tag !== "Redirection") return found
      found.push(token.redirection)
      take()
    }
  }

  const command = (): Command => {
    const { line } = look()
    const compound = compoundCommand()
    if (compound === undefined) return simple()
    if (compound._tag === "Function") return compound
    const found = redirections()
    return found.length === 0 ? compound : { _tag: "Redirected", line, command: compound, redirections: found }
  }

  const compoundCommand = (): Command | undefined => {
    const token = look()
    if (token._tag === "Operator" && token.text === "(") {
      take()
      if (reader.text.charAt(reader.at) === "(") refuse(token, "(( ))")
      const commands = body()
      expectOperator(")")
      return { _tag: "Subshell", body: commands }
    }
    if (token._tag !== "Word") return undefined
    switch (token.plain) {
      case "{": {
        take()
        const commands = body()
        expectReserved("}")
        return { _tag: "Group", body: commands }
      }
      case "if": {
        const branches: Array<{ readonly condition: Script; readonly body: Script }> = []
        do {
          take()
          const condition = body()
          expectReserved("then")
          branches.push({ condition, body: body() })
        } while (isReserved("elif"))
        let otherwise: Script | undefined
        if (isReserved("else")) {
          take()
          otherwise = body()
        }
        expectReserved("fi")
        return { _tag: "If", branches, otherwise }
      }
      case "while":
      case "until": {
        take()
        const condition = body()
        return { _tag: "While", until: token.plain === "until", condition, body: loopBody() }
      }
      case "for":
        return forLoop()
      case "case":
        return caseOf()
      default:
        return undefined
    }
  }

  const loopBody = (): Script => {
    expectReserved("do")
    const commands = body("done")
    expectReserved("done")
    return commands
  }

  const forLoop = (): Command => {
    take()
    if (isOperator("(")) refuse(look(), "for (( ))")
    const token = take()
    if (token._tag !== "Word" || token.plain === undefined || !isName(token.plain)) {
      return syntaxError(token, "Bad for loop variable")
    }
    let words: Array<Word> | undefined
    if (isOperator(";")) take()
    skipNewlines()
    if (isReserved("in")) {
      take()
      words = []
      for (let one = look(); one._tag === "Word"; one = look()) {
        words.push(one.word)
        take()
      }
      if (!isOperator(";") && !isOperator("\n")) return unexpected(look())
      take()
      skipNewlines()
    }
    return { _tag: "For", name: token.plain, words, body: loopBody() }
  }

  const caseOf = (): Command => {
    take()
    const subject = take()
    if (subject._tag !== "Word") return unexpected(subject, "word")
    skipNewlines()
    expectReserved("in")
    skipNewlines()
    const items: Array<{ readonly patterns: ReadonlyArray<Word>; readonly body: Script }> = []
    while (!isReserved("esac")) {
      if (isOperator("(")) take()
      const patterns: Array<Word> = []
      while (true) {
        const pattern = take()
        // dash checks the following word first
        if (pattern._tag !== "Word") return isOperator(")") ? unexpected(pattern) : unexpected(look(), ")")
        patterns.push(pattern.word)
        if (!isOperator("|")) break
        take()
      }
      expectOperator(")")
      items.push({ patterns, body: list() })
      if (isOperator(";;")) {
        take()
        skipNewlines()
      } else break
    }
    if (!isReserved("esac")) return unexpected(look(), ";;")
    take()
    return { _tag: "Case", word: subject.word, items }
  }

  const assignmentOf = ({ parts: [first, ...rest] }: Word): Assignment | undefined => {
    if (first?._tag !== "Literal" || first.quoted) return undefined
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(first.text)
    if (match === null) {
      const other = /^[A-Za-z_][A-Za-z0-9_]*(?:\+=|\[[^\]]*\]\+?=)/.exec(first.text)
      return other === null ? undefined : refuse(reader, `the assignment ${other[0]}`)
    }
    if (reader.text.charAt(reader.at) === "(" && rest.length === 0 && first.text === match[0]) {
      refuse(reader, `the array ${match[0]}( )`)
    }
    const text = first.text.slice(match[0].length)
    const value: ReadonlyArray<Part> = text === "" ? rest : [{ _tag: "Literal", text, quoted: false }, ...rest]
    return { name: match[1] ?? "", value: { parts: value } }
  }

  const simple = (): Command => {
    const { line } = look()
    const assignments: Array<Assignment> = []
    const words: Array<Word> = []
    const found: Array<Redirection> = []
    let name: string | undefined
    while (true) {
      const token = look()
      if (token._tag === "Redirection") found.push(token.redirection)
      else if (token._tag === "Word") {
        if (words.length === 0) {
          const isFirst = assignments.length === 0 && found.length === 0
          if (isFirst && token.plain !== undefined && (closing.has(token.plain) || token.plain === "!")) {
            return unexpected(token)
          }
          const assignment = assignmentOf(token.word)
          if (assignment !== undefined) {
            assignments.push(assignment)
            take()
            continue
          }
          name = token.plain
        }
        words.push(token.word)
      } else if (token._tag === "Operator" && token.text === "(") {
        if (words.length !== 1 || assignments.length > 0 || found.length > 0) return unexpected(token)
        take()
        expectOperator(")")
        if (name === undefined || !isName(name)) return syntaxError(token, "Bad function name")
        functions.add(name)
        skipNewlines()
        return { _tag: "Function", name, body: command() }
      } else break
      take()
    }
    if (words.length === 0 && assignments.length === 0 && found.length === 0) return unexpected(look())
    if (name !== undefined) called.push({ name, line })
    return { _tag: "Simple", line, assignments, words, redirections: found }
  }

  const commands = list()
  const token = look()
  if (end === ")" ? !isOperator(")") : token._tag !== "End") unexpected(token, end === "" ? undefined : end)
  for (const { line, name } of called) if (refusedCommands.has(name) && !functions.has(name)) refuse({ line }, name)
  return commands
}

/**
 * Fails with a `ParseError`.
 *
 * @internal
 */
export const parse = (text: string, line = 1): Script => parser({ text, at: 0, line }, "")

export { ParseError }
