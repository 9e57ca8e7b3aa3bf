import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { ExitStatus } from "@effect-remote/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import { Exit, FastCheck } from "effect"
import * as message from "../../src/internal/protocol/message.js"
import {
  assertHonest,
  assertRead,
  assertSettled,
  assertWritten,
  bytesOf,
  connect,
  type Connected,
  exitOf,
  failedChannel,
  failureOf,
  isProtocol,
  lost,
  type Options,
  reasonOf
} from "./client.js"
import * as scheduler from "./scheduler.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

// Each with two numbers that say where and how much.
const actions = [
  "open",
  "open",
  "confirm",
  "confirm",
  "refuse",
  "to server",
  "to server",
  "to server",
  "to client",
  "to client",
  "to client",
  "write",
  "write",
  "write",
  "interrupt write",
  "read",
  "read",
  "read stderr",
  "interrupt read",
  "end",
  "close",
  "interrupt open",
  "fail channel",
  "request",
  "notify",
  "server data",
  "server data",
  "server stderr",
  "server adjusts",
  "server adjusts",
  "server ends",
  "server closes",
  "server answers",
  "server asks",
  "server offers",
  "server is deaf",
  "steps",
  "steps"
] as const

type Step = readonly [action: typeof actions[number], where: number, much: number]

const schedule: FastCheck.Arbitrary<ReadonlyArray<Step>> = FastCheck.array(
  FastCheck.tuple(FastCheck.constantFrom(...actions), FastCheck.nat({ max: 1000 }), FastCheck.nat({ max: 1000 })),
  { minLength: 10, maxLength: 120, size: "max" }
)

const windows = [0, 1, 100, 5000, 40_000, 200_000, 0xffff_0000]
const packets = [50, 1000, 32768, 70_000]

const at = <A>(values: ReadonlyArray<A>, index: number): A | undefined => values[index % values.length]

const act = (connected: Connected, [action, where, much]: Step) => {
  const { channelOf, close, mux, open, peer, read, uses, wire, world, write } = connected
  const use = at(uses, where)
  const channel = use && channelOf(use)
  const remote = at(peer.open, where)
  // Few bytes mostly, and some that no packet and few windows have room for.
  const size = much % 7 === 0 ? much * 40 : much % 5
  switch (action) {
    case "open":
      if (uses.length < 12) open(much % 2 === 0 ? "session" : "direct-tcpip")
      return
    case "confirm":
      if (peer.openings.length > 0) peer.confirm(peer.openings[0]!, at(windows, where)!, at(packets, much))
      return
    case "refuse":
      if (peer.openings.length > 0) peer.refuse(peer.openings[0]!)
      return
    case "to server":
      return wire.toServer(much % 2 === 0 ? undefined : 1 + much % 60)
    case "to client":
      return wire.toClient(much % 2 === 0 ? undefined : 1 + much % 60)
    case "write":
      if (use !== undefined && use.closer === undefined) write(use, bytesOf(size, much))
      return
    case "interrupt write": {
      const last = use?.writes.at(-1)
      return last && scheduler.interrupt(last.fiber)
    }
    case "read":
      return use && read(use)
    case "read stderr":
      return use && read(use, "stderr")
    case "interrupt read": {
      const fiber = use?.[much % 2 === 0 ? "stdout" : "stderr"].fiber
      return fiber && scheduler.interrupt(fiber)
    }
    case "end":
      return channel && world.fork(channel.end)
    case "close":
      return use && close(use)
    case "interrupt open":
      return use && scheduler.interrupt(use.opener)
    case "fail channel":
      return much % 4 === 0 && channel?.fail(failedChannel)
    case "request":
      return channel && use.requests.push(world.fork(channel.request("exec", bytesOf(much % 20))))
    case "notify":
      return channel?.notify("signal", message.fields("TERM"))
    case "server data":
    case "server stderr":
      return remote && peer.data(remote, bytesOf(size, much), action === "server data" ? "stdout" : "stderr")
    case "server adjusts":
      return remote && peer.adjust(remote, much % 2 === 0 ? remote.unread : size)
    case "server ends":
      return remote && peer.eof(remote)
    case "server closes":
      if (remote && much % 4 === 0) peer.close(remote)
      return
    case "server answers":
      return remote && peer.answer(remote, much % 2 === 0)
    case "server asks":
      return remote && peer.request(remote, "keepalive@openssh.com", bytesOf(much % 4), much % 2 === 0)
    case "server offers":
      return peer.offer(where)
    case "server is deaf":
      return remote && much % 8 === 0 && peer.request(remote, "eow@openssh.com")
    case "steps":
      for (let steps = 0; steps <= much % 10 && world.step(); steps++);
      return mux
  }
}

