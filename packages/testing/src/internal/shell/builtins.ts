/**
 * The builtins of the shell.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Builtin, failing, numberOf, print, refuse, type Run } from "./builtins/builtin.js"
import { cd, pwd } from "./builtins/directory.js"
import { declare, local, read, set, shift, unset } from "./builtins/variables.js"
import * as bytes from "./bytes.js"
import * as condition from "./condition.js"
import * as directories from "./directories.js"
import { format, unescape } from "./format.js"
import * as start from "./start.js"
import * as state from "./state.js"
import { reserved } from "./syntax.js"
import { withPrefix } from "./temporary.js"

const special = new Set(
  [
    ":",
    ".",
    "break",
    "continue",
    "eval",
    "exec",
    "exit",
    "export",
    "readonly",
    "return",
    "set",
    "shift",
    "trap",
    "unset"
  ]
)

/**
 * Whether what is assigned before it stays, and what fails in it ends the shell.
 *
 * @internal
 */
export const isSpecial = (name: string): boolean => special.has(name)

const echo: Builtin = (shell, [name, ...words]) => {
  const newline = words[0] !== "-n"
  const { stopped, text } = unescape((newline ? words : words.slice(1)).join(" "), "both")
  return print(shell, name, newline && !stopped ? `${text}\n` : text)
}

const printf: Builtin = (shell, [name, ...given]) => {
  const [template, ...values] = given[0] === "--" ? given.slice(1) : given
  if (template === undefined) return failing(shell, "printf: usage: printf format [arg ...]")
  const { problems, refused, text } = format(template, values)
  if (refused !== undefined) {
    return Effect.flatMap(refuse(shell, name, `the directive ${refused}`), () => Effect.succeed(2))
  }
  return Effect.zipRight(
    Effect.forEach(problems, (problem) => state.complain(shell, `printf: ${problem}`)),
    Effect.map(print(shell, name, text), (status) => problems.length > 0 ? 1 : status)
  )
}

const test: Builtin = (shell, [name, ...words]) => {
  if (name === "[" && words.pop() !== "]") return failing(shell, "[: missing ]")
  return Effect.matchEffect(condition.evaluate(shell, words), {
    onFailure: ({ operand, words }) => {
      const order = words === "Illegal number" ? [name, words, operand] : [name, operand, words]
      return failing(shell, order.filter((part) => part !== undefined).join(": "))
    },
    onSuccess: (value) => Effect.succeed(value ? 0 : 1)
  })
}

const commandOf: Builtin = (shell, [name, ...words], { invoke }) =>
  Effect.gen(function*() {
    if (words[0] === "--") words.shift()
    const [first, ...rest] = words
    if (first === undefined) return 0
    if (first !== "-v") {
      return first.startsWith("-") ? yield* refuse(shell, name, `the option ${first}`) : yield* invoke([first, ...rest])
    }
    if (rest[0] === "--") rest.shift()
    let status = 0
    for (const wanted of rest) {
      if (reserved.has(wanted) || builtins.has(wanted) || shell.functions.has(wanted)) {
        yield* print(shell, name, `${wanted}\n`)
      } else {
        const found = yield* start.find(shell, [wanted], start.environmentOf(shell, new Map()))
        if (Option.isSome(found)) yield* print(shell, name, `${wanted.includes("/") ? wanted : `/usr/bin/${wanted}`}\n`)
        else status = 127
      }
    }
    return status
  })

const dot: Builtin = (shell, [, ...words], { source }) =>
  Effect.gen(function*() {
    const [path] = words
    if (path === undefined) return 0
    const text = yield* Effect.either(readFile(shell, path))
    if (text._tag === "Left") return yield* state.abort(shell, `.: cannot open ${path}: No such file`)
    return yield* Effect.catchTag(
      withPrefix(shell, `${path}: `, () => source(shell, text.right, shell.tested)),
      "Return",
      ({ code }) => Effect.succeed(code)
    )
  })

const readFile = (shell: state.Shell, path: string) =>
  Effect.scoped(Effect.gen(function*() {
    const flags = { read: true, write: false, append: false, create: false, truncate: false, exclusive: false }
    const file = yield* shell.files.open(directories.at(shell.directory, path), flags, 0)
    let text = ""
    while (true) {
      const chunk = yield* file.read(BigInt(text.length), 65536)
      if (chunk.length === 0) return text
      text += bytes.decode(chunk)
    }
  }))

const exec: Builtin = (shell, [, first, ...rest]) => {
  if (first === undefined) return Effect.succeed(0)
  return Effect.flatMap(start.start(shell, [first, ...rest], shell.descriptors, new Map(), "exec: "), (exit): Run => {
    shell.exitTrap = undefined
    return exit._tag === "Code" ? new state.Exit({ code: exit.code }) : new state.Killed({ signal: exit.signal })
  })
}

const trap: Builtin = (shell, [name, ...words]) => {
  const [action, ...conditions] = words[0] === "--" ? words.slice(1) : words
  if (action === undefined) {
    const set = shell.exitTrap
    return set === undefined
      ? Effect.succeed(0)
      : print(shell, name, `trap -- '${set.replace(/'/g, "'\"'\"'")}' EXIT\n`)
  }
  for (const one of conditions) {
    if (one === "EXIT" || one === "0") shell.exitTrap = action === "-" ? undefined : action
    // resetting the trap of a signal changes nothing, because signals cannot be trapped
    else if (action !== "-") return refuse(shell, name, `a trap of ${one}`)
  }
  return Effect.succeed(0)
}

const leave = (kind: "break" | "continue"): Builtin => (shell, [name, count]) =>
  Effect.flatMap(numberOf(shell, name, count, 1), (levels) => {
    if (levels === 0) return state.abort(shell, `${name}: Illegal number: ${count}`)
    return shell.loops === 0 ? Effect.succeed(0) : new state.Leave({ kind, levels })
  })

/** @internal */
export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  [":", () => Effect.succeed(0)],
  ["true", () => Effect.succeed(0)],
  ["false", () => Effect.succeed(1)],
  [".", dot],
  ["[", test],
  ["test", test],
  ["break", leave("break")],
  ["continue", leave("continue")],
  ["cd", cd],
  ["command", commandOf],
  ["echo", echo],
  [
    "eval",
    (shell, [, ...words], { source }) => withPrefix(shell, "eval: ", () => source(shell, words.join(" "), shell.tested))
  ],
  ["exec", exec],
  [
    "exit",
    (shell, [name, code]) =>
      Effect.flatMap(numberOf(shell, name, code, shell.status), (code) => new state.Exit({ code }))
  ],
  ["export", declare({ exported: true })],
  ["local", local],
  ["printf", printf],
  ["pwd", pwd],
  ["read", read],
  ["readonly", declare({ readonly: true })],
  [
    "return",
    (shell, [name, code]) =>
      Effect.flatMap(numberOf(shell, name, code, shell.status), (code) => new state.Return({ code }))
  ],
  ["set", set],
  ["shift", shift],
  ["trap", trap],
  ["unset", unset],
  ["wait", (shell, [name, ...words]) => words.length === 0 ? Effect.succeed(0) : refuse(shell, name, words.join(" "))]
])
