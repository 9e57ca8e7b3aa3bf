// The Effect language service's errors and warnings (floating effects, leaking requirements, ...) for all our code.
import transform from "@effect/language-service/transform.js"
import ts from "typescript"
import { createProgram, relative, report, sources } from "./program.mjs"

const files = sources("packages/*/src", "packages/*/test", "demo", "examples", "bench")
const program = createProgram(files)
const problems = []
const addDiagnostic = ({ file, messageText, start }) => {
  const { character, line } = ts.getLineAndCharacterOfPosition(file, start)
  const message = ts.flattenDiagnosticMessageText(messageText, " ").replace(/\s+/g, " ")
  problems.push(`${relative(file.fileName)}:${line + 1}:${character + 1} ${message}`)
}
const check = transform.default(program, {}, { addDiagnostic, ts })()
for (const file of files) check(program.getSourceFile(file))

report(problems, `${files.length} files`)
