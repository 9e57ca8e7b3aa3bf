// The changesets configuration and every changeset are valid, and what is not released yet has one.
import getReleasePlan from "@changesets/get-release-plan"
import * as fs from "node:fs"
import * as path from "node:path"
import { report, root } from "./program.mjs"

const { changesets, releases } = await getReleasePlan(root)

const isReleased = (name) => {
  const read = (file) => fs.readFileSync(path.join(root, "packages", name, file), "utf8")
  const { version } = JSON.parse(read("package.json"))
  return fs.existsSync(path.join(root, "packages", name, "CHANGELOG.md")) &&
    read("CHANGELOG.md").includes(`\n## ${version}\n`)
}

const problems = changesets.length > 0
  ? []
  : ["core", "node", "testing"].filter((name) => !isReleased(name)).map((name) => `packages/${name} has no changeset`)

report(problems, releases.map(({ name, newVersion }) => `${name} ${newVersion}`).join(", "))
