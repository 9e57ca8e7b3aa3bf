/**
 * Runs scripts. Changes to the shell are changes to its state, a mutable value.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as pipe from "../program/pipe.js"
import type { ProgramExit } from "../program/program.js"
import { builtins, isSpecial } from "./builtins.js"
import * as bytes from "./bytes.js"
import * as descriptor from "./descriptor.js"
import * as expand from "./expand.js"
import * as loop from "./loop.js"
import { parse, ParseError } from "./parse.js"
import * as pattern from "./pattern.js"
import * as redirect from "./redirect.js"
import * as start from "./start.js"
import * as state from "./state.js"
import type { Command, Redirection, Script, Simple } from "./syntax.js"
import { inFunction, withDescriptors, withPrefix, withVariables } from "./temporary.js"

type Shell = state.Shell
type Run = Effect.Effect<number, state.Control>

/**
 * Reads a script and runs it, or says why it cannot be read.
 *
 * @internal
 */
export const source = (shell: Shell, text: string, tested = false): Run =>
  Effect.suspend((): Run => {
    let script: Script
    try {
      script = parse(text)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      shell.line = error.line
      return state.abort(shell, error.words)
    }
    return list(shell, script, tested)
  })

/** `tested`: whether the status is looked at, so that `set -e` does not. */
const list = (shell: Shell, script: Script, tested: boolean): Run => {
  const [only] = script
  if (script.length === 1 && only !== undefined) return command(shell, only, tested)
  return Effect.gen(function*() {
    let status = 0
    for (const one of script) status = yield* command(shell, one, tested)
    return status
  })
}

const settle = (shell: Shell, status: number, tested: boolean): Run => {
  shell.status = status
  return status !== 0 && shell.flags.errexit && !tested ? new state.Exit({ code: status }) : Effect.succeed(status)
}

const command = (shell: Shell, node: Command, tested: boolean): Run =>
  Effect.suspend(() => evaluate(shell, node, tested))

const evaluate = (shell: Shell, node: Command, tested: boolean): Run => {
  switch (node._tag) {
    case "Simple":
      return Effect.flatMap(simple(shell, node, tested), (status) => settle(shell, status, tested))
    case "Pipeline":
      return Effect.flatMap(pipeline(shell, node.commands, node.negated || tested), (status) => {
        const result = node.negated ? (status === 0 ? 1 : 0) : status
        return settle(shell, result, tested || node.negated)
      })
    case "And":
    case "Or":
      return Effect.flatMap(
        command(shell, node.left, true),
        (status) =>
          (status === 0) === (node._tag === "And") ? command(shell, node.right, tested) : Effect.succeed(status)
      )
    case "Group":
      return list(shell, node.body, tested)
    case "Subshell":
      return Effect.flatMap(
        subshell(state.fork(shell), (inner) => list(inner, node.body, tested)),
        (status) => settle(shell, status, tested)
      )
    case "Redirected":
      shell.line = node.line
      return redirected(shell, node.redirections, () => command(shell, node.command, tested), tested)
    case "If":
      return Effect.gen(function*() {
        for (const { body, condition } of node.branches) {
          if ((yield* list(shell, condition, true)) === 0) return yield* list(shell, body, tested)
        }
        if (node.otherwise !== undefined) return yield* list(shell, node.otherwise, tested)
        shell.status = 0
        return 0
      })
    case "While":
      return loop.whileLoop(shell, node, () => list(shell, node.condition, true), () => list(shell, node.body, tested))
    case "For":
      return Effect.flatMap(
        node.words === undefined ? Effect.succeed(shell.parameters) : expand.words(shell, node.words),
        (values) => loop.forLoop(shell, node.name, values, () => list(shell, node.body, tested))
      )
    case "Case":
      return Effect.gen(function*() {
        shell.substituted = 0
        const subject = yield* expand.text(shell, node.word)
        for (const { body, patterns } of node.items) {
          for (const one of patterns) {
            if (pattern.matches(yield* expand.asPattern(shell, one), subject)) {
              if (body.length > 0) return yield* list(shell, body, tested)
              shell.status = 0
              return 0
            }
          }
        }
        shell.status = 0
        return 0
      })
    case "Function":
      shell.functions.set(node.name, node.body)
      shell.status = 0
      return Effect.succeed(0)
  }
}

