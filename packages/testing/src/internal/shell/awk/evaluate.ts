/**
 * Runs an awk program. Its parts are generators, which `yield*` effects as those of `Effect.gen` do.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { YieldWrap } from "effect/Utils"
import * as bytes from "../bytes.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as tool from "../tool.js"
import { format } from "./format.js"
import * as functions from "./functions.js"
import * as record from "./record.js"
import * as regexp from "./regexp.js"
import * as streams from "./streams.js"
import type { Expression, Output, Place, Program, Rule, Statement } from "./syntax.js"
import { unescape } from "./tokens.js"
import { compare, fromInput, isTrue, toNumber, toText, type Value } from "./value.js"

type Run<A> = Generator<YieldWrap<Effect.Effect<unknown, tool.Closed | tool.Signalled | tool.Stop>>, A, never>

/** A variable: a value or, once it is used as one, an array. Whoever calls a function lends its own. */
interface Cell {
  value: Value
  array: Map<string, Value> | undefined
  readonly lender: Cell | undefined
}

type Locals = Map<string, Cell> | undefined

/** `next` and `exit`, which leave functions, too. */
class Leave {
  constructor(readonly kind: "exit" | "next") {}
}

type Completion = "break" | "continue" | "return" | undefined

/** @internal */
export interface Options {
  readonly separator: string | undefined
  /** Assignments of `-v`. */
  readonly assignments: ReadonlyArray<string>
  readonly operands: ReadonlyArray<string>
}

// After as many steps others have a turn: no program is too long to be interrupted.
const stepsPerTurn = 2048

// As deep as functions call each other.
const deepest = 400

const assignment = /^([A-Za-z_][A-Za-z0-9_]*)=([^]*)$/

const refuse = (what: string): never => {
  throw tool.stop(`InMemoryHost does not understand ${what}`, 2)
}

const calculate = (operator: string, left: number, right: number): number => {
  switch (operator) {
    case "+":
      return left + right
    case "-":
      return left - right
    case "*":
      return left * right
    case "^":
      return left ** right
  }
  // some awks stop there, and others go on
  if (right === 0) refuse(`a division by zero (${left} ${operator} 0)`)
  return operator === "/" ? left / right : left % right
}

const isOrdered = (operator: string, order: number): boolean => {
  switch (operator) {
    case "<":
      return order < 0
    case "<=":
      return order <= 0
    case ">":
      return order > 0
    case ">=":
      return order >= 0
    case "==":
      return order === 0
    default:
      return order !== 0
  }
}