/** Some channels are open from the beginning. */
const play = (
  { already, ...options }: Options & { readonly already: number },
  steps: ReadonlyArray<Step>
): Connected => {
  const connected = connect(options)
  const { open, peer, settle } = connected
  for (let count = 0; count < already; count++) open()
  settle()
  for (const [index, opening] of [...peer.openings].entries()) {
    peer.confirm(opening, at(windows, index + already)!, at(packets, index)!)
  }
  settle()
  for (const step of steps) {
    act(connected, step)
    if (options.spoil === undefined) assert.deepStrictEqual(peer.violations, [])
  }
  return connected
}

/** The server answers whatever it was asked. */
const serve = ({ peer, settle }: Connected) => {
  settle()
  for (let rounds = 0; rounds < 1000; rounds++) {
    const before = [peer.channels.length, ...peer.channels.map(({ received }) => received.length)].join()
    for (const opening of [...peer.openings]) peer.confirm(opening, 100_000)
    for (const channel of peer.open) {
      while (peer.answer(channel, true));
      peer.adjust(channel, channel.unread + (channel.granted < 0x7fff_ffff ? 100_000 : 0))
    }
    settle()
    if (before === [peer.channels.length, ...peer.channels.map(({ received }) => received.length)].join()) return
  }
}

interface AnyWorld {
  readonly already: number
  readonly seed: number
  readonly inOrder: boolean
  readonly small: boolean
  readonly congestion: number
}

const anyWorld: FastCheck.Arbitrary<AnyWorld> = FastCheck.record({
  already: FastCheck.nat({ max: 5 }),
  seed: FastCheck.nat(),
  inOrder: FastCheck.boolean(),
  small: FastCheck.boolean(),
  congestion: FastCheck.constantFrom(Infinity, 5000, 0)
})

const optionsOf = ({ already, congestion, inOrder, seed, small }: AnyWorld) => ({
  already,
  small,
  congestion,
  ...(!inOrder && { pick: scheduler.random(seed) })
})

const runs = { fastCheck: { numRuns: 120 } }

