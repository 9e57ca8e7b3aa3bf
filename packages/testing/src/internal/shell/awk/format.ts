/**
 * `printf` and `sprintf` of awk.
 */
import * as tool from "../tool.js"
import * as float from "./float.js"
import { toNumber, toText, type Value } from "./value.js"

const specifier = /%([-+ #0]*)(\*|[0-9]+)?(?:\.(\*|[0-9]*))?([^]?)/y

const refuse = (what: string): never => {
  throw tool.stop(`InMemoryHost does not understand ${what}`, 2)
}

// As wide as a conversion may be.
const widest = 1_000_000

/**
 * The values by the template; `conversion` is CONVFMT.
 *
 * @internal
 */
export const format = (template: string, values: ReadonlyArray<Value>, convfmt: string): string => {
  let index = 0
  const take = (): Value =>
    index < values.length
      ? values[index++]
      : refuse(`the format ${JSON.stringify(template)} with ${values.length} values, since it takes more`)
  const count = (given: string): number => {
    const number = given === "*" ? Math.trunc(toNumber(take())) : Number(given)
    return Math.abs(number) <= widest ? number : refuse(`the width ${number}`)
  }

  const convert = (flags: string, width: number, precision: number | undefined, conversion: string): string => {
    const pad = (sign: string, digits: string, withZeros: boolean) =>
      flags.includes("-")
        ? (sign + digits).padEnd(width)
        : withZeros && flags.includes("0")
        ? sign + digits.padStart(width - sign.length, "0")
        : (sign + digits).padStart(width)
    const signOf = (isNegative: boolean) =>
      isNegative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : ""
    const integer = (base: number): string => {
      const number = Math.trunc(toNumber(take()))
      if (!(Math.abs(number) < 2 ** 63)) refuse(`%${conversion} of ${number}`)
      const isSigned = conversion === "d" || conversion === "i"
      if (number < 0 && !isSigned) refuse(`%${conversion} of ${number}`)
      const digits = precision === 0 && number === 0
        ? ""
        : BigInt(Math.abs(number)).toString(base).padStart(precision ?? 1, "0")
      const prefix = isSigned
        ? signOf(number < 0)
        : base === 16 && flags.includes("#") && number !== 0
        ? "0x"
        : base === 8 && flags.includes("#") && !digits.startsWith("0")
        ? "0"
        : ""
      return pad(prefix, digits, precision === undefined)
    }
    switch (conversion) {
      case "c": {
        const value = take()
        return pad(
          "",
          typeof value === "number" || typeof value === "object"
            ? String.fromCharCode(Math.trunc(toNumber(value)) & 255)
            : toText(value, convfmt).slice(0, 1),
          false
        )
      }
      case "s":
        return pad("", toText(take(), convfmt).slice(0, precision), false)
      case "d":
      case "i":
      case "u":
        return integer(10)
      case "o":
        return integer(8)
      case "x":
        return integer(16)
      case "X":
        return integer(16).toUpperCase()
      case "e":
      case "f":
      case "g": {
        const number = toNumber(take())
        const digits = float.format(Math.abs(number), conversion, precision ?? 6, flags.includes("#"))
        return pad(signOf(number < 0 || Object.is(number, -0)), digits, Number.isFinite(number))
      }
      case "E":
      case "F":
      case "G":
        return convert(flags, width, precision, conversion.toLowerCase()).toUpperCase()
      default:
        return refuse(`the conversion %${conversion} of the format ${JSON.stringify(template)}`)
    }
  }

  let text = ""
  for (let at = 0; at < template.length;) {
    const percent = template.indexOf("%", at)
    text += template.slice(at, percent < 0 ? undefined : percent)
    if (percent < 0) break
    specifier.lastIndex = percent
    const [whole = "%", flags = "", width = "0", given, conversion = ""] = specifier.exec(template) ?? []
    at = percent + whole.length
    if (whole === "%%") {
      text += "%"
      continue
    }
    const wide = count(width)
    const precision = given === undefined ? -1 : count(given || "0")
    text += convert(
      wide < 0 ? `${flags}-` : flags,
      Math.abs(wide),
      precision < 0 ? undefined : precision,
      conversion
    )
  }
  return text
}
