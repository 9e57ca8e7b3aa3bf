import { assert, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

const root = Path.resolve(Path.dirname(fileURLToPath(import.meta.url)), "../../..")
const page = Fs.readFileSync(Path.join(root, "docs/limits.md"), "utf8")
const waits = page.slice(page.indexOf("## Bounds for waits")).split("\n").filter((line) =>
  line.startsWith("| ") && !line.startsWith("| ---") && !line.startsWith("| Wait |")
)

/** The tests of a row: files, each with the names quoted after it. */
const tests = (row: string): ReadonlyArray<readonly [file: string, name: string]> =>
  Array.from(row.matchAll(/`([^`]+\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)).flatMap(([, file = "", names = ""]) =>
    Array.from(names.matchAll(/"([^"]+)"/g), ([, name = ""]) => [file, name] as const)
  )

it("each wait in docs/limits.md names a test that exists", () => {
  assert.isAbove(waits.length, 30)
  for (const row of waits) {
    assert.isNotEmpty(tests(row), row)
    for (const [file, name] of tests(row)) {
      assert.include(Fs.readFileSync(Path.join(root, "packages", file), "utf8"), name, file)
    }
  }
})
