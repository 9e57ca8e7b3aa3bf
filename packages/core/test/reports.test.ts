import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as reports from "../src/internal/launch/reports.js"
import * as text from "../src/internal/lib/text.js"
import { type Output, reportStart } from "../src/unstable/Frame.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const marker = "0123456789abcdef0123456789abcdef"

const steps = ["setup", "directory", "environment", "program", "exec"] as const

const start = reportStart + marker

const outputs = ["stdout", "stderr"] as const

const startedOn = (on: Output, pid = 1) => `${start} started ${pid} ${on}\n`

const anyFailure = FastCheck.oneof(
  FastCheck.tuple(FastCheck.constantFrom(...steps), FastCheck.integer({ min: 0, max: 255 })).map(([step, code]) =>
    `${start} ${step} ${code}`
  ),
  FastCheck.constant(`${start} unguarded`),
  FastCheck.constant(`${start} stages 2:0 1:141`)
).chain((line) => FastCheck.constantFrom(`${line}\n`, `${line}\r\n`))

const anyReport = FastCheck.oneof(
  FastCheck.tuple(FastCheck.integer({ min: 1, max: 4194304 }), FastCheck.constantFrom(...outputs)).map(([pid, on]) =>
    startedOn(on, pid)
  ),
  anyFailure
)

// Text that is not a report, but may look like the beginning or the end of one.
const anyNoise = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 20 }).map(text.decode),
  FastCheck.string({ maxLength: 20 }),
  FastCheck.integer({ min: 0, max: start.length - 1 }).map((size) => start.slice(0, size)),
  FastCheck.integer({ min: 1, max: start.length - 1 }).map((size) => start.slice(size)),
  FastCheck.constantFrom(
    "\n",
    "\r\n",
    reportStart,
    `${start}\n`,
    `${start}x\n`,
    `${start} started \n`,
    `${start} started 1\n`,
    `${start} started 1x stdout\n`,
    `${start} started 12345678901 stderr\n`,
    `${start} begin 1\n`,
    `${start} exec 1000\n`,
    `${start} exec -1\n`,
    `${start}${" ".repeat(100)}`,
    `${start} started 1${" ".repeat(100)}\n`,
    `${marker} started 1 stdout\n`,
    `x${start}`
  )
)

const anyInput = FastCheck.array(FastCheck.oneof(anyNoise, { arbitrary: anyReport, weight: 2 }), { maxLength: 8 }).map((
  parts
) => text.encode(parts.join("")))

const anyOutput = FastCheck.constantFrom(...outputs)

const scan = (own: Output, ...chunks: ReadonlyArray<Uint8Array>) => {
  const scanner = reports.scanner(marker, own)
  const scanned = [...chunks.map(scanner.push), scanner.end()]
  return {
    noise: text.decode(text.concat(scanned.map(({ noise }) => noise))),
    output: text.decode(text.concat(scanned.map(({ output }) => output))),
    reports: scanned.flatMap(({ reports }) => reports)
  }
}

const scanText = (own: Output, ...chunks: ReadonlyArray<string>) => scan(own, ...chunks.map(text.encode))

