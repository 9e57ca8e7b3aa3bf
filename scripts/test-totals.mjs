// Adds up vitest's json reports in a folder. Prints "N passed, N failed, N skipped" as the last line.
import * as fs from "node:fs"
import * as path from "node:path"

const [folder] = process.argv.slice(2)
const totals = { passed: 0, failed: 0, skipped: 0 }
for (const name of fs.readdirSync(folder)) {
  const report = JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"))
  const notLoaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0)
  totals.passed += report.numPassedTests
  totals.failed += report.numFailedTests + notLoaded.length
  totals.skipped += report.numPendingTests + report.numTodoTests
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
