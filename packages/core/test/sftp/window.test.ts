import { assert, describe, it } from "@effect/vitest"
import * as windows from "../../src/internal/sftp/window.js"

const { largestSize, mostRequests, usualSize } = windows

/** The sizes after each of the answers. */
const sizesAfter = (initial: number, ...answers: ReadonlyArray<readonly [sentAt: number, answeredAt: number]>) => {
  const sizes: Array<number> = []
  let window = windows.make(initial)
  for (const [sentAt, answeredAt] of answers) {
    sizes.push((window = windows.afterAnswer(window, sentAt, answeredAt)).size)
  }
  return sizes
}

describe("the window of requests", () => {
  it("doubles with each awaited answer up to the usual size", () => {
    assert.deepStrictEqual(
      sizesAfter(usualSize / 8, [0, 10], [10, 1000], [1000, 1010], [1000, 1030]).map((size) => usualSize / size),
      [4, 2, 1, 1]
    )
  })

  it("reaches the usual size exactly", () => {
    assert.deepStrictEqual(sizesAfter(usualSize - 1, [0, 10]), [usualSize])
  })

  it("does not grow beyond the usual size for requests of the first flight", () => {
    assert.deepStrictEqual(sizesAfter(usualSize, [0, 10], [0, 10], [9, 19]), [usualSize, usualSize, usualSize])
  })

  it("grows beyond the usual size for an answer as quick as the first", () => {
    assert.deepStrictEqual(sizesAfter(usualSize, [0, 10], [10, 20]), [usualSize, largestSize])
  })

  it("grows at twice the quickest time and not after that", () => {
    assert.deepStrictEqual(sizesAfter(usualSize, [0, 10], [10, 31], [31, 51]), [usualSize, usualSize, largestSize])
  })

  it("measures against the quickest of all answers", () => {
    assert.deepStrictEqual(
      sizesAfter(usualSize, [0, 100], [0, 40], [100, 181], [200, 280]),
      [usualSize, usualSize, usualSize, largestSize]
    )
  })

  it("never exceeds the largest size", () => {
    assert.deepStrictEqual(sizesAfter(largestSize, [0, 10], [10, 20]), [largestSize, largestSize])
  })

  it("always admits the first request", () => {
    assert.isFalse(windows.isFull(windows.make(1), { bytes: 0, requests: 0, more: largestSize }))
  })

  it("admits bytes up to its size", () => {
    const window = windows.make(100)
    assert.isFalse(windows.isFull(window, { bytes: 60, requests: 1, more: 40 }))
    assert.isTrue(windows.isFull(window, { bytes: 60, requests: 1, more: 41 }))
  })

  it("limits the number of requests", () => {
    const window = windows.make(usualSize)
    assert.isFalse(windows.isFull(window, { bytes: 0, requests: mostRequests - 1, more: 1 }))
    assert.isTrue(windows.isFull(window, { bytes: 0, requests: mostRequests, more: 1 }))
  })
})
