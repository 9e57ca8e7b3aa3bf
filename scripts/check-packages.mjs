// The packages as published: nothing beyond what each may depend on, every public module loads, and publint is content.
import * as fs from "node:fs"
import * as path from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import ts from "typescript"
import { isPublic, relative, report, root, sources } from "./program.mjs"

const allowed = {
  core: { peers: ["@effect/platform", "effect"], optional: [] },
  node: { peers: ["@effect-remote/core", "@effect/platform", "@effect/platform-node", "effect"], optional: [] },
  testing: {
    peers: [
      "@effect-remote/core",
      "@effect-remote/node",
      "@effect/platform",
      "@effect/platform-node",
      "effect"
    ],
    // nothing is installed for those who do not use them
    optional: ["@effect/vitest", "ssh2", "vitest"]
  }
}

// Modules that load only in a run of vitest. The tests import them.
const ofVitest = ["@effect-remote/testing/Conformance"]

const problems = []

/** "@scope/name/module" is of "@scope/name". */
const packageOf = (specifier) => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")

const checkImports = (name, file, known) => {
  for (const { fileName: specifier } of ts.preProcessFile(fs.readFileSync(file, "utf8")).importedFiles) {
    const isKnown = specifier.startsWith("node:") ? name !== "core" : known.includes(packageOf(specifier))
    if (!specifier.startsWith(".") && !isKnown) problems.push(`${relative(file)} must not import ${specifier}`)
  }
}

const checkLoads = async (specifier) => {
  try {
    await import(specifier)
  } catch (cause) {
    problems.push(`${specifier} does not load: ${cause}`)
  }
}

for (const [name, { optional, peers }] of Object.entries(allowed)) {
  const pkgDir = path.join(root, "packages", name)
  const manifest = JSON.parse(fs.readFileSync(path.join(pkgDir, "package.json"), "utf8"))
  const { dependencies, devDependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = manifest

  // B21: an optional dependency is installed for everybody, with its install scripts
  const isAllowed = (key) =>
    peerDependenciesMeta?.[key]?.optional === true ? optional.includes(key) : peers.includes(key)
  const beyond = [
    ...Object.keys(dependencies ?? {}),
    ...Object.keys(optionalDependencies ?? {}),
    ...Object.keys(peerDependencies).filter((key) => !isAllowed(key))
  ]
  for (const key of beyond) problems.push(`packages/${name} must not depend on ${key}`)

  for (const [key, range] of Object.entries({ ...peerDependencies, ...devDependencies })) {
    if (key.startsWith("@effect-remote/") && range !== `^${manifest.version}`) {
      problems.push(`packages/${name} wants ${key} ${range}, though all have version ${manifest.version}`)
    }
  }

  const files = sources(`packages/${name}/src`)
  for (const file of files) checkImports(name, file, [...peers, ...optional])
  for (const module of files.filter(isPublic)) {
    const subpath = path.relative(path.join(pkgDir, "src"), module).replace(/\.ts$/, "").replaceAll(path.sep, "/")
    const specifier = subpath === "index" ? manifest.name : `${manifest.name}/${subpath}`
    if (!ofVitest.includes(specifier)) await checkLoads(specifier)
  }

  const { messages } = await publint({ pkgDir })
  for (const message of messages) problems.push(`packages/${name}: ${formatMessage(message, manifest)}`)
}

report(problems, `${Object.keys(allowed).length} packages`)
