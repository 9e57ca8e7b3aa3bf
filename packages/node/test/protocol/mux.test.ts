import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { ExitStatus } from "@effect-remote/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import { Exit, Option } from "effect"
import { OpenRefused } from "../../src/internal/protocol/channel.js"
import * as message from "../../src/internal/protocol/message.js"
import * as windows from "../../src/internal/protocol/window.js"
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
  opened,
  pattern,
  reasonOf,
  received
} from "./client.js"
import * as fakeServer from "./fakeServer.js"
import * as scheduler from "./scheduler.js"

describe("a channel", () => {
  it("is opened, used and closed", () => {
    const connected = connect()
    const { channelOf, close, mux, open, peer, read, settle, world, write } = connected
    const use = open("session")
    settle()
    const { client, data, maxPacket, type, window } = peer.openings[0]!
    assert.deepStrictEqual([client, type, window, maxPacket], [0, "session", 2 * 1024 * 1024, 32768])
    assert.deepStrictEqual(data, message.fields(0))
    assert.isFalse(scheduler.isDone(use.opener))
    const remote = peer.confirm(peer.openings[0]!, 10)
    settle()
    const channel = channelOf(use)!
    write(use, bytesOf(25))
    settle()
    assert.strictEqual(received(remote).length, 10)
    peer.adjust(remote)
    settle()
    assert.isFalse(scheduler.isDone(use.writes[0]!.fiber))
    peer.adjust(remote)
    settle()
    assert.deepStrictEqual(exitOf(use.writes[0]!.fiber), Exit.succeed(true))
    assert.deepStrictEqual(received(remote), bytesOf(25))
    world.fork(channel.end)
    world.fork(channel.end)
    settle()
    assert.isTrue(remote.clientEof)
    write(use, bytesOf(1))
    settle()
    assert.deepStrictEqual(exitOf(use.writes[1]!.fiber), Exit.succeed(false))
    read(use)
    read(use, "stderr")
    use.exit = world.fork(channel.exit)
    peer.data(remote, bytesOf(3))
    peer.data(remote, bytesOf(4, 9), "stderr")
    settle()
    assert.deepStrictEqual([use.stdout.pieces, use.stderr.pieces], [[bytesOf(3)], [bytesOf(4, 9)]])
    peer.eof(remote)
    settle()
    assert.isTrue(use.stdout.ended && use.stderr.ended)
    assert.isFalse(scheduler.isDone(use.exit))
    peer.close(remote)
    settle()
    assert.deepStrictEqual(exitOf(use.exit), Exit.succeed(ExitStatus.None()))
    assert.isTrue(remote.clientClosed)
    assert.strictEqual(mux.size(), 0)
    close(use)
    settle()
    assert.deepStrictEqual(use.watched, ["sent", "confirmed", "gone"])
    assertHonest(connected)
  })

  it("gives what waits and what comes at once to who consumes it", () => {
    const { channelOf, open, peer, settle, world } = connect()
    const [use, lost] = [open(), open()]
    settle()
    const [remote, other] = [peer.confirm(peer.openings[0]!, 10), peer.confirm(peer.openings[0]!, 10)]
    settle()
    const taken: Array<Uint8Array> = []
    const consume = () => world.fork(channelOf(use)!.consume((bytes) => void taken.push(new Uint8Array(bytes))))
    peer.data(remote, bytesOf(5000))
    settle()
    const first = consume()
    settle()
    assert.deepStrictEqual(taken, [bytesOf(5000)])
    scheduler.interrupt(first)
    settle()
    peer.data(remote, bytesOf(5000, 1))
    settle()
    assert.strictEqual(taken.length, 1)
    const second = consume()
    settle()
    // More than its window in all: room is given for what was taken.
    for (let at = 0; at < 100; at++) {
      peer.data(remote, bytesOf(32768, at))
      settle()
    }
    assert.deepStrictEqual(
      fakeServer.concat(taken.slice(1)),
      fakeServer.concat([bytesOf(5000, 1), ...Array.from({ length: 100 }, (_, at) => bytesOf(32768, at))])
    )
    assert.isFalse(scheduler.isDone(second))
    peer.eof(remote)
    settle()
    assert.deepStrictEqual(exitOf(second), Exit.void)
    const third = world.fork(channelOf(lost)!.consume(() => {}))
    settle()
    channelOf(lost)!.fail(new RemoteConnectionError({ reason: "ChannelRefused", host: "host", detail: "no" }))
    settle()
    assert.strictEqual(reasonOf(third), "ChannelRefused")
    assert.isTrue(other.clientClosed)
  })

  it("that is refused fails with the server's reason", () => {
    const connected = connect()
    const { mux, open, peer, settle } = connected
    const [use, interrupted] = [open(), open()]
    settle()
    scheduler.interrupt(interrupted.opener)
    peer.refuse(peer.openings[0]!, 1, "not for you")
    peer.refuse(peer.openings[0]!)
    settle()
    assert.deepStrictEqual(
      failureOf(use.opener),
      new OpenRefused({ reason: 1, description: "not for you" })
    )
    assert.deepStrictEqual([use.watched, interrupted.watched], [["sent", "refused"], ["sent", "refused"]])
    assert.strictEqual(mux.size(), 0)
    assertHonest(connected)
  })

  it("that was interrupted before it was confirmed is closed then", () => {
    const connected = connect()
    const { mux, open, peer, settle } = connected
    const use = open()
    settle()
    scheduler.interrupt(use.opener)
    settle()
    assert.isTrue(scheduler.isDone(use.opener))
    assert.strictEqual(mux.size(), 1)
    const remote = peer.confirm(peer.openings[0]!, 10)
    peer.data(remote, bytesOf(10))
    settle()
    assert.isTrue(remote.clientClosed)
    peer.close(remote)
    settle()
    assert.strictEqual(mux.size(), 0)
    assertHonest(connected)
  })

  it("closes with its scope: nothing is sent after that, and waiting callers go on", () => {
    const connected = connect()
    const { close, mux, peer, read, settle, world, write } = connected
    const { channel, remote, use } = opened(connected, 5)
    read(use)
    read(use, "stderr")
    write(use, bytesOf(10))
    use.exit = world.fork(channel.exit)
    use.requests.push(world.fork(channel.request("exec", message.fields("true"))))
    settle()
    close(use)
    world.fork(channel.end)
    world.fork(channel.write(bytesOf(3)))
    channel.notify("signal", message.fields("TERM"))
    settle()
    assert.deepStrictEqual(use.requests.map(exitOf), [Exit.succeed(false)])
    assert.deepStrictEqual(exitOf(use.writes[0]!.fiber), Exit.succeed(false))
    assert.isTrue(use.stdout.ended && use.stderr.ended && scheduler.isDone(use.exit))
    assert.isTrue(remote.clientClosed)
    assert.isFalse(remote.clientEof)

    // The server sent this before it learned of the close, so it is valid.
    peer.answer(remote, true)
    peer.data(remote, bytesOf(1000))
    peer.adjust(remote)
    peer.request(remote, "keepalive@openssh.com", undefined, true)
    peer.exit(remote, 0)
    peer.eof(remote)
    settle()
    assert.strictEqual(mux.size(), 1)
    peer.close(remote)
    settle()
    assert.strictEqual(mux.size(), 0)
    assertHonest(connected)
  })

  it("answers to requests come in their order", () => {
    const connected = connect()
    const { peer, settle, world } = connected
    const { channel, remote } = opened(connected)
    const asked = [0, 1, 2, 3].map((index) => channel.request("env", message.fields(`V${index}`, "")))
    channel.notify("signal", message.fields("INT"))
    settle()
    assert.deepStrictEqual(
      remote.requests.map(({ data, name, wantReply }) => [name, wantReply, Buffer.from(data).toString()]),
      [
        ...[0, 1, 2, 3].map((index) => ["env", true, `\0\0\0\x02V${index}\0\0\0\0`]),
        ["signal", false, "\0\0\0\x03INT"]
      ]
    )
    const fibers = asked.map(world.fork)
    for (const success of [true, false, true]) peer.answer(remote, success)
    settle()
    assert.deepStrictEqual(fibers.slice(0, 3).map(exitOf), [true, false, true].map((success) => Exit.succeed(success)))
    assert.isFalse(scheduler.isDone(fibers[3]!))
    peer.close(remote)
    settle()
    assert.deepStrictEqual(exitOf(fibers[3]!), Exit.succeed(false))
    const late = world.fork(channel.request("env", message.fields("V", "")))
    settle()
    assert.deepStrictEqual(exitOf(late), Exit.succeed(false))
    assertHonest(connected)
  })

  const status = (name: string, ...fields: ReadonlyArray<string | number | boolean>) => ({
    name,
    data: message.fields(...fields)
  })

  it.each<readonly [ReturnType<typeof status>, ExitStatus]>([
    [status("exit-status", 0), ExitStatus.Code({ code: 0 })],
    [status("exit-status", 255), ExitStatus.Code({ code: 255 })],
    [status("exit-signal", "TERM", false, "", ""), ExitStatus.Signal({ signal: Option.some("SIGTERM") })],
    [status("exit-signal", "XCPU@openssh.com", true, "x", ""), ExitStatus.Signal({ signal: Option.some("SIGXCPU") })],
    [status("nothing that is known"), ExitStatus.None()]
  ])("says how what ran on it has ended, once it is closed: %o", ({ data, name }, expected) => {
    const connected = connect()
    const { peer, read, settle, world } = connected
    const { channel, remote, use } = opened(connected)
    use.exit = world.fork(channel.exit)
    read(use)
    peer.request(remote, name, data)
    peer.data(remote, bytesOf(5000))
    settle()
    assert.isFalse(scheduler.isDone(use.exit))
    peer.close(remote)
    settle()
    assert.deepStrictEqual(exitOf(use.exit), Exit.succeed(expected))
    assert.strictEqual(fakeServer.concat(use.stdout.pieces).length, 5000)
    assert.isTrue(use.stdout.ended)
    assertHonest(connected)
  })

  it("is not written to when the other side reads no more", () => {
    const connected = connect()
    const { peer, settle, write } = connected
    const { remote, use } = opened(connected, 5)
    write(use, bytesOf(10))
    settle()
    peer.request(remote, "eow@openssh.com")
    peer.adjust(remote)
    settle()
    write(use, bytesOf(10))
    settle()
    assert.deepStrictEqual(use.writes.map(({ fiber }) => exitOf(fiber)), [Exit.succeed(false), Exit.succeed(false)])
    assert.strictEqual(received(remote).length, 5)
    assertHonest(connected)
  })

  it("that is ended while it is written to sends no data after its end", () => {
    const connected = connect()
    const { peer, settle, world, write } = connected
    const { channel, remote, use } = opened(connected, 5)
    write(use, bytesOf(10))
    settle()
    world.fork(channel.end)
    settle()
    peer.adjust(remote)
    settle()
    assert.deepStrictEqual(exitOf(use.writes[0]!.fiber), Exit.succeed(false))
    assert.isTrue(remote.clientEof)
    assertHonest(connected)
  })

  it("that fails has nothing but the failure", () => {
    const connected = connect()
    const { peer, read, settle, world, write } = connected
    const { channel, remote, use } = opened(connected, 5)
    peer.data(remote, bytesOf(10))
    read(use, "stderr")
    write(use, bytesOf(10))
    use.exit = world.fork(channel.exit)
    settle()
    channel.fail(failedChannel)
    read(use)
    settle()
    for (const fiber of [use.stdout.fiber!, use.stderr.fiber!, use.exit, use.writes[0]!.fiber]) {
      assert.strictEqual(failureOf(fiber), failedChannel)
    }
    write(use, bytesOf(10))
    settle()
    assert.strictEqual(failureOf(use.writes[1]!.fiber), failedChannel)
    assert.isTrue(remote.clientClosed)
    assertHonest(connected)
  })

  it("keeps what has come when the connection is lost", () => {
    const connected = connect()
    const { mux, peer, read, settle, world } = connected
    const { channel, remote, use } = opened(connected)
    peer.data(remote, bytesOf(10))
    peer.exit(remote, 0)
    settle()
    mux.fail(lost)
    read(use)
    use.exit = world.fork(channel.exit)
    settle()
    assert.deepStrictEqual(use.stdout.pieces, [bytesOf(10)])
    assert.strictEqual(failureOf(use.stdout.fiber!), lost)
    assert.strictEqual(failureOf(use.exit), lost)
  })
})

