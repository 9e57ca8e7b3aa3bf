// Runs the conformance suite against SSH servers of others, each started on loopback from Debian's packages, and prints a table
// of server and part of the suite.
//
//   node scripts/interop.mjs [--transport=layer|layerProcess] [--parts=commands,files] [--timeout=20] [--write] [SERVER...]
//
// `--write` renews the columns of these servers in docs/compatibility.md. A case that fails must be in scripts/interop/lacks.json,
// with the reason. A case there that passes is reported, too. `--record` writes the failures of this run there. `--saved` takes
// the reports of the last runs instead of running the suite.
//
// CI runs with `--known`, which leaves out the cases in lacks.json. `--reports=FOLDER` is where vitest's reports are written.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { root } from "./program.mjs"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    transport: { type: "string", default: "layer" },
    parts: { type: "string" },
    timeout: { type: "string", default: "20" },
    write: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    known: { type: "boolean", default: false },
    reports: { type: "string" },
    saved: { type: "boolean", default: false }
  }
})

const folder = path.join(root, "scripts", "interop")
const lacksFile = path.join(folder, "lacks.json")
const page = path.join(root, "docs", "compatibility.md")
const allServers = ["dropbear", "asyncssh", "paramiko", "go", "erlang", "proftpd", "tinysshd"]
const failures = ["lack", "wrong", "hung"]
const servers = positionals.length === 0 ? allServers : positionals
const parts = values.parts?.split(",")

// tinysshd refuses keys below a directory that others can write to.
const scratch = path.join(os.homedir(), ".cache", "effect-remote-interop")
fs.mkdirSync(scratch, { recursive: true, mode: 0o700 })

const reportOf = (server) => path.join(values.reports ?? scratch, `${server}-${values.transport}.json`)

const known = JSON.parse(fs.readFileSync(lacksFile, "utf8"))

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** The name of a case for vitest's `-t`. */
const fullName = (server, name) => {
  const [part, ...title] = name.split(": ")
  return `${part} on ${server} ${title.join(": ").replaceAll(" > ", " ")}`
}

/** A pattern for vitest's `-t`. */
const patternOf = (server) => {
  const names = values.known ? Object.keys(known[server]?.cases ?? {}) : []
  const without = names.length === 0 ? "" : `(?!(${names.map((name) => escaped(fullName(server, name))).join("|")})$)`
  return `^${without}${parts === undefined ? "" : `(${parts.join("|")}) on `}`
}

/** Runs the suite against a server. */
const run = (server) => {
  const report = reportOf(server)
  fs.rmSync(report, { force: true })
  const { stderr, stdout } = spawnSync(
    "npx",
    [
      ...["vitest", "run", "--config", path.join(folder, "vitest.config.ts")],
      ...["--reporter=json", `--outputFile=${report}`, "-t", patternOf(server)]
    ],
    {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 2 ** 30,
      env: {
        ...process.env,
        TMPDIR: scratch,
        INTEROP_SERVER: server,
        INTEROP_TIMEOUT: String(Number(values.timeout) * 1000),
        INTEROP_TRANSPORT: values.transport
      }
    }
  )
  if (!fs.existsSync(report)) throw new Error(`the suite did not run against ${server}:\n${stdout}\n${stderr}`)
}

/** The results of a server's cases, as vitest reports them. */
const resultsOf = (server) => {
  const report = reportOf(server)
  const [file] = JSON.parse(fs.readFileSync(report, "utf8")).testResults
  if (file.assertionResults.length === 0) throw new Error(`the suite did not run against ${server}:\n${file.message}`)
  return file.assertionResults
}

// An error of the library names itself. Every other failure of a case is a wrong answer or a hang.
const kindOf = ({ failureMessages: [message = ""], status }) => {
  if (status === "passed") return "passed"
  if (status !== "failed") return "skipped"
  if (/^Error: (Test timed out|STACK_TRACE_ERROR)|no good answer came in/.test(message)) return "hung"
  return /^(Remote\w+Error|SystemError|BadArgument|\(FiberFailure\) (Remote|System))/.test(message) ? "lack" : "wrong"
}

const partOf = ({ ancestorTitles }) => ancestorTitles[0].split(" on ")[0]

