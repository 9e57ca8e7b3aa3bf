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
