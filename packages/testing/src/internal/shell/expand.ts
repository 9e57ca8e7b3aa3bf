/**
 * Expansion of words, in POSIX's order.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ArithmeticError, evaluate } from "./arithmetic.js"
import * as bytes from "./bytes.js"
import * as directories from "./directories.js"
import { type Atom, type Field, fieldsOf } from "./fields.js"
import * as pattern from "./pattern.js"
import { abort, assign, type Control, type Shell, valueOf } from "./state.js"
import type { Otherwise, Part, Word } from "./syntax.js"

type Fx<A> = Effect.Effect<A, Control>

const flagsOf = ({ flags }: Shell): string =>
  (flags.nounset ? "u" : "") + (flags.xtrace ? "x" : "") + (flags.noglob ? "f" : "") + (flags.errexit ? "e" : "")

const parameter = (shell: Shell, name: string): string | undefined => {
  switch (name) {
    case "?":
      return `${shell.status}`
    case "#":
      return `${shell.parameters.length}`
    case "$":
      return `${shell.pid}`
    case "-":
      return flagsOf(shell)
    case "0":
      return shell.name
    case "PPID":
      return valueOf(shell, name)
    default:
      return /^[0-9]/.test(name) ? shell.parameters[Number(name) - 1] : valueOf(shell, name)
  }
}

/** The characters that separate fields. @internal */
export const separators = (shell: Shell): string => valueOf(shell, "IFS") ?? (shell.variables.has("IFS") ? "" : " \t\n")

const atom = (text: string, quoted: boolean): Atom => ({ text, quoted, splits: !quoted })

/** `$@` and `$*` in fields. */
const all = (shell: Shell, name: string, quoted: boolean, splits: boolean): ReadonlyArray<Atom> => {
  const { parameters } = shell
  if (!splits || quoted && name === "*") {
    const separator = name === "@" || !splits && !quoted ? " " : separators(shell).charAt(0)
    return [atom(parameters.join(separator), quoted)]
  }
  return parameters.flatMap((value, index) => {
    const one: Atom = { text: value, quoted, splits: !quoted, ofAll: quoted }
    return index === 0 ? [one] : [undefined, one]
  })
}

const textOf = (atoms: ReadonlyArray<Atom>): string => atoms.map((one) => one?.text ?? " ").join("")

const piecesOf = (atoms: ReadonlyArray<Atom>): ReadonlyArray<pattern.Piece> =>
  atoms.flatMap((one) => one === undefined ? [] : [one])

const substituted = (
  shell: Shell,
  { name, operation, quoted }: Extract<Part, { readonly _tag: "Parameter" }>,
  splits: boolean
): Fx<ReadonlyArray<Atom>> => {
  const isAll = name === "@" || name === "*"
  const value = isAll
    ? (shell.parameters.length === 0 ? undefined : shell.parameters.join(" "))
    : parameter(shell, name)
  const plain = (): Fx<ReadonlyArray<Atom>> => {
    if (isAll) return Effect.succeed(all(shell, name, quoted, splits))
    if (value === undefined && shell.flags.nounset) return abort(shell, `${name}: parameter not set`)
    return Effect.succeed([atom(value ?? "", quoted)])
  }
  if (operation === undefined) return plain()
  if (operation._tag === "Length") {
    return Effect.map(plain(), (atoms) => [atom(`${textOf(atoms).length}`, quoted)])
  }
  if ("longest" in operation) {
    const remove = operation._tag === "Prefix" ? pattern.removePrefix : pattern.removeSuffix
    return Effect.flatMap(plain(), (atoms) =>
      Effect.map(atomsOf(shell, { parts: operation.word }, false), (found) => [
        atom(remove(piecesOf(found), textOf(atoms), operation.longest), quoted)
      ]))
  }
  return orElse(shell, name, operation, value, splits, quoted, plain)
}

