import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { SessionOptions } from "@effect-remote/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, FastCheck, type Fiber, Option, Scope } from "effect"
import { make as makeSessions } from "../../src/internal/multiplexed/sessions.js"
import type { Channel } from "../../src/internal/protocol/channel.js"
import { make as makeMux } from "../../src/internal/protocol/mux.js"
import * as fakeServer from "../protocol/fakeServer.js"
import * as scheduler from "../protocol/scheduler.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

interface Options extends scheduler.Options {
  readonly limit: number
  /** How many milliseconds the server goes on counting a session that it has said to be closed. */
  readonly lag?: number
  /** The server's reason for a refusal. */
  readonly words?: string
  /** Whether it does not answer before `flush`. */
  readonly silent?: boolean
  /** Whether it never lets go of a session, as while a login shell hangs. */
  readonly hangs?: boolean
  /** Whether it serves one session for each connection. */
  readonly isSingle?: boolean
}

interface User {
  readonly number: number
  readonly fiber: Fiber.RuntimeFiber<Channel, RemoteConnectionError>
  readonly scope: Scope.CloseableScope
  closed: boolean
}

// How long a session is waited for that nobody uses, in milliseconds.
const patience = 30_000

/** A server with a limit of sessions, and callers that want one. */
const serve = (options: Options) => {
  const world = scheduler.make(options)
  const server = { limit: options.limit, lag: options.lag ?? 0, held: 0, most: 0, refusals: 0 }
  const order: Array<number> = []
  const users: Array<User> = []
  const failures: Array<RemoteConnectionError> = []
  const spent = () => mux.fail(new RemoteConnectionError({ reason: "ConnectionLost", host: "host", detail: "spent" }))

  const answer = (opening: fakeServer.Opening) => {
    if (server.held >= server.limit) {
      server.refusals++
      return peer.refuse(opening, 2, options.words ?? "open failed")
    }
    server.held++
    server.most = Math.max(server.most, server.held)
    peer.confirm(opening, 1000)
  }
  const peer: fakeServer.FakeServer = new fakeServer.FakeServer(
    (bytes) => world.schedule(() => mux.receive(bytes)),
    {
      open: (opening) => {
        if (options.silent !== true) answer(opening)
      },
      close: (channel) => {
        if (options.hangs === true) return
        peer.close(channel)
        if (server.lag === 0) server.held--
        else world.fork(Effect.delay(Effect.sync(() => server.held--), server.lag))
      }
    }
  )
  const mux = makeMux("host", {
    write: (bytes) => {
      world.schedule(() => peer.receive(bytes))
      return true
    },
    failed: (error) => {
      failures.push(error)
      sessions.fail(error)
    }
  })
  const whole = Effect.runSync(Scope.make())
  const made = world.fork(Scope.extend(
    makeSessions("host", { waiting: () => {} }, patience, options.isSingle === true ? spent : undefined),
    whole
  ))
  world.settle()
  const sessions = Exit.getOrElse(scheduler.exitOf(made), () => assert.fail())

  const open = (sessionOptions: SessionOptions = {}): User => {
    const scope = Effect.runSync(Scope.make())
    const number = users.length
    const fiber = world.fork(
      Scope.extend(
        sessions.open((watcher) => mux.open("session", new Uint8Array(), watcher), sessionOptions),
        scope
      )
    )
    fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) order.push(number)
    })
    const user: User = { number, fiber, scope, closed: false }
    users.push(user)
    return user
  }
  const close = (user: User) => {
    if (user.closed) return
    user.closed = true
    world.fork(Scope.close(user.scope, Exit.void))
  }
  /** A user who opens one, has it for a while and closes it. */
  const use = (millis: number): User => {
    const user = open()
    user.fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) world.fork(Effect.delay(Effect.sync(() => close(user)), millis))
    })
    return user
  }
  const flush = () => {
    for (const opening of [...peer.openings]) answer(opening)
    world.settle()
  }
  return {
    world,
    server,
    peer,
    mux,
    sessions,
    order,
    users,
    failures,
    open,
    close,
    use,
    flush,
    end: () => {
      world.fork(Scope.close(whole, Exit.void))
      world.settle()
    }
  }
}

type Served = ReturnType<typeof serve>

const has = (user: User) => user.fiber.unsafePoll()?._tag === "Success"

