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

/** State of the parser. */
interface Parser {
  readonly reader: Reader
  readonly look: () => tokens.Token
  readonly take: () => tokens.Token
  readonly functions: Set<string>
  readonly called: Array<{ readonly name: string; readonly line: number }>
}

const isOperator = (self: Parser, text: string): boolean => {
  const token = self.look()
  return token._tag === "Operator" && token.text === text
}

const isReserved = (self: Parser, text: string): boolean => {
  const token = self.look()
  return token._tag === "Word" && token.plain === text
}

const expectReserved = (self: Parser, text: string): void => {
  if (!isReserved(self, text)) unexpected(self.look(), text)
  self.take()
}

const expectOperator = (self: Parser, text: string): void => {
  if (!isOperator(self, text)) unexpected(self.look(), text)
  self.take()
}

const skipNewlines = (self: Parser): void => {
  while (isOperator(self, "\n")) self.take()
}

/** Reads commands up to a word that cannot begin one. */
const list = (self: Parser): Script => {
  const commands: Array<Command> = []
  while (true) {
    skipNewlines(self)
    const token = self.look()
    if (token._tag === "End" || token._tag === "Operator" && token.text === ")") break
    if (token._tag === "Operator" && token.text === ";;") break
    if (token._tag === "Word" && token.plain !== undefined && closing.has(token.plain)) break
    commands.push(andOr(self))
    if (isOperator(self, "&")) refuse(self.look(), "& (a command in the background)")
    if (isOperator(self, ";")) self.take()
    else if (!isOperator(self, "\n")) break
  }
  return commands
}

const body = (self: Parser, expected?: string): Script => {
  const commands = list(self)
  return commands.length === 0 ? unexpected(self.look(), self.look()._tag === "End" ? expected : undefined) : commands
}

const andOr = (self: Parser): Command => {
  let left = pipeline(self)
  while (isOperator(self, "&&") || isOperator(self, "||")) {
    const isAnd = isOperator(self, "&&")
    self.take()
    skipNewlines(self)
    left = { _tag: isAnd ? "And" : "Or", left, right: pipeline(self) }
  }
  return left
}

const pipeline = (self: Parser): Command => {
  const negated = isReserved(self, "!")
  if (negated) self.take()
  const commands = [command(self)]
  while (isOperator(self, "|")) {
    self.take()
    skipNewlines(self)
    commands.push(command(self))
  }
  const [only] = commands
  return commands.length === 1 && only !== undefined && !negated ? only : { _tag: "Pipeline", commands, negated }
}

const redirections = (self: Parser): ReadonlyArray<Redirection> => {
  const found: Array<Redirection> = []
  while (true) {
    const token = self.look()
    if (token._tag !== "Redirection") return found
    found.push(token.redirection)
    self.take()
  }
}

const command = (self: Parser): Command => {
  const { line } = self.look()
  const compound = compoundCommand(self)
  if (compound === undefined) return simple(self)
  if (compound._tag === "Function") return compound
  const found = redirections(self)
  return found.length === 0 ? compound : { _tag: "Redirected", line, command: compound, redirections: found }
}

const compoundCommand = (self: Parser): Command | undefined => {
  const token = self.look()
  if (token._tag === "Operator" && token.text === "(") {
    self.take()
    if (self.reader.text.charAt(self.reader.at) === "(") refuse(token, "(( ))")
    const commands = body(self)
    expectOperator(self, ")")
    return { _tag: "Subshell", body: commands }
  }
  if (token._tag !== "Word") return undefined
  switch (token.plain) {
    case "{": {
      self.take()
      const commands = body(self)
      expectReserved(self, "}")
      return { _tag: "Group", body: commands }
    }
    case "if": {
      const branches: Array<{ readonly condition: Script; readonly body: Script }> = []
      do {
        self.take()
        const condition = body(self)
        expectReserved(self, "then")
        branches.push({ condition, body: body(self) })
      } while (isReserved(self, "elif"))
      let otherwise: Script | undefined
      if (isReserved(self, "else")) {
        self.take()
        otherwise = body(self)
      }
      expectReserved(self, "fi")
      return { _tag: "If", branches, otherwise }
    }
    case "while":
    case "until": {
      self.take()
      const condition = body(self)
      return { _tag: "While", until: token.plain === "until", condition, body: loopBody(self) }
    }
    case "for":
      return forLoop(self)
    case "case":
      return caseOf(self)
    default:
      return undefined
  }
}

const loopBody = (self: Parser): Script => {
  expectReserved(self, "do")
  const commands = body(self, "done")
  expectReserved(self, "done")
  return commands
}

