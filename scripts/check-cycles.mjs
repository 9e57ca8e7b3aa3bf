// Import cycles among the packages' sources. Type imports are gone at run time and do not count.
import madge from "madge"
import { report, root, sources } from "./program.mjs"

const graph = await madge(sources("packages/*/src"), {
  baseDir: root,
  tsConfig: `${root}/tsconfig.base.json`,
  detectiveOptions: { ts: { skipTypeImports: true } }
})
report(graph.circular().map((cycle) => cycle.join(" > ")), `${Object.keys(graph.obj()).length} modules`)
