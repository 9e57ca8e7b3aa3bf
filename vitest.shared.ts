import { fileURLToPath } from "node:url"
import type { ViteUserConfig } from "vitest/config"

const packages = fileURLToPath(new URL("packages", import.meta.url))

// `--exclude` on the command line does not reach the projects.
const leftOut = (): Array<string> => {
  if (process.env.EFFECT_REMOTE_FULL !== "1") return ["**/*.{full,long}.test.ts"]
  return process.env.EFFECT_REMOTE_LONG === "0" ? ["**/*.long.test.ts"] : []
}

/** Configuration of the tests of every package. */
export const shared: ViteUserConfig = {
  resolve: {
    alias: [
      { find: /^@effect-remote\/(\w+)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^@effect-remote\/(\w+)\/(.+)$/, replacement: `${packages}/$1/src/$2.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: leftOut(),
    setupFiles: [fileURLToPath(new URL("vitest.setup.ts", import.meta.url))],
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
}
