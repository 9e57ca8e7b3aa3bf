// Shared by the checks that use the TypeScript compiler.
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"

export const root = fileURLToPath(new URL("..", import.meta.url))

/** The .ts files below the given folders (patterns as in a tsconfig's `include`), as absolute paths. */
export const sources = (...include) => ts.sys.readDirectory(root, [".ts"], ["**/dist"], include)

export const relative = (file) => path.relative(root, file)

/** One program over sources only: nothing has to be built first. */
export const createProgram = (rootNames, host) => {
  const { config } = ts.readConfigFile(path.join(root, "tsconfig.tools.json"), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const own = { ...options, composite: false, noUnusedLocals: false, tsBuildInfoFile: undefined }
  return ts.createProgram(rootNames, own, host?.(ts.createCompilerHost(own)))
}

/** Prints the problems, or a summary if nothing was found. */
export const report = (problems, summary) => {
  console.log(problems.length === 0 ? summary : [...new Set(problems)].join("\n"))
  process.exitCode = problems.length === 0 ? 0 : 1
}

/** Whether users can import a module: everything but what lies in a folder `internal`. */
export const isPublic = (file) => !file.split(path.sep).includes("internal")
