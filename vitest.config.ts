import { defineConfig } from "vitest/config"
import workspace from "./vitest.workspace.js"

export default defineConfig(({ mode }) => {
  // a project does not see the mode, so it travels in the environment
  if (mode === "full") process.env.EFFECT_REMOTE_FULL = "1"
  const minutes = process.env.EFFECT_REMOTE_FULL === "1" ? "35 to 45" : "4 to 6"
  console.log(`All tests of this run take ${minutes} minutes on two cores.`)
  return {
    test: {
      projects: workspace,
      pool: "forks",
      // most tests wait for processes and timeouts: with two workers, two cores are idle for a third of the time
      poolOptions: { forks: { maxForks: 3 } }
    }
  }
})
