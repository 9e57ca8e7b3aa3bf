import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { ConnectionState } from "@effect-remote/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schedule, Scope, Stream, TestClock } from "effect"
import * as sharedConnection from "../../src/internal/multiplexed/sharedConnection.js"

const error = (reason: RemoteConnectionError["reason"]) =>
  new RemoteConnectionError({ reason, host: "host", detail: reason })

interface Fake extends sharedConnection.Losable {
  readonly number: number
  readonly lose: Effect.Effect<void>
  /** Loses the connection as one that serves no more channels. */
  readonly spend: Effect.Effect<void>
  /** Loses the connection before `lost` reports it. */
  readonly loseQuietly: Effect.Effect<void>
}

/** Connections to a host that is up until `down`. `hold` makes the attempts wait. */
const serve = Effect.fnUntraced(function*(options: { readonly lazy?: boolean } = {}) {
  const made: Array<Fake> = []
  const closed: Array<number> = []
  let attempts = 0
  let isUp = true
  let gate: Deferred.Deferred<void> | undefined
  let reconnects = 0
  const connect = Effect.gen(function*() {
    attempts++
    if (gate !== undefined) yield* Deferred.await(gate)
    if (!isUp) return yield* error("Unreachable")
    const number = made.length
    const loss = yield* Deferred.make<RemoteConnectionError>()
    let isLost = false
    let isSpent = false
    yield* Effect.addFinalizer(() => Effect.sync(() => void closed.push(number)))
    const lose = Effect.suspend(() => {
      isLost = true
      return Deferred.succeed(loss, error("ConnectionLost"))
    })
    const connection: Fake = {
      number,
      isLost: () => isLost,
      isSpent: () => isSpent,
      lost: Deferred.await(loss),
      lose,
      spend: Effect.suspend(() => {
        isSpent = true
        return lose
      }),
      loseQuietly: Effect.sync(() => {
        isLost = true
      })
    }
    made.push(connection)
    return connection
  })
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const shared = yield* Scope.extend(
    sharedConnection.make<Fake>({
      host: "host",
      connect,
      lazy: options.lazy ?? true,
      reconnect: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2)),
      onReconnect: () => reconnects++
    }),
    scope
  )
  const states: Array<ConnectionState> = []
  yield* Effect.forkScoped(Stream.runForEach(shared.state, (state) => Effect.sync(() => void states.push(state))))
  yield* settled
  return {
    attempts: () => attempts,
    close: Scope.close(scope, Exit.void),
    closed,
    hold: Effect.map(Deferred.make<void>(), (made) => {
      gate = made
      return Deferred.succeed(made, undefined)
    }),
    made,
    number: shared.open(({ number }) => Effect.succeed(number)),
    reconnects: () => reconnects,
    setUp: (up: boolean) => Effect.sync(() => void (isUp = up)),
    shared,
    states
  }
})

// Every fiber goes as far as it can.
const settled = TestClock.adjust(0)

