import { fileURLToPath } from "node:url"
import type { ViteUserConfig } from "vitest/config"

const packages = fileURLToPath(new URL("packages", import.meta.url))

/** What the tests of every package share. */
export const shared: ViteUserConfig = {
  resolve: {
    alias: [
      { find: /^@effect-remote\/(\w+)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^@effect-remote\/(\w+)\/(.+)$/, replacement: `${packages}/$1/src/$2.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: process.env.EFFECT_REMOTE_FULL === "1" ? [] : ["**/*.{full,long}.test.ts"],
    setupFiles: [fileURLToPath(new URL("vitest.setup.ts", import.meta.url))],
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
}
