// The prose of the repository, as sentences: comments, doc comments, messages, titles of tests, and Markdown.
import * as fs from "node:fs"
import ts from "typescript"
import { relative } from "./program.mjs"

const withoutCode = (text) => text.replace(/```[\s\S]*?(```|$)/g, " ").replace(/`[^`\n]*`/g, "CODE")

/** Cuts a paragraph into sentences: after a full stop, question mark or exclamation mark that a capital letter follows. */
const sentencesOf = (paragraph) =>
  paragraph.replace(/\s+/g, " ").trim().split(/(?<=[.!?]["')]?) (?=["'(]?[A-Z])/).filter((text) => /[a-z]/.test(text))

const paragraphsOf = (text) => withoutCode(text).split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )/)

/** The text of a comment without its marks, its tags, and examples. */
const commentText = (comment) =>
  comment
    .replace(/^\/\*\*?|\*\/$/g, "")
    .replace(/^\s*\* ?/gm, "")
    .replace(/^\s*\/\/ ?/gm, "")
    .replace(/^@example[\s\S]*?(?=^@|$(?![\s\S]))/gm, "")
    .replace(/^@(since|category|internal)\b.*$/gm, "\n")

const isDirective = (comment) => /^\/\/\s*(eslint|@ts-|#region|<reference)|^\/\/\//.test(comment)

/** Comments of a source, where line comments that follow one another are one. */
const commentsOf = (source, text) => {
  const found = new Map()
  const add = (ranges) => {
    for (const { end, pos } of ranges ?? []) found.set(pos, end)
  }
  const visit = (node) => {
    add(ts.getLeadingCommentRanges(text, node.pos))
    add(ts.getTrailingCommentRanges(text, node.end))
    ts.forEachChild(node, visit)
    if (ts.isBlock(node) || ts.isSourceFile(node) || ts.isModuleBlock(node)) {
      add(ts.getLeadingCommentRanges(text, node.getLastToken(source)?.pos ?? node.end))
    }
  }
  visit(source)
  const joined = []
  for (const [pos, end] of [...found].sort(([a], [b]) => a - b)) {
    const last = joined.at(-1)
    const comment = text.slice(pos, end)
    if (isDirective(comment)) continue
    if (
      last && comment.startsWith("//") && text.slice(last.pos, last.pos + 2) === "//" &&
      /^\s*$/.test(text.slice(last.end, pos))
    ) {
      last.end = end
    } else {
      joined.push({ pos, end })
    }
  }
  return joined.map(({ end, pos }) => ({
    kind: text.startsWith("/**", pos) ? "doc" : "comment",
    pos,
    text: commentText(text.slice(pos, end))
  }))
}

const titled = ["test", "it", "describe", "effect", "scoped", "live", "scopedLive", "prop", "layer"]

const nameOf = (callee) =>
  ts.isIdentifier(callee) ? callee.text : ts.isPropertyAccessExpression(callee) ? callee.name.text : undefined

const literalText = (node) =>
  ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)
    ? node.text
    : ts.isTemplateExpression(node)
    ? node.head.text + node.templateSpans.map(({ literal }) => `CODE${literal.text}`).join("")
    : undefined

/** Texts that people read: literals of several words in the sources, and titles of tests. */
const literalsOf = (source, isTest) => {
  const found = []
  const visit = (node) => {
    const text = literalText(node)
    if (text !== undefined && /[a-z]+ [a-z]+ [a-z]+/.test(text)) {
      const { parent } = node
      const isTitle = ts.isCallExpression(parent) && parent.arguments[0] === node &&
        titled.includes(nameOf(parent.expression))
      if (isTitle || (!isTest && !ts.isImportDeclaration(parent))) {
        found.push({ kind: isTitle ? "title" : "message", pos: node.getStart(source), text })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const lineAt = (text, pos) => text.slice(0, pos).split("\n").length

// Literals here are shell text, or messages that other programs print. Their comments are checked.
const foreign = /\/internal\/((scripts|shell)\/|sshd\/keeper\.ts)/

const readTypeScript = (file) => {
  const text = fs.readFileSync(file, "utf8")
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const isTest = /\/test\//.test(file)
  const pieces = [...commentsOf(source, text), ...(foreign.test(file) ? [] : literalsOf(source, isTest))]
  return pieces.map((piece) => ({ ...piece, line: lineAt(text, piece.pos) }))
}

/** A line of Markdown without links, bold marks, and titles of tests that it cites. */
const plain = (line) =>
  line
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\*\*/g, "")
    .replace(/(`[\w./-]+\.ts`): ("[^"]*"(, )?)+/g, "$1")

const readMarkdown = (file) => {
  const text = fs.readFileSync(file, "utf8").replace(/^---\n[\s\S]*?\n---\n/, (head) => head.replace(/[^\n]/g, ""))
  const pieces = []
  let isCode = false
  let lines = []
  let start = 1
  const flush = () => {
    if (lines.length > 0) pieces.push({ kind: "page", line: start, text: lines.join("\n") })
    lines = []
  }
  for (const [index, raw] of text.split("\n").entries()) {
    const line = plain(raw)
    if (/^\s*```/.test(line)) {
      isCode = !isCode
      flush()
    } else if (isCode) continue
    else if (/^\s*\|/.test(line)) {
      flush()
      for (const cell of line.split(/(?<!\\)\|/)) pieces.push({ kind: "cell", line: index + 1, text: cell })
    } else if (/^\s*$/.test(line) || /^#/.test(line)) {
      flush()
      if (/^#/.test(line)) pieces.push({ kind: "page", line: index + 1, text: line.replace(/^#+ /, "") })
    } else {
      if (lines.length === 0) start = index + 1
      lines.push(line)
    }
  }
  flush()
  return pieces
}

/**
 * The sentences of a file: `{ file, line, kind, sentence, isFirst }`, where `isFirst` is of the first one of a comment,
 * message or paragraph.
 */
export const read = (file) => {
  const pieces = file.endsWith(".md") ? readMarkdown(file) : readTypeScript(file)
  return pieces.flatMap(({ kind, line, text }) =>
    paragraphsOf(text).flatMap((paragraph, at) =>
      sentencesOf(paragraph).map((sentence, index) => ({
        file: relative(file),
        line,
        kind,
        sentence,
        isFirst: at === 0 && index === 0
      }))
    )
  )
}

export const wordsOf = (sentence) => sentence.split(/\s+/).filter((word) => /\w/.test(word)).length
