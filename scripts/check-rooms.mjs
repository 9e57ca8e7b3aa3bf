// Holds the sources to the table of rooms, and the page on the architecture to the same table (`--write` renews the page).
import * as fs from "node:fs"
import * as path from "node:path"
import ts from "typescript"
import { relative, report, root, sources } from "./program.mjs"
import { rooms } from "./rooms.mjs"

const problems = []

const names = Object.keys(rooms)
const packageOf = (room) => room.split("/")[0]
const ofModule = new Map(
  names.flatMap((name) => (rooms[name].modules ?? []).map((module) => [`${packageOf(name)}/${module}`, name]))
)

/** The place of a source: its package, and its path below `src` without `internal` and `.ts`. */
const placeOf = (file) => {
  const [, name, , ...below] = path.relative(root, file).replace(/\.ts$/, "").split(path.sep)
  return { name, isInternal: below[0] === "internal", below: below[0] === "internal" ? below.slice(1) : below }
}

const roomOf = (file) => {
  const { below, isInternal, name } = placeOf(file)
  if (below.length > 1) return `${name}/${below[0]}`
  return isInternal ? undefined : ofModule.get(`${name}/${below[0]}`)
}

const isIndex = (file) => path.basename(file) === "index.ts"

/** Every import of a source as the source that it names; packages of others are not looked at. */
const importsOf = (file) =>
  ts.preProcessFile(fs.readFileSync(file, "utf8")).importedFiles.flatMap(({ fileName: specifier }) => {
    if (specifier.startsWith(".")) return [path.resolve(path.dirname(file), specifier.replace(/\.js$/, ".ts"))]
    const [scope, name, ...below] = specifier.split("/")
    if (scope !== "@effect-remote") return []
    return [path.join(root, "packages", name, "src", `${below.join("/") || "index"}.ts`)]
  })

const isAllowed = (from, target) => {
  const room = roomOf(target)
  const file = `${room}/${path.basename(target, ".ts")}`
  return room === from || rooms[from].imports.some((allowed) => allowed === room || allowed === file)
}

const checkImports = (file, from) => {
  for (const target of importsOf(file)) {
    if (isIndex(target)) problems.push(`${relative(file)} imports an index: name the module`)
    else if (!isAllowed(from, target)) {
      problems.push(
        `${relative(file)}: ${from} must not import ${roomOf(target) ?? relative(target)} (${relative(target)})`
      )
    }
  }
}

const checkFile = (file) => {
  const { below, isInternal } = placeOf(file)
  const room = roomOf(file)
  if (room === undefined) {
    problems.push(
      isInternal
        ? `${relative(file)} lies loose in internal: put it into a room`
        : `${relative(file)}: list ${below[0]} in scripts/rooms.mjs among the modules of a room`
    )
  } else if (rooms[room] === undefined) problems.push(`${relative(file)}: ${room} is not in scripts/rooms.mjs`)
  else checkImports(file, room)
}

const files = sources("packages/*/src").filter((file) => !isIndex(file))
files.forEach(checkFile)

// == the table itself

for (const [index, name] of names.entries()) {
  if (!files.some((file) => roomOf(file) === name)) problems.push(`scripts/rooms.mjs: ${name} is empty`)
  for (const allowed of rooms[name].imports) {
    const room = allowed.split("/").slice(0, 2).join("/")
    if (!names.slice(0, index).includes(room)) {
      problems.push(`scripts/rooms.mjs: ${name} may only import rooms above it, which ${allowed} is not`)
    }
  }
}
for (const module of ofModule.keys()) {
  const [name, base] = module.split("/")
  const file = path.join(root, "packages", name, "src", `${base}.ts`)
  if (!fs.existsSync(file)) problems.push(`scripts/rooms.mjs: ${relative(file)} does not exist`)
}

// == the page

const page = path.join(root, "docs", "architecture.md")
const marks = /(<!-- rooms of (\w+) -->\n)[\s\S]*?(<!-- end -->)/g

/** Rooms of the same package without its name. */
const shown = (of, imports) =>
  imports.map((allowed) => (packageOf(allowed) === of ? allowed.slice(of.length + 1) : allowed)).join(", ")

const rowOf = (name) => {
  const of = packageOf(name)
  const { holds, imports, modules = [] } = rooms[name]
  const code = (text) => `\`${text}\``
  const base = name.slice(of.length + 1)
  const folders = ["internal/", ""].map((parent) => `${parent}${base}`).filter((folder) =>
    fs.existsSync(path.join(root, "packages", of, "src", folder))
  )
  return [base, holds, [...modules, ...folders.map((folder) => `${folder}/`)].map(code).join(" "), shown(of, imports)]
}

const tableOf = (name) =>
  [
    ["room", "what it holds", "files, below `src`", "may import"],
    ["---", "---", "---", "---"],
    ...names.filter((room) => packageOf(room) === name).map(rowOf)
  ].map((cells) => `| ${cells.join(" | ")} |\n`).join("")

const text = fs.readFileSync(page, "utf8")
const current = text.replace(marks, (_, start, name, end) => `${start}\n${tableOf(name)}\n${end}`)
if (process.argv.includes("--write")) fs.writeFileSync(page, current)
else if (text !== current) problems.push("docs/architecture.md is out of date: node scripts/check-rooms.mjs --write")

report(problems, `${names.length} rooms, ${files.length} modules`)
