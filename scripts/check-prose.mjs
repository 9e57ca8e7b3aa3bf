// How we write: kinds of sentences that a reader must read twice. Checks the paths given, or else the whole repository. `--counts` prints the number of each kind and the lengths of the sentences, and never fails.
import { execFileSync } from "node:child_process"
import * as path from "node:path"
import { report, root } from "./program.mjs"
import { read, wordsOf } from "./prose.mjs"

const longest = 35

/** Each kind with what finds it and what to write instead. */
const kinds = [
  {
    name: "clause for a noun",
    hint: "name the thing",
    finds: ({ sentence }) => /^["'(]?(What|Whatever|Whoever|That which|He who)\b(?!.*\?)/.test(sentence)
  },
  {
    name: "tell",
    hint: "report, say, show, distinguish, notify",
    finds: ({ sentence }) => /\b(tell|tells|told|telling|untold)\b/i.test(sentence)
  },
  {
    name: "is no",
    hint: "is not a",
    finds: ({ sentence }) =>
      /\b(is|are|was|were|be|been|being) no (?!longer\b|more than\b|less than\b|other\b)|\b(holds?|gives?|takes?|makes?|means?|finds?|needs?|knows?) (no|none|nothing) (?!longer\b|other\b)|\bof none\b/i
        .test(
          sentence
        )
  },
  { name: "so many", hint: "name the number", finds: ({ sentence }) => /\bso (many|long|much|few)\b/i.test(sentence) },
  {
    name: "behind, beside",
    hint: "after, next to, in addition to",
    finds: ({ sentence }) =>
      /(?<!\b(leav\w+|left)\b.*)\b(behind|beside)\b|\b(those|that|one|the ones?|all) before\b(?! \w)/i.test(sentence)
  },
  {
    name: "place for condition",
    hint: "if, when",
    finds: ({ sentence }) =>
      /^["'(]?Where\b(?!.*\?)|\b(is|are|was|were|be) (one|none) (where|for)\b|\bthere (is|are|was|were|may be|can be|will be) (one|none)\b|\b(what|that|who|which|it|they|if|when|nothing|something|anybody|nobody|is) (is|are|was|were) there\b/i
        .test(sentence)
  },
  {
    name: "pronoun first",
    hint: "begin with a name or a verb",
    finds: ({ isFirst, kind, sentence }) =>
      /^["'(]?(One (that|which|who|of which)|Those (that|which|who)|Of (which|what|whom|it|them)|That (is|was|are)|None (is|are|of))\b/
        .test(sentence) ||
      (isFirst && ["doc", "comment", "message"].includes(kind) &&
        /^["'(]?(It|They|He|Its|Their|This|These) (?!is a\b)/.test(sentence))
  },
  {
    name: "long",
    hint: `at most ${longest} words, one fact a sentence`,
    finds: ({ sentence }) => wordsOf(sentence) > longest
  },
  {
    name: "old words",
    hint: "plain words",
    finds: ({ sentence }) =>
      /\b(for ever|as a rule|of late|to be had|can be had|could be had|whoever|whomever|somebody|someone else's|nobody tells|hither|thereof|wherein|whereof|but for|save for)\b/i
        .test(sentence)
  },
  {
    name: "causative have",
    hint: "makes, lets",
    finds: ({ sentence }) =>
      /\b(has|have|had|having) (it|them|him|the \w+|its \w+|another \w+) (be|do|go|end|run|wait|read|write|open|close|listen|connect|say|send|fail|make|take)\b/i
        .test(sentence)
  }
]

const args = process.argv.slice(2)
const named = args.filter((argument) => !argument.startsWith("--"))
const base = named.length > 0 ? process.cwd() : root
const isCounted = args.includes("--counts")
const listed = execFileSync("git", ["ls-files", "-z", "--", ...named], { cwd: base }).toString().split("\0")
const isProse = (file) => /\.(ts|mjs|md)$/.test(file) && !/(^|\/)CHANGELOG\.md$/.test(file)
const files = listed.filter((file) => isProse(file)).map((file) => path.resolve(base, file))

const sentences = files.flatMap(read)
const problems = sentences.flatMap((found) =>
  kinds.filter(({ finds }) => finds(found)).map((kind) => ({ ...found, kind }))
)

if (isCounted) {
  const percentile = (numbers, share) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * share)] ?? 0
  for (const { name } of kinds) console.log(`${name}: ${problems.filter(({ kind }) => kind.name === name).length}`)
  for (
    const [title, of] of [
      ["doc comments", "doc"],
      ["pages", "page"],
      ["table cells", "cell"],
      ["comments", "comment"],
      ["messages", "message"],
      ["titles", "title"]
    ]
  ) {
    const lengths = sentences.filter(({ kind }) => kind === of).map(({ sentence }) => wordsOf(sentence))
    const average = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, lengths.length)
    console.log(
      `${title}: ${lengths.length} sentences, ${average.toFixed(1)} words on average, 95th percentile ${
        percentile(lengths, 0.95)
      }`
    )
  }
} else {
  report(
    problems.map(({ file, kind, line, sentence }) => `${file}:${line} ${kind.name} (${kind.hint}): ${sentence}`),
    `${sentences.length} sentences`
  )
}
