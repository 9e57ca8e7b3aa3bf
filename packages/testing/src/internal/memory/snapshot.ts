/**
 * A tree as text, to be read and to be compared line by line.
 */
import { createHash } from "node:crypto"
import { type Accounts, groupOf, userNamed } from "./accounts.js"
import { entries, type Entry } from "./entries.js"
import { modeText } from "./modeText.js"
import type { Volume } from "./volume.js"

const shortText = { bytes: 2000, lines: 40 } as const
const hashLength = 8

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r" }

// Escapes line ends, control characters, and bytes that are not valid UTF-8.
const visible = (text: string): string =>
  text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]|\p{Surrogate}/gu, (unit) => {
    const code = unit.charCodeAt(0)
    const hexadecimal = (digits: number, value: number) => value.toString(16).padStart(digits, "0")
    return escapes[unit] ??
      (code >= 0xdc80 && code <= 0xdcff
        ? `\\x${hexadecimal(2, code - 0xdc00)}`
        : code < 0x100
        ? `\\x${hexadecimal(2, code)}`
        : `\\u${hexadecimal(4, code)}`)
  })

const textOf = (content: Uint8Array): string | undefined => {
  if (content.length > shortText.bytes || content.includes(0)) return undefined
  try {
    return strict.decode(content)
  } catch {
    return undefined
  }
}

const hash = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex").slice(0, hashLength)

const summary = (size: number, content: Uint8Array) => ` (${size} bytes, ${hash(content)})`

// A file of this size is mostly a hole.
const largestHashed = 64 * 1024 * 1024

const lines = (text: string): ReadonlyArray<string> => {
  const found = text.split("\n")
  if (found.at(-1) === "") found.pop()
  else found.push("\\ No newline at end of file")
  return found
}

const fileLines = (head: string, entry: Entry & { readonly type: "file" }): ReadonlyArray<string> => {
  if (entry.size === 0) return [`${head} (empty)`]
  if (entry.size > largestHashed) return [`${head} (${entry.size} bytes)`]
  const { content } = entry
  const text = textOf(content)
  const shown = text === undefined ? [] : lines(text)
  return text === undefined || shown.length > shortText.lines
    ? [head + summary(entry.size, content)]
    : [head, ...shown.map((line) => `    ${visible(line)}`)]
}

const typeLetters = { file: "-", directory: "d", link: "l", pipe: "p" } as const

const entryLines = (accounts: Accounts, path: string, entry: Entry): ReadonlyArray<string> => {
  const user = userNamed(accounts, entry.owner)
  const isOwn = user !== undefined && groupOf(accounts, user.gid)?.name === entry.group
  const owner = isOwn ? entry.owner : `${entry.owner}:${entry.group}`
  const head = `${typeLetters[entry.type]}${modeText(entry.mode)} ${owner} ${visible(path)}`
  switch (entry.type) {
    case "file":
      return fileLines(head, entry)
    case "link":
      return [`${head} -> ${visible(entry.target)}`]
    case "directory":
    case "pipe":
      return [head]
  }
}

/**
 * Formats entries, one line an entry: `drwxr-xr-x luigi /data`. The group is shown if it is not the owner's own. Short texts
 * follow, indented. Other contents are shown as a size and a hash. Columns are not aligned, so a change affects one line only.
 *
 * @internal
 */
export const snapshot = (
  source: { readonly volume: Volume; readonly accounts: Accounts },
  path = "/"
): string =>
  [...entries(source, path)]
    .flatMap(([path, entry]) => entryLines(source.accounts, path, entry))
    .map((line) => `${line}\n`)
    .join("")
