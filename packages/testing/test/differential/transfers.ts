/**
 * Steps that carry trees between this machine and the host.
 */
import { Effect } from "effect"
import * as fs from "node:fs"
import * as outcome from "./outcome.js"
import type { TransferOptions } from "./program.js"
import type { Side } from "./side.js"
import * as trees from "./trees.js"

/** Creates the local files to upload, once. */
export const prepare = (source: string): void => {
  const write = (name: string, text: string, mode: number) => {
    fs.writeFileSync(`${source}/${name}`, text)
    fs.chmodSync(`${source}/${name}`, mode)
    fs.utimesSync(`${source}/${name}`, 1_000_000_000, 1_000_000_000)
  }
  fs.mkdirSync(`${source}/tree/d/empty`, { recursive: true })
  fs.mkdirSync(`${source}/tree/c`, { mode: 0o700 })
  write("file", "a file\n", 0o640)
  write("tree/a", "from here\n", 0o644)
  write("tree/b", "", 0o600)
  write("tree/d/e", "deeper\n".repeat(20_000), 0o755)
  write("tree/c/f", "f\n", 0o444)
  fs.symlinkSync("a", `${source}/tree/m`)
  fs.symlinkSync("nowhere", `${source}/tree/d/dangling`)
  fs.symlinkSync("../c", `${source}/tree/d/link`)
}

const options = ({ mode, timestamps, ...rest }: TransferOptions) => ({
  ...rest,
  preserve: { mode, timestamps }
})

/** @see outcome.Handlers */
export const handlers = ({ files, local, root }: Side): outcome.Handlers<"Get" | "Put"> => ({
  Put: ({ path, source, ...step }) =>
    Effect.map(files.put(`${local.source}/${source}`, `${root}/${path}`, options(step.options)), outcome.entries),
  Get: ({ path, ...step }) =>
    files.get(`${root}/${path}`, local.target, options(step.options)).pipe(
      Effect.map(outcome.entries),
      Effect.catchAll((error) => Effect.succeed({ failure: outcome.error(error) })),
      Effect.map((result) => ({ result, tree: trees.ofThisMachine(local.target) })),
      Effect.ensuring(Effect.sync(() => trees.removeHere(local.target)))
    )
})