const forLoop = (self: Parser): Command => {
  self.take()
  if (isOperator(self, "(")) refuse(self.look(), "for (( ))")
  const token = self.take()
  if (token._tag !== "Word" || token.plain === undefined || !isName(token.plain)) {
    return syntaxError(token, "Bad for loop variable")
  }
  let words: Array<Word> | undefined
  if (isOperator(self, ";")) self.take()
  skipNewlines(self)
  if (isReserved(self, "in")) {
    self.take()
    words = []
    for (let one = self.look(); one._tag === "Word"; one = self.look()) {
      words.push(one.word)
      self.take()
    }
    if (!isOperator(self, ";") && !isOperator(self, "\n")) return unexpected(self.look())
    self.take()
    skipNewlines(self)
  }
  return { _tag: "For", name: token.plain, words, body: loopBody(self) }
}

const caseOf = (self: Parser): Command => {
  self.take()
  const subject = self.take()
  if (subject._tag !== "Word") return unexpected(subject, "word")
  skipNewlines(self)
  expectReserved(self, "in")
  skipNewlines(self)
  const items: Array<{ readonly patterns: ReadonlyArray<Word>; readonly body: Script }> = []
  while (!isReserved(self, "esac")) {
    if (isOperator(self, "(")) self.take()
    const patterns: Array<Word> = []
    while (true) {
      const pattern = self.take()
      // dash checks the following word first
      if (pattern._tag !== "Word") return isOperator(self, ")") ? unexpected(pattern) : unexpected(self.look(), ")")
      patterns.push(pattern.word)
      if (!isOperator(self, "|")) break
      self.take()
    }
    expectOperator(self, ")")
    items.push({ patterns, body: list(self) })
    if (isOperator(self, ";;")) {
      self.take()
      skipNewlines(self)
    } else break
  }
  if (!isReserved(self, "esac")) return unexpected(self.look(), ";;")
  self.take()
  return { _tag: "Case", word: subject.word, items }
}

const assignmentOf = (self: Parser, { parts: [first, ...rest] }: Word): Assignment | undefined => {
  if (first?._tag !== "Literal" || first.quoted) return undefined
  const match = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(first.text)
  if (match === null) {
    const other = /^[A-Za-z_][A-Za-z0-9_]*(?:\+=|\[[^\]]*\]\+?=)/.exec(first.text)
    return other === null ? undefined : refuse(self.reader, `the assignment ${other[0]}`)
  }
  if (self.reader.text.charAt(self.reader.at) === "(" && rest.length === 0 && first.text === match[0]) {
    refuse(self.reader, `the array ${match[0]}( )`)
  }
  const text = first.text.slice(match[0].length)
  const value: ReadonlyArray<Part> = text === "" ? rest : [{ _tag: "Literal", text, quoted: false }, ...rest]
  return { name: match[1] ?? "", value: { parts: value } }
}

const simple = (self: Parser): Command => {
  const { line } = self.look()
  const assignments: Array<Assignment> = []
  const words: Array<Word> = []
  const found: Array<Redirection> = []
  let name: string | undefined
  while (true) {
    const token = self.look()
    if (token._tag === "Redirection") found.push(token.redirection)
    else if (token._tag === "Word") {
      if (words.length === 0) {
        const isFirst = assignments.length === 0 && found.length === 0
        if (isFirst && token.plain !== undefined && (closing.has(token.plain) || token.plain === "!")) {
          return unexpected(token)
        }
        const assignment = assignmentOf(self, token.word)
        if (assignment !== undefined) {
          assignments.push(assignment)
          self.take()
          continue
        }
        name = token.plain
      }
      words.push(token.word)
    } else if (token._tag === "Operator" && token.text === "(") {
      if (words.length !== 1 || assignments.length > 0 || found.length > 0) return unexpected(token)
      self.take()
      expectOperator(self, ")")
      if (name === undefined || !isName(name)) return syntaxError(token, "Bad function name")
      self.functions.add(name)
      skipNewlines(self)
      return { _tag: "Function", name, body: command(self) }
    } else break
    self.take()
  }
  if (words.length === 0 && assignments.length === 0 && found.length === 0) return unexpected(self.look())
  if (name !== undefined) self.called.push({ name, line })
  return { _tag: "Simple", line, assignments, words, redirections: found }
}

const parser = (reader: Reader, end: ")" | ""): Script => {
  const self: Parser = { reader, ...tokens.make(reader, parser), functions: new Set(), called: [] }

  const commands = list(self)
  const token = self.look()
  if (end === ")" ? !isOperator(self, ")") : token._tag !== "End") unexpected(token, end === "" ? undefined : end)
  for (const { line, name } of self.called) {
    if (refusedCommands.has(name) && !self.functions.has(name)) refuse({ line }, name)
  }
  return commands
}

/**
 * Fails with a `ParseError`.
 *
 * @internal
 */
export const parse = (text: string, line = 1): Script => parser({ text, at: 0, line }, "")

export { ParseError }
