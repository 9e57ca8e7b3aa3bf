// Import cycles among the packages' sources. Type imports count: they tie modules together for the reader.
import madge from "madge"
import { report, root, sources } from "./program.mjs"

const graph = await madge(sources("packages/*/src"), {
  baseDir: root,
  tsConfig: `${root}/tsconfig.base.json`
})
report(graph.circular().map((cycle) => cycle.join(" > ")), `${Object.keys(graph.obj()).length} modules`)
