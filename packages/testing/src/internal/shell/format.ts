/**
 * `printf`, and the escapes of `echo`.
 */

/** @internal */
export interface Formatted {
  readonly text: string
  /** Messages about invalid arguments. Their valid part is used. */
  readonly problems: ReadonlyArray<string>
  /** The construct that is not supported. */
  readonly refused: string | undefined
}

const simple: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\"
}

/**
 * A text with its escapes undone, up to `\c`. `octal`: `"plain"` is `\ooo`, `"both"` is `\0ooo` as well.
 *
 * @internal
 */
export const unescape = (
  text: string,
  octal: "both" | "plain",
  hex = false
): { readonly text: string; readonly stopped: boolean } => {
  let result = ""
  for (let at = 0; at < text.length;) {
    const character = text.charAt(at++)
    const following = text.charAt(at)
    if (character !== "\\" || following === "") {
      result += character
      continue
    }
    const rest = text.slice(at, at + 4)
    const digits = octal !== "plain" && /^0[0-7]{0,3}/.exec(rest) || /^[0-7]{1,3}/.exec(rest)
    const hexDigits = hex ? /^x[0-9A-Fa-f]{1,2}/.exec(rest) : null
    if (following === "c" && octal !== "plain") return { text: result, stopped: true }
    if (digits) {
      result += String.fromCharCode(Number.parseInt(digits[0], 8) & 255)
      at += digits[0].length
    } else if (hexDigits !== null) {
      result += String.fromCharCode(Number.parseInt(hexDigits[0].slice(1), 16))
      at += hexDigits[0].length
    } else if (following in simple || hex && following === "e") {
      result += simple[following] ?? "\x1b"
      at++
    } else {
      result += `\\${following}`
      at++
    }
  }
  return { text: result, stopped: false }
}

const pad = (text: string, width: number, flags: string): string =>
  flags.includes("-") ? text.padEnd(width) : text.padStart(width)

const padNumber = (
  digits: string,
  sign: string,
  width: number,
  precision: number | undefined,
  flags: string
): string => {
  const padded = digits.padStart(precision ?? 1, "0")
  if (flags.includes("0") && !flags.includes("-") && precision === undefined) {
    return sign + padded.padStart(width - sign.length, "0")
  }
  return pad(sign + padded, width, flags)
}

const specifier = /%(?:%|([-+ #0]*)(\*|[0-9]+)?(?:\.(\*|[0-9]*))?([A-Za-z]?))/y

/** @internal */
export const format = (template: string, values: ReadonlyArray<string>): Formatted => {
  const problems: Array<string> = []
  let refused: string | undefined
  let index = 0
  let text = ""
  const take = (): string | undefined => values[index++]

  const integer = (value: string | undefined): bigint => {
    if (value === undefined || value === "") return 0n
    if (/^["']/.test(value)) return BigInt(value.charCodeAt(1) || 0)
    const match = /^\s*([-+]?)(0[xX][0-9A-Fa-f]+|[0-9]+)/.exec(value)
    if (match === null) {
      problems.push(`${value}: expected numeric value`)
      return 0n
    }
    const [whole, sign, digits = "0"] = match
    if (whole.length < value.length) problems.push(`${value}: not completely converted`)
    const octal = /^0[0-7]+$/.test(digits)
    const magnitude = BigInt(octal ? `0o${digits.slice(1)}` : digits.replace(/^0+(?=[0-9])/, ""))
    return sign === "-" ? -magnitude : magnitude
  }

  const convert = (flags: string, width: number, precision: number | undefined, conversion: string): boolean => {
    switch (conversion) {
      case "s":
        text += pad((take() ?? "").slice(0, precision), width, flags)
        return true
      case "b": {
        const { stopped, text: value } = unescape(take() ?? "", "both")
        text += pad(value.slice(0, precision), width, flags)
        return !stopped
      }
      case "c":
        text += pad((take() ?? "").slice(0, 1), width, flags)
        return true
      case "d":
      case "i": {
        const value = integer(take())
        const sign = value < 0n ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : ""
        text += padNumber(`${value < 0n ? -value : value}`, sign, width, precision, flags)
        return true
      }
      case "u":
      case "o":
      case "x":
      case "X": {
        const value = BigInt.asUintN(64, integer(take()))
        const digits = value.toString(conversion === "u" ? 10 : conversion === "o" ? 8 : 16)
        const prefix = flags.includes("#") && value !== 0n && conversion !== "u"
          ? (conversion === "o" ? "0" : `0${conversion}`)
          : ""
        text += padNumber(conversion === "X" ? digits.toUpperCase() : digits, prefix, width, precision, flags)
        return true
      }
      case "f": {
        const given = take() ?? "0"
        const value = Number(given)
        if (Number.isNaN(value)) problems.push(`${given}: expected numeric value`)
        const number = Number.isNaN(value) ? 0 : value
        const sign = number < 0 || Object.is(number, -0)
          ? "-"
          : flags.includes("+")
          ? "+"
          : flags.includes(" ")
          ? " "
          : ""
        const digits = Math.abs(number).toFixed(Math.min(precision ?? 6, 100))
        text += flags.includes("0") && !flags.includes("-")
          ? sign + digits.padStart(width - sign.length, "0")
          : pad(sign + digits, width, flags)
        return true
      }
      default:
        refused = `%${conversion}`
        return false
    }
  }

  const once = (): boolean => {
    for (let at = 0; at < template.length;) {
      const percent = template.indexOf("%", at)
      text += unescape(template.slice(at, percent < 0 ? undefined : percent), "plain").text
      if (percent < 0) break
      specifier.lastIndex = percent
      const match = specifier.exec(template)
      if (match === null) {
        refused = "%"
        return false
      }
      at = specifier.lastIndex
      const [whole, flags = "", width, precision, conversion] = match
      if (whole === "%%") {
        text += "%"
        continue
      }
      const wide = width === "*" ? Number(integer(take())) : Number(width ?? 0)
      const precise = precision === undefined
        ? undefined
        : precision === "*"
        ? Number(integer(take()))
        : Number(precision || 0)
      if (!convert(wide < 0 ? `${flags}-` : flags, Math.abs(wide), precise, conversion ?? "")) return false
    }
    return true
  }

  let goesOn = true
  do {
    const before = index
    goesOn = once() && index > before
  } while (goesOn && index < values.length)
  return { text, problems, refused }
}
