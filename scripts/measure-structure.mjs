// How the sources are shaped: loose files in each folder `internal`, and the ten longest functions.
import * as fs from "node:fs"
import * as path from "node:path"
import ts from "typescript"
import { relative, sources } from "./program.mjs"

const files = sources("packages/*/src")

/** The functions of a file that have a name of their own; what has none counts to the function around it. */
const functionsOf = (file) => {
  const source = ts.createSourceFile(file, fs.readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true)
  const lineOf = (pos) => source.getLineAndCharacterOfPosition(pos).line + 1
  const found = []
  const visit = (node, holder) => {
    let inner = holder
    if (ts.isVariableDeclaration(node) && node.initializer && !ts.isObjectLiteralExpression(node.initializer)) {
      inner = { name: node.name.getText(), start: lineOf(node.getStart()), end: lineOf(node.end), hasFunction: false }
      found.push(inner)
    } else if (ts.isFunctionLike(node) && inner) {
      inner.hasFunction = true
    } else if (ts.isFunctionDeclaration(node)) {
      inner = { name: node.name?.text, start: lineOf(node.getStart()), end: lineOf(node.end), hasFunction: true }
      found.push(inner)
    }
    ts.forEachChild(node, (child) => visit(child, inner))
  }
  visit(source, undefined)
  return found.filter(({ hasFunction }) => hasFunction).map(({ end, name, start }) => ({
    file,
    name,
    start,
    lines: end - start + 1
  }))
}

const loose = new Map()
for (const file of files) {
  const folder = path.dirname(file)
  if (path.basename(folder) === "internal") loose.set(folder, (loose.get(folder) ?? 0) + 1)
}
for (const name of ["core", "node", "testing"]) {
  const folder = path.dirname(path.dirname(files.find((file) => file.includes(`packages/${name}/src/`))))
  const count = [...loose].find(([key]) => key.includes(`packages/${name}/`))?.[1] ?? 0
  console.log(`${relative(folder)}: ${count} loose files in internal`)
}

const functions = files.flatMap(functionsOf).sort((a, b) => b.lines - a.lines)
for (const { file, lines, name, start } of functions.slice(0, 10)) {
  console.log(`${String(lines).padStart(4)} lines: ${name} (${relative(file)}:${start})`)
}
console.log(`${functions.filter(({ lines }) => lines > 80).length} functions are longer than 80 lines`)
