/**
 * Runs an awk program.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as bytes from "../bytes.js"
import * as tool from "../tool.js"
import * as expressions from "./expressions.js"
import * as functions from "./functions.js"
import { Leave, type Machine, refuse, type Run, step } from "./machine.js"
import { nextRecord } from "./mainInput.js"
import * as record from "./record.js"
import * as regexp from "./regexp.js"
import * as statements from "./statements.js"
import * as streams from "./streams.js"
import type { Program, Rule, Statement } from "./syntax.js"
import { fromInput, isTrue } from "./value.js"
import * as variables from "./variables.js"

/** @internal */
export interface Options {
  readonly separator: string | undefined
  /** Assignments of `-v`. */
  readonly assignments: ReadonlyArray<string>
  readonly operands: ReadonlyArray<string>
}

const make = (self: tool.Tool, program: Program, scope: Scope.Scope): Machine => {
  const machine: Machine = {
    program,
    io: streams.make(self, scope),
    expressionOf: regexp.cache(),
    globals: variables.globals(),
    record: record.make({
      splitter: () => {
        const separator = variables.separatorOf(machine, variables.setting(machine, "FS"))
        const isParagraph = variables.setting(machine, "RS") === ""
        return (text) => record.split(text, separator, isParagraph)
      },
      joiner: () => variables.setting(machine, "OFS"),
      conversion: () => variables.setting(machine, "CONVFMT")
    }),
    input: { reader: undefined, operand: 1, hasFile: false, isOver: false },
    evaluate: expressions.evaluate,
    execute: statements.execute,
    steps: 0,
    depth: 0,
    returned: undefined,
    code: 0,
    seed: 0,
    random: functions.random(0)
  }
  return machine
}

/** Gives the program its environment, its operands and the assignments of its options. */
const prepare = (machine: Machine, self: tool.Tool, options: Options): void => {
  if (options.separator !== undefined) variables.global(machine, "FS").value = options.separator
  const environment = variables.arrayOf(machine, "ENVIRON", undefined)
  for (const [name, value] of self.environment) {
    environment.set(bytes.fromText(name), fromInput(bytes.fromText(value)))
  }
  variables.global(machine, "ARGC").value = options.operands.length + 1
  const words = variables.arrayOf(machine, "ARGV", undefined)
  for (const [index, word] of [self.name, ...options.operands].entries()) words.set(`${index}`, fromInput(word))
  for (const one of options.assignments) {
    if (!variables.assignOperand(machine, one)) refuse(`the assignment ${one}`)
  }
}

/** `isOpen` has the rules whose range has begun and not ended. */
function* applies(machine: Machine, rule: Rule, isOpen: Set<Rule>): Run<boolean> {
  if (rule.first === undefined) return true
  if (!isOpen.has(rule)) {
    if (!isTrue(yield* machine.evaluate(machine, rule.first, undefined))) return false
    if (rule.last === undefined) return true
    isOpen.add(rule)
  }
  if (rule.last !== undefined && isTrue(yield* machine.evaluate(machine, rule.last, undefined))) isOpen.delete(rule)
  return true
}

const printRecord: Statement = { _tag: "Print", values: [], output: undefined }

function* ruleByRule(machine: Machine, isOpen: Set<Rule>): Run<void> {
  for (const rule of machine.program.rules) {
    if (yield* applies(machine, rule, isOpen)) yield* machine.execute(machine, rule.action ?? printRecord, undefined)
  }
}

/** `false`: the program is to end. */
function* leaving(machine: Machine, run: () => Run<unknown>): Run<boolean> {
  try {
    yield* run()
    return true
  } catch (left) {
    machine.depth = 0
    if (left instanceof Leave) return left.kind === "next"
    throw left
  }
}

/** Executes some blocks. `false`: the program is to end. */
function* blocks(machine: Machine, all: ReadonlyArray<Statement>): Run<boolean> {
  for (const one of all) {
    if (!(yield* leaving(machine, () => machine.execute(machine, one, undefined)))) return false
  }
  return true
}

function* recordByRecord(machine: Machine): Run<void> {
  const { begin, end, rules } = machine.program
  if (!(yield* blocks(machine, begin))) return
  if (rules.length === 0 && end.length === 0) return
  const isOpen = new Set<Rule>()
  for (let next = yield* nextRecord(machine); next !== undefined; next = yield* nextRecord(machine)) {
    yield* step(machine)
    machine.record.setText(next)
    if (!(yield* leaving(machine, () => ruleByRule(machine, isOpen)))) return
  }
}

/** @internal */
export const evaluate = (self: tool.Tool, program: Program, options: Options): ReturnType<tool.Run> =>
  Effect.scopedWith((scope) => {
    const machine = make(self, program, scope)
    function* whole(): Run<number> {
      try {
        prepare(machine, self, options)
        yield* recordByRecord(machine)
        yield* blocks(machine, program.end)
        yield* machine.io.closeAll
        return Math.trunc(machine.code) & 255
      } catch (thrown) {
        if (!(thrown instanceof tool.Stop)) throw thrown
        return yield* thrown
      }
    }
    return Effect.tapErrorTag(Effect.gen(whole), "Stop", () => Effect.ignore(machine.io.flush))
  })