/** The exit of a shell, as its parent sees it. */
const ended = (shell: Shell, run: Run): Effect.Effect<ProgramExit> =>
  Effect.gen(function*() {
    const exit = yield* run.pipe(
      Effect.catchTags({
        Leave: () => Effect.succeed(0),
        Return: ({ code }) => Effect.succeed(code),
        Exit: ({ code }) => Effect.succeed(code)
      }),
      Effect.map((code): ProgramExit => ({ _tag: "Code", code: code & 255 })),
      Effect.catchTag("Killed", ({ signal }) => Effect.succeed<ProgramExit>({ _tag: "Signal", signal }))
    )
    const trap = shell.exitTrap
    if (trap === undefined || exit._tag === "Signal") return exit
    shell.exitTrap = undefined
    shell.status = exit.code
    const last = yield* Effect.exit(source(shell, trap))
    const failure = Exit.isFailure(last) ? Option.getOrUndefined(Cause.failureOption(last.cause)) : undefined
    return failure?._tag === "Exit" ? { _tag: "Code", code: failure.code & 255 } : exit
  })

/**
 * Runs a shell to its end, its trap among it.
 *
 * @internal
 */
export const shell = (shell: Shell, text: string): Effect.Effect<ProgramExit> => ended(shell, source(shell, text))

const statusOf = (exit: ProgramExit): number => exit._tag === "Code" ? exit.code : start.codeOf(exit.signal)

const subshell = (inner: Shell, run: (inner: Shell) => Run): Effect.Effect<number> =>
  Effect.map(ended(inner, run(inner)), statusOf)

/** @internal */
export const substitute: Shell["substitute"] = (shell, script) =>
  Effect.gen(function*() {
    const chunks: Array<Uint8Array> = []
    const target: descriptor.Target = { write: (sent) => Effect.sync(() => chunks.push(sent.slice()) > 0) }
    const inner: Shell = {
      ...state.fork(shell),
      descriptors: new Map(shell.descriptors).set(1, { source: undefined, target })
    }
    shell.substituted = yield* subshell(inner, (inner) => list(inner, script, false))
    return bytes.decode(Buffer.concat(chunks)).replaceAll("\0", "").replace(/\n+$/, "")
  })

const pipeline = (shell: Shell, commands: ReadonlyArray<Command>, tested: boolean): Run => {
  const [only] = commands
  if (commands.length === 1 && only !== undefined) return command(shell, only, tested)
  const pipes = commands.slice(1).map(() => pipe.make())
  return Effect.map(
    Effect.forEach(commands, (node, index) => {
      const input = pipes[index - 1]
      const output = pipes[index]
      const descriptors = new Map(shell.descriptors)
      if (input !== undefined) descriptors.set(0, descriptor.reader(input))
      if (output !== undefined) descriptors.set(1, descriptor.writer(output))
      const inner: Shell = { ...state.fork(shell), descriptors }
      return Effect.ensuring(
        subshell(inner, (inner) => command(inner, node, tested)),
        Effect.zipRight(output?.end ?? Effect.void, input?.close ?? Effect.void)
      )
    }, { concurrency: "unbounded" }),
    (statuses) => statuses.at(-1) ?? 0
  )
}

/** Runs a command with redirected descriptors. After a failed redirection the command is not run. */
const redirected = (
  shell: Shell,
  redirections: ReadonlyArray<Redirection>,
  run: () => Run,
  tested: boolean
): Run =>
  Effect.scopedWith((scope) =>
    Effect.matchEffect(redirect.apply(shell, redirections, scope), {
      onFailure: (error) =>
        error._tag === "RedirectionError"
          ? Effect.zipRight(redirect.complain(shell, error), settle(shell, 2, tested))
          : error,
      onSuccess: (descriptors) => withDescriptors(shell, descriptors, run)
    })
  )

