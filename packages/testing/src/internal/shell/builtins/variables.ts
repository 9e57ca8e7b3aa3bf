/**
 * Builtins that set variables, parameters and flags.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as bytes from "../bytes.js"
import * as expand from "../expand.js"
import { splitLine } from "../fields.js"
import * as state from "../state.js"
import { isName } from "../syntax.js"
import { type Builtin, numberOf, print, refuse } from "./builtin.js"

/** @internal */
export const declare = (change: Partial<state.Variable>): Builtin => (shell, [name, ...words]) =>
  Effect.gen(function*() {
    const listing = words[0] === "-p"
    if (words.length === 0 || listing) {
      const lines = [...shell.variables].filter(([, variable]) =>
        name === "export" ? variable.exported : variable.readonly
      )
        .sort(([left], [right]) => bytes.compare(left, right))
        .map(([one, { value }]) =>
          `${name} ${one}${value === undefined ? "" : `='${value.replace(/'/g, "'\"'\"'")}'`}\n`
        )
      return yield* print(shell, name, lines.join(""))
    }
    if (words[0] === "--") words.shift()
    for (const word of words) {
      if (word.startsWith("-")) return yield* refuse(shell, name, `the option ${word}`)
      const [variable = "", ...rest] = word.split("=")
      if (!isName(variable)) return yield* state.abort(shell, `${name}: ${variable}: bad variable name`)
      if (rest.length > 0) yield* state.assign(shell, variable, rest.join("="))
      const { exported = false, readonly = false, value } = shell.variables.get(variable) ?? {}
      shell.variables.set(variable, { value, exported, readonly, ...change })
    }
    return 0
  })

/** @internal */
export const local: Builtin = (shell, [name, ...words]) =>
  Effect.gen(function*() {
    const saved = shell.locals.at(-1)
    if (saved === undefined) return yield* state.abort(shell, "local: not in a function")
    for (const word of words) {
      const [variable = "", ...rest] = word.split("=")
      if (!isName(variable)) return yield* state.abort(shell, `${name}: ${variable}: bad variable name`)
      if (!saved.has(variable)) saved.set(variable, shell.variables.get(variable))
      if (rest.length > 0) yield* state.assign(shell, variable, rest.join("="))
    }
    return 0
  })

/** @internal */
export const unset: Builtin = (shell, [name, ...words]) =>
  Effect.gen(function*() {
    const isFunction = words[0] === "-f"
    const names = isFunction || words[0] === "-v" || words[0] === "--" ? words.slice(1) : words
    for (const one of names) {
      if (!isName(one)) return yield* state.abort(shell, `${name}: ${one}: bad variable name`)
      if (isFunction) shell.functions.delete(one)
      else if (shell.variables.get(one)?.readonly === true) {
        return yield* state.abort(shell, `${name}: ${one}: is read only`)
      } else shell.variables.delete(one)
    }
    return 0
  })

const flagNames: Readonly<Record<string, keyof state.Flags>> = { e: "errexit", f: "noglob", u: "nounset", x: "xtrace" }

/**
 * The flags with an option more; `undefined`: it is none that is understood.
 *
 * @internal
 */
export const withOption = (flags: state.Flags, option: string): state.Flags | undefined => {
  const on = option.startsWith("-")
  let result = flags
  for (const letter of option.slice(1)) {
    const name = flagNames[letter]
    if (name === undefined) return undefined
    result = { ...result, [name]: on }
  }
  return result
}

/** @internal */
export const set: Builtin = (shell, [name, ...words]) =>
  Effect.gen(function*() {
    if (words.length === 0) return yield* refuse(shell, name, "set without words")
    let index = 0
    for (; index < words.length; index++) {
      const word = words[index] ?? ""
      if (word === "--") {
        index++
        shell.parameters = words.slice(index)
        return 0
      }
      if (!/^[-+]./.test(word)) break
      const isLong = /^[-+]o$/.test(word)
      const long = isLong ? words[++index] ?? "" : ""
      const flag = Object.entries(flagNames).find(([, one]) => one === long)
      const flags = withOption(shell.flags, isLong ? `${word.charAt(0)}${flag?.[0] ?? "?"}` : word)
      if (flags === undefined) return yield* refuse(shell, name, isLong ? `${word} ${long}`.trim() : word)
      shell.flags = flags
    }
    if (index < words.length) shell.parameters = words.slice(index)
    return 0
  })

/** @internal */
export const shift: Builtin = (shell, [name, count]) =>
  Effect.flatMap(numberOf(shell, name, count, 1), (number) => {
    if (number > shell.parameters.length) return state.abort(shell, "shift: can't shift that many")
    shell.parameters = shell.parameters.slice(number)
    return Effect.succeed(0)
  })

const readLine = (shell: state.Shell, raw: boolean) =>
  Effect.gen(function*() {
    let line = ""
    const escaped = new Set<number>()
    let escapes = false
    const source = shell.descriptors.get(0)?.source
    while (source !== undefined) {
      const next = yield* Effect.orElseSucceed(source.read, () => Option.none<Uint8Array>())
      if (Option.isNone(next)) break
      const chunk = next.value
      for (let at = 0; at < chunk.length; at++) {
        const character = String.fromCharCode(chunk[at] ?? 0)
        if (escapes) {
          escapes = false
          if (character === "\n") continue
          escaped.add(line.length)
          line += character
        } else if (character === "\\" && !raw) escapes = true
        else if (character === "\n") {
          yield* source.unread(chunk.subarray(at + 1))
          return { line, escaped, ended: false }
        } else if (character !== "\0") line += character
      }
    }
    return { line, escaped, ended: true }
  })

/** @internal */
export const read: Builtin = (shell, [name, ...words]) =>
  Effect.gen(function*() {
    const raw = words[0] === "-r"
    const names = raw ? words.slice(1) : words
    if (names[0]?.startsWith("-") === true) return yield* refuse(shell, name, `the option ${names[0]}`)
    if (names.length === 0) return yield* state.abort(shell, "read: arg count")
    const bad = names.find((one) => !isName(one))
    if (bad !== undefined) return yield* state.abort(shell, `read: ${bad}: bad variable name`)
    const { ended, escaped, line } = yield* readLine(shell, raw)
    const fields = splitLine(expand.separators(shell), line, escaped, names.length)
    for (const [index, one] of names.entries()) yield* state.assign(shell, one, fields[index] ?? "")
    return ended ? 1 : 0
  })
