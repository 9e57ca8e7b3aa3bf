import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { ExitStatus } from "@effect-remote/core/Transport"
import { assert } from "@effect/vitest"
import { Cause, Effect, Exit, type Fiber, Option, Scope } from "effect"
import type * as channels from "../../src/internal/protocol/channel.js"
import * as message from "../../src/internal/protocol/message.js"
import { make as makeMux } from "../../src/internal/protocol/mux.js"
import * as fakeServer from "./fakeServer.js"
import * as scheduler from "./scheduler.js"

export const lost = new RemoteConnectionError({ reason: "ConnectionLost", host: "host", detail: "gone" })

export const pattern = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7 + (index >> 8) * 13) & 0xff)

export const bytesOf = (length: number, seed = 0): Uint8Array => pattern.slice(seed, seed + length)

export type Fork<A, E = RemoteConnectionError> = Fiber.RuntimeFiber<A, E>

/** One write, and how many of its bytes had been sent when it was over. */
export interface Write {
  readonly bytes: Uint8Array
  readonly fiber: Fork<boolean>
  readonly before: number
  after: number | undefined
}

export interface Read {
  readonly pieces: Array<Uint8Array>
  ended: boolean
  fiber: Fork<void> | undefined
}

/** A channel as the client has it, and what it is used for. */
export interface Use {
  readonly number: number
  readonly scope: Scope.CloseableScope
  readonly opener: Fork<channels.Channel, channels.OpenRefused | RemoteConnectionError>
  readonly watched: Array<string>
  readonly writes: Array<Write>
  readonly stdout: Read
  readonly stderr: Read
  readonly requests: Array<Fork<boolean>>
  /** How many bytes of data it has sent, as counted where they leave. */
  sent: number
  closer: Fork<void> | undefined
  exit: Fork<ExitStatus> | undefined
}

export interface Options extends scheduler.Options {
  /** More than this on its way makes the client hold back. */
  readonly congestion?: number
  /** Replacements of bytes to the client, by their position. */
  readonly spoil?: ReadonlyMap<number, number>
}

/** A client and a server. The wire between them holds everything until it is made to deliver. */
export const connect = ({ congestion = Infinity, pick = () => 0, small = false, spoil }: Options = {}) => {
  const world = scheduler.make({ pick, small })
  const failures: Array<RemoteConnectionError> = []
  const toServer = fakeServer.queue()
  const toClient = fakeServer.queue()
  let delivered = 0
  // Data may come apart from its header.
  let behind = 0
  const uses: Array<Use> = []

  const mux = makeMux("host", {
    write: (bytes) => {
      if (behind > 0) behind -= bytes.length
      else if (bytes[5] === 94) {
        const head = Buffer.from(bytes)
        const size = head.readUInt32BE(10)
        const use = uses.find((one) => remoteOf(one)?.id === head.readUInt32BE(6))
        if (use !== undefined) use.sent += size
        behind = 14 + size - bytes.length
      }
      toServer.put(bytes)
      return toServer.size() <= congestion
    },
    failed: (error) => void failures.push(error)
  })
  const turns: Array<number> = []
  const peer: fakeServer.FakeServer = new fakeServer.FakeServer(toClient.put, {
    data: ({ client }) => void turns.push(client)
  })

  const wire = {
    toServer: (size?: number) => {
      const bytes = toServer.take(size)
      if (bytes.length > 0) peer.receive(bytes)
      if (toServer.size() === 0) mux.drained()
      return bytes.length > 0
    },
    toClient: (size?: number) => {
      const bytes = toClient.take(size)
      for (const [place, byte] of spoil ?? []) bytes[place - delivered] = byte
      delivered += bytes.length
      if (bytes.length > 0) mux.receive(bytes)
      bytes.fill(0)
      return bytes.length > 0
    },
    waiting: toServer.size
  }

  /** Steps and delivers, until nobody has anything more to do or to say. */
  const settle = () => {
    for (let idle = 0; idle < 3;) {
      const moves = [world.step, wire.toServer, wire.toClient] as const
      const [first, ...rest] = [...moves, ...moves].slice(pick(3))
      idle = 0
      for (const move of [first!, ...rest]) {
        if (move()) break
        idle++
      }
    }
  }

  const remoteOf = ({ number }: Use) =>
    peer.channels.find(({ data }) => Buffer.compare(data, message.fields(number)) === 0)

  const open = (type = "session"): Use => {
    const scope = Effect.runSync(Scope.make())
    const watched: Array<string> = []
    const use: Use = {
      number: uses.length,
      scope,
      watched,
      opener: world.fork(
        Scope.extend(
          mux.open(type, message.fields(uses.length), {
            sent: () => watched.push("sent"),
            confirmed: () => watched.push("confirmed"),
            refused: () => watched.push("refused"),
            left: () => {},
            gone: () => watched.push("gone")
          }),
          scope
        )
      ),
      writes: [],
      stdout: { pieces: [], ended: false, fiber: undefined },
      stderr: { pieces: [], ended: false, fiber: undefined },
      requests: [],
      sent: 0,
      closer: undefined,
      exit: undefined
    }
    uses.push(use)
    return use
  }

  const channelOf = (use: Use): channels.Channel | undefined => {
    const exit = use.opener.unsafePoll()
    return exit !== null && Exit.isSuccess(exit) ? exit.value : undefined
  }

  /** Reads to the end, unless another reader is active. */
  const read = (use: Use, from: "stdout" | "stderr" = "stdout") => {
    const channel = channelOf(use)
    const into = use[from]
    if (channel === undefined || into.ended || (into.fiber !== undefined && !scheduler.isDone(into.fiber))) return
    const one = from === "stdout" ? channel.read : channel.readStderr
    into.fiber = world.fork(Effect.uninterruptibleMask((restore) => {
      const next: Effect.Effect<void, RemoteConnectionError> = Effect.flatMap(
        restore(one),
        Option.match({
          onNone: () => Effect.sync(() => void (into.ended = true)),
          onSome: (piece) => {
            into.pieces.push(piece)
            return next
          }
        })
      )
      return next
    }))
  }

  const write = (use: Use, bytes: Uint8Array) => {
    const channel = channelOf(use)
    const last = use.writes.at(-1)
    if (channel === undefined || (last !== undefined && last.after === undefined)) return
    const one: Write = { bytes, fiber: world.fork(channel.write(bytes)), before: use.sent, after: undefined }
    one.fiber.addObserver(() => void (one.after = use.sent))
    use.writes.push(one)
  }

  const close = (use: Use) => void (use.closer ??= world.fork(Scope.close(use.scope, Exit.void)))

  return {
    world,
    mux,
    peer,
    wire,
    settle,
    failures,
    uses,
    /** Whose data has come, in order. */
    turns,
    open,
    channelOf,
    remoteOf,
    read,
    write,
    close
  }
}