const orElse = (
  shell: Shell,
  name: string,
  { _tag, orEmpty, word }: Otherwise,
  value: string | undefined,
  splits: boolean,
  quoted: boolean,
  plain: () => Fx<ReadonlyArray<Atom>>
): Fx<ReadonlyArray<Atom>> => {
  const isMissing = value === undefined || orEmpty && value === ""
  // unquoted text in this place is split like a value
  const other = Effect.map(
    atomsOf(shell, { parts: word }, splits),
    (atoms) => atoms.map((one) => one === undefined ? one : { ...one, splits: !one.quoted })
  )
  // quotes make a field of nothing, too
  const within = quoted
    ? Effect.map(other, (atoms) => atoms.length === 0 ? [atom("", true)] : atoms)
    : other
  switch (_tag) {
    case "Alternative":
      return isMissing ? Effect.succeed([atom("", quoted)]) : within
    case "Default":
      return isMissing ? within : plain()
    case "Assign":
      return isMissing
        ? Effect.flatMap(other, (atoms) => Effect.as(assign(shell, name, textOf(atoms)), [atom(textOf(atoms), quoted)]))
        : plain()
    case "Fail":
      return isMissing
        ? Effect.flatMap(
          other,
          (atoms) =>
            abort(shell, `${name}: ${textOf(atoms) || (orEmpty ? "parameter not set or null" : "parameter not set")}`)
        )
        : plain()
  }
}

const arithmetic = (shell: Shell, parts: ReadonlyArray<Part>): Fx<string> =>
  Effect.flatMap(atomsOf(shell, { parts }, false), (atoms) =>
    Effect.suspend((): Fx<string> => {
      const set = new Map<string, string>()
      try {
        const value = evaluate(textOf(atoms), {
          get: (name) => set.get(name) ?? valueOf(shell, name),
          set: (name, value) => set.set(name, value)
        })
        return Effect.as(
          Effect.forEach(set, ([name, value]) => assign(shell, name, value), { discard: true }),
          `${value}`
        )
      } catch (error) {
        if (error instanceof ArithmeticError) return abort(shell, error.message)
        throw error
      }
    }))

const homeOf = (shell: Shell, user: string): Effect.Effect<string | undefined> =>
  user === ""
    ? Effect.succeed(valueOf(shell, "HOME"))
    : Effect.map(shell.files.homeOf(bytes.toText(user)), (home) =>
      Option.getOrUndefined(Option.map(home, bytes.fromText)))

const tilde = /^~([A-Za-z0-9_.-]*)(?=\/|:|$)/

/** The parts of a word with `~` as the home it is; in an assignment after each `:` as well. */
const withHomes = (
  shell: Shell,
  parts: ReadonlyArray<Part>,
  inAssignment: boolean
): Effect.Effect<ReadonlyArray<Part>> => {
  if (!parts.some((part) => part._tag === "Literal" && !part.quoted && part.text.includes("~"))) {
    return Effect.succeed(parts)
  }
  return Effect.map(
    Effect.forEach(parts, (part, index) => {
      if (part._tag !== "Literal" || part.quoted) return Effect.succeed([part])
      const sections = inAssignment ? part.text.split(/(?<=:)/) : [part.text]
      return Effect.map(
        Effect.forEach(sections, (section, at) => {
          const match = (index === 0 || at > 0) ? tilde.exec(section) : null
          const isWhole = match?.[0] === section && at === sections.length - 1 && index < parts.length - 1
          const literal: Part = { ...part, text: section }
          if (match === null || isWhole || !inAssignment && section.charAt(match[0].length) === ":") {
            return Effect.succeed([literal])
          }
          return Effect.map(homeOf(shell, match[1] ?? ""), (home): ReadonlyArray<Part> =>
            home === undefined
              ? [literal]
              : [{ ...part, text: home, quoted: true }, { ...part, text: section.slice(match[0].length) }])
        }),
        (found) => found.flat()
      )
    }),
    (found) => found.flat()
  )
}

