/**
 * Tools that report on the host and the user, and tools that run a program or wait.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as lacks from "../../program/lacks.js"
import * as bytes from "../bytes.js"
import * as identity from "../identity.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"

const env: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("env", self.words, {
      flags: "i0",
      values: "uC",
      long: { "ignore-environment": "i", unset: "u", chdir: "C", null: "0" },
      leading: true
    })
    const environment = new Map(found.has("i") ? [] : self.environment)
    const operands = [...found.operands]
    if (operands[0] === "-") {
      operands.shift()
      environment.clear()
    }
    for (const [letter, name] of found.all) if (letter === "u") environment.delete(bytes.toText(name))
    while (operands[0]?.includes("=") === true) {
      const [name = "", ...value] = (operands.shift() ?? "").split("=")
      environment.set(bytes.toText(name), bytes.toText(value.join("=")))
    }
    const [first, ...rest] = operands
    if (first === undefined) {
      const end = found.has("0") ? "\0" : "\n"
      for (const [name, value] of environment) {
        yield* self.print(`${bytes.fromText(name)}=${bytes.fromText(value)}${end}`)
      }
      return 0
    }
    const given = found.value("C")
    const directory = given === undefined ? self.invocation.directory : self.at(given)
    if (given !== undefined) {
      yield* Effect.mapError(
        self.files.stat(`${directory}/.`),
        (error) => tool.stop(`cannot change directory to ${message.quote(given)}: ${message.of(error)}`, 125)
      )
    }
    return yield* run(self, [first, ...rest], environment, directory)
  })

/** Runs a program in the place of a tool. */
const run = (
  self: tool.Tool,
  [first, ...rest]: readonly [string, ...Array<string>],
  environment: ReadonlyMap<string, string>,
  directory: string
): Effect.Effect<number, tool.Closed | tool.Signalled | tool.Stop> =>
  Effect.gen(function*() {
    const request = {
      words: [bytes.toText(first), ...rest.map(bytes.toText)] as const,
      environment,
      directory,
      files: self.files
    }
    const program = yield* self.lookup(request)
    if (Option.isNone(program)) {
      const denied = first.includes("/") && (yield* Effect.isSuccess(self.files.stat(self.at(first))))
      if (!denied) yield* lacks.program(bytes.toText(first))
      return yield* tool.stop(
        `${message.quote(first)}: ${denied ? "Permission denied" : "No such file or directory"}`,
        denied ? 126 : 127
      )
    }
    const exit = yield* program.value({ ...self.invocation, ...request })
    return exit._tag === "Code" ? exit.code : yield* new tool.Signalled({ signal: exit.signal })
  })

const printenv: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("printenv", self.words, {})
    if (found.operands.length === 0) {
      for (const [name, value] of self.environment) {
        yield* self.print(`${bytes.fromText(name)}=${bytes.fromText(value)}\n`)
      }
      return 0
    }
    let code = 0
    for (const name of found.operands) {
      const value = self.environment.get(bytes.toText(name))
      if (value === undefined) code = 1
      else yield* self.print(`${bytes.fromText(value)}\n`)
    }
    return code
  })

const seconds: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 }

const sleep: tool.Run = (self) =>
  Effect.gen(function*() {
    if (self.words.length === 0) return yield* tool.stop("missing operand\nTry 'sleep --help' for more information.")
    let total = 0
    for (const word of self.words) {
      if (word === "infinity") return yield* Effect.never
      const match = /^([0-9]+\.?[0-9]*|\.[0-9]+)([smhd]?)$/.exec(word)
      if (match === null) {
        return yield* tool.stop(
          `invalid time interval ${message.quoteText(word)}\nTry 'sleep --help' for more information.`
        )
      }
      total += Number(match[1]) * (seconds[match[2] ?? ""] ?? 1)
    }
    yield* Effect.sleep(total * 1000)
    return 0
  })

const id: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("id", self.words, {
      flags: "ugnG",
      long: { user: "u", group: "g", name: "n", groups: "G" }
    })
    if (found.operands.length > 0) {
      return yield* tool.stop("InMemoryHost does not understand the id of somebody else", 2)
    }
    const { gid, uid } = yield* identity.of(self.files)
    const user = yield* identity.userName(self.files, uid)
    const group = yield* identity.groupName(self.files, gid)
    const line = found.has("u")
      ? found.has("n") ? user : `${uid}`
      : found.has("g") || found.has("G")
      ? found.has("n") ? group : `${gid}`
      : `uid=${uid}(${user}) gid=${gid}(${group}) groups=${gid}(${group})`
    yield* self.print(`${line}\n`)
    return 0
  })

const whoami: tool.Run = (self) =>
  Effect.gen(function*() {
    const { uid } = yield* identity.of(self.files)
    yield* self.print(`${yield* identity.userName(self.files, uid)}\n`)
    return 0
  })

const system = { s: "Linux", n: "localhost", r: "6.1.0", v: "#1 SMP", m: "x86_64", o: "GNU/Linux" } as const

const uname: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("uname", self.words, { flags: "asnrvmo", long: { all: "a" } })
    const wanted = (["s", "n", "r", "v", "m", "o"] as const).filter((letter) =>
      found.has("a") || found.has(letter) || letter === "s" && found.all.length === 0
    )
    yield* self.print(`${wanted.map((letter) => system[letter]).join(" ")}\n`)
    return 0
  })

const kill: tool.Run = () => tool.stop("InMemoryHost does not understand kill", 2)

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = {
  env,
  id,
  kill,
  printenv,
  sleep,
  uname,
  whoami
}