const caseOf = (test) => `${partOf(test)}: ${[...test.ancestorTitles.slice(1), test.title].join(" > ")}`

const found = servers.map((server) => {
  console.error(`== ${server}`)
  if (!values.saved) run(server)
  const tests = resultsOf(server).map((test) => ({
    part: partOf(test),
    name: caseOf(test),
    kind: kindOf(test),
    message: test.failureMessages?.[0]?.split("\n")[0] ?? ""
  }))
  return { server, tests: parts === undefined ? tests : tests.filter(({ part }) => parts.includes(part)) }
})

const count = (tests, kind) => tests.filter((test) => test.kind === kind).length

const cell = (tests) => {
  const of = tests.length - count(tests, "skipped")
  if (of === 0) return "-"
  const notes = failures.flatMap((kind) => {
    const number = count(tests, kind)
    return number === 0 ? [] : [`${number} ${kind}`]
  })
  return [`${count(tests, "passed")}/${of}`, ...(notes.length === 0 ? [] : [`(${notes.join(", ")})`])].join(" ")
}

/** The cells of a server, by part. */
const columnOf = ({ tests }) => {
  const parts = [...new Set(tests.map(({ part }) => part))]
  return new Map(parts.map((part) => [part, cell(tests.filter((test) => test.part === part))]))
}

const columns = new Map(found.map((one) => [one.server, columnOf(one)]))

const tableOf = (columns) => {
  const servers = allServers.filter((server) => columns.has(server))
  const parts = new Set(servers.flatMap((server) => [...columns.get(server).keys()]))
  return [
    `| part of the suite | ${servers.join(" | ")} |`,
    `| --- |${servers.map(() => " --- |").join("")}`,
    ...[...parts].map((part) =>
      `| ${part} | ${servers.map((server) => columns.get(server).get(part) ?? "-").join(" | ")} |`
    )
  ].join("\n")
}

const marks = /(<!-- table of servers -->\n)([\s\S]*?)(<!-- end -->)/

/** The columns of the page. */
const written = (text) => {
  const [[, ...servers], , ...rows] = marks.exec(text)[2].trim().split("\n").map((line) =>
    line.slice(1, -1).split("|").map((cell) => cell.trim())
  )
  return new Map(
    servers.map((server, index) => [server, new Map(rows.map(([part, ...cells]) => [part, cells[index]]))])
  )
}

console.log(tableOf(columns))

// == what is known

const problems = []
for (const { server, tests } of found) {
  const lacks = known[server]?.cases ?? {}
  for (const { kind, message, name } of tests) {
    const reason = lacks[name]
    if (kind === "passed" && reason !== undefined && !reason.startsWith("sometimes")) {
      problems.push(`${server}: passes now, remove it from lacks.json: ${name}`)
    }
    if (failures.includes(kind) && reason === undefined) {
      problems.push(`${server}: ${kind}: ${name}: ${message.slice(0, 300)}`)
    }
  }
}

// Ports and directories differ in each run.
const withoutPlaces = (message) =>
  message.replace(/\/[^ ]*effect-remote-interop\/[^ ]*/g, "PATH").replace(/\b\d{4,5}\b/g, "PORT").slice(0, 160)

if (values.record) {
  for (const { server, tests } of found) {
    known[server] ??= { about: "", cases: {} }
    const { cases } = known[server]
    for (const { kind, message, name } of tests) {
      if (kind === "passed" && !cases[name]?.startsWith("sometimes")) delete cases[name]
      if (failures.includes(kind)) cases[name] = kind === "hung" ? kind : `${kind}: ${withoutPlaces(message)}`
    }
  }
  fs.writeFileSync(lacksFile, JSON.stringify(known, undefined, 2) + "\n")
}

if (values.write) {
  const text = fs.readFileSync(page, "utf8")
  const all = written(text)
  for (const [server, column] of columns) all.set(server, new Map([...(all.get(server) ?? []), ...column]))
  const table = tableOf(all)
  fs.writeFileSync(page, text.replace(marks, (_, begin, __, end) => `${begin}\n${table}\n\n${end}`))
}

console.log(problems.length === 0 ? "all as expected" : problems.join("\n"))
process.exitCode = problems.length === 0 || values.record ? 0 : 1