const failureOf = (user: User): RemoteConnectionError => {
  const exit = scheduler.exitOf(user.fiber)
  assert(Exit.isFailure(exit))
  return Option.getOrThrow(Cause.failureOption(exit.cause))
}

/** More than the server allows, so that the limit is known. */
const learnLimit = ({ close, open, server, world }: Served) => {
  const users = Array.from({ length: server.limit + 1 }, () => open())
  world.settle()
  assert.strictEqual(users.filter(has).length, server.limit)
  for (const user of users) close(user)
  world.settle()
  close(users.at(-1)!)
  world.adjust(1000)
}

/** Everybody who still has one or waits goes, and then there are as many as the server allows, at once. */
const assertNoneLost = (served: Served) => {
  const { close, failures, mux, open, peer, server, sessions, users, world } = served
  // Before the server would be asked for more than it is known to allow.
  const end = world.now() + 8000
  while (world.now() < end && users.some(({ fiber }) => !scheduler.isDone(fiber))) {
    for (const user of users) if (scheduler.isDone(user.fiber)) close(user)
    world.adjust(5)
  }
  assert.isTrue(users.every(({ fiber }) => scheduler.isDone(fiber)))
  for (const user of users) close(user)
  world.adjust(300)
  assert.strictEqual(mux.size(), 0)
  assert.strictEqual(sessions.waiting(), 0)
  assert.strictEqual(server.held, 0)
  learnLimit(served)
  const again = Array.from({ length: server.limit }, () => open())
  world.settle()
  assert.isTrue(again.every(has))
  for (const user of again) close(user)
  world.adjust(300)
  assert.strictEqual(mux.size(), 0)
  assert.deepStrictEqual(peer.violations, [])
  assert.deepStrictEqual(failures, [])
}

