// Documentation: every export of a public module is documented with @since and @category, and every ```ts block of a
// doc comment, a README or a page under docs type-checks as a program of its own. Nothing is run. Links between files of the
// repository lead somewhere, and tests that a page cites exist.
import * as fs from "node:fs"
import * as path from "node:path"
import ts from "typescript"
import { createProgram, isPublic, relative, report, root, sources } from "./program.mjs"

const problems = []
const problem = (file, line, message) => problems.push(`${relative(file)}:${line} ${message}`)

// == examples

// An example keeps its line: its file has the name of its source with a line number, and is blank above the example.
const examples = new Map()
const addExamples = (file, firstLine, lines) => {
  let open
  lines.forEach((text, index) => {
    const fence = /^\s*```(.*)$/.exec(text)
    if (fence === null) {
      if (open?.info === "ts") examples.get(open.name).lines.push(text)
    } else if (open === undefined) {
      const line = firstLine + index
      open = { info: fence[1].trim(), line, name: `${file}.${line}.ts` }
      if (open.info === "ts") examples.set(open.name, { file, lines: Array.from({ length: line }, () => "") })
    } else {
      open = undefined
    }
  })
  if (open !== undefined) problem(file, open.line, "this block is never closed")
}

const lineOf = (file, position) => ts.getLineAndCharacterOfPosition(file, position).line + 1

const visitComments = (file, node) => {
  for (const comment of node.jsDoc ?? []) {
    const lines = comment.getText(file).replace(/\*\/$/, "").split("\n").map((line) => line.replace(/^\s*\/?\*+ ?/, ""))
    addExamples(file.fileName, lineOf(file, comment.getStart(file)), lines)
  }
  ts.forEachChild(node, (child) => visitComments(file, child))
}

const pages = ts.sys.readDirectory(root, [".md"], ["**/dist"], ["README.md", "packages/*/README.md", "docs"])
for (const page of pages) addExamples(page, 1, fs.readFileSync(page, "utf8").split("\n"))

// == links, and citations of tests

const contributing = path.join(root, "CONTRIBUTING.md")
for (const page of [...pages, contributing]) {
  for (const [index, line] of fs.readFileSync(page, "utf8").split("\n").entries()) {
    for (const [, target] of line.matchAll(/\]\(([^)#:\s]+)(?:#[^)\s]*)?\)/g)) {
      if (!fs.existsSync(path.resolve(path.dirname(page), target))) {
        problem(page, index + 1, `the link leads nowhere: ${target}`)
      }
    }
    for (const [, name, titles] of line.matchAll(/`([\w./-]+\.ts)`: ((?:"[^"]*"(?:, )?)+)/g)) {
      const test = path.join(root, "packages", name)
      const text = fs.existsSync(test) ? fs.readFileSync(test, "utf8") : ""
      for (const [, title] of titles.matchAll(/"([^"]*)"/g)) {
        if (!text.includes(title)) problem(page, index + 1, `packages/${name} has no test "${title}"`)
      }
    }
  }
}

// == sources

const files = sources("packages/*/src")
for (const file of files) {
  const parsed = ts.createSourceFile(file, fs.readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true)
  visitComments(parsed, parsed)
}

const program = createProgram([...files, ...examples.keys()], (host) => ({
  ...host,
  fileExists: (name) => examples.has(name) || host.fileExists(name),
  readFile: (name) => examples.get(name)?.lines.join("\n") ?? host.readFile(name),
  getSourceFile: (name, options) =>
    examples.has(name)
      ? ts.createSourceFile(name, examples.get(name).lines.join("\n"), options)
      : host.getSourceFile(name, options)
}))

for (const [name, { file }] of examples) {
  const parsed = program.getSourceFile(name)
  const diagnostics = [...program.getSyntacticDiagnostics(parsed), ...program.getSemanticDiagnostics(parsed)]
  for (const { messageText, start } of diagnostics) {
    problem(file, lineOf(parsed, start), `example: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`)
  }
}

// == exports

const checker = program.getTypeChecker()

/** The tags of the doc comment nearest to a declaration, by name. */
const tagsOf = (declaration) => {
  let node = declaration
  while (node.jsDoc === undefined && !ts.isStatement(node)) node = node.parent
  const comment = node.jsDoc?.at(-1)
  return comment &&
    new Map((comment.tags ?? []).map((tag) => [tag.tagName.text, ts.getTextOfJSDocComment(tag.comment) ?? ""]))
}

const checkTags = (node, name, wanted) => {
  const file = node.getSourceFile()
  const tags = tagsOf(node)
  const complain = (message) => problem(file.fileName, lineOf(file, node.getStart(file)), `${name} has no ${message}`)
  if (tags === undefined) return complain("doc comment")
  if (tags.has("internal")) return
  if (!/^\d+\.\d+\.\d+$/.test(tags.get("since") ?? "")) complain("@since with a version")
  if (wanted.includes("category") && !tags.get("category")) complain("@category")
}

const isOverloadAfterTheFirst = (declaration) =>
  ts.isFunctionDeclaration(declaration) &&
  checker.getSymbolAtLocation(declaration.name).declarations.find(ts.isFunctionDeclaration) !== declaration

const checkExports = (exports) => {
  for (const symbol of exports) {
    for (const declaration of symbol.declarations) {
      if (isOverloadAfterTheFirst(declaration)) continue
      checkTags(declaration, symbol.name, ["since", "category"])
      if (ts.isModuleDeclaration(declaration)) checkExports(checker.getExportsOfModule(symbol))
    }
  }
}

const checkModule = (file) => {
  const first = file.statements[0]
  const comments = first?.jsDoc ?? []
  const header = first && ts.isImportDeclaration(first) ? comments[0] : comments.at(-2)
  if (!header?.tags?.some((tag) => tag.tagName.text === "since")) {
    problem(file.fileName, 1, "the module has no doc comment of its own with @since")
  }
  checkExports(checker.getExportsOfModule(checker.getSymbolAtLocation(file)))
}

for (const file of files.filter(isPublic).map((name) => program.getSourceFile(name))) {
  if (path.basename(file.fileName) === "index.ts") {
    for (const statement of file.statements) {
      const clause = statement.exportClause
      const exported = clause && ts.isNamedExports(clause) ? clause.elements : [statement]
      for (const node of exported) checkTags(node, node.getText(file), ["since"])
    }
  } else if (ts.isExternalModule(file)) {
    checkModule(file)
  }
}

report(problems, `${examples.size} examples, ${files.filter(isPublic).length} public modules`)
