// Runs the suites of connections, sessions, losses, the guardian and conformance with other versions of OpenSSH, and prints a
// table. Each pair has the Debian release of the client, then that of the server.
//
//   npm run test:openssh -- [--files WORD,...] [--reports FOLDER] [CLIENT:SERVER...]
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { performance } from "node:perf_hooks"
import { parseArgs } from "node:util"
import { newest, prepare } from "./openssh-versions.mjs"
import { root } from "./program.mjs"

// bullseye only has a server for us: our configuration needs OpenSSH 8.7 or later as a client
const allPairs = [
  "bookworm:bullseye",
  "bookworm:bookworm",
  `bookworm:${newest}`,
  "trixie:trixie",
  `${newest}:bullseye`,
  `${newest}:bookworm`,
  `${newest}:${newest}`
]

const allFiles = [
  "conformance",
  "connection.test",
  "connectionProcess",
  "sessions.test",
  "sharedConnection",
  "master",
  "loss.full",
  "guardian.full"
]

/** Runs the files with one pair. Gives a row of the table for each file, and whether all passed. */
const run = (client, server, files, reports) => {
  const report = path.join(reports, `openssh-${client.release}-${server.release}.json`)
  const args = [
    "vitest",
    "run",
    "--project",
    "node",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`
  ]
  const { status } = spawnSync("npx", [...args, ...files], {
    cwd: root,
    stdio: "inherit",
    env: {
      ...process.env,
      PATH: `${client.folder}/bin:${process.env.PATH}`,
      EFFECT_REMOTE_SSHD: `${server.folder}/sbin/sshd`,
      EFFECT_REMOTE_FULL: "1",
      EFFECT_REMOTE_LONG: "0"
    }
  })
  const { testResults } = JSON.parse(fs.readFileSync(report, "utf8"))
  const rows = testResults.map(({ assertionResults, endTime, name, startTime }) => {
    const count = (...states) => assertionResults.filter(({ status }) => states.includes(status)).length
    return [
      path.basename(name).replace(/(\.\w+)?\.test\.ts$/, ""),
      `${count("passed")} passed, ${count("failed")} failed, ${count("pending", "skipped", "todo")} skipped`,
      `${Math.round((endTime - startTime) / 1000)} s`
    ]
  })
  return { passed: status === 0, rows }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { files: { type: "string" }, reports: { type: "string" } }
})
const reports = values.reports ?? fs.mkdtempSync(path.join(os.tmpdir(), "effect-remote-openssh-"))
const table = []
for (const pair of positionals.length === 0 ? allPairs : positionals) {
  const [client, server = client] = pair.split(":").map((release) => prepare(release))
  const name = `${client.version} to ${server.version}`
  console.log(`\n== OpenSSH ${name}`)
  const start = performance.now()
  const { passed, rows } = run(client, server, values.files?.split(",") ?? allFiles, reports)
  if (!passed) process.exitCode = 1
  for (const row of rows) table.push([name, ...row])
  table.push([name, "together", passed ? "passed" : "FAILED", `${Math.round((performance.now() - start) / 1000)} s`])
}
if (values.reports === undefined) fs.rmSync(reports, { recursive: true })

console.log("\n| client to server | suite | tests | time |\n| --- | --- | --- | --- |")
for (const row of table) console.log(`| ${row.join(" | ")} |`)
