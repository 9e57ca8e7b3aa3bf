import { unescape } from "../format.js"

const inRange = (from: number, to: number): string => {
  let text = ""
  for (let code = from; code <= to; code++) text += String.fromCharCode(code)
  return text
}

const classes: Readonly<Record<string, string>> = {
  alnum: inRange(48, 57) + inRange(65, 90) + inRange(97, 122),
  alpha: inRange(65, 90) + inRange(97, 122),
  blank: "\t ",
  cntrl: inRange(0, 31) + inRange(127, 127),
  digit: inRange(48, 57),
  graph: inRange(33, 126),
  lower: inRange(97, 122),
  print: inRange(32, 126),
  punct: inRange(33, 47) + inRange(58, 64) + inRange(91, 96) + inRange(123, 126),
  space: inRange(9, 13) + " ",
  upper: inRange(65, 90),
  xdigit: inRange(48, 57) + inRange(65, 70) + inRange(97, 102)
}

/**
 * A set of `tr`: its characters in order. `undefined`: it is not understood.
 *
 * @internal
 */
export const characterSet = (given: string): string | undefined => {
  if (/\[[=.]|\[.\*/.test(given)) return undefined
  const named = given.replace(/\[:([a-z]+):\]/g, (whole, name: string) => classes[name] ?? whole)
  if (/\[:/.test(named)) return undefined
  // an escaped character does not form a range
  const units: Array<{ readonly character: string; readonly escaped: boolean }> = []
  for (let at = 0; at < named.length;) {
    const match = /^\\(?:[0-7]{1,3}|[^])/.exec(named.slice(at))
    if (match === null) units.push({ character: named.charAt(at++), escaped: false })
    else {
      const { text } = unescape(match[0], "plain")
      units.push({ character: text.startsWith("\\") && text.length > 1 ? text.slice(1) : text, escaped: true })
      at += match[0].length
    }
  }
  // the characters of a class do not form ranges with each other, though they are in order
  if (named !== given) {
    return units.map(({ character }) => character).join("").replace(
      /([^])-([^])/g,
      (whole, from: string, to: string) =>
        from < to && given.includes(whole) ? inRange(from.charCodeAt(0), to.charCodeAt(0)) : whole
    )
  }
  let text = ""
  for (let at = 0; at < units.length; at++) {
    const from = units[at]?.character ?? ""
    const dash = units[at + 1]
    const to = units[at + 2]
    if (dash?.character === "-" && !dash.escaped && to !== undefined) {
      if (from > to.character) return undefined
      text += inRange(from.charCodeAt(0), to.character.charCodeAt(0))
      at += 2
    } else text += from
  }
  return text
}