describe("windows", () => {
  it("get smaller where there are many channels", () => {
    const sizes = Array.from({ length: 1000 }, (_, count) => windows.initial(count))
    assert.isTrue(sizes.every((size, index) => index === 0 || size <= sizes[index - 1]!))
    assert.deepStrictEqual([sizes[0], sizes[9], sizes[999]], [2 * 1024 * 1024, 2 * 1024 * 1024, 128 * 1024])
    const connected = connect()
    const { open, peer, settle } = connected
    for (let count = 0; count < 60; count++) open()
    settle()
    assert.deepStrictEqual(peer.openings.map(({ window }) => window), sizes.slice(0, 60))
  })

  it("a reader that has stopped holds up its own channel only, at no more than its window", () => {
    const connected = connect()
    const { peer, read, settle, write } = connected
    const stalled = opened(connected)
    const other = opened(connected, 3_000_000)
    const fill = () => {
      let size = 0
      for (let sent = 1; sent > 0; size += sent) {
        sent = peer.data(stalled.remote, bytesOf(32768, size % 1000))
        if (sent === 0) break
      }
      settle()
      return size
    }
    assert.strictEqual(fill(), 2 * 1024 * 1024)
    assert.strictEqual(fill(), 0)

    read(other.use)
    write(other.use, pattern)
    for (let count = 0; count < 200; count++) {
      assert.strictEqual(peer.data(other.remote, bytesOf(32768, count)), 32768)
      settle()
    }
    assert.deepStrictEqual(exitOf(other.use.writes[0]!.fiber), Exit.succeed(true))
    assertRead(other.use.stdout, other.remote.stdout, true)
    assert.strictEqual(stalled.remote.window, 0)

    read(stalled.use)
    settle()
    assert.isAtLeast(stalled.remote.window, 1024 * 1024)
    assert.isAtLeast(fill(), 1024 * 1024)
    assertRead(stalled.use.stdout, stalled.remote.stdout, true)
    assertHonest(connected)
  })

  it("stdout and stderr have one together", () => {
    const connected = connect()
    const { peer, read, settle } = connected
    const { remote, use } = opened(connected)
    read(use)
    for (let sent = 1; sent > 0;) {
      sent = peer.data(remote, bytesOf(1000), "stderr") && peer.data(remote, bytesOf(1000))
      settle()
    }
    const unread = fakeServer.concat(remote.stderr).length
    assert.isAbove(unread, 1024 * 1024)
    read(use, "stderr")
    settle()
    assert.isAbove(remote.window, 1024 * 1024)
    assertRead(use.stderr, remote.stderr, true)
    assertHonest(connected)
  })

  it("nothing is given back for what nobody will read", () => {
    const connected = connect()
    const { close, peer, settle } = connected
    const { remote, use } = opened(connected)
    close(use)
    settle()
    while (peer.data(remote, bytesOf(32768)) > 0) settle()
    assert.strictEqual(remote.window, 0)
    assertHonest(connected)
  })

  it("writers take turns", () => {
    const connected = connect({ congestion: 0 })
    const { settle, turns, write } = connected
    const channels = [0, 1, 2].map(() => opened(connected, 1_000_000, 1000))
    for (const { use } of channels) write(use, bytesOf(10_000))
    settle()
    assert.strictEqual(turns.length, 30)
    turns.forEach((_, index) => {
      const counts = [0, 1, 2].map((client) => turns.slice(0, index).filter((one) => one === client).length)
      assert.isAtMost(Math.max(...counts) - Math.min(...counts), 2)
    })
    for (const { use } of channels) assert.deepStrictEqual(exitOf(use.writes[0]!.fiber), Exit.succeed(true))
    assertHonest(connected)
  })

  it("data waits where it comes from while what is sent is not taken", () => {
    const congestion = 100_000
    const connected = connect({ congestion })
    const { peer, wire, world, write } = connected
    const { remote, use } = opened(connected, 0x7fff_ffff)
    write(use, pattern)
    let most = 0
    for (let rounds = 0; rounds < 10_000 && !scheduler.isDone(use.writes[0]!.fiber); rounds++) {
      world.settle()
      most = Math.max(most, wire.waiting())
      wire.toServer(5000)
    }
    assert.deepStrictEqual(exitOf(use.writes[0]!.fiber), Exit.succeed(true))
    assert.isAtMost(most, congestion + 33_000)
    connected.settle()
    assert.strictEqual(Buffer.compare(received(remote), pattern), 0)
    assert.deepStrictEqual(peer.violations, [])
  })

  it("small pieces that wait take little more than their bytes", () => {
    const connected = connect()
    const { mux, peer, read, settle } = connected
    const { remote, use } = opened(connected)
    const sent = bytesOf(20_000)
    for (const byte of sent) peer.data(remote, Uint8Array.of(byte))
    peer.data(remote, bytesOf(4096))
    peer.data(remote, bytesOf(10))
    settle()
    read(use)
    settle()
    assertRead(use.stdout, remote.stdout, true)
    assert.isAtMost(use.stdout.pieces.length, 7)
    const held = new Set(use.stdout.pieces.map(({ buffer }) => buffer))
    assert.isAtMost(Array.from(held).slice(0, 5).reduce((size, { byteLength }) => size + byteLength, 0), 5 * 4096)

    // A socket's bytes are views of what it shares with others.
    const shared = Buffer.from(message.encode({ _tag: "Data", recipient: remote.client, data: bytesOf(100) }))
    mux.receive(shared)
    const [piece] = use.stdout.pieces.slice(-1)
    shared.fill(0)
    settle()
    assert.deepStrictEqual(Array.from(use.stdout.pieces.at(-1)!), Array.from(bytesOf(100)))
    assert.notStrictEqual(piece, use.stdout.pieces.at(-1))
  })
})

