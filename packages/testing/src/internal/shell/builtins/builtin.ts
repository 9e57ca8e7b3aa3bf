/**
 * Types and helpers shared by the builtins of the shell.
 */
import * as Effect from "effect/Effect"
import * as state from "../state.js"

/** @internal */
export type Run = Effect.Effect<number, state.Control>
/** The name first. @internal */
export type Words = readonly [string, ...Array<string>]

/** The operations of the shell that a builtin may use. @internal */
export interface Context {
  readonly source: (shell: state.Shell, text: string, tested: boolean) => Run
  /** Runs a command, ignoring functions of that name. */
  readonly invoke: (words: Words) => Run
}

/** @internal */
export type Builtin = (shell: state.Shell, words: Words, context: Context) => Run

/** @internal */
export const refuse = (shell: state.Shell, name: string, what: string): Effect.Effect<never, state.Control> =>
  state.abort(shell, `${name}: InMemoryHost does not understand ${what}`)

/** @internal */
export const print = (shell: state.Shell, name: string, text: string): Run =>
  text === ""
    ? Effect.succeed(0)
    : Effect.flatMap(state.write(shell, 1, text), (written) =>
      written ? Effect.succeed(0) : Effect.as(state.complain(shell, `${name}: ${name}: I/O error`), 1))

/** @internal */
export const failing = (shell: state.Shell, words: string, code = 2): Run =>
  Effect.as(state.complain(shell, words), code)

/** @internal */
export const numberOf = (
  shell: state.Shell,
  name: string,
  text: string | undefined,
  other: number
): Effect.Effect<number, state.Control> => {
  if (text === undefined) return Effect.succeed(other)
  return /^[0-9]+$/.test(text) ? Effect.succeed(Number(text)) : state.abort(shell, `${name}: Illegal number: ${text}`)
}
