import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as options from "../options.js"
import * as tool from "../tool.js"

/** @internal */
export const monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

const dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

/** @internal */
export const pad = (value: number): string => `${value}`.padStart(2, "0")

const directives: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => `${date.getUTCFullYear()}`,
  y: (date) => pad(date.getUTCFullYear() % 100),
  m: (date) => pad(date.getUTCMonth() + 1),
  d: (date) => pad(date.getUTCDate()),
  e: (date) => `${date.getUTCDate()}`.padStart(2),
  H: (date) => pad(date.getUTCHours()),
  M: (date) => pad(date.getUTCMinutes()),
  S: (date) => pad(date.getUTCSeconds()),
  N: (date) => `${`${date.getUTCMilliseconds()}`.padStart(3, "0")}000000`,
  s: (date) => `${Math.floor(date.getTime() / 1000)}`,
  a: (date) => dayNames[date.getUTCDay()] ?? "",
  b: (date) => monthNames[date.getUTCMonth()] ?? "",
  j: (date) =>
    `${Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1}`.padStart(3, "0"),
  F: (date) => `${date.getUTCFullYear()}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`,
  T: (date) => `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}`,
  z: () => "+0000",
  Z: () => "UTC",
  n: () => "\n",
  t: () => "\t",
  "%": () => "%"
}

/** The time of Effect's Clock. The host's time zone is UTC. */
const date: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("date", self.words, { flags: "u", long: { utc: "u", universal: "u" } })
    const [given = "+%a %b %e %T %Z %Y"] = found.operands
    if (!given.startsWith("+")) return yield* tool.stop(`InMemoryHost does not understand the operand ${given}`, 2)
    const unknown = [...given.matchAll(/%([^]?)/g)].find(([, letter = ""]) => !Object.hasOwn(directives, letter))
    if (unknown !== undefined) return yield* tool.stop(`InMemoryHost does not understand ${unknown[0]}`, 2)
    const now = new Date(yield* Clock.currentTimeMillis)
    yield* self.print(`${given.slice(1).replace(/%([^])/g, (_, letter: string) => directives[letter]?.(now) ?? "")}\n`)
    return 0
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { date }