export type Connected = ReturnType<typeof connect>

export const exitOf = scheduler.exitOf

/** Opens a channel that is confirmed with this window. */
export const opened = ({ channelOf, open, peer, settle }: Connected, window = 100_000, maxPacket?: number) => {
  const use = open()
  settle()
  const remote = peer.confirm(peer.openings[0]!, window, maxPacket)
  settle()
  return { use, remote, channel: channelOf(use)! }
}

export const received = (channel: fakeServer.Channel) => fakeServer.concat(channel.received)

export const assertHonest = ({ failures, peer }: Connected) => {
  assert.deepStrictEqual(peer.violations, [])
  assert.deepStrictEqual(failures, [])
}

/** Checks that the server received what was written: in order, and completely if the write succeeded. */
export const assertWritten = (use: Use, remote: fakeServer.Channel | undefined) => {
  const written: Array<Uint8Array> = []
  let before = 0
  for (const write of use.writes) {
    const exit = exitOf(write.fiber)
    assert.strictEqual(write.before, before, "nothing is sent between two writes")
    const size = write.after! - write.before
    if (Exit.isSuccess(exit) && exit.value) assert.strictEqual(size, write.bytes.length)
    written.push(write.bytes.subarray(0, size))
    before = write.after!
  }
  assert.strictEqual(use.sent, before, "nothing is sent after the last write")
  assert.strictEqual(Buffer.compare(fakeServer.concat(written), fakeServer.concat(remote?.received ?? [])), 0)
}

export const assertRead = (read: Read, sent: ReadonlyArray<Uint8Array>, whole: boolean) => {
  const got = fakeServer.concat(read.pieces)
  const all = fakeServer.concat(sent)
  assert.isTrue(read.pieces.every(({ length }) => length > 0))
  if (whole) assert.strictEqual(got.length, all.length)
  assert.strictEqual(Buffer.compare(got, all.subarray(0, got.length)), 0)
}

export const failedChannel = new RemoteConnectionError({ reason: "ChannelRefused", host: "host", detail: "failed" })

export const isProtocol = (error: RemoteConnectionError | undefined) => error?.reason === "Protocol"

export const failureOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): unknown => {
  const exit = exitOf(fiber)
  return Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
}

export const reasonOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): string | undefined => {
  const failure = failureOf(fiber)
  return failure instanceof RemoteConnectionError ? failure.reason : undefined
}

export const assertSettled = (connected: Connected) => {
  const { mux, uses, world } = connected
  assert.isFalse(world.step())
  assert.strictEqual(mux.size(), 0)
  for (const { closer, exit, opener, requests, stderr, stdout, watched, writes } of uses) {
    const fibers = [opener, closer, exit, stdout.fiber, stderr.fiber, ...requests, ...writes.map(({ fiber }) => fiber)]
    for (const fiber of fibers) {
      if (fiber === undefined) continue
      assert.isTrue(scheduler.isDone(fiber))
      const ended = exitOf<unknown, unknown>(fiber)
      if (Exit.isFailure(ended)) assert.notStrictEqual(ended.cause._tag, "Die")
    }
    assert.include(
      ["", "sent,refused", "sent,gone", "sent,confirmed,gone"],
      watched.join()
    )
  }
}
