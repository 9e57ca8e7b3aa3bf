import { RemoteFileSystem } from "@effect-remote/core"
import { Transport } from "@effect-remote/core/Transport"
import { NodeMachine, OpenSsh } from "@effect-remote/node"
import { InMemoryHost, Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import { assert, describe, it } from "@effect/vitest"
import { Array, Deferred, Effect, Fiber, Stream, TestClock } from "effect"
import * as Fs from "node:fs"
import * as sftpLink from "../fixtures/sftpLink.js"
import { openssh, servers } from "../suites/servers.js"

const mebibyte = 1024 * 1024

/** The files of a host over a link whose requests are seen. */
const over = (link: sftpLink.Link) =>
  Effect.gen(function*() {
    const wire = sftpLink.make(yield* Transport, link)
    const fs = yield* RemoteFileSystem.make.pipe(
      Effect.provideService(Transport, wire.transport),
      Effect.provide(NodeMachine.layer)
    )
    // The session is there when it counts.
    yield* fs.realPath("/")
    wire.forget()
    return { fs, wire }
  })

const onServer = <A, E>(
  options: Sshd.Options,
  link: sftpLink.Link,
  use: (path: string, files: Effect.Effect.Success<ReturnType<typeof over>>) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    const sshd = yield* Sshd.make({ loginShell: "sh", ...options })
    return yield* Effect.flatMap(over(link), (files) => use(sshd.directory, files)).pipe(
      Effect.provide(OpenSsh.layer(sshd.host))
    )
  })

const sizesOf = ({ sent }: sftpLink.Wire, name: sftpLink.Sent["name"]) =>
  sent().flatMap((one) => one.name === name ? [one.bytes] : [])

const size = 12 * mebibyte + 1

/** The verbs that move a large file, and what they ask for. */
const verbs: ReadonlyArray<
  readonly [
    name: "Read" | "Write",
    verb: (fs: RemoteFileSystem.RemoteFileSystem, path: string) => Effect.Effect<unknown, unknown>
  ]
> = [
  ["Read", (fs, path) => fs.readFile(`${path}/from`)],
  ["Read", (fs, path) => Stream.runDrain(fs.stream(`${path}/from`))],
  ["Read", (fs, path) => fs.get(`${path}/from`, `${path}/got`)],
  ["Write", (fs, path) => fs.writeFile(`${path}/written`, new Uint8Array(size))],
  ["Write", (fs, path) => fs.atomicWrite(`${path}/written`, new Uint8Array(size))],
  ["Write", (fs, path) => fs.put(`${path}/from`, `${path}/put`)]
]

/** Checks that each verb keeps several requests in flight. All but one have the full size. */
const keepsBusy = (path: string, { fs, wire }: Effect.Effect.Success<ReturnType<typeof over>>) =>
  Effect.gen(function*() {
    Fs.writeFileSync(`${path}/from`, new Uint8Array(size))
    const { readSize, writeSize } = {
      readSize: wire.limits()?.read ?? 32768n,
      writeSize: wire.limits()?.write ?? 32768n
    }
    for (const [index, [name, verb]] of verbs.entries()) {
      wire.forget()
      yield* verb(fs, path)
      const most = Math.min(261120, Number(name === "Read" ? readSize : writeSize) || 261120)
      const sizes = sizesOf(wire, name)
      const told = `verb ${index}`
      assert.strictEqual(Math.max(...sizes), most, told)
      assert.isAtMost(sizes.filter((size) => size !== most).length, sizes.length / 4, told)
      const all = sizes.reduce((sum, size) => sum + size, 0)
      assert.isAtLeast(all, size, told)
      // One request finds the end.
      assert.isAtMost(all, size + most, told)
      assert.isAtLeast(wire.most().requests, 8, told)
      assert.isAtMost(wire.rounds(), Math.ceil(sizes.length / 8) + 8, told)
    }
    return sizesOf(wire, "Write")[0]
  })

