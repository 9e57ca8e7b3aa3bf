// Adds up vitest's json reports in a folder, and names what failed. Prints "N passed, N failed, N skipped" as the last line.
import * as fs from "node:fs"
import * as path from "node:path"

const [folder] = process.argv.slice(2)
const totals = { passed: 0, failed: 0, skipped: 0 }
for (const name of fs.readdirSync(folder)) {
  const report = JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"))
  totals.passed += report.numPassedTests
  totals.skipped += report.numPendingTests + report.numTodoTests
  for (const { assertionResults, message, name: file, status } of report.testResults) {
    const failed = assertionResults.filter((test) => test.status === "failed")
    // a file that could not be loaded has no tests
    if (status === "failed" && failed.length === 0) failed.push({ fullName: "(the file)", failureMessages: [message] })
    totals.failed += failed.length
    for (const { failureMessages, fullName } of failed) {
      const [reason = ""] = failureMessages.join("\n").split("\n")
      console.log(
        `failed, ${path.basename(name, ".json")}: ${path.basename(file)}: ${fullName}: ${reason.slice(0, 300)}`
      )
    }
  }
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
