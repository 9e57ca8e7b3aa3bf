/**
 * The main input of an awk program: its operands one after the other, or stdin.
 */
import * as Effect from "effect/Effect"
import * as message from "../message.js"
import * as tool from "../tool.js"
import type { Machine, Run } from "./machine.js"
import { toNumber } from "./value.js"
import * as variables from "./variables.js"

function* openNext(machine: Machine): Run<void> {
  const { input, io } = machine
  while (input.operand < toNumber(variables.global(machine, "ARGC").value)) {
    const word = variables.arrayOf(machine, "ARGV", undefined).get(`${input.operand++}`)
    const text = variables.textOf(machine, word)
    if (text === "" || variables.assignOperand(machine, text)) continue
    input.hasFile = true
    variables.global(machine, "FILENAME").value = text
    variables.global(machine, "FNR").value = 0
    input.reader = yield* Effect.mapError(
      io.open(text),
      (error) => tool.stop(`cannot open ${text} (${message.of(error)})`, 2)
    )
    return
  }
  if (input.hasFile) input.isOver = true
  else {
    input.hasFile = true
    input.reader = yield* Effect.orDie(io.open("-"))
  }
}

/** @internal */
export function* nextRecord(machine: Machine): Run<string | undefined> {
  const { input } = machine
  while (!input.isOver) {
    if (input.reader === undefined) {
      yield* openNext(machine)
      continue
    }
    const text = yield* Effect.mapError(
      input.reader.next(variables.separatorOf(machine, variables.setting(machine, "RS"))),
      (error) => tool.stop(`read error (${message.of(error)})`, 2)
    )
    if (text !== undefined) {
      variables.increment(machine, "NR")
      variables.increment(machine, "FNR")
      return text
    }
    input.reader = undefined
  }
  return undefined
}
