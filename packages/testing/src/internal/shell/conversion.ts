/**
 * The flags and widths of conversions, which `printf` and awk's `printf` share.
 */

/** @internal */
export interface Specifier {
  readonly flags: string
  readonly width: number
  readonly precision: number | undefined
}

/** @internal */
export const signOf = (isNegative: boolean, flags: string): string =>
  isNegative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : ""

/** @internal */
export const pad = (text: string, { flags, width }: Specifier): string =>
  flags.includes("-") ? text.padEnd(width) : text.padStart(width)

/**
 * Pads a number with zeros after its sign if the flags say so and `withZeros` allows it.
 *
 * @internal
 */
export const padNumber = (sign: string, digits: string, spec: Specifier, withZeros = true): string =>
  withZeros && spec.flags.includes("0") && !spec.flags.includes("-")
    ? sign + digits.padStart(spec.width - sign.length, "0")
    : pad(sign + digits, spec)