describe("every moment", () => {
  const moments = Array.from({ length: 60 }, (_, moment) => moment)

  /** Does something between any two steps of what was begun. */
  const during = (
    begin: (connected: Connected, one: ReturnType<typeof opened>) => void,
    then: (connected: Connected, one: ReturnType<typeof opened>) => void,
    check: (connected: Connected, one: ReturnType<typeof opened>, moment: number) => void
  ) => {
    for (const moment of moments) {
      const connected = connect({ small: true })
      const one = opened(connected, 5)
      begin(connected, one)
      for (let steps = 0; steps < moment; steps++) connected.world.step()
      then(connected, one)
      connected.settle()
      check(connected, one, moment)
      connected.close(one.use)
      connected.settle()
      connected.peer.close(one.remote)
      connected.settle()
      assertHonest(connected)
      assertSettled(connected)
      assertWritten(one.use, one.remote)
    }
  }

  it("data wakes a reader", () => {
    during(
      ({ read }, { use }) => read(use),
      ({ peer, wire }, { remote }) => {
        peer.data(remote, bytesOf(10))
        wire.toClient()
      },
      (_, { remote, use }) => assertRead(use.stdout, remote.stdout, true)
    )
  })

  it("the end wakes readers and callers that wait for the exit", () => {
    during(
      ({ read, world }, { channel, use }) => {
        read(use)
        use.exit = world.fork(channel.exit)
        use.requests.push(world.fork(channel.request("exec", bytesOf(0))))
      },
      ({ peer, wire }, { remote }) => {
        peer.close(remote)
        wire.toClient()
      },
      (_, { use }) => {
        assert.isTrue(use.stdout.ended)
        assert.deepStrictEqual(exitOf(use.exit!), Exit.succeed(ExitStatus.None()))
        assert.deepStrictEqual(exitOf(use.requests[0]!), Exit.succeed(false))
      }
    )
  })

  it("an interrupted reader has taken nothing", () => {
    during(
      ({ peer, read, wire }, { remote, use }) => {
        read(use)
        peer.data(remote, bytesOf(10))
        wire.toClient()
      },
      (_, { use }) => scheduler.interrupt(use.stdout.fiber!),
      ({ read, settle }, { remote, use }) => {
        read(use)
        settle()
        assertRead(use.stdout, remote.stdout, true)
      }
    )
  })

  it("an interrupted writer sends no more", () => {
    during(
      ({ write }, { use }) => write(use, bytesOf(10)),
      (_, { use }) => scheduler.interrupt(use.writes[0]!.fiber),
      ({ peer, settle, write }, { remote, use }) => {
        const [{ after } = { after: undefined }] = use.writes
        peer.adjust(remote, 1000)
        settle()
        assert.strictEqual(use.sent, after)
        write(use, bytesOf(10, 50))
        settle()
        assert.deepStrictEqual(exitOf(use.writes[1]!.fiber), Exit.succeed(true))
      }
    )
  })

  it("an opener that is interrupted leaves no channel", () => {
    for (const moment of moments) {
      for (const grant of [true, false]) {
        const connected = connect({ small: true })
        const { close, mux, open, peer, settle, world } = connected
        const use = open()
        let steps = 0
        while (steps < moment && world.step()) steps++
        connected.wire.toServer()
        for (const opening of [...peer.openings]) {
          if (grant) peer.confirm(opening, 10)
          else peer.refuse(opening)
        }
        connected.wire.toClient()
        while (steps < moment && world.step()) steps++
        scheduler.interrupt(use.opener)
        settle()
        for (const opening of [...peer.openings]) peer.confirm(opening, 10)
        settle()
        close(use)
        settle()
        for (const channel of peer.open) peer.close(channel)
        settle()
        assert.strictEqual(mux.size(), 0)
        assertHonest(connected)
        assertSettled(connected)
      }
    }
  })

  it("the connection is lost", () => {
    during(
      ({ open, read, world, write }, { channel, use }) => {
        read(use)
        read(use, "stderr")
        write(use, bytesOf(10))
        use.exit = world.fork(channel.exit)
        use.requests.push(world.fork(channel.request("exec", bytesOf(0))))
        open()
      },
      ({ mux }) => mux.fail(new RemoteConnectionError(lost)),
      ({ failures, uses }, { use }) => {
        const [failure] = failures.splice(0)
        for (const fiber of [use.stdout.fiber!, use.stderr.fiber!, use.exit!, uses[1]!.opener, ...use.requests]) {
          assert.strictEqual(failureOf(fiber), failure)
        }
        assert.include([failure, undefined], failureOf(use.writes[0]!.fiber))
      }
    )
  })
})

