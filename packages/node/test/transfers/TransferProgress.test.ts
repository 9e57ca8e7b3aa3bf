import type { Transfer } from "@effect-remote/core"
import { TransferProgress } from "@effect-remote/node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, TestClock } from "effect"
import { Writable } from "node:stream"

const MiB = 1024n * 1024n

const progress = (change: Partial<Transfer.Progress> = {}): Transfer.Progress => ({
  files: 3,
  totalFiles: 12,
  bytes: 20n * MiB,
  totalBytes: 80n * MiB,
  isCounted: true,
  rate: 1_500_000,
  timeLeft: Duration.seconds(42),
  isDone: false,
  ...change
})

const done = progress({ files: 12, bytes: 80n * MiB, isDone: true, timeLeft: undefined })

const makeOutput = (terminal?: { columns: number }) => {
  const written: Array<string> = []
  const stream = new Writable({
    decodeStrings: false,
    write: (text: string, _encoding, callback) => {
      written.push(text)
      callback()
    }
  })
  const output = Object.assign(stream, terminal && { isTTY: true, ...terminal })
  return { output, taken: () => written.splice(0).join("") }
}

const shown = (text: string) => text.replaceAll(/\x1b\[[?\d]*[a-zA-Z]|[\r\n]/g, "")

const second = TestClock.adjust("1 second")

describe("the progress of a transfer", () => {
  it.scoped("is one line, redrawn in place, on a terminal", () =>
    Effect.gen(function*() {
      const { output, taken } = makeOutput({ columns: 100 })
      const draw = yield* TransferProgress.make({ output })
      assert.strictEqual(taken(), "")
      yield* draw(progress())
      const first = taken()
      assert.match(first, /^\x1b\[\?25l\r[^\x1b]*\x1b\[K$/)
      yield* draw(progress({ bytes: 21n * MiB }))
      assert.strictEqual(taken(), "", "too soon to be seen")
      yield* second
      yield* draw(progress({ totalBytes: 85n * MiB, isCounted: false, timeLeft: undefined }))
      const counting = taken()
      yield* second
      yield* draw(done)
      const last = taken()
      assert.match(last, /\x1b\[K\n\x1b\[\?25h$/)
      assert.deepStrictEqual([first, counting, last].map(shown), [
        "[==        ]   25%  20.0 MiB of 80.0 MiB       3 of 12 files               1.4 MiB/s      0:42 left",
        "[          ]    ?   20.0 MiB of 85.0 MiB+      3 of 12+ files              1.4 MiB/s",
        "[==========]  100%  80.0 MiB of 80.0 MiB       12 of 12 files              1.4 MiB/s"
      ])
      yield* second
      yield* draw(progress())
      assert.match(taken(), /^\x1b\[\?25l\r/, "the next transfer has a line of its own")
    }))

  it.effect("leaves the cursor and the line as they should be, when the transfer does not end", () =>
    Effect.gen(function*() {
      const { output, taken } = makeOutput({ columns: 100 })
      yield* Effect.scoped(Effect.flatMap(TransferProgress.make({ output }), (draw) => draw(progress())))
      assert.match(taken(), /left\x1b\[K\n\x1b\[\?25h$/)
      yield* Effect.scoped(Effect.flatMap(TransferProgress.make({ output }), (draw) => draw(done)))
      assert.match(taken(), /\x1b\[K\n\x1b\[\?25h$/)
      yield* Effect.scoped(TransferProgress.make({ output }))
      assert.strictEqual(taken(), "")
      assert.strictEqual(output.listenerCount("error"), 0)
    }))

  it.scoped("is never wider than the terminal, however narrow that becomes", () =>
    Effect.gen(function*() {
      const { output, taken } = makeOutput({ columns: 100 })
      const draw = yield* TransferProgress.make({ output })
      for (let columns = 100; columns >= 0; columns--) {
        output.columns = columns
        yield* second
        yield* draw(progress({ timeLeft: Duration.hours(100) }))
        const line = shown(taken())
        assert.isAtMost(line.length, Math.max(0, columns - 1))
        if (columns === 50) assert.strictEqual(line, " 25%  20.0 MiB of 80.0 MiB         4 days left")
      }
    }))

  // FOUND B20
  it.scoped("has the same columns at 80 columns, whatever the numbers are", () =>
    Effect.gen(function*() {
      const { output, taken } = makeOutput({ columns: 80 })
      const draw = yield* TransferProgress.make({ output })
      const line = (change: Partial<Transfer.Progress>) =>
        Effect.zipRight(second, Effect.map(draw(progress(change)), () => shown(taken())))
      const GiB = 1024n * MiB
      assert.deepStrictEqual([
        yield* line({ bytes: 0n, totalBytes: 1n, rate: 0, timeLeft: undefined }),
        yield* line({ isCounted: false, timeLeft: undefined, bytes: 1023n * MiB, totalBytes: 1023n * GiB }),
        yield* line({
          bytes: 1023n * MiB,
          totalBytes: 1023n * GiB,
          rate: 1023 * 2 ** 20,
          timeLeft: Duration.hours(99)
        }),
        yield* line({ timeLeft: Duration.days(999) }),
        yield* line({ timeLeft: Duration.days(1000) }),
        yield* line({ ...done, totalFiles: 12_345_678 })
      ], [
        "[               ]    0%  0 B of 1 B                        0 B/s",
        "[               ]    ?   1023.0 MiB of 1023.0 GiB+     1.4 MiB/s",
        "[               ]    0%  1023.0 MiB of 1023.0 GiB   1023.0 MiB/s  99:00:00 left",
        "[===            ]   25%  20.0 MiB of 80.0 MiB          1.4 MiB/s  999 days left",
        "[===            ]   25%  20.0 MiB of 80.0 MiB          1.4 MiB/s",
        "[===============]  100%  80.0 MiB of 80.0 MiB          1.4 MiB/s"
      ])
    }))

  // FOUND B20
  it.scoped("shows a transfer that stalls, and one that goes on", () =>
    Effect.gen(function*() {
      for (const terminal of [{ columns: 80 }, undefined]) {
        const { output, taken } = makeOutput(terminal)
        const draw = yield* TransferProgress.make({ output, interval: "1 second" })
        const isStalled = (change: Partial<Transfer.Progress> = {}) =>
          Effect.zipRight(
            second,
            Effect.map(draw(progress(change)), () => {
              const line = taken()
              assert.include(line, "20.0 MiB of 80.0 MiB")
              return line.includes("  stalled")
            })
          )
        const each = yield* Effect.replicateEffect(isStalled(), 7)
        assert.deepStrictEqual(each, [false, false, false, false, false, true, true])
        assert.isFalse(yield* isStalled({ files: 4 }))
      }
    }))

  // FOUND B20
  it.scoped("stays below the lines that the program prints meanwhile", () =>
    Effect.gen(function*() {
      const { output, taken } = makeOutput({ columns: 80 })
      yield* Effect.scoped(Effect.gen(function*() {
        const draw = yield* TransferProgress.make({ output })
        yield* draw(progress())
        const line = shown(taken())
        output.write("a log line\n")
        assert.strictEqual(taken(), `\r\x1b[Ka log line\n\r${line}\x1b[K`)
      }))
      taken()
      output.write("a log line\n")
      assert.strictEqual(taken(), "a log line\n")
    }))

  it.scoped("without a terminal writes a plain line now and then, and one at the end", () =>
    Effect.gen(function*() {
      const { output, taken } = makeOutput()
      const draw = yield* TransferProgress.make({ output, interval: "3 seconds" })
      yield* draw(progress())
      assert.strictEqual(taken(), "")
      yield* TestClock.adjust("3 seconds")
      yield* draw(progress())
      yield* draw(progress())
      assert.strictEqual(taken(), "25%  20.0 MiB of 80.0 MiB  3 of 12 files  1.4 MiB/s  0:42 left\n")
      yield* draw(done)
      assert.strictEqual(taken(), "100%  80.0 MiB of 80.0 MiB  12 of 12 files  1.4 MiB/s\n")
    }))

  it.scoped("has units that fit, and shares that make sense", () =>
    Effect.gen(function*() {
      const { output, taken } = makeOutput()
      const draw = yield* TransferProgress.make({ output, interval: 0 })
      const line = (change: Partial<Transfer.Progress>) =>
        Effect.map(draw(progress({ rate: 0, timeLeft: undefined, ...change })), () => taken().trimEnd())
      const rest = "3 of 12 files  0 B/s"
      assert.strictEqual(yield* line({ bytes: 1023n, totalBytes: 1024n }), `99%  1023 B of 1.0 KiB  ${rest}`)
      assert.strictEqual(yield* line({ bytes: 1048575n, totalBytes: 1n }), `100%  1.0 MiB of 1 B  ${rest}`)
      assert.strictEqual(yield* line({ bytes: 0n, totalBytes: 0n }), `25%  0 B of 0 B  ${rest}`)
      assert.strictEqual(yield* line({ bytes: 0n, totalBytes: 2n ** 62n }), `0%  0 B of 4096.0 PiB  ${rest}`)
    }))

  it.scoped("an output that is stopped up, or breaks, harms nothing", () =>
    Effect.gen(function*() {
      const held: Array<() => void> = []
      let count = 0
      const stuck = new Writable({
        highWaterMark: 1,
        write: (_chunk, _encoding, callback) => {
          count++
          held.push(callback)
        }
      })
      const draw = yield* TransferProgress.make({ output: stuck, interval: 0 })
      for (let index = 0; index < 100; index++) yield* draw(progress())
      assert.strictEqual(count, 1)
      assert.isBelow(stuck.writableLength, 200)
      stuck.destroy(new Error("EPIPE"))
      yield* Effect.async<void>((resume) => void stuck.once("close", () => resume(Effect.void)))
      yield* draw(done)
    }))
})
