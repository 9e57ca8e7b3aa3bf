import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as Sftp from "../../src/protocol/Sftp.js"
import * as scriptedSftp from "../fixtures/scriptedSftp.js"

const { attributes, eof, handle, ok } = scriptedSftp

const part = 32_768
const size = 40 * part + 5

const content = Uint8Array.from({ length: size }, (_, index) => (index * 31) >>> 3)

/**
 * A server whose answers to reads have the bytes that `given` says. They come together once the client waits, so each flight
 * of requests is a round trip.
 */
const files = (given: (asked: number, count: number) => number) =>
  Effect.gen(function*() {
    const waiting: Array<() => void> = []
    const state = { rounds: 0, reads: 0, most: 0 }
    const answerRead = ({ length, offset }: { readonly length: number; readonly offset: bigint }) => {
      const data = content.subarray(Number(offset), Number(offset) + Math.min(length, given(length, state.reads++)))
      return data.length === 0 ? eof : Sftp.Response.Data({ data })
    }
    const { fs } = yield* scriptedSftp.make({
      answer: (request, session, id) => {
        switch (request._tag) {
          case "Open":
            return handle("file")
          case "Read":
            waiting.push(() => session.send(id, answerRead(request)))
            return undefined
          default:
            return request._tag === "Close" ? ok : attributes(0o100644, BigInt(size))
        }
      }
    })
    // Runs when no other fiber can.
    const answering = yield* Effect.fork(Effect.forever(Effect.suspend(() => {
      const flight = waiting.splice(0)
      if (flight.length > 0) state.rounds++
      state.most = Math.max(state.most, flight.length)
      for (const answer of flight) answer()
      return Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
    })))
    yield* Effect.addFinalizer(() => Fiber.interrupt(answering))
    return { fs, state }
  })

const collected = (stream: Stream.Stream<Uint8Array, unknown>) =>
  Effect.map(Stream.runCollect(stream), (parts) => Buffer.concat([...parts]))

// FOUND D9
describe("a server that answers reads with fewer bytes than asked for", () => {
  const servers = {
    "half of them": (asked: number) => Math.ceil(asked / 2),
    "at most 4096": () => 4096,
    "any number of them": (_: number, count: number) => 1 + (count * 7919) % part,
    "all of them but once": (asked: number, count: number) => count === 3 ? 1 : asked
  }
  for (const [name, given] of Object.entries(servers)) {
    it.scopedLive(`${name}: the file is whole, and the rests of its parts are requested together`, () =>
      Effect.gen(function*() {
        const { fs, state } = yield* files(given)
        assert.isTrue(Buffer.from(content).equals(yield* fs.readFile("/file")))
        const whole = state.rounds
        assert.isAtMost(whole, 60)
        assert.isTrue(Buffer.from(content).equals(yield* collected(fs.stream("/file"))))
        assert.isAtMost(state.rounds - whole, 60)
      }))
  }

  it.scopedLive("one byte at a time: the number of requests in flight is bounded", () =>
    Effect.gen(function*() {
      const { fs, state } = yield* files(() => 1)
      const head = yield* collected(fs.stream("/file", { bytesToRead: 4096, chunkSize: 16 }))
      assert.isTrue(Buffer.from(content.subarray(0, 4096)).equals(head))
      assert.isAtMost(state.most, 1024)
      assert.isAtMost(state.rounds, 200)
    }))
})