describe("whatever happens in whatever order", () => {
  it.prop("everything arrives, whole and in order, and nothing is left", { world: anyWorld, schedule }, ({
    schedule,
    world
  }) => {
    const connected = play(optionsOf(world), schedule)
    const { channelOf, close, peer, read, remoteOf, settle, uses } = connected
    serve(connected)
    const left = uses.filter((use) => use.closer !== undefined)
    for (const use of uses) {
      const channel = channelOf(use)
      if (channel === undefined) continue
      read(use)
      read(use, "stderr")
      use.exit = connected.world.fork(channel.exit)
      connected.world.fork(channel.end)
    }
    serve(connected)

    const assertAllRead = () => {
      for (const use of uses) {
        const remote = remoteOf(use)
        if (remote === undefined || channelOf(use) === undefined) continue
        const failed = use.exit?.unsafePoll()?._tag === "Failure"
        const whole = !failed && !left.includes(use)
        assertRead(use.stdout, remote.stdout, whole)
        assertRead(use.stderr, remote.stderr, whole)
        if (whole && remote.closed) {
          assert.isTrue(use.stdout.ended && use.stderr.ended)
          const { exitCode: code } = remote
          const status = code === undefined ? ExitStatus.None() : ExitStatus.Code({ code })
          assert.deepStrictEqual(exitOf(use.exit!), Exit.succeed(status))
        }
        use.requests.forEach((request, index) => {
          const exit = request.unsafePoll()
          if (exit !== null && Exit.isSuccess(exit) && (whole || exit.value)) {
            assert.strictEqual(exit.value, remote.answers[index] ?? false)
          }
        })
      }
    }
    assertAllRead()
    assert.isTrue(peer.open.every(({ asked, clientClosed }) => clientClosed || asked === 0))
    for (const channel of peer.open) {
      peer.exit(channel, channel.id)
      peer.eof(channel)
      peer.close(channel)
    }
    settle()
    assertAllRead()
    for (const use of uses) close(use)
    settle()

    assertHonest(connected)
    assert.deepStrictEqual(peer.open, [])
    assertSettled(connected)
    for (const use of uses) assertWritten(use, remoteOf(use))
  }, runs)

  it.prop("close ends all, and waits for what is half open", {
    world: anyWorld,
    schedule,
    grants: FastCheck.array(FastCheck.boolean(), { minLength: 12, maxLength: 12 })
  }, ({ grants, schedule, world }) => {
    const connected = play(optionsOf(world), schedule)
    const { channelOf, mux, peer, read, remoteOf, settle, uses } = connected
    for (const use of uses) {
      read(use)
      const channel = channelOf(use)
      if (channel !== undefined) use.exit = connected.world.fork(channel.exit)
    }
    const alive = uses.filter((use) => channelOf(use) !== undefined && use.closer === undefined && !use.stdout.ended)
    const closing = connected.world.fork(mux.close)
    settle()
    for (const grant of grants) {
      const [opening] = peer.openings
      if (opening === undefined) break
      assert.isFalse(scheduler.isDone(closing))
      if (grant) peer.confirm(opening, 1000)
      else peer.refuse(opening)
      settle()
    }
    assert.isTrue(scheduler.isDone(closing))
    assert.isTrue(peer.open.every(({ clientClosed }) => clientClosed))
    for (const use of alive) {
      const remote = remoteOf(use)!
      const { ended, fiber } = use.stdout
      if (fiber !== undefined && !ended && !Exit.isInterrupted(exitOf(fiber))) {
        assert.include(["ConnectionLost", failedChannel.reason], reasonOf(fiber))
      }
      if (ended) assert.isTrue(remote.eof || remote.closed)
    }
    for (const channel of peer.open) peer.close(channel)
    settle()
    for (const use of uses) connected.close(use)
    const late = connected.open()
    settle()
    assert.strictEqual(reasonOf(late.opener), "ConnectionLost")
    assertHonest(connected)
    assertSettled(connected)
    for (const use of uses) assertWritten(use, remoteOf(use))
  }, runs)

  it.prop("once it has failed all ends, and nothing more is sent", {
    world: anyWorld,
    schedule,
    after: schedule,
    hostile: FastCheck.boolean()
  }, ({ after, hostile, schedule, world: anyOf }) => {
    const connected = play(optionsOf(anyOf), schedule)
    const { channelOf, close, failures, mux, open, read, remoteOf, uses, wire, world } = connected
    for (const use of uses) {
      read(use)
      const channel = channelOf(use)
      if (channel !== undefined) use.exit = world.fork(channel.exit)
    }
    while (world.step());
    const lasting = uses.filter((use) => use.exit !== undefined && !scheduler.isDone(use.exit))
    if (hostile) {
      while (wire.toClient());
      mux.receive(message.encode({ _tag: "Success", recipient: 99 }))
    } else mux.fail(lost)
    assert.strictEqual(failures.length, 1)
    assert.isTrue(hostile ? isProtocol(failures[0]) : failures[0] === lost)
    const waiting = wire.waiting()
    for (const step of after) if (!step[0].startsWith("to server")) act(connected, step)
    mux.fail(new RemoteConnectionError({ reason: "Unknown", host: "host", detail: "again" }))
    const late = open()
    world.settle()
    assert.strictEqual(failureOf(late.opener), failures[0])
    assert.strictEqual(wire.waiting(), waiting)
    assert.strictEqual(failures.length, 1)
    for (const use of lasting) {
      if (remoteOf(use)?.closed === false) {
        assert.include([failures[0], failedChannel, undefined], failureOf(use.exit!))
        if (failureOf(use.exit!) === undefined) assert.isDefined(use.closer)
      }
    }
    for (const use of uses) close(use)
    world.settle()
    assertSettled(connected)
  }, runs)

  it.prop("no bytes make it throw, and all ends", {
    world: anyWorld,
    schedule,
    garbage: FastCheck.array(FastCheck.tuple(FastCheck.nat({ max: 3000 }), FastCheck.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 6
    })
  }, ({ garbage, schedule, world }) => {
    const connected = play({ ...optionsOf(world), spoil: new Map(garbage) }, schedule)
    const { close, failures, mux, uses } = connected
    connected.settle()
    mux.fail(lost)
    for (const use of uses) close(use)
    connected.world.settle()
    assert.isTrue(failures.length === 1 && (isProtocol(failures[0]) || failures[0] === lost))
    assertSettled(connected)
  }, runs)
})
