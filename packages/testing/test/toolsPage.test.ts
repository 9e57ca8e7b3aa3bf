/** The list of tools and options in docs/testing.md against the double. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as realFileSystem from "../src/internal/sftp/realFileSystem.js"
import * as coreutils from "../src/internal/shell/coreutils.js"
import * as shell from "./fixtures/shell.js"

const page = fs.readFileSync(new URL("../../../docs/testing.md", import.meta.url), "utf8")

const section = page.slice(page.indexOf("The host has these tools:"), page.indexOf("### Unknown commands"))

const listed = /```\n([^]*?)\n```/.exec(section)?.[1]?.split(/\s+/) ?? []

/** The words in backticks of each row of the table, by the name of the tool. */
const rows = new Map(
  [...section.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, tool = "", text = ""]) => [
    tool,
    [...text.matchAll(/`([^`]+)`/g)].flatMap(([, words = ""]) => words.split(" "))
  ])
)

const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"].map((letter) => `-${letter}`)

// Tests, actions and global options of GNU's `find`.
const primaries = [
  "amin anewer atime cmin cnewer ctime daystart delete depth empty exec execdir executable false fls follow fprint",
  "fprint0 fprintf fstype gid group ignore_readdir_race iname inum ilname ipath iregex iwholename links lname ls maxdepth",
  "mindepth mmin mount mtime name newer nogroup noleaf nouser ok okdir path perm print print0 printf prune quit readable",
  "regex regextype samefile size true type uid used user wholename writable xdev xtype"
].flatMap((line) => line.split(" ")).map((word) => `-${word}`)

type Words = readonly [string, ...Array<string>]

/** The options that the double does not refuse. Many then lack a value or an operand, which is another failure. */
const understood = (
  options: ReadonlyArray<string>,
  words: (option: string) => Words,
  refusal: (option: string) => string
) =>
  Effect.gen(function*() {
    const directory = yield* shell.directory()
    const files = yield* realFileSystem.make(directory)
    const found = yield* Effect.filter(options, (option) =>
      Effect.map(
        shell.run({ words: words(option), files, directory }),
        ({ stderr }) => !stderr.includes(`does not understand ${refusal(option)}`)
      ))
    return found.sort()
  })

describe("docs/testing.md", () => {
  it("lists the tools of the double", () => {
    // `kill` is a tool that refuses everything.
    assert.deepStrictEqual(listed, coreutils.toolNames.filter((name) => name !== "kill").sort())
  })

  it.scoped("lists the primaries of find", () =>
    Effect.gen(function*() {
      const documented = rows.get("find")?.filter((word) => primaries.includes(word)) ?? []
      const known = yield* understood(primaries, (word) => ["find", ".", word], (word) => `${word} here`)
      assert.deepStrictEqual([...new Set(documented)].sort(), known)
    }))

  for (const [tool, words] of rows) {
    if (tool === "find") continue
    it.scoped(`lists the options of ${tool}`, () =>
      Effect.gen(function*() {
        const documented = words.filter((word) => letters.includes(word))
        const known = yield* understood(letters, (option) => [tool, option], (option) => `the option ${option}`)
        assert.deepStrictEqual([...new Set(documented)].sort(), known)
      }))
  }
})
