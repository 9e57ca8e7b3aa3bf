import { defineConfig } from "vitest/config"
import { SlowestFirst } from "./vitest.sequencer.js"
import workspace from "./vitest.workspace.js"

export default defineConfig(({ mode }) => {
  // a project does not see the mode, so it travels in the environment
  if (mode === "full") process.env.EFFECT_REMOTE_FULL = "1"
  const full = process.env.EFFECT_REMOTE_FULL === "1"
  const minutes = full ? "35 to 45" : "about 4"
  const workers = full ? 3 : 4
  console.log(`All tests of this run take ${minutes} minutes on two cores.`)
  return {
    test: {
      projects: workspace,
      sequence: { sequencer: SlowestFirst },
      pool: "forks",
      // Most tests wait for processes and timeouts, so two cores serve more workers. Without `minForks` the last files
      // would run one after the other.
      // The files of `npm test` share their workers, because loading Effect takes a file a second. Files of the full run
      // change modules and count what a process has open, so there each file has a process of its own.
      poolOptions: { forks: { minForks: workers, maxForks: workers, isolate: full } }
    }
  }
})
