import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

// `Duration` reads negative numbers and NaN as zero.
const isNegative = (input: Duration.DurationInput): boolean =>
  typeof input === "string"
    ? input.trim().startsWith("-")
    : Array.isArray(input)
    ? input.some((part) => !(part >= 0))
    : (typeof input === "number" || typeof input === "bigint") && !(input >= 0)

/**
 * A time that has an end.
 *
 * @internal
 */
export const finite = (input: Duration.DurationInput): Option.Option<Duration.Duration> =>
  isNegative(input) ? Option.none() : Option.filter(Duration.decodeUnknown(input), Duration.isFinite)

const longest = 2 ** 31 - 1

const longestShown = 60

const show = (input: unknown): string => {
  const text = typeof input === "string" ? JSON.stringify(input) : String(input)
  return text.length > longestShown ? `a text of ${text.length} characters` : text
}

/**
 * The problem of an option that must be a duration. It may be left out.
 *
 * @internal
 */
export const problem = (name: string, input: Duration.DurationInput | undefined): string | undefined =>
  input === undefined || !isNegative(input) && Option.isSome(Duration.decodeUnknown(input))
    ? undefined
    : `\`${name}\` must be a duration such as "10 seconds", got ${show(input)}`

/**
 * The problem of an option that must be a time limit. `least`: the shortest allowed one.
 *
 * @internal
 */
export const limitProblem = (
  name: string,
  input: unknown,
  least: Duration.DurationInput = Duration.millis(1)
): string | undefined => {
  const limit = finite(input as Duration.DurationInput)
  const isValid = Option.exists(
    limit,
    (found) => Duration.toMillis(found) <= longest && Duration.greaterThanOrEqualTo(found, least)
  )
  if (isValid) return undefined
  const wanted = Duration.greaterThanOrEqualTo(least, "1 second") ? `of at least ${Duration.format(least)}` : "above 0"
  return `\`${name}\` must be a duration ${wanted} and below 24 days, such as "10 seconds", got ${show(input)}` +
    (Option.isSome(limit) ? unitAdvice(limit.value) : "")
}

/**
 * Advice for a time limit below one second, which was probably meant in seconds. Begins with a space, or is empty.
 *
 * @internal
 */
export const unitAdvice = (limit: Duration.DurationInput): string => {
  const millis = Duration.toMillis(limit)
  return millis > 0 && millis < 1000 ? ` (a number is in milliseconds: for seconds, write "${millis} seconds")` : ""
}
