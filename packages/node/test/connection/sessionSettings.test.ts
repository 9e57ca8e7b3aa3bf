import { RemoteHost } from "@effect-remote/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck, Fiber, TestClock } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { make, parse } from "../../src/internal/multiplexed/sessionSettings.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

// As `ssh -G` has it, shortened.
const output = `host example
user somebody
forwardagent no
sendenv LANG
sendenv LC_*
setenv COLORTERM=truecolor
ciphers aes128-ctr
`

const names = (settings: ReturnType<typeof parse>) => settings.environment.map(([name]) => name)

describe("sessionSettings", () => {
  it("are what ssh would send", () => {
    const environment = { LANG: "C.UTF-8", LC_ALL: "C", LC_: "", HOME: "/root", XLC_ALL: "x", LANGUAGE: "en" }
    assert.deepStrictEqual(parse(output, environment), {
      forwardAgent: false,
      environment: [["LANG", "C.UTF-8"], ["LC_ALL", "C"], ["LC_", ""], ["COLORTERM", "truecolor"]]
    })
  })

  it("are empty if ssh does not report them", () => {
    for (const nothing of ["", "\n", "sendenv", "setenv", "setenv \n", "sendenv \n", "unknown option -- G\n"]) {
      assert.deepStrictEqual(parse(nothing, { LANG: "C" }), { forwardAgent: false, environment: [] })
    }
  })

  it.each([
    ["yes", true],
    ["no", false],
    ["/run/agent.sock", true],
    ["$OTHER_AGENT", true]
  ])("forwardagent %s", (value, forwardAgent) => {
    assert.strictEqual(parse(`forwardagent ${value}\n`, {}).forwardAgent, forwardAgent)
  })

  it.scoped("are nothing after 10 seconds in which ssh does not answer", () =>
    Effect.gen(function*() {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "ssh-"))),
        (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
      )
      const ssh = Path.join(directory, "ssh")
      Fs.writeFileSync(ssh, "#!/bin/sh\ntrap '' TERM\nexec sleep 1000\n", { mode: 0o755 })
      const host = yield* RemoteHost.parse("a-host")
      const installation = { directory, config: "none", environment: {}, route: [], ready: "" }
      const asking = yield* Effect.fork(make(host, ssh, installation))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(asking), { forwardAgent: false, environment: [] })
    }))

  it("a keyword is a whole word at the start of a line", () => {
    const text = "forwardagents yes\nx forwardagent yes\nsendenvs A\nsetenvx A=1\nproxycommand sendenv A\n"
    assert.deepStrictEqual(parse(text, { A: "1" }), { forwardAgent: false, environment: [] })
  })

  it("what is set comes after what is sent, and may hold anything but a newline", () => {
    const text = "setenv A=b=c d\nsetenv B=\nsetenv =x\nsetenv C\nsendenv A Z\n"
    assert.deepStrictEqual(parse(text, { A: "sent", Z: "z\nz" }).environment, [
      ["A", "sent"],
      ["Z", "z\nz"],
      ["A", "b=c d"],
      ["B", ""]
    ])
  })

  it("a variable that is not set is not sent", () => {
    assert.deepStrictEqual(names(parse("sendenv A B\n", { A: undefined, B: "" })), ["B"])
  })

  it("a name is sent once, however many patterns it matches", () => {
    assert.deepStrictEqual(names(parse("sendenv *\nsendenv A* A\n", { A: "1", B: "2" })), ["A", "B"])
  })

  it.each([
    ["LC_*", "LC_ALL", true],
    ["LC_*", "LC_", true],
    ["LC_*", "lc_all", false],
    ["LC_?", "LC_A", true],
    ["LC_?", "LC_", false],
    ["LC_?", "LC_AB", false],
    ["*", "anything at all", true],
    ["*_*", "A_B", true],
    ["?*", "", false],
    ["A.B", "A.B", true],
    ["A.B", "AxB", false],
    ["A+", "AA", false],
    ["A+", "A+", true],
    ["[AB]", "A", false],
    ["[AB]", "[AB]", true],
    ["(A|B)", "A", false],
    ["^A$", "A", false],
    ["^A$", "^A$", true],
    ["A\\", "A\\", true],
    ["A{2}", "AA", false]
  ])("%s and %s: %s", (pattern, name, matches) => {
    assert.deepStrictEqual(names(parse(`sendenv ${pattern}\n`, { [name]: "x" })), matches ? [name] : [])
  })

  it.prop("any text means something, and a pattern without * and ? its own name only", {
    text: FastCheck.array(
      FastCheck.oneof(
        FastCheck.string({ unit: "binary" }),
        FastCheck.tuple(FastCheck.constantFrom("sendenv ", "setenv ", "forwardagent "), FastCheck.string()).map(
          ([keyword, rest]) => keyword + rest
        )
      )
    ).map((lines) => lines.join("\n")),
    name: FastCheck.stringMatching(/^[!-)+->@-~]{1,12}$/),
    other: FastCheck.stringMatching(/^[!-~]{1,12}$/)
  }, ({ name, other, text }) => {
    parse(text, { [name]: "x" })
    const found = names(parse(`sendenv ${name}\n`, Object.fromEntries([[name, "x"], [other, "y"]])))
    assert.deepStrictEqual(found, [name])
  })
})