describe("a server that allows few sessions", () => {
  it.each([
    [10, 0],
    [10, 3],
    [2, 0],
    [2, 3],
    [1, 0],
    [1, 40]
  ])("%i at once, counted %i ms too long: fifty have one, in the order in which they came", (limit, lag) => {
    const served = serve({ limit, lag })
    const { order, server, use, world } = served
    const users = Array.from({ length: 50 }, () => use(20))
    world.settle()
    assert.strictEqual(users.filter(has).length, limit)
    assert.strictEqual(served.sessions.waiting(), 50 - limit)
    world.adjust((20 + lag + 5) * (50 / limit + 1))
    assert.isTrue(users.every(has))
    assert.deepStrictEqual(order, Array.from(users, (_, index) => index))
    assert.strictEqual(server.most, limit)
    assertNoneLost(served)
  })

  it("a later caller waits until the refused ones are served", () => {
    const { close, open, order, sessions, users, world } = serve({ limit: 1 })
    for (let count = 0; count < 5; count++) open()
    world.settle()
    for (let count = 0; count < 5; count++) open()
    world.settle()
    assert.strictEqual(sessions.waiting(), 9)
    for (const user of users) {
      assert.isTrue(has(user))
      close(user)
      world.adjust(5)
    }
    assert.deepStrictEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  // FOUND D7
  it("and serves one session for each connection: the connection ends with it, for those who wait, too", () => {
    const { failures, open, peer, server, world } = serve({ limit: 1, isSingle: true })
    const spare = open({ priority: "idle" })
    world.settle()
    assert.strictEqual(failureOf(spare).reason, "ChannelRefused")
    const [first, second] = [open(), open()]
    world.settle()
    const opened = scheduler.exitOf(first.fiber)
    assert(Exit.isSuccess(opened))
    const ended = world.fork(opened.value.exit)
    peer.close(peer.open[0]!)
    world.settle()
    assert.isTrue(Exit.isSuccess(scheduler.exitOf(ended)))
    assert.strictEqual(server.refusals, 0)
    assert.deepStrictEqual(failures.map(({ detail }) => detail), ["spent"])
    assert.strictEqual(failureOf(second).detail, "spent")
    const late = open()
    world.settle()
    assert.strictEqual(failureOf(late).detail, "spent")
  })

  it("a session that is closed is given on at once, and none is asked for in vain", () => {
    const served = serve({ limit: 2 })
    learnLimit(served)
    const { close, open, server, world } = served
    const users = [open(), open(), open(), open()]
    const { refusals } = server
    world.settle()
    for (const [index, user] of users.entries()) {
      assert.deepStrictEqual(users.map(has), users.map((_, other) => other < index + 2))
      close(user)
      world.settle()
    }
    assert.strictEqual(server.refusals, refusals)
  })

  it("is asked again soon where it counts a session that is closed a little longer", () => {
    const served = serve({ limit: 1, lag: 33 })
    const { close, open, order, server, world } = served
    const [first, second, third] = [open(), open(), open()]
    world.settle()
    const { refusals } = server
    close(first)
    world.adjust(30)
    assert.isFalse(has(second))
    world.adjust(10)
    assert.isTrue(has(second))
    assert.isFalse(has(third))
    assert.isBelow(server.refusals - refusals, 10)
    assert.deepStrictEqual(order, [0, 1])
    close(second)
    world.adjust(40)
    assert.isTrue(has(third))
    assertNoneLost(served)
  })

  it("that releases a session very late is thought to allow less, but only for a while", () => {
    const served = serve({ limit: 2, lag: 600 })
    const { close, open, server, world } = served
    const [first, second] = [open(), open()]
    world.settle()
    const third = open()
    world.settle()
    close(second)
    world.adjust(590)
    assert.isFalse(has(third))
    const { refusals } = server
    world.adjust(5000)
    assert.strictEqual(server.refusals, refusals)
    // Nothing else happens meanwhile.
    world.adjust(20_000)
    assert.isTrue(has(third))
    server.lag = 0
    for (const user of [first, third]) close(user)
    world.adjust(300)
    assertNoneLost(served)
  })

  it("may allow more later", () => {
    const served = serve({ limit: 1 })
    const { open, server, world } = served
    const users = [open(), open(), open()]
    world.adjust(1000)
    assert.strictEqual(users.filter(has).length, 1)
    server.limit = 3
    world.adjust(60_000)
    assert.isTrue(users.every(has))
    assertNoneLost(served)
  })

  it("is not asked in vain ever more often by those who go on asking", () => {
    const { close, open, server, world } = serve({ limit: 3, lag: 1 })
    let sessions = 0
    const work = (): void => {
      const user = open()
      user.fiber.addObserver(() => {
        sessions++
        world.fork(Effect.delay(
          Effect.sync(() => {
            close(user)
            work()
          }),
          200
        ))
      })
    }
    for (let workers = 0; workers < 8; workers++) work()
    world.adjust(40_000)
    const [refusals, before] = [server.refusals, sessions]
    world.adjust(30_000)
    assert.isAbove(sessions - before, 400)
    assert.strictEqual(server.most, 3)
    // Each was refused once or so because of the lag.
    assert.isBelow((server.refusals - refusals) / (sessions - before), 1.5)
  })
})

describe("a refusal", () => {
  it("without open sessions fails the caller, with the server's words", () => {
    const { open, sessions, world } = serve({ limit: 0, words: "not on sundays" })
    const users = [open(), open({ priority: "idle" }), open({ onReclaim: Effect.void })]
    world.settle()
    for (const user of users) {
      const { detail, hint, reason } = failureOf(user)
      assert.strictEqual(reason, "ChannelRefused")
      assert.include(detail, "not on sundays (2)")
      assert.include(hint, "MaxSessions")
    }
    assert.strictEqual(sessions.waiting(), 0)
    const late = open()
    world.settle()
    assert.strictEqual(failureOf(late).reason, "ChannelRefused")
  })

  it("without a word says so", () => {
    const { open, world } = serve({ limit: 0, words: "" })
    const user = open()
    world.settle()
    assert.include(failureOf(user).detail, "no reason given (2)")
  })

  it("soon after the last one was closed is believed once it lasts", () => {
    const { close, open, server, world } = serve({ limit: 1 })
    const first = open()
    world.settle()
    server.limit = 0
    close(first)
    world.settle()
    const [second, third] = [open(), open()]
    world.adjust(200)
    assert.isFalse(scheduler.isDone(second.fiber) || scheduler.isDone(third.fiber))
    world.adjust(100)
    for (const user of [second, third]) assert.strictEqual(failureOf(user).reason, "ChannelRefused")
    assert.isBelow(server.refusals, 120)
  })
})

// FOUND A3
describe("sessions that are closed here, and of which the server does not let go", () => {
  const hang = () => {
    const served = serve({ limit: 3, hangs: true })
    const users = [served.open(), served.open(), served.open()]
    served.world.settle()
    return { ...served, stuck: users }
  }

  it("fail those who wait, in time", () => {
    const { close, open, sessions, stuck, world } = hang()
    for (const user of stuck) close(user)
    world.adjust(1000)
    const first = open()
    world.adjust(10_000)
    const second = open()
    world.adjust(19_990)
    assert.isFalse(scheduler.isDone(first.fiber))
    world.adjust(20)
    const { detail, hint, reason } = failureOf(first)
    assert.strictEqual(reason, "TimedOut")
    assert.include(detail, "3 were closed here")
    assert.include(hint, ".bashrc")
    assert.isFalse(scheduler.isDone(second.fiber))
    world.adjust(10_000)
    assert.strictEqual(failureOf(second).reason, "TimedOut")
    assert.strictEqual(sessions.waiting(), 0)
  })

  it("do not fail those who wait for one that is in use", () => {
    const { close, open, stuck, world } = hang()
    for (const user of stuck.slice(1)) close(user)
    const waiting = open()
    world.adjust(300_000)
    assert.isFalse(scheduler.isDone(waiting.fiber))
    close(stuck[0]!)
    world.adjust(29_000)
    assert.isFalse(scheduler.isDone(waiting.fiber))
    world.adjust(2000)
    assert.strictEqual(failureOf(waiting).reason, "TimedOut")
  })

  it("are given on when the server lets go of them after all", () => {
    const { close, open, peer, server, stuck, world } = hang()
    for (const user of stuck) close(user)
    const waiting = open()
    world.adjust(20_000)
    server.held = 0
    for (const channel of peer.channels) peer.close(channel)
    world.adjust(20_000)
    assert.isTrue(has(waiting))
  })
})

describe("interruption", () => {
  it("of a waiting caller takes it out of the queue", () => {
    const served = serve({ limit: 1 })
    const { close, open, order, sessions, world } = served
    const users = [open(), open(), open(), open()]
    world.settle()
    scheduler.interrupt(users[1]!.fiber)
    scheduler.interrupt(users[3]!.fiber)
    world.settle()
    assert.strictEqual(sessions.waiting(), 1)
    close(users[0]!)
    world.settle()
    assert.isTrue(has(users[2]!))
    assert.deepStrictEqual(order, [0, 2])
    assertNoneLost(served)
  })

  it("of an opener that is refused then loses no session", () => {
    const served = serve({ limit: 1, silent: true })
    const { close, flush, open, world } = served
    // The limit is known.
    const [first, second] = [open(), open()]
    world.settle()
    flush()
    scheduler.interrupt(second.fiber)
    close(first)
    world.adjust(1000)
    const third = open()
    world.settle()
    scheduler.interrupt(third.fiber)
    world.settle()
    served.server.limit = 0
    flush()
    served.server.limit = 1
    const fourth = open()
    world.settle()
    flush()
    assert.isTrue(has(fourth))
  })

  it.each([1, 2])("at every moment: none is lost of %i", (limit) => {
    for (let moment = 0; moment < 240; moment++) {
      const served = serve({ limit, lag: moment % 3, small: true })
      if (moment % 4 < 2) learnLimit(served)
      const { close, open, users, world } = served
      const before = users.length
      const first = open()
      for (let others = 0; others < limit + 1; others++) open()
      for (let steps = 0; steps < moment * 2; steps++) world.step()
      // The caller may have a session, may just have been admitted, or may wait.
      for (const user of users.slice(before)) {
        if (user.number % 2 === moment % 2) scheduler.interrupt(user.fiber)
      }
      if (scheduler.isDone(first.fiber)) close(first)
      for (let steps = 0; steps < moment % 7; steps++) world.step()
      scheduler.interrupt(users.at(-1)!.fiber)
      world.settle()
      assertNoneLost(served)
    }
  })

  const actions = ["open", "open", "use", "close", "interrupt", "steps", "steps", "time", "spare", "stay"] as const

  it.prop("whatever happens in whatever order, none is lost", {
    world: FastCheck.record({
      seed: FastCheck.nat(),
      inOrder: FastCheck.boolean(),
      small: FastCheck.boolean(),
      limit: FastCheck.integer({ min: 1, max: 4 }),
      lag: FastCheck.constantFrom(0, 0, 2, 30)
    }),
    steps: FastCheck.array(FastCheck.tuple(FastCheck.constantFrom(...actions), FastCheck.nat({ max: 1000 })), {
      minLength: 10,
      maxLength: 80,
      size: "max"
    })
  }, ({ steps, world: { inOrder, lag, limit, seed, small } }) => {
    const served = serve({ limit, lag, small, ...(!inOrder && { pick: scheduler.random(seed) }) })
    learnLimit(served)
    const { close, open, use, users, world } = served
    const staying = (options: SessionOptions) => {
      const user: User = open({ ...options, onReclaim: Effect.sync(() => close(user)) })
    }
    for (const [action, much] of steps) {
      const user = users[much % users.length]
      switch (action) {
        case "open":
          open()
          break
        case "use":
          use(much % 50)
          break
        case "close":
          if (user !== undefined && scheduler.isDone(user.fiber)) close(user)
          break
        case "interrupt":
          if (user !== undefined) scheduler.interrupt(user.fiber)
          break
        case "steps":
          for (let count = 0; count <= much % 40 && world.step(); count++);
          break
        case "time":
          world.adjust(much % 20)
          break
        case "spare":
          staying({ priority: "idle" })
          break
        case "stay":
          staying({})
          break
      }
    }
    assertNoneLost(served)
    assert.isAtMost(served.server.most, limit)
  }, { fastCheck: { numRuns: 60 } })
})

describe("sessions that stay", () => {
  /** Opens an idle session and records whether it was asked to close. It closes on request of the test. */
  const stay = ({ close, open, world }: Served, options: SessionOptions = {}) => {
    const asked: Array<number> = []
    const user = open({ ...options, onReclaim: Effect.sync(() => void asked.push(world.now())) })
    world.settle()
    return { user, asked, go: () => close(user) }
  }

  it("are asked to close one after another, if a caller waits and all open sessions are idle", () => {
    const served = serve({ limit: 3 })
    learnLimit(served)
    const { close, open, world } = served
    const [first, second] = [stay(served), stay(served)]
    const busy = open()
    world.settle()
    const waiting = open()
    world.adjust(1000)
    assert.deepStrictEqual([first.asked.length, second.asked.length], [0, 0])
    close(busy)
    world.settle()
    assert.isTrue(has(waiting))
    assert.deepStrictEqual([first.asked.length, second.asked.length], [0, 0])

    const third = stay(served)
    close(waiting)
    world.adjust(1000)
    assert.isFalse(scheduler.isDone(third.user.fiber) && !has(third.user))
    const next = open()
    world.settle()
    assert.deepStrictEqual([first.asked.length, second.asked.length, third.asked.length], [1, 0, 0])
    first.go()
    world.settle()
    assert.isTrue(has(next))
    world.adjust(1000)
    assert.deepStrictEqual([first.asked.length, second.asked.length, third.asked.length], [1, 0, 0])
  })

  it("the next one is asked if the first does not close", () => {
    const served = serve({ limit: 2 })
    learnLimit(served)
    const { open, world } = served
    const [first, second] = [stay(served), stay(served)]
    const waiting = open()
    world.settle()
    assert.deepStrictEqual([first.asked.length, second.asked.length], [1, 0])
    world.adjust(1000)
    assert.deepStrictEqual([first.asked.length, second.asked.length], [1, 1])
    second.go()
    world.settle()
    assert.isTrue(has(waiting))
  })

  it("are asked as soon as a refusal teaches the limit", () => {
    const served = serve({ limit: 1 })
    const { open, world } = served
    const only = stay(served)
    const waiting = open()
    world.settle()
    assert.strictEqual(only.asked.length, 1)
    only.go()
    world.settle()
    assert.isTrue(has(waiting))
    assertNoneLost(served)
  })

  it("are asked where they were confirmed only now", () => {
    const served = serve({ limit: 2, silent: true })
    const { flush, open, world } = served
    const first = stay(served)
    const second = stay(served)
    const waiting = open()
    world.settle()
    flush()
    assert.isFalse(has(waiting))
    assert.deepStrictEqual([first.asked.length, second.asked.length], [1, 0])
  })

  it("that are spare leave a session free for others", () => {
    const served = serve({ limit: 2 })
    learnLimit(served)
    const { close, open, server, world } = served
    const spare = stay(served, { priority: "idle" })
    assert.isTrue(has(spare.user))
    const { refusals } = server
    const another = stay(served, { priority: "idle" })
    assert.strictEqual(failureOf(another.user).reason, "ChannelRefused")
    const command = open()
    world.settle()
    assert.isTrue(has(command))
    assert.strictEqual(server.refusals, refusals)
    close(command)
    spare.go()
    world.settle()
    assert.isTrue(has(stay(served, { priority: "idle" }).user))
    assertNoneLost(served)
  })

  it("that are spare do not wait where the server refuses", () => {
    const served = serve({ limit: 1 })
    const { open, sessions, world } = served
    open()
    const spare = open({ priority: "idle" })
    world.settle()
    assert.strictEqual(failureOf(spare).reason, "ChannelRefused")
    assert.strictEqual(sessions.waiting(), 0)
    assertNoneLost(served)
  })

  it("that are spare close for a waiting caller while others are in use, but not for a crowd that is served", () => {
    const served = serve({ limit: 2 })
    learnLimit(served)
    const { close, open, use, world } = served
    const spare = stay(served, { priority: "idle" })
    for (let count = 0; count < 40; count++) use(20)
    world.adjust(900)
    assert.deepStrictEqual(spare.asked, [])

    const long = open()
    world.adjust(500)
    assert.isTrue(has(long))
    assert.deepStrictEqual(spare.asked, [])
    const waiting = open()
    world.adjust(90)
    assert.deepStrictEqual(spare.asked, [])
    world.adjust(20)
    assert.strictEqual(spare.asked.length, 1)
    assert.isFalse(has(waiting))
    spare.go()
    world.settle()
    assert.isTrue(has(waiting))
    close(long)
    close(waiting)
    assertNoneLost(served)
  })

  it("that are spare go before any other", () => {
    const served = serve({ limit: 2 })
    learnLimit(served)
    const { open, world } = served
    const spare = stay(served, { priority: "idle" })
    const other = stay(served)
    const waiting = [open(), open()]
    world.adjust(50)
    assert.deepStrictEqual([spare.asked.length, other.asked.length], [0, 0])
    world.adjust(60)
    assert.deepStrictEqual([spare.asked.length, other.asked.length], [1, 0])
    spare.go()
    world.settle()
    assert.isTrue(has(waiting[0]!))
    world.adjust(1000)
    assert.strictEqual(other.asked.length, 0)
  })

  it("that are spare and go nowhere do not keep others from being asked", () => {
    const served = serve({ limit: 2 })
    learnLimit(served)
    const { open, world } = served
    const spare = stay(served, { priority: "idle" })
    const other = stay(served)
    const waiting = open()
    world.adjust(1000)
    assert.deepStrictEqual([spare.asked.length, other.asked.length], [1, 1])
    other.go()
    world.settle()
    assert.isTrue(has(waiting))
  })
})

describe("a connection that is lost", () => {
  it("fails waiting callers and later ones", () => {
    const { end, mux, open, sessions, world } = serve({ limit: 1 })
    const users = [open(), open(), open()]
    world.settle()
    const error = new RemoteConnectionError({ reason: "ConnectionLost", host: "host", detail: "gone" })
    mux.fail(error)
    const late = open()
    world.settle()
    assert.isTrue(has(users[0]!))
    for (const user of [users[1]!, users[2]!, late]) assert.strictEqual(failureOf(user), error)
    assert.strictEqual(sessions.waiting(), 0)
    end()
  })

  it("at every moment", () => {
    for (let moment = 0; moment < 100; moment++) {
      const { mux, open, sessions, users, world } = serve({ limit: 2, small: true, lag: 1 })
      for (let count = 0; count < 4; count++) open()
      for (let steps = 0; steps < moment * 4; steps++) world.step()
      const had = users.filter(has)
      const error = new RemoteConnectionError({ reason: "ConnectionLost", host: "host", detail: "gone" })
      mux.fail(error)
      world.adjust(1000)
      for (const user of users) {
        if (!has(user)) assert.strictEqual(failureOf(user), error)
      }
      assert.isAtMost(users.filter(has).length, had.length + 2)
      assert.strictEqual(sessions.waiting(), 0)
      assert.strictEqual(mux.size(), 0)
    }
  })
})
