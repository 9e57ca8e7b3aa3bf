import { defineConfig } from "vitest/config"
import workspace from "./vitest.workspace.js"

export default defineConfig(({ mode }) => {
  // a project does not see the mode, so it travels in the environment
  if (mode === "full") process.env.EFFECT_REMOTE_FULL = "1"
  return {
    test: {
      projects: workspace,
      pool: "forks",
      poolOptions: { forks: { maxForks: 2 } }
    }
  }
})
