import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as reports from "../src/internal/reports.js"
import * as text from "../src/internal/text.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const marker = "0123456789abcdef0123456789abcdef"

const steps = ["setup", "directory", "environment", "program", "exec"] as const

const anyReport = FastCheck.oneof(
  FastCheck.integer({ min: 1, max: 4194304 }).map((pid) => `${marker} started ${pid}`),
  FastCheck.tuple(FastCheck.constantFrom(...steps), FastCheck.integer({ min: 0, max: 255 })).map(([step, code]) =>
    `${marker} ${step} ${code}`
  ),
  FastCheck.constant(`${marker} unguarded`)
).chain((line) => FastCheck.constantFrom(`${line}\n`, `${line}\r\n`))

// What is no report, though it may look like the beginning or the end of one.
const anyNoise = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 20 }).map(text.decode),
  FastCheck.string({ maxLength: 20 }),
  FastCheck.integer({ min: 0, max: marker.length - 1 }).map((size) => marker.slice(0, size)),
  FastCheck.integer({ min: 1, max: marker.length - 1 }).map((size) => marker.slice(size)),
  FastCheck.constantFrom(
    "\n",
    "\r\n",
    `${marker}\n`,
    `${marker}x\n`,
    `${marker} started \n`,
    `${marker} started 1x\n`,
    `${marker} started 12345678901\n`,
    `${marker} begin 1\n`,
    `${marker} exec 1000\n`,
    `${marker} exec -1\n`,
    `${marker}${" ".repeat(100)}`,
    `${marker} started 1${" ".repeat(100)}\n`,
    `x${marker}`
  )
)

const anyInput = FastCheck.array(FastCheck.oneof(anyNoise, { arbitrary: anyReport, weight: 2 }), { maxLength: 8 }).map((
  parts
) => text.encode(parts.join("")))

const scan = (once: boolean, ...chunks: ReadonlyArray<Uint8Array>) => {
  const scanner = reports.scanner(marker, { once })
  const scanned = [...chunks.map(scanner.push), scanner.end()]
  return {
    noise: text.decode(text.concat(scanned.map(({ noise }) => noise))),
    output: text.decode(text.concat(scanned.map(({ output }) => output))),
    reports: scanned.flatMap(({ reports }) => reports)
  }
}

const scanText = (once: boolean, ...chunks: ReadonlyArray<string>) => scan(once, ...chunks.map(text.encode))

const split = (bytes: Uint8Array, points: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const cuts = [0, ...points.map((point) => point % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((cut, index) => bytes.slice(cuts[index], cut))
}

describe("scanner", () => {
  it.prop(
    "finds the same wherever the bytes are split",
    { input: anyInput, points: FastCheck.array(FastCheck.nat(), { maxLength: 12 }), once: FastCheck.boolean() },
    ({ input, once, points }) => {
      assert.deepStrictEqual(scan(once, ...split(input, points)), scan(once, input))
    },
    { fastCheck: { numRuns: 1000 } }
  )

  it.prop("finds the same byte by byte", { input: anyInput, once: FastCheck.boolean() }, ({ input, once }) => {
    assert.deepStrictEqual(scan(once, ...Array.from(input, (byte) => Uint8Array.of(byte))), scan(once, input))
  }, { fastCheck: { numRuns: 200 } })

  it.prop(
    "loses nothing but reports, and tells what was before them from what is after",
    { before: FastCheck.base64String(), report: anyReport, after: FastCheck.base64String() },
    ({ after, before, report }) => {
      for (const once of [true, false]) {
        const scanned = scanText(once, before + report + after)
        assert.deepStrictEqual([scanned.noise, scanned.output, scanned.reports.length], [before, after, 1])
      }
    }
  )

  it("reads each kind of report, with either line end", () => {
    const lines = [`${marker} started 4711\n`, ...steps.map((step, index) => `${marker} ${step} ${index}\r\n`)]
    lines.push(`${marker} unguarded\n`)
    assert.deepStrictEqual(scanText(false, lines.join("")), {
      noise: "",
      output: "",
      reports: [
        { _tag: "Started", pid: 4711 },
        ...steps.map((step, code) => ({ _tag: "Failed", step, code } as const)),
        { _tag: "Unguarded" }
      ]
    })
  })

  it("reads a report in the midst of a line, as behind a prompt", () => {
    assert.deepStrictEqual(scanText(true, `prompt> ${marker} started 1\nx`), {
      noise: "prompt> ",
      output: "x",
      reports: [{ _tag: "Started", pid: 1 }]
    })
  })

  it("once: what comes behind the first report is output, reports too", () => {
    const rest = `${marker} started 2\n${marker}`
    assert.deepStrictEqual(scanText(true, `${marker} started 1\n${rest}`), {
      noise: "",
      output: rest,
      reports: [{ _tag: "Started", pid: 1 }]
    })
  })

  it("once: output is passed on without delay and without a copy", () => {
    const scanner = reports.scanner(marker, { once: true })
    scanner.push(text.encode(`${marker} started 1\n`))
    const bytes = text.encode(marker.slice(0, 5))
    assert.strictEqual(scanner.push(bytes).output, bytes)
  })

  it("holds back no more than what may become a report", () => {
    const scanner = reports.scanner(marker, { once: false })
    const push = (chunk: string) => text.decode(scanner.push(text.encode(chunk)).noise)
    assert.strictEqual(push(`abc${marker.slice(0, 3)}`), "abc")
    assert.strictEqual(push("x"), `${marker.slice(0, 3)}x`)
    assert.strictEqual(push(marker), "")
    assert.strictEqual(push(" ".repeat(100)), marker + " ".repeat(100))
    assert.strictEqual(push("prompt> "), "prompt> ")
  })

  it("withholds nothing at the end", () => {
    assert.strictEqual(scanText(false, `a${marker} started 1`).noise, `a${marker} started 1`)
    assert.strictEqual(scanText(false, `${marker} started 1\n`, `a${marker} exe`).output, `a${marker} exe`)
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
