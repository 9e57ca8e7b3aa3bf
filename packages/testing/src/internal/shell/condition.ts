/**
 * The expressions of `test`.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { SftpFileSystem, Stat } from "../sftp/sftpFileSystem.js"
import * as directories from "./directories.js"
import * as fileMode from "./fileMode.js"
import * as identity from "./identity.js"

/** Why it has no value. @internal */
export class ConditionError
  extends Data.TaggedError("ConditionError")<{ readonly words: string; readonly operand?: string }>
{}

/** @internal */
export interface Place {
  readonly files: SftpFileSystem
  readonly directory: string
}

type Fx = Effect.Effect<boolean, ConditionError>

const unary = new Set([..."bcdefghkLnprsStuwxzGO"].map((letter) => `-${letter}`))
const binary = new Set(["=", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "<", ">"])

const integer = (text: string): Effect.Effect<bigint, ConditionError> =>
  /^\s*[-+]?[0-9]+\s*$/.test(text)
    ? Effect.succeed(BigInt(text.trim().replace(/^\+/, "")))
    : new ConditionError({ words: "Illegal number", operand: text })

const ofFile = ({ directory, files }: Place, operator: string, path: string): Effect.Effect<boolean> => {
  const name = directories.at(directory, path)
  const stat = (follows: boolean, holds: (stat: Stat) => boolean) =>
    Effect.match(follows ? files.stat(name) : files.lstat(name), { onFailure: () => false, onSuccess: holds })
  const isType = (type: string) => stat(true, ({ mode }) => fileMode.typeOf(mode) === type)
  switch (operator) {
    case "-e":
      return stat(true, () => true)
    case "-f":
      return isType("f")
    case "-d":
      return isType("d")
    case "-p":
      return isType("p")
    case "-S":
      return isType("s")
    case "-b":
      return isType("b")
    case "-c":
      return path === "/dev/null" ? Effect.succeed(true) : isType("c")
    case "-L":
    case "-h":
      return stat(false, directories.isLink)
    case "-s":
      return stat(true, ({ size }) => size > 0n)
    case "-u":
      return stat(true, ({ mode }) => (mode & fileMode.setUserId) !== 0)
    case "-g":
      return stat(true, ({ mode }) => (mode & fileMode.setGroupId) !== 0)
    case "-k":
      return stat(true, ({ mode }) => (mode & fileMode.sticky) !== 0)
    case "-r":
      return identity.mayAccess(files, name, 4)
    case "-w":
      return identity.mayAccess(files, name, 2)
    case "-x":
      return identity.mayAccess(files, name, 1)
    default:
      return Effect.flatMap(
        identity.of(files),
        ({ gid, uid }) => stat(true, (found) => operator === "-O" ? found.uid === uid : found.gid === gid)
      )
  }
}

const one = (place: Place, operator: string, operand: string): Fx => {
  switch (operator) {
    case "-n":
      return Effect.succeed(operand !== "")
    case "-z":
      return Effect.succeed(operand === "")
    // nothing of the host in memory is a terminal
    case "-t":
      return Effect.as(integer(operand), false)
    default:
      return ofFile(place, operator, operand)
  }
}

const two = ({ directory, files }: Place, left: string, operator: string, right: string): Fx => {
  const numbers = (holds: (left: bigint, right: bigint) => boolean) =>
    Effect.map(Effect.all([integer(left), integer(right)]), ([one, other]) => holds(one, other))
  const stats = (holds: (left: Stat | undefined, right: Stat | undefined) => boolean) =>
    Effect.map(
      Effect.all([left, right].map((path) => Effect.option(files.stat(directories.at(directory, path))))),
      ([one, other]) =>
        holds(one?._tag === "Some" ? one.value : undefined, other?._tag === "Some" ? other.value : undefined)
    )
  switch (operator) {
    case "=":
      return Effect.succeed(left === right)
    case "!=":
      return Effect.succeed(left !== right)
    case "<":
      return Effect.succeed(left < right)
    case ">":
      return Effect.succeed(left > right)
    case "-eq":
      return numbers((one, other) => one === other)
    case "-ne":
      return numbers((one, other) => one !== other)
    case "-lt":
      return numbers((one, other) => one < other)
    case "-le":
      return numbers((one, other) => one <= other)
    case "-gt":
      return numbers((one, other) => one > other)
    case "-ge":
      return numbers((one, other) => one >= other)
    case "-nt":
      return stats((one, other) => one !== undefined && other !== undefined && one.mtime > other.mtime)
    case "-ot":
      return stats((one, other) => one !== undefined && other !== undefined && one.mtime < other.mtime)
    default:
      return stats((one, other) =>
        one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino
      )
  }
}

/**
 * As dash has it: POSIX's rules by the number of words, and beyond with `-a`, `-o` and parentheses. Of those, both sides
 * have their value taken, and what is missing is false.
 *
 * @internal
 */
export const evaluate = (place: Place, words: ReadonlyArray<string>): Fx => {
  const [first, second = ""] = words
  if (words.length === 3 && binary.has(second)) return whole(place, words, true)
  if (words.length === 3 || words.length === 4) {
    if (first === "(" && words.at(-1) === ")") return whole(place, words.slice(1, -1), false)
    if (first === "!") return Effect.map(evaluate(place, words.slice(1)), (value) => !value)
  }
  return whole(place, words, false)
}

/** `plain`: whether the first word is an operand even if it looks like an operator. */
const whole = (place: Place, words: ReadonlyArray<string>, plain: boolean): Fx => {
  // the last word that was read
  let at = 0
  const isBinary = (index: number) => binary.has(words[index] ?? "")
  const isOperand = (index: number) => index + 1 >= words.length || index + 2 < words.length && isBinary(index + 1)
  const isUnary = (index: number) => unary.has(words[index] ?? "") && !isOperand(index)
  const primary = (isPlain: boolean): Fx => {
    const first = words[at]
    if (first === undefined) return Effect.succeed(false)
    if (!isPlain && first === "!") {
      at++
      return Effect.map(primary(false), (value) => !value)
    }
    if (!isPlain && first === "(" && at + 1 < words.length) {
      at++
      if (words[at] === ")") return Effect.succeed(false)
      const value = either(false)
      return words[++at] === ")" ? value : new ConditionError({ words: "closing paren expected" })
    }
    if (!isPlain && isUnary(at)) {
      at++
      return one(place, first, words[at] ?? "")
    }
    if (!isBinary(at + 1)) return Effect.succeed(first !== "")
    const operator = words[at + 1] ?? ""
    at += 2
    const second = words[at]
    return second === undefined
      ? new ConditionError({ words: "argument expected", operand: operator })
      : two(place, first, operator, second)
  }
  const joined =
    (operator: string, inner: (isPlain: boolean) => Fx, join: (left: boolean, right: boolean) => boolean) =>
    (isPlain: boolean): Fx => {
      let value = inner(isPlain)
      while (words[at + 1] === operator) {
        at += 2
        value = Effect.zipWith(value, inner(false), join)
      }
      return value
    }
  const both = joined("-a", primary, (left, right) => left && right)
  const either = joined("-o", both, (left, right) => left || right)
  const value = either(plain)
  const last = words[at]
  return last !== undefined && at + 1 < words.length
    ? Effect.zipRight(value, new ConditionError({ words: "unexpected operator", operand: last }))
    : value
}