describe("the other side", () => {
  it("cannot open channels, and its requests are answered as unknown", () => {
    const connected = connect()
    const { mux, peer, settle } = connected
    const { remote } = opened(connected)
    peer.offer(5)
    peer.request(remote, "keepalive@openssh.com", undefined, true)
    peer.request(remote, "something", bytesOf(3))
    settle()
    assert.deepStrictEqual(peer.refusals.map(({ reason, recipient }) => [recipient, reason]), [[5, 1]])
    assert.strictEqual(remote.asked, 0)
    mux.receive(Uint8Array.from([0, 0, 0, 10, 0, 80, 0, 0, 0, 3, 0x61, 0x62, 0x63, 1]))
    mux.receive(Uint8Array.from([0, 0, 0, 2, 0, 81]))
    mux.receive(Uint8Array.from([0, 0, 0, 2, 0, 82]))
    settle()
    assertHonest(connected)
  })

  const to = (recipient: number) => ({ recipient })
  const data = (size: number, recipient = 0): message.Message => ({ _tag: "Data", recipient, data: bytesOf(size) })
  const encode = (packet: message.Message) => message.encode(packet as Parameters<typeof message.encode>[0])

  // There are two channels: 0 is open, 1 is not yet.
  const wrongs: ReadonlyArray<readonly [what: string, packets: ReadonlyArray<Uint8Array>]> = [
    ...(["Data", "ExtendedData", "Eof", "Close", "Request", "Success", "Failure", "WindowAdjust"] as const).flatMap((
      _tag
    ) =>
      // Room for data is spoken of below.
      (_tag === "WindowAdjust" ? [2, 0xffff_ffff] : [1, 2, 0xffff_ffff]).map((recipient) =>
        [
          `${_tag} for channel ${recipient}, which is not open`,
          [encode(
            { _tag, recipient, type: 1, data: bytesOf(0), name: "x", wantReply: false, bytes: 1 } as message.Message
          )]
        ] as const
      )
    ),
    ["a confirmation of what is open", [encode({ _tag: "Confirm", ...to(0), sender: 5, window: 1, maxPacket: 1 })]],
    ["a confirmation of nothing", [encode({ _tag: "Confirm", ...to(7), sender: 5, window: 1, maxPacket: 1 })]],
    ["a refusal of what is open", [encode({ _tag: "Refuse", ...to(0), reason: 1, description: "" })]],
    ["a refusal of nothing", [encode({ _tag: "Refuse", ...to(7), reason: 1, description: "" })]],
    ["an answer to no request", [encode({ _tag: "Success", ...to(0) })]],
    ["a failure of no request", [encode({ _tag: "Failure", ...to(0) })]],
    ["data after the end", [encode({ _tag: "Eof", ...to(0) }), encode(data(1))]],
    ["more than the window", Array.from({ length: 65 }, () => encode(data(32768)))],
    ["one byte more than the window", [...Array.from({ length: 64 }, () => encode(data(32768))), encode(data(1))]],
    ["more data in one packet than was allowed", [encode(data(32769))]],
    ["a packet that claims to be long", [Uint8Array.from([0, 0, 0x88, 0xb9, 0, 94])]],
    ["a packet that claims to be very long", [Uint8Array.from([0xff, 0xff, 0xff, 0xff])]],
    ["a window that overflows", [0xffff_ffff, 100].map((bytes) => encode({ _tag: "WindowAdjust", ...to(0), bytes }))],
    [
      "a window that overflows slowly",
      Array.from({ length: 3 }, () => encode({ _tag: "WindowAdjust", ...to(0), bytes: 0x7fff_ffff }))
    ],
    ["an exit status that is none", [
      encode({ _tag: "Request", ...to(0), name: "exit-status", wantReply: false, data: bytesOf(3) })
    ]],
    ["an exit signal that is none", [
      encode({ _tag: "Request", ...to(0), name: "exit-signal", wantReply: false, data: bytesOf(3) })
    ]],
    ["an empty packet", [Uint8Array.from([0, 0, 0, 0])]],
    ["a packet of padding", [Uint8Array.from([0, 0, 0, 1, 0])]],
    ["a message that is not of this protocol", [Uint8Array.from([0, 0, 0, 2, 0, 20])]],
    ["text", [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")]]
  ]

  it.each(wrongs)("that breaks the protocol is not believed any more: %s", (_what, packets) => {
    const connected = connect()
    const { close, failures, mux, open, read, settle, uses, wire, world, write } = connected
    const { channel, use } = opened(connected, 5)
    open()
    settle()
    read(use, "stderr")
    write(use, bytesOf(10))
    use.exit = world.fork(channel.exit)
    settle()
    for (const packet of packets.slice(0, -1)) mux.receive(packet)
    world.settle()
    const flying = [use.stderr.fiber!, use.exit, use.writes[0]!.fiber].filter((fiber) => !scheduler.isDone(fiber))
    const waiting = wire.waiting()
    assert.strictEqual(failures.length, 0)
    mux.receive(packets.at(-1)!)
    world.settle()
    const [failure] = failures
    assert.strictEqual(failures.length, 1)
    assert.isTrue(isProtocol(failure))
    assert.strictEqual(mux.size(), 0)
    assert.strictEqual(failureOf(uses[1]!.opener), failure)
    for (const fiber of flying) assert.strictEqual(failureOf(fiber), failure)
    for (const packet of packets) mux.receive(packet)
    mux.drained()
    assert.strictEqual(failures.length, 1)
    assert.strictEqual(wire.waiting(), waiting)
    for (const one of uses) close(one)
    world.settle()
    assertSettled(connected)
  })

  it("that gives room to a channel that is not open yet means one of before", () => {
    const { channelOf, failures, mux, open, peer, settle, write } = connect()
    const use = open()
    settle()
    mux.receive(encode({ _tag: "WindowAdjust", ...to(0), bytes: 100 }))
    const remote = peer.confirm(peer.openings[0]!, 10)
    settle()
    assert.isDefined(channelOf(use))
    write(use, bytesOf(50))
    settle()
    assert.strictEqual(received(remote).length, 10)
    assert.deepStrictEqual(failures, [])
  })

  it("that has more to say on a channel that both have closed is not heard", () => {
    const connected = connect()
    const { failures, mux, settle } = connected
    opened(connected, 5)
    mux.receive(encode({ _tag: "Close", ...to(0) }))
    settle()
    for (
      const packet of [data(1), { _tag: "Close", ...to(0) }, { _tag: "WindowAdjust", ...to(0), bytes: 5 }] as const
    ) mux.receive(encode(packet))
    settle()
    assert.deepStrictEqual(failures, [])
    assert.strictEqual(mux.size(), 0)
  })

  it.each([
    ["asks", (peer: fakeServer.FakeServer, channel: fakeServer.Channel) => peer.request(channel, "x", undefined, true)],
    ["opens channels", (peer: fakeServer.FakeServer) => peer.offer()]
  ])("that %s without reading what it is told does not fill the memory", (_what, ask) => {
    const connected = connect({ congestion: 10_000 })
    const { failures, peer, settle, wire } = connected
    const { remote } = opened(connected)
    for (let count = 0; count < 900; count++) ask(peer, remote)
    settle()
    for (let count = 0; count < 100_000 && failures.length === 0; count++) {
      ask(peer, remote)
      wire.toClient()
    }
    assert.isTrue(isProtocol(failures[0]))
    assert.isBelow(wire.waiting(), 100_000)
  })
})

describe("close", () => {
  it("has nothing to wait for where there is nothing", () => {
    const { mux, world } = connect()
    const closing = world.fork(mux.close)
    world.settle()
    assert.isTrue(scheduler.isDone(closing))
  })

  it("does not wait for the server's part, except of what is half open", () => {
    const connected = connect()
    const { mux, open, peer, read, settle, world } = connected
    const { remote, use } = opened(connected)
    const [second, third] = [open(), open()]
    read(use)
    settle()
    const closing = world.fork(mux.close)
    settle()
    assert.isTrue(remote.clientClosed)
    assert.strictEqual(reasonOf(use.stdout.fiber!), "ConnectionLost")
    assert.isFalse(scheduler.isDone(closing))
    peer.refuse(peer.openings[0]!)
    settle()
    assert.isFalse(scheduler.isDone(closing))
    const late = peer.confirm(peer.openings[0]!, 10)
    settle()
    assert.isTrue(scheduler.isDone(closing) && late.clientClosed)
    assert.instanceOf(failureOf(second.opener), OpenRefused)
    assert.strictEqual(reasonOf(third.opener), "ConnectionLost")
    assert.strictEqual(mux.size(), 2)
    assertHonest(connected)
  })

  it("ends where the connection does", () => {
    const { mux, open, settle, world } = connect()
    open()
    settle()
    const closing = world.fork(mux.close)
    settle()
    assert.isFalse(scheduler.isDone(closing))
    mux.fail(lost)
    settle()
    assert.isTrue(scheduler.isDone(closing))
  })
})