/** @internal */
export const evaluate = (self: tool.Tool, program: Program, options: Options): ReturnType<tool.Run> =>
  Effect.scopedWith((scope) =>
    Effect.gen(function*() {
      const io = streams.make(self, scope)
      const expressionOf = regexp.cache()
      const globals = new Map<string, Cell>()
      const cellOf = (value?: Value, lender?: Cell): Cell => ({ value, array: undefined, lender })
      const global = (name: string): Cell => {
        const found = globals.get(name) ?? cellOf()
        globals.set(name, found)
        return found
      }
      const initial = {
        CONVFMT: "%.6g",
        FNR: 0,
        FS: " ",
        NR: 0,
        OFMT: "%.6g",
        OFS: " ",
        ORS: "\n",
        RLENGTH: -1,
        RS: "\n",
        RSTART: 0,
        SUBSEP: "\x1c"
      }
      for (const [name, value] of Object.entries(initial)) global(name).value = value
      const textOf = (value: Value): string => toText(value, toText(global("CONVFMT").value, "%.6g"))
      const setting = (name: string): string => textOf(global(name).value)

      /** A separator as FS has it. */
      const separatorOf = (text: string): regexp.Expression | string => text.length <= 1 ? text : expressionOf(text)
      const current = record.make({
        splitter: () => {
          const separator = separatorOf(setting("FS"))
          const isParagraph = setting("RS") === ""
          return (text) => record.split(text, separator, isParagraph)
        },
        joiner: () => setting("OFS"),
        conversion: () => setting("CONVFMT")
      })

      const lookUp = (name: string, locals: Locals): Cell => locals?.get(name) ?? global(name)
      const lent = (cell: Cell): Map<string, Value> => {
        if (cell.array !== undefined) return cell.array
        cell.array = cell.lender === undefined ? new Map() : lent(cell.lender)
        return cell.array
      }
      const arrayOf = (name: string, locals: Locals): Map<string, Value> => {
        const cell = lookUp(name, locals)
        if (cell.value !== undefined || Object.hasOwn(initial, name)) refuse(`${name} as an array, since it is a value`)
        return lent(cell)
      }

      const assign = (name: string, value: Value, locals: Locals): void => {
        if (name === "NF" && locals?.has(name) !== true) return current.setCount(toNumber(value))
        const cell = lookUp(name, locals)
        if (cell.array !== undefined) refuse(`${name} as a value, since it is an array`)
        cell.value = value
      }
      const assignOperand = (text: string): boolean => {
        const [, name, value = ""] = assignment.exec(text) ?? []
        if (name === undefined) return false
        assign(name, fromInput(unescape(value)), undefined)
        return true
      }

      let steps = 0
      function* step(): Run<void> {
        if (++steps % stepsPerTurn === 0) yield* input.turn
      }

      // the input

      let main: streams.Reader | undefined
      let operand = 1
      let hasFile = false
      let isOver = false

      function* openNext(): Run<void> {
        while (operand < toNumber(global("ARGC").value)) {
          const text = textOf(arrayOf("ARGV", undefined).get(`${operand++}`))
          if (text === "" || assignOperand(text)) continue
          hasFile = true
          global("FILENAME").value = text
          global("FNR").value = 0
          main = yield* Effect.mapError(
            io.open(text),
            (error) => tool.stop(`cannot open ${text} (${message.of(error)})`, 2)
          )
          return
        }
        if (hasFile) isOver = true
        else {
          hasFile = true
          main = yield* Effect.orDie(io.open("-"))
        }
      }

      function* nextRecord(): Run<string | undefined> {
        while (!isOver) {
          if (main === undefined) {
            yield* openNext()
            continue
          }
          const text = yield* Effect.mapError(
            main.next(separatorOf(setting("RS"))),
            (error) => tool.stop(`read error (${message.of(error)})`, 2)
          )
          if (text !== undefined) {
            global("NR").value = toNumber(global("NR").value) + 1
            global("FNR").value = toNumber(global("FNR").value) + 1
            return text
          }
          main = undefined
        }
        return undefined
      }

      // expressions

      function* text(expression: Expression, locals: Locals): Run<string> {
        return textOf(yield* evaluate(expression, locals))
      }

      function* subscript(expression: Expression, locals: Locals): Run<string> {
        if (expression._tag !== "Subscripts") return yield* text(expression, locals)
        const all: Array<string> = []
        for (const one of expression.all) all.push(yield* text(one, locals))
        return all.join(setting("SUBSEP"))
      }

      /** Where a place is: its subscript is evaluated once. */
      function* locate(
        place: Place,
        locals: Locals
      ): Run<{ readonly get: () => Value; readonly set: (value: Value) => void }> {
        switch (place._tag) {
          case "Variable":
            return {
              get: () => valueOf(place.name, locals),
              set: (value) => assign(place.name, value, locals)
            }
          case "Field": {
            const index = toNumber(yield* evaluate(place.index, locals))
            return { get: () => current.get(index), set: (value) => current.set(index, value) }
          }
          case "Element": {
            const index = yield* subscript(place.index, locals)
            const array = arrayOf(place.array, locals)
            return {
              get: () => {
                if (!array.has(index)) array.set(index, undefined)
                return array.get(index)
              },
              set: (value) => void array.set(index, value)
            }
          }
        }
      }

      const valueOf = (name: string, locals: Locals): Value => {
        if (name === "NF" && locals?.has(name) !== true) return current.count()
        const cell = lookUp(name, locals)
        if (cell.array !== undefined) refuse(`${name} as a value, since it is an array`)
        return cell.value
      }

      function* pattern(expression: Expression, locals: Locals): Run<regexp.Expression> {
        if (expression._tag === "Group") return yield* pattern(expression.inner, locals)
        return expressionOf(expression._tag === "Pattern" ? expression.source : yield* text(expression, locals))
      }

      function* getline(
        { from, kind, place }: Extract<Expression, { readonly _tag: "Getline" }>,
        locals: Locals
      ): Run<number> {
        const target = place === undefined ? undefined : yield* locate(place, locals)
        let found: string | undefined
        if (kind === "input" || from === undefined) found = yield* nextRecord()
        else {
          const reader = yield* io.readFrom(kind, yield* text(from, locals))
          if (reader === undefined) return -1
          const read = yield* Effect.either(reader.next(separatorOf(setting("RS"))))
          if (read._tag === "Left") return -1
          found = read.right
          if (found !== undefined && kind === "command") global("NR").value = toNumber(global("NR").value) + 1
        }
        if (found === undefined) return 0
        if (target === undefined) current.setText(found)
        else target.set(fromInput(found))
        return 1
      }

      let seed = 0
      let random = functions.random(seed)

      function* builtin(name: string, values: ReadonlyArray<Expression>, locals: Locals): Run<Value> {
        const [first, second, third] = values
        const missing: Expression = { _tag: "Field", index: { _tag: "Constant", value: 0 } }
        switch (name) {
          case "length": {
            if (first?._tag === "Variable") {
              const cell = lookUp(first.name, locals)
              if (cell.array !== undefined || cell.lender?.array !== undefined) return lent(cell).size
            }
            return (yield* text(first ?? missing, locals)).length
          }
          case "split": {
            const whole = yield* text(first ?? missing, locals)
            if (second?._tag !== "Variable") return refuse("split without an array")
            const separator = third === undefined
              ? separatorOf(setting("FS"))
              : third._tag === "Pattern"
              ? expressionOf(third.source)
              : separatorOf(yield* text(third, locals))
            const array = arrayOf(second.name, locals)
            array.clear()
            const parts = record.split(whole, separator, third === undefined && setting("RS") === "")
            for (const [index, part] of parts.entries()) array.set(`${index + 1}`, fromInput(part))
            return parts.length
          }
          case "sub":
          case "gsub": {
            const expression = yield* pattern(first ?? missing, locals)
            const replacement = yield* text(second ?? missing, locals)
            const place = third ?? missing
            if (place._tag !== "Variable" && place._tag !== "Field" && place._tag !== "Element") {
              return refuse(`${name} of what cannot be assigned to`)
            }
            const target = yield* locate(place, locals)
            const [changed, count] = functions.substitute(
              expression,
              replacement,
              textOf(target.get()),
              name === "gsub"
            )
            if (count > 0) target.set(changed)
            return count
          }
          case "match": {
            const whole = yield* text(first ?? missing, locals)
            const match = (yield* pattern(second ?? missing, locals)).search(whole)
            global("RSTART").value = match === undefined ? 0 : match.start + 1
            global("RLENGTH").value = match === undefined ? -1 : match.end - match.start
            return global("RSTART").value
          }
          case "rand":
            return random()
          case "srand": {
            const before = seed
            seed = first === undefined
              ? Math.floor((yield* Clock.currentTimeMillis) / 1000)
              : toNumber(yield* evaluate(first, locals))
            random = functions.random(seed)
            return before
          }
          case "fflush":
            yield* io.flush
            return 0
        }
        const all: Array<Value> = []
        for (const one of values) all.push(yield* evaluate(one, locals))
        const [one, other, another] = all
        switch (name) {
          case "close":
            return yield* io.close(textOf(one))
          case "system":
            return yield* io.system(textOf(one))
          case "sprintf":
            return format(textOf(one), all.slice(1), setting("CONVFMT"))
          case "index":
            return textOf(one).indexOf(textOf(other)) + 1
          case "substr":
            return functions.substr(textOf(one), toNumber(other), another === undefined ? Infinity : toNumber(another))
        }
        const ofText = functions.ofText[name]
        if (ofText !== undefined) return ofText(textOf(one))
        const ofNumbers = functions.ofNumbers[name]
        return ofNumbers === undefined ? refuse(`the function ${name}`) : ofNumbers(toNumber(one), toNumber(other))
      }

      let depth = 0
      let returned: Value

      function* call(name: string, values: ReadonlyArray<Expression>, locals: Locals): Run<Value> {
        const definition = program.functions.get(name)
        if (definition === undefined) return refuse(`the function ${name}`)
        const frame = new Map<string, Cell>()
        for (const [index, parameter] of definition.parameters.entries()) {
          const value = values[index]
          const lender = value?._tag === "Variable" && value.name !== "NF" ? lookUp(value.name, locals) : undefined
          const isFree = lender !== undefined && lender.value === undefined
          frame.set(
            parameter,
            lender?.array !== undefined
              ? lender
              : isFree
              ? cellOf(undefined, lender)
              : cellOf(value === undefined ? undefined : yield* evaluate(value, locals))
          )
        }
        if (++depth > deepest) refuse(`functions that call each other more than ${deepest} deep`)
        yield* step()
        returned = undefined
        yield* execute(definition.body, frame)
        depth--
        const result = returned
        returned = undefined
        return result
      }

      function* evaluate(expression: Expression, locals: Locals): Run<Value> {
        switch (expression._tag) {
          case "Constant":
            return expression.value
          case "Variable":
            return valueOf(expression.name, locals)
          case "Field":
            return current.get(toNumber(yield* evaluate(expression.index, locals)))
          case "Element":
            return (yield* locate(expression, locals)).get()
          case "Pattern":
            return expressionOf(expression.source).test(current.text()) ? 1 : 0
          case "Group":
            return yield* evaluate(expression.inner, locals)
          case "Subscripts":
            return refuse("a list of values there")
          case "Assign": {
            const { operator, place } = expression
            const target = yield* locate(place, locals)
            const value = yield* evaluate(expression.value, locals)
            const result = operator === "" ? value : calculate(operator, toNumber(target.get()), toNumber(value))
            target.set(result)
            return result
          }
          case "Step": {
            const target = yield* locate(expression.place, locals)
            const before = toNumber(target.get())
            target.set(before + expression.by)
            return expression.isPrefix ? before + expression.by : before
          }
          case "Conditional":
            return yield* evaluate(
              isTrue(yield* evaluate(expression.test, locals)) ? expression.then : expression.otherwise,
              locals
            )
          case "Or":
            return isTrue(yield* evaluate(expression.left, locals)) || isTrue(yield* evaluate(expression.right, locals))
              ? 1
              : 0
          case "And":
            return isTrue(yield* evaluate(expression.left, locals)) && isTrue(yield* evaluate(expression.right, locals))
              ? 1
              : 0
          case "In": {
            const index = yield* subscript(expression.index, locals)
            return arrayOf(expression.array, locals).has(index) ? 1 : 0
          }
          case "Match": {
            const whole = yield* text(expression.text, locals)
            return (yield* pattern(expression.pattern, locals)).test(whole) === expression.isNegated ? 0 : 1
          }
          case "Compare": {
            const left = yield* evaluate(expression.left, locals)
            const right = yield* evaluate(expression.right, locals)
            return isOrdered(expression.operator, compare(left, right, setting("CONVFMT"))) ? 1 : 0
          }
          case "Concat": {
            const left = yield* text(expression.left, locals)
            return left + (yield* text(expression.right, locals))
          }
          case "Arithmetic": {
            const left = toNumber(yield* evaluate(expression.left, locals))
            return calculate(expression.operator, left, toNumber(yield* evaluate(expression.right, locals)))
          }
          case "Unary": {
            const value = yield* evaluate(expression.inner, locals)
            return expression.operator === "!"
              ? (isTrue(value) ? 0 : 1)
              // not a negative zero, which awks write differently
              : (expression.operator === "-" ? 0 - toNumber(value) : toNumber(value))
          }
          case "Getline":
            return yield* getline(expression, locals)
          case "Builtin":
            return yield* builtin(expression.name, expression.values, locals)
          case "Call":
            return yield* call(expression.name, expression.values, locals)
        }
      }

      // statements

      function* put(text: string, output: Output | undefined, locals: Locals): Run<void> {
        if (output === undefined) yield* io.print(text)
        else {
          const to = textOf(yield* evaluate(output.to, locals))
          yield* io.printTo(output.operator, to, text)
        }
      }

      function* print(statement: Extract<Statement, { readonly _tag: "Print" | "Printf" }>, locals: Locals): Run<void> {
        const values: Array<Value> = []
        for (const one of statement.values) values.push(yield* evaluate(one, locals))
        if (statement._tag === "Printf") {
          const [template, ...rest] = values
          return yield* put(format(textOf(template), rest, setting("CONVFMT")), statement.output, locals)
        }
        const ofmt = setting("OFMT")
        const line = values.length === 0
          ? current.text()
          : values.map((value) => toText(value, ofmt)).join(setting("OFS"))
        yield* put(line + setting("ORS"), statement.output, locals)
      }

      /** `true`: the loop goes on. */
      const goesOn = (completion: Completion): boolean => completion === undefined || completion === "continue"

      function* execute(statement: Statement, locals: Locals): Run<Completion> {
        switch (statement._tag) {
          case "Block": {
            for (const one of statement.body) {
              const completion = yield* execute(one, locals)
              if (completion !== undefined) return completion
            }
            return undefined
          }
          case "Expression":
            yield* evaluate(statement.expression, locals)
            return undefined
          case "Print":
          case "Printf":
            yield* print(statement, locals)
            return undefined
          case "If": {
            const chosen = isTrue(yield* evaluate(statement.test, locals)) ? statement.then : statement.otherwise
            return chosen === undefined ? undefined : yield* execute(chosen, locals)
          }
          case "While":
          case "Do": {
            let isFirst = statement._tag === "Do"
            while (isFirst || isTrue(yield* evaluate(statement.test, locals))) {
              isFirst = false
              yield* step()
              const completion = yield* execute(statement.body, locals)
              if (!goesOn(completion)) return completion === "break" ? undefined : completion
            }
            return undefined
          }
          case "For": {
            if (statement.first !== undefined) yield* execute(statement.first, locals)
            while (statement.test === undefined || isTrue(yield* evaluate(statement.test, locals))) {
              yield* step()
              const completion = yield* execute(statement.body, locals)
              if (!goesOn(completion)) return completion === "break" ? undefined : completion
              if (statement.step !== undefined) yield* execute(statement.step, locals)
            }
            return undefined
          }
          case "ForIn": {
            // the order is open: here that in which the elements came
            for (const index of [...arrayOf(statement.array, locals).keys()]) {
              yield* step()
              assign(statement.variable, index, locals)
              const completion = yield* execute(statement.body, locals)
              if (!goesOn(completion)) return completion === "break" ? undefined : completion
            }
            return undefined
          }
          case "Break":
            return "break"
          case "Continue":
            return "continue"
          case "Next":
            throw new Leave("next")
          case "Exit":
            if (statement.value !== undefined) code = toNumber(yield* evaluate(statement.value, locals))
            throw new Leave("exit")
          case "Return":
            returned = statement.value === undefined ? undefined : yield* evaluate(statement.value, locals)
            return "return"
          case "Delete": {
            const array = arrayOf(statement.array, locals)
            if (statement.index === undefined) array.clear()
            else array.delete(yield* subscript(statement.index, locals))
            return undefined
          }
        }
      }

      // the program

      let code = 0
      const isOpen = new Set<Rule>()

      function* applies(rule: Rule): Run<boolean> {
        if (rule.first === undefined) return true
        if (!isOpen.has(rule)) {
          if (!isTrue(yield* evaluate(rule.first, undefined))) return false
          if (rule.last === undefined) return true
          isOpen.add(rule)
        }
        if (rule.last !== undefined && isTrue(yield* evaluate(rule.last, undefined))) isOpen.delete(rule)
        return true
      }

      const printRecord: Statement = { _tag: "Print", values: [], output: undefined }

      function* ruleByRule(): Run<void> {
        for (const rule of program.rules) {
          if (yield* applies(rule)) yield* execute(rule.action ?? printRecord, undefined)
        }
      }

      /** `false`: the program is to end. */
      function* leaving(run: () => Run<unknown>): Run<boolean> {
        try {
          yield* run()
          return true
        } catch (left) {
          depth = 0
          if (left instanceof Leave) return left.kind === "next"
          throw left
        }
      }

      function* all(): Run<void> {
        for (const one of program.begin) if (!(yield* leaving(() => execute(one, undefined)))) return
        if (program.rules.length === 0 && program.end.length === 0) return
        for (let next = yield* nextRecord(); next !== undefined; next = yield* nextRecord()) {
          yield* step()
          current.setText(next)
          if (!(yield* leaving(ruleByRule))) return
        }
      }

      function* whole(): Run<number> {
        try {
          if (options.separator !== undefined) global("FS").value = options.separator
          const environment = arrayOf("ENVIRON", undefined)
          for (const [name, value] of self.environment) {
            environment.set(bytes.fromText(name), fromInput(bytes.fromText(value)))
          }
          global("ARGC").value = options.operands.length + 1
          const words = arrayOf("ARGV", undefined)
          for (const [index, word] of [self.name, ...options.operands].entries()) words.set(`${index}`, fromInput(word))
          for (const one of options.assignments) if (!assignOperand(one)) refuse(`the assignment ${one}`)
          yield* all()
          for (const one of program.end) if (!(yield* leaving(() => execute(one, undefined)))) break
          yield* io.closeAll
          return Math.trunc(code) & 255
        } catch (thrown) {
          if (!(thrown instanceof tool.Stop)) throw thrown
          return yield* thrown
        }
      }

      return yield* Effect.tapErrorTag(Effect.gen(whole), "Stop", () => Effect.ignore(io.flush))
    })
  )