const trace = (shell: Shell, texts: ReadonlyArray<string>): Effect.Effect<void, state.Control> =>
  shell.flags.xtrace ? Effect.asVoid(state.write(shell, 2, `+ ${texts.join(" ")}\n`)) : Effect.void

const simple = (shell: Shell, node: Simple, tested: boolean): Run =>
  Effect.suspend(() => {
    shell.line = node.line
    shell.tested = tested
    shell.substituted = 0
    return Effect.flatMap(expand.words(shell, node.words), (words) => {
      if (node.redirections.length === 0) return named(shell, node, words, shell.descriptors, tested)
      const [name] = words
      const run = (scope: Scope.Scope): Run =>
        Effect.matchEffect(redirect.apply(shell, node.redirections, scope), {
          onFailure: (error): Run =>
            error._tag !== "RedirectionError"
              ? error
              : name !== undefined && isSpecial(name)
              ? Effect.zipRight(redirect.complain(shell, error), new state.Exit({ code: 2 }))
              : Effect.as(redirect.complain(shell, error), 2),
          onSuccess: (descriptors) => named(shell, node, words, descriptors, tested)
        })
      return name === "exec" ? run(shell.scope) : Effect.scopedWith(run)
    })
  })

/** Runs a simple command after its words are expanded and its redirections are open. */
const named = (
  shell: Shell,
  { assignments }: Simple,
  [name, ...rest]: ReadonlyArray<string>,
  descriptors: descriptor.Descriptors,
  tested: boolean
): Run => {
  if (name !== undefined && assignments.length === 0 && !shell.flags.xtrace) {
    shell.tested = tested
    return invoke(shell, [name, ...rest], descriptors, noValues)
  }
  const run = Effect.gen(function*() {
    const special = name !== undefined && isSpecial(name)
    if (name === undefined || special) {
      for (const { name, value } of assignments) {
        const text = yield* expand.text(shell, value, true)
        yield* trace(shell, [`${name}=${text}`])
        yield* state.assign(shell, name, text)
      }
      if (name === undefined) return shell.substituted
    }
    const values = new Map<string, string>()
    if (!special) {
      for (const { name, value } of assignments) values.set(name, yield* expand.text(shell, value, true))
    }
    yield* trace(shell, [...[...values].map(([name, value]) => `${name}=${value}`), name, ...rest])
    shell.tested = tested
    return yield* invoke(shell, [name, ...rest], descriptors, values)
  })
  // redirections of `exec` stay, and a trace is still written to the previous stderr
  return name === "exec" || shell.flags.xtrace ? run : withDescriptors(shell, descriptors, () => run)
}

const noValues: ReadonlyMap<string, string> = new Map()

/** Runs the function, builtin or program that the first word names. */
const invoke = (
  shell: Shell,
  words: readonly [string, ...Array<string>],
  descriptors: descriptor.Descriptors,
  values: ReadonlyMap<string, string>,
  skipsFunctions = false
): Run => {
  const [name] = words
  const run = builtins.get(name)
  const own = skipsFunctions || isSpecial(name) && run !== undefined ? undefined : shell.functions.get(name)
  const within = (body: () => Run): Run => withVariables(shell, values, () => withDescriptors(shell, descriptors, body))
  if (own !== undefined) {
    return within(() => inFunction(shell, words.slice(1), () => command(shell, own, shell.tested)))
  }
  if (run !== undefined) {
    // redirections of `exec` stay
    if (name === "exec" && words.length === 1) {
      shell.descriptors = descriptors
      return Effect.succeed(0)
    }
    const context = {
      source,
      invoke: (words: readonly [string, ...Array<string>]) => invoke(shell, words, shell.descriptors, noValues, true)
    }
    return within(() => withPrefix(shell, name === "command" ? shell.within : "", () => run(shell, words, context)))
  }
  return Effect.map(start.start(shell, words, descriptors, values), statusOf)
}