for (const kind of servers) {
  describe(`requests in flight, ${kind} server`, () => {
    it.scopedLive(
      "there are many, of the sizes that the server allows",
      () => onServer({ kind }, { delay: 30 }, keepsBusy),
      60_000
    )

    it.scopedLive(
      "the number of requests in flight is bounded, whatever the size",
      () =>
        onServer({ kind }, { delay: 30 }, (path, { fs, wire }) =>
          Effect.gen(function*() {
            const bound = 16 * mebibyte
            Fs.writeFileSync(`${path}/from`, "")
            Fs.truncateSync(`${path}/from`, 64 * mebibyte)
            const taken = yield* Deferred.make<void>()
            const reading = yield* Effect.fork(Stream.runForEach(
              fs.stream(`${path}/from`),
              () => Effect.zipRight(Deferred.succeed(taken, undefined), Effect.never)
            ))
            yield* Deferred.await(taken)
            // Requests in flight are answered while nobody reads, and no further ones are sent.
            yield* eventually(Effect.sync(wire.waiting), (waiting) => waiting === 0)
            const asked = sizesOf(wire, "Read").reduce((sum, size) => sum + size, 0)
            assert.isAtMost(asked, bound)
            yield* Fiber.interrupt(reading)
            for (const transfer of [fs.put, fs.get]) {
              wire.forget()
              yield* transfer(`${path}/from`, `${path}/to`)
              assert.isAbove(wire.most().bytes, mebibyte)
              assert.isAtMost(wire.most().bytes, bound)
            }
            // Of many large files at once no more than a few are on their way.
            Fs.mkdirSync(`${path}/tree`)
            for (const file of Array.range(1, 12)) {
              Fs.writeFileSync(`${path}/tree/${file}`, "")
              Fs.truncateSync(`${path}/tree/${file}`, 8 * mebibyte)
            }
            for (const transfer of [fs.put, fs.get]) {
              wire.forget()
              yield* transfer(`${path}/tree`, `${path}/trees`)
              assert.isAtMost(wire.most().bytes, 4 * bound)
            }
          })),
      120_000
    )

    it.scopedLive(
      "a file that grows while it is read is read to its end, as fast",
      () =>
        onServer({ kind }, { delay: 30 }, (path, { fs, wire }) =>
          Effect.gen(function*() {
            Fs.writeFileSync(`${path}/from`, new Uint8Array(12 * mebibyte))
            let read = 0
            yield* Stream.runForEach(fs.stream(`${path}/from`), ({ length }) =>
              Effect.sync(() => {
                if (read === 0) Fs.appendFileSync(`${path}/from`, new Uint8Array(16 * mebibyte))
                read += length
              }))
            assert.strictEqual(read, 28 * mebibyte)
            assert.isAtMost(wire.rounds(), 25)
          })),
      60_000
    )

    it.scopedLive(
      "small files are on their way together",
      () =>
        onServer({ kind }, { delay: 50 }, (path, { fs, wire }) =>
          Effect.gen(function*() {
            const count = 100
            Fs.mkdirSync(`${path}/from`)
            for (const file of Array.range(1, count)) Fs.writeFileSync(`${path}/from/${file}`, `content ${file}`)
            for (const transfer of [fs.put, fs.get]) {
              wire.forget()
              yield* transfer(`${path}/from`, `${path}/to ${transfer === fs.put ? "up" : "down"}`)
              assert.isAtLeast(wire.sent().length, 4 * count)
              // One after the other they would take four round trips each.
              assert.isAtMost(wire.rounds(), count / 2)
              assert.isAtLeast(wire.most().requests, 32)
            }
            // Young files are compared by content.
            for (const file of Array.range(1, count)) Fs.utimesSync(`${path}/from/${file}`, 1e9, 1e9)
            const update = { skipUnchanged: "quick" } as const
            yield* fs.put(`${path}/from`, `${path}/to up`, update)
            wire.forget()
            yield* fs.put(`${path}/from`, `${path}/to up`, update)
            // The listing shows which files are the same.
            assert.isAtMost(wire.rounds(), 10)
            assert.isAtMost(wire.sent().length, 20)
          })),
      60_000
    )
  })
}

const sftpServer = ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/libexec/openssh/sftp-server"]
  .find((path) => Fs.existsSync(path))

describe.skipIf(!openssh || sftpServer === undefined)("requests in flight, a server that tells no limits", () => {
  it.scopedLive("they are as large as every server takes them", () =>
    Effect.gen(function*() {
      const written = yield* onServer(
        { kind: "openssh", forceCommand: `${sftpServer} -P limits` },
        { delay: 30 },
        keepsBusy
      )
      assert.strictEqual(written, 32768)
    }), 60_000)
})

describe("the window", () => {
  const file = 40 * mebibyte

  /** How many bytes were asked for in each round trip of reading a file, by a clock that waits for nothing else. */
  const rounds = (
    link: sftpLink.Link,
    verb: (fs: RemoteFileSystem.RemoteFileSystem) => Effect.Effect<unknown, unknown>
  ) =>
    Effect.gen(function*() {
      const { files } = yield* InMemoryHost.InMemoryHost
      yield* files.writeFile("/home/user/file", new Uint8Array(file))
      const opening = yield* Effect.fork(over(link))
      const { fs, wire } = yield* passing(opening)
      yield* passing(yield* Effect.fork(verb(fs)))
      const asked: Array<number> = []
      for (const { bytes, round } of wire.sent()) {
        if (bytes > 0) asked[round] = (asked[round] ?? 0) + bytes
      }
      return { asked: Object.values(asked), most: wire.most().bytes }
    }).pipe(Effect.scoped, Effect.provide(InMemoryHost.layer({})))

  const passing = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(
      fiber.poll,
      (exit) => exit._tag === "Some" ? exit.value : Effect.zipRight(TestClock.adjust("10 millis"), passing(fiber))
    )

  /** The most that is asked for in a round trip. */
  const widest = (
    link: sftpLink.Link,
    verb: (fs: RemoteFileSystem.RemoteFileSystem) => Effect.Effect<unknown, unknown>
  ) => Effect.map(rounds(link, verb), ({ asked }) => Math.max(...asked))

  const read = (fs: RemoteFileSystem.RemoteFileSystem) => fs.readFile("/home/user/file")
  const written = (fs: RemoteFileSystem.RemoteFileSystem) => fs.writeFile("/home/user/other", new Uint8Array(file))

  it.effect("grows where the link is long, and not where what is asked for queues up already", () =>
    Effect.gen(function*() {
      for (const [verb, narrow] of [[read, { delay: 10, rate: 10_000 }], [written, { delay: 10, rate: 10 }]] as const) {
        const long = yield* widest({ delay: 100 }, verb)
        const queued = yield* widest(narrow, verb)
        assert.isAtLeast(long, 1.5 * queued)
        assert.isAtMost(long, 16 * mebibyte)
        assert.isAtLeast(queued, mebibyte)
      }
    }))

  it.effect("keeps a long link full: a file takes the round trips that its size needs", () =>
    Effect.gen(function*() {
      for (const verb of [read, written]) {
        const { asked, most } = yield* rounds({ delay: 100 }, verb)
        assert.isAtMost(asked.length, 2 + Math.ceil(file / (4 * mebibyte)))
        assert.isAtMost(most, 16 * mebibyte)
      }
    }))
})
