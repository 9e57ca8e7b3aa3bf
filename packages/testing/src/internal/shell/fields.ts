/**
 * Fields: the parts of a text between separators.
 */
import type * as pattern from "./pattern.js"

/**
 * A run of bytes. `splits` marks the result of an expansion, which is split into fields. `undefined` is the end of a field. In
 * the first run after `"$@"` (`ofAll`), each blank separates two fields, as other separators do. That matches dash.
 *
 * @internal
 */
export type Atom =
  | { readonly text: string; readonly quoted: boolean; readonly splits: boolean; readonly ofAll?: boolean }
  | undefined

/** @internal */
export type Field = Array<pattern.Piece>

/** The fields that expansions are split into. @internal */
export const fieldsOf = (ifs: string, atoms: ReadonlyArray<Atom>): ReadonlyArray<Field> => {
  const fields: Array<Field> = []
  let current: Field | undefined
  // whether white space has just ended a field, so that one more separator belongs to it
  let ended = false
  let isBehindAll = false
  const end = () => {
    if (current !== undefined) fields.push(current)
    current = undefined
  }
  for (const one of atoms) {
    if (one === undefined) {
      end()
      ended = false
    } else if (!one.splits) {
      if (one.ofAll === true) isBehindAll = true
      // an empty text does not form a field unless it is quoted
      if (one.text !== "" || one.quoted) (current ??= []).push(one)
      ended = false
    } else {
      let run = ""
      const flush = () => {
        if (run !== "") (current ??= []).push({ text: run, quoted: false })
        run = ""
      }
      for (const character of one.text) {
        if (!ifs.includes(character)) {
          run += character
          ended = false
        } else {
          flush()
          const isBlank = !isBehindAll && /[ \t\n]/.test(character)
          if (isBlank) {
            if (current !== undefined) ended = true
            end()
          } else {
            if (current === undefined && !ended) current = []
            end()
            ended = false
          }
        }
      }
      flush()
      isBehindAll = false
    }
  }
  end()
  return fields
}

/**
 * Splits a line as `read` does, into at most `count` fields. The last field is the rest of the line. The characters at the
 * `escaped` positions do not separate fields.
 *
 * @internal
 */
export const splitLine = (
  ifs: string,
  line: string,
  escaped: ReadonlySet<number>,
  count: number
): ReadonlyArray<string> => {
  const isBlank = (at: number) =>
    at < line.length && !escaped.has(at) && /[ \t\n]/.test(line.charAt(at)) && ifs.includes(line.charAt(at))
  const isSeparator = (at: number) => at < line.length && !escaped.has(at) && ifs.includes(line.charAt(at))
  const fields: Array<string> = []
  let at = 0
  while (isBlank(at)) at++
  while (fields.length < count - 1 && at < line.length) {
    const start = at
    while (at < line.length && !isSeparator(at)) at++
    fields.push(line.slice(start, at))
    while (isBlank(at)) at++
    if (isSeparator(at)) at++
    while (isBlank(at)) at++
  }
  let end = line.length
  while (end > at && isBlank(end - 1)) end--
  const start = at
  let rest = line.slice(start, end)
  // one separator after the last field belongs to it
  const separator = end - 1
  if (rest !== "" && isSeparator(separator) && !isBlank(separator)) {
    const before = line.slice(start, separator)
    if (![...before].some((_, index) => isSeparator(start + index))) {
      rest = before.replace(/[ \t\n]+$/, (blanks) => ifs.includes(blanks.charAt(0)) ? "" : blanks)
    }
  }
  return [...fields, rest]
}