const split = (bytes: Uint8Array, points: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const cuts = [0, ...points.map((point) => point % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((cut, index) => bytes.slice(cuts[index], cut))
}

describe("scanner", () => {
  it.prop(
    "finds the same wherever the bytes are split",
    { input: anyInput, points: FastCheck.array(FastCheck.nat(), { maxLength: 12 }), own: anyOutput },
    ({ input, own, points }) => {
      assert.deepStrictEqual(scan(own, ...split(input, points)), scan(own, input))
    },
    { fastCheck: { numRuns: 1000 } }
  )

  it.prop("finds the same byte by byte", { input: anyInput, own: anyOutput }, ({ input, own }) => {
    assert.deepStrictEqual(scan(own, ...Array.from(input, (byte) => Uint8Array.of(byte))), scan(own, input))
  }, { fastCheck: { numRuns: 200 } })

  // FOUND A2
  it.prop(
    "takes out the reports of both outputs where a host merges them, in any order and in the midst of the output",
    {
      noise: FastCheck.base64String(),
      parts: FastCheck.array(FastCheck.base64String(), { minLength: 3, maxLength: 6 }),
      failures: FastCheck.array(anyFailure, { maxLength: 2 }),
      at: FastCheck.nat(),
      points: FastCheck.array(FastCheck.nat(), { maxLength: 12 })
    },
    ({ at, failures, noise, parts, points }) => {
      const later = [startedOn("stderr"), ...failures]
      const where = at % parts.length
      const whole = parts.map((part, index) => index === where ? later.join(part) : part).join("")
      const output = parts.map((part, index) => index === where ? part.repeat(failures.length) : part).join("")
      const input = text.encode(noise + startedOn("stdout") + whole)
      const scanned = scan("stdout", ...split(input, points))
      assert.deepStrictEqual([scanned.noise, scanned.output], [noise, output])
      assert.deepStrictEqual(scanned.reports.length, 2 + failures.length)
      const early = text.encode(startedOn("stderr") + noise + startedOn("stdout") + output)
      assert.deepStrictEqual(scan("stdout", ...split(early, points)), {
        noise,
        output,
        reports: [{ _tag: "Started", pid: 1, on: "stderr" }, { _tag: "Started", pid: 1, on: "stdout" }]
      })
    },
    { fastCheck: { numRuns: 300 } }
  )

  it.prop(
    "removes only reports, and separates text before the command from its output",
    { before: FastCheck.base64String(), own: anyOutput, after: FastCheck.base64String() },
    ({ after, before, own }) => {
      const scanned = scanText(own, before + startedOn(own) + after)
      assert.deepStrictEqual([scanned.noise, scanned.output, scanned.reports.length], [before, after, 1])
    }
  )

  it("reads each kind of report, with either line end", () => {
    const lines = [startedOn("stdout", 4711), ...steps.map((step, index) => `${start} ${step} ${index}\r\n`)]
    lines.push(`${start} unguarded\n`)
    assert.deepStrictEqual(scanText("stderr", lines.join("")), {
      noise: "",
      output: "",
      reports: [
        { _tag: "Started", pid: 4711, on: "stdout" },
        ...steps.map((step, code) => ({ _tag: "Failed", step, code } as const)),
        { _tag: "Unguarded" }
      ]
    })
  })

  it("reads a report within a line, for example after a prompt", () => {
    assert.deepStrictEqual(scanText("stdout", `prompt> ${startedOn("stdout")}x`), {
      noise: "prompt> ",
      output: "x",
      reports: [{ _tag: "Started", pid: 1, on: "stdout" }]
    })
  })

  it("settled, output is passed on unread, without delay and without a copy", () => {
    const scanner = reports.scanner(marker, "stdout")
    scanner.settle()
    assert.strictEqual(text.decode(scanner.push(text.encode(`a${startedOn("stdout")}b`)).output), "b")
    const bytes = text.encode(startedOn("stderr") + start.slice(0, 5))
    assert.strictEqual(scanner.push(bytes).output, bytes)
  })

  it("settled, what was held back goes first", () => {
    const scanner = reports.scanner(marker, "stdout")
    scanner.push(text.encode(`${startedOn("stdout")}${start}`))
    scanner.settle()
    assert.strictEqual(text.decode(scanner.push(text.encode("x")).output), `${start}x`)
  })

  it("holds back no text, and no more than what may become a report", () => {
    const scanner = reports.scanner(marker, "stderr")
    const push = (chunk: string) => text.decode(scanner.push(text.encode(chunk)).noise)
    assert.strictEqual(push(`Go on with ${marker.slice(0, 3)}`), `Go on with ${marker.slice(0, 3)}`)
    assert.strictEqual(push(`abc${start.slice(0, 3)}`), "abc")
    assert.strictEqual(push("x"), `${start.slice(0, 3)}x`)
    assert.strictEqual(push(start), "")
    assert.strictEqual(push(" ".repeat(5000)), start + " ".repeat(5000))
    assert.strictEqual(push("prompt> "), "prompt> ")
  })

  it("withholds nothing at the end", () => {
    assert.strictEqual(scanText("stdout", `a${start} started 1`).noise, `a${start} started 1`)
    assert.strictEqual(scanText("stdout", startedOn("stdout"), `a${start} exe`).output, `a${start} exe`)
  })

  it("transparent passes everything", () => {
    const bytes = text.encode(`${marker} started 1\n`)
    assert.deepStrictEqual(reports.transparent.push(bytes), { noise: new Uint8Array(), output: bytes, reports: [] })
    assert.deepStrictEqual(reports.transparent.end(), {
      noise: new Uint8Array(),
      output: new Uint8Array(),
      reports: []
    })
  })
})