const partAtoms = (shell: Shell, part: Part, splits: boolean): Fx<ReadonlyArray<Atom>> => {
  switch (part._tag) {
    case "Literal":
      return Effect.succeed([{ text: part.text, quoted: part.quoted, splits: false }])
    case "Parameter":
      return substituted(shell, part, splits)
    case "Substitution":
      return Effect.map(shell.substitute(shell, part.script), (text) => [atom(text, part.quoted)])
    case "Arithmetic":
      return Effect.map(arithmetic(shell, part.parts), (text) => [atom(text, part.quoted)])
  }
}

const atomsOf = (shell: Shell, word: Word, splits: boolean, inAssignment = false): Fx<ReadonlyArray<Atom>> => {
  const known = knownAtoms(shell, word, splits)
  if (known !== undefined) return Effect.succeed(known)
  return Effect.flatMap(
    withHomes(shell, word.parts, inAssignment),
    (found) => Effect.map(Effect.forEach(found, (part) => partAtoms(shell, part, splits)), (atoms) => atoms.flat())
  )
}

/** Of texts and plain parameters, which most words are; nothing of them can fail or has to be awaited. */
const knownAtoms = (shell: Shell, { parts }: Word, splits: boolean): ReadonlyArray<Atom> | undefined => {
  const atoms: Array<Atom> = []
  for (const part of parts) {
    if (part._tag === "Literal") {
      if (!part.quoted && part.text.includes("~")) return undefined
      atoms.push({ text: part.text, quoted: part.quoted, splits: false })
    } else if (part._tag === "Parameter" && part.operation === undefined) {
      if (part.name === "@" || part.name === "*") {
        for (const one of all(shell, part.name, part.quoted, splits)) atoms.push(one)
        continue
      }
      const value = parameter(shell, part.name)
      if (value === undefined && shell.flags.nounset) return undefined
      atoms.push(atom(value ?? "", part.quoted))
    } else return undefined
  }
  return atoms
}

const plainText = (field: ReadonlyArray<pattern.Piece>): string => field.map(({ text }) => text).join("")

const mayMatch = (field: Field): boolean => field.some(({ quoted, text }) => !quoted && /[*?[]/.test(text))

/** The names that a field is a pattern of, or itself. */
const names = (shell: Shell, field: Field): Effect.Effect<ReadonlyArray<string>> => {
  if (shell.flags.noglob || !mayMatch(field) || !pattern.isPattern(field)) return Effect.succeed([plainText(field)])
  return Effect.map(
    directories.match(shell.files, shell.directory, pattern.steps(field)),
    (found) => found.length === 0 ? [plainText(field)] : found
  )
}

/** @internal */
export const words = (shell: Shell, all: ReadonlyArray<Word>): Fx<ReadonlyArray<string>> =>
  Effect.suspend(() => {
    const found: Array<string> = []
    for (const [index, word] of all.entries()) {
      const atoms = knownAtoms(shell, word, true)
      const fields = atoms === undefined ? undefined : fieldsOf(separators(shell), atoms)
      if (fields === undefined || fields.some(mayMatch)) {
        return Effect.map(
          Effect.forEach(all.slice(index), (rest) =>
            Effect.flatMap(
              atomsOf(shell, rest, true),
              (atoms) => Effect.forEach(fieldsOf(separators(shell), atoms), (field) => names(shell, field))
            )),
          (rest) => [...found, ...rest.flat(2)]
        )
      }
      for (const field of fields) found.push(plainText(field))
    }
    return Effect.succeed(found)
  })

/**
 * A word that is one text whatever it holds: the value of an assignment, the target of a redirection.
 *
 * @internal
 */
export const text = (shell: Shell, word: Word, inAssignment = false): Fx<string> =>
  Effect.map(atomsOf(shell, word, false, inAssignment), textOf)

/** @internal */
export const asPattern = (shell: Shell, word: Word): Fx<ReadonlyArray<pattern.Piece>> =>
  Effect.map(atomsOf(shell, word, false), piecesOf)