describe("a shared connection", () => {
  it.scoped("that is lazy connects at the first use, once for all callers", () =>
    Effect.gen(function*() {
      const { attempts, hold, number, states } = yield* serve()
      assert.strictEqual(attempts(), 0)
      const release = yield* hold
      const callers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(number))
      yield* settled
      yield* release
      assert.deepStrictEqual(yield* Effect.forEach(callers, Fiber.join), [0, 0, 0])
      yield* settled
      assert.strictEqual(attempts(), 1)
      assert.deepStrictEqual(states, ["idle", "connecting", "ready"])
    }))

  it.scoped("that is not lazy connects when it is made", () =>
    Effect.gen(function*() {
      const { attempts, number, states } = yield* serve({ lazy: false })
      assert.strictEqual(attempts(), 1)
      assert.strictEqual(yield* number, 0)
      assert.deepStrictEqual(states, ["ready"])
    }))

  it.scoped("goes on connecting for the others when the first caller is interrupted", () =>
    Effect.gen(function*() {
      const { attempts, hold, number } = yield* serve()
      const release = yield* hold
      const first = yield* Effect.fork(number)
      const second = yield* Effect.fork(number)
      yield* settled
      yield* Fiber.interrupt(first)
      yield* release
      assert.strictEqual(yield* Fiber.join(second), 0)
      assert.strictEqual(attempts(), 1)
    }))

  it.scoped("attempts the first connection once at each use", () =>
    Effect.gen(function*() {
      const { attempts, number, reconnects, setUp, states } = yield* serve()
      yield* setUp(false)
      assert.strictEqual((yield* Effect.flip(number)).reason, "Unreachable")
      assert.strictEqual((yield* Effect.flip(number)).reason, "Unreachable")
      assert.strictEqual(attempts(), 2)
      yield* setUp(true)
      assert.strictEqual(yield* number, 0)
      yield* settled
      assert.strictEqual(reconnects(), 0)
      assert.deepStrictEqual(states, ["idle", "connecting", "lost", "connecting", "lost", "connecting", "ready"])
    }))

  it.scoped("closes a lost connection, and reconnects at the next use under the schedule", () =>
    Effect.gen(function*() {
      const { attempts, closed, made, number, reconnects, setUp, states } = yield* serve()
      yield* number
      yield* made[0]!.lose
      yield* settled
      assert.deepStrictEqual(closed, [0])
      assert.strictEqual(attempts(), 1)
      yield* setUp(false)
      const use = yield* Effect.fork(number)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(attempts(), 3)
      yield* setUp(true)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(use), 1)
      yield* settled
      assert.strictEqual(reconnects(), 1)
      assert.deepStrictEqual(states, ["idle", "connecting", "ready", "lost", "connecting", "ready"])
    }))

  it.scoped("fails with the last error when the schedule ends", () =>
    Effect.gen(function*() {
      const { attempts, made, number, setUp, states } = yield* serve()
      yield* number
      yield* setUp(false)
      yield* made[0]!.lose
      const use = yield* Effect.fork(Effect.flip(number))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(use)).reason, "Unreachable")
      assert.strictEqual(attempts(), 4)
      assert.strictEqual(states.at(-1), "lost")
    }))

  it.scoped("opens a channel again if the connection is lost before it was open, but no other failure", () =>
    Effect.gen(function*() {
      const { made, shared } = yield* serve()
      const opened: Array<number> = []
      const open = shared.open((connection) =>
        Effect.suspend(() => {
          opened.push(connection.number)
          return connection.number > 0
            ? Effect.succeed(connection.number)
            : Effect.zipRight(connection.lose, error("ConnectionLost"))
        })
      )
      assert.strictEqual(yield* open, 1)
      assert.deepStrictEqual(opened, [0, 1])
      assert.strictEqual(made.length, 2)
      const refused = shared.open(() => error("ChannelRefused"))
      assert.strictEqual((yield* Effect.flip(refused)).reason, "ChannelRefused")
      const stillOpen = shared.open(() => error("ConnectionLost"))
      assert.strictEqual((yield* Effect.flip(stillOpen)).reason, "ConnectionLost")
      assert.strictEqual(made.length, 2)
    }))

  // FOUND D7
  it.scoped("opens a channel again after each spent connection, and once more after a loss", () =>
    Effect.gen(function*() {
      const { made, shared } = yield* serve()
      const opening = (ends: ReadonlyArray<"spend" | "lose">) => {
        const first = made.length
        return shared.open((connection) =>
          Effect.suspend(() => {
            const end = ends[connection.number - first]
            return end === undefined
              ? Effect.succeed(connection.number - first)
              : Effect.zipRight(connection[end], error("ConnectionLost"))
          })
        )
      }
      assert.strictEqual(yield* opening(["spend", "spend", "lose", "spend"]), 4)
      yield* made.at(-1)!.lose
      assert.strictEqual((yield* Effect.flip(opening(["spend", "lose", "lose"]))).reason, "ConnectionLost")
    }))

  it.scoped("shows a loss that a use notices first", () =>
    Effect.gen(function*() {
      const { made, number, states } = yield* serve()
      yield* number
      yield* made[0]!.loseQuietly
      assert.strictEqual(yield* number, 1)
      yield* made[0]!.lose
      yield* settled
      assert.deepStrictEqual(states, ["idle", "connecting", "ready", "lost", "connecting", "ready"])
    }))

  it.scoped("fails every use after the end of its scope, and closes the connection", () =>
    Effect.gen(function*() {
      const { close, closed, number } = yield* serve()
      yield* number
      yield* close
      assert.deepStrictEqual(closed, [0])
      const { hint, reason } = yield* Effect.flip(number)
      assert.strictEqual(reason, "ConnectionLost")
      assert.include(hint, "scope")
    }))

  it.scoped("interrupts an attempt with its scope", () =>
    Effect.gen(function*() {
      const { close, hold, number } = yield* serve()
      yield* Effect.asVoid(hold)
      const use = yield* Effect.fork(number)
      yield* settled
      yield* close
      assert.isTrue(Exit.isFailure(yield* Fiber.await(use)))
    }))
})
