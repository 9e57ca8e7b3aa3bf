import { fileURLToPath } from "node:url"
import { mergeConfig } from "vitest/config"
import { shared } from "../../vitest.shared.js"

const config = mergeConfig(shared, {
  root: fileURLToPath(new URL(".", import.meta.url)),
  test: { name: "interop" }
})

export default { ...config, test: { ...config.test, include: ["*.test.ts"], exclude: [] } }
