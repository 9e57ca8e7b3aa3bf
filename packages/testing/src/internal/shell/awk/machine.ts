/**
 * The state of an awk program that runs. Its parts are generators, which `yield*` effects as those of `Effect.gen` do.
 */
import type * as Effect from "effect/Effect"
import type { YieldWrap } from "effect/Utils"
import * as input from "../input.js"
import * as tool from "../tool.js"
import type * as functions from "./functions.js"
import type * as record from "./record.js"
import type * as regexp from "./regexp.js"
import type * as streams from "./streams.js"
import type { Expression, Program, Statement } from "./syntax.js"
import type { Value } from "./value.js"

/** @internal */
export type Run<A> = Generator<YieldWrap<Effect.Effect<unknown, tool.Closed | tool.Signalled | tool.Stop>>, A, never>

/**
 * A variable: a value or, after its first use as one, an array. An unset variable that is passed to a function lends its array.
 *
 * @internal
 */
export interface Cell {
  value: Value
  array: Map<string, Value> | undefined
  readonly lender: Cell | undefined
}

/** @internal */
export type Locals = Map<string, Cell> | undefined

/**
 * `next` and `exit`, which leave functions, too.
 *
 * @internal
 */
export class Leave {
  constructor(readonly kind: "exit" | "next") {}
}

/** @internal */
export type Completion = "break" | "continue" | "return" | undefined

/**
 * Position in the main input.
 *
 * @internal
 */
export interface MainInput {
  reader: streams.Reader | undefined
  /** Index of the next operand in ARGV. */
  operand: number
  hasFile: boolean
  isOver: boolean
}

/** @internal */
export interface Machine {
  readonly program: Program
  readonly io: streams.Streams
  readonly expressionOf: ReturnType<typeof regexp.cache>
  readonly globals: Map<string, Cell>
  readonly record: record.Record
  readonly input: MainInput
  /** The modules of expressions and of statements need each other. */
  readonly evaluate: (machine: Machine, expression: Expression, locals: Locals) => Run<Value>
  readonly execute: (machine: Machine, statement: Statement, locals: Locals) => Run<Completion>
  steps: number
  /** How deep functions call each other. */
  depth: number
  /** Result of the function that has just ended. */
  returned: Value
  code: number
  seed: number
  random: ReturnType<typeof functions.random>
}

// Other fibers get a turn after this many steps, so that every program can be interrupted.
const stepsPerTurn = 2048

/** @internal */
export function* step(machine: Machine): Run<void> {
  if (++machine.steps % stepsPerTurn === 0) yield* input.turn
}

/** @internal */
export const refuse = (what: string): never => {
  throw tool.stop(`InMemoryHost does not understand ${what}`, 2)
}
