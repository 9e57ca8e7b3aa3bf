// Turns the changesets into versions and change logs. Changesets leaves the ranges between our packages alone (a range
// it had to widen would make every release a major one), so they are set here.
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { root } from "./program.mjs"

const run = (command, ...args) => execFileSync(command, args, { cwd: root, stdio: "inherit" })

run("npx", "changeset", "version")
for (const name of ["core", "node", "testing"]) {
  const file = path.join(root, "packages", name, "package.json")
  const text = fs.readFileSync(file, "utf8")
  const { version } = JSON.parse(text)
  fs.writeFileSync(file, text.replace(/("@effect-remote\/\w+": )"[^"]+"/g, `$1"^${version}"`))
}
run("npm", "install", "--package-lock-only")
