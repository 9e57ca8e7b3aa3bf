/**
 * Lost connections, and what is left open.
 */
import { sh } from "@effect-remote/core/RemoteCommand"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type { TransferError } from "@effect-remote/core/Transfer"
import { Transport } from "@effect-remote/core/Transport"
import * as Command from "@effect/platform/Command"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../ConformanceHost.js"
import * as HostService from "../../HostService.js"
import { unlessLost } from "../../unstable/Eventually.js"
import { cases, type Group, type Test } from "./cases.js"
import { portOf } from "./loopback.js"
import {
  bytes,
  directory,
  dropConnections,
  localDirectory,
  localFiles,
  lostBy,
  running,
  type Services,
  untilNothingIsOpen,
  write
} from "./support.js"

const large = new Uint8Array(4_000_000).fill(120)

/** One use of each kind, which leaves nothing. */
const uses = (path: string, here: string, port: number): ReadonlyArray<Effect.Effect<unknown, unknown, Services>> => {
  const withFiles = <A, E, R>(use: (fs: RemoteFileSystem.RemoteFileSystem) => Effect.Effect<A, E, R>) =>
    Effect.flatMap(RemoteFileSystem.RemoteFileSystem, use)
  return [
    RemoteContext.string(Command.make("echo", "word")),
    RemoteContext.checkOutput(Command.make("cat").pipe(Command.feed("some text\n".repeat(20_000)))),
    Stream.runDrain(Stream.take(RemoteContext.streamLines(Command.make("yes")), 3)),
    RemoteContext.exitCode(sh`cat | cat; exit 3`),
    Effect.scoped(Effect.asVoid(RemoteContext.start(Command.make("sleep", "1000")))),
    withFiles((fs) => fs.readFile(`${path}/large`)),
    withFiles((fs) => Stream.runHead(fs.stream(`${path}/large`))),
    withFiles((fs) => Effect.scoped(Effect.flatMap(fs.open(`${path}/large`), (file) => file.readAlloc(1000)))),
    withFiles((fs) => fs.atomicWrite(`${path}/written`, large)),
    withFiles((fs) => Stream.runHead(fs.walk(path))),
    withFiles((fs) => fs.readDirectory(path)),
    withFiles((fs) => Stream.runDrain(Stream.take(fs.watch(`${path}/large`, { interval: "1 millis" }), 0))),
    withFiles((fs) => fs.get(`${path}/large`, `${here}/got`)),
    withFiles((fs) => fs.put(`${here}/local`, `${path}/put`)),
    Effect.scoped(Effect.flatMap(RemoteContext.tunnel({ remotePort: port }), ({ connections }) => connections)),
    Effect.scoped(Effect.gen(function*() {
      const { connect } = yield* Transport
      const { end, read, write } = yield* connect({ _tag: "Tcp", host: "localhost", port })
      yield* write(bytes("there and back"))
      yield* end
      yield* read
    }))
  ]
}

/** Defines a case in which the connection is lost while a file is in use. */
const losingOf = (test: Test) =>
<A>(
  title: string,
  use: (fs: RemoteFileSystem.RemoteFileSystem, path: string) => Effect.Effect<A, unknown, Services | Scope.Scope>
) =>
  test(title, () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/large`, large)
      const error = yield* Effect.flip(Effect.scoped(use(fs, path)))
      assert.strictEqual(lostBy(error), "ConnectionLost")
      // The next one connects again.
      assert.strictEqual((yield* unlessLost(fs.readFile(`${path}/large`))).length, large.length)
      yield* untilNothingIsOpen
    }))

const losses: Group = (test) => {
  const losing = losingOf(test)

  losing(
    "a connection lost while a file is read fails the reading, and what is read later of it",
    (fs, path) =>
      Effect.gen(function*() {
        const file = yield* fs.open(`${path}/large`)
        const reading = yield* Effect.fork(
          Effect.forever(Effect.zipRight(file.seek(0, "start"), file.readAlloc(100_000)))
        )
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        yield* dropConnections
        const error = yield* Effect.flip(Effect.flatten(Fiber.await(reading)))
        assert.strictEqual(lostBy(error), "ConnectionLost")
        yield* unlessLost(fs.exists(path))
        return yield* file.readAlloc(1)
      })
  )

  losing(
    "a connection lost within a stream of a file does not end the stream as complete",
    (fs, path) =>
      Stream.runFoldEffect(
        fs.stream(`${path}/large`, { chunkSize: 1000 }),
        0,
        (count) => count === 0 ? Effect.as(dropConnections, 1) : Effect.succeed(count + 1)
      )
  )

  losing(
    "a connection lost while a file is written fails the writing, and what is written later to it",
    (fs, path) =>
      Effect.gen(function*() {
        const { files } = yield* ConformanceHost
        const file = yield* fs.open(`${path}/written`, { flag: "w" })
        yield* file.writeAll(bytes("beginning"))
        const writing = yield* Effect.fork(Effect.forever(file.writeAll(bytes("."))))
        yield* Effect.repeatN(Effect.yieldNow(), 20)
        yield* dropConnections
        const error = yield* Effect.flip(Effect.flatten(Fiber.await(writing)))
        assert.strictEqual(lostBy(error), "ConnectionLost")
        assert.match(yield* files.readFileString(`${path}/written`), /^beginning\.*$/)
        yield* unlessLost(fs.exists(path))
        return yield* file.writeAll(bytes("late"))
      })
  )

  losing("a connection lost within a sink fails it", (fs, path) =>
    Stream.run(
      Stream.concat(Stream.make(large), Stream.execute(dropConnections)).pipe(Stream.concat(Stream.make(large))),
      fs.sink(`${path}/written`)
    ))

  losing("a connection lost within a listing of a directory and below fails it", (fs, path) =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      yield* Effect.forEach(Array.range(1, 200), (number) => files.makeDirectory(`${path}/${number}`), {
        concurrency: 20,
        discard: true
      })
      const listing = yield* Effect.fork(fs.readDirectory(path, { recursive: true }))
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      yield* dropConnections
      return yield* Effect.flatten(Fiber.await(listing))
    }))
}

const backPressure: Group = (test) => {
  test("a program that does not read holds back its writer", () =>
    Effect.gen(function*() {
      const process = yield* RemoteContext.start(Command.make("sleep", "1000"))
      const piece = new Uint8Array(65536)
      let sent = 0
      const endless = Stream.repeatEffect(Effect.sync(() => {
        sent += piece.length
        return piece
      }))
      const writing = yield* Effect.fork(Stream.run(endless, process.stdin))
      let before = -1
      yield* Effect.repeat(Effect.delay(Effect.sync(() => sent), "300 millis"), {
        until: (now) => {
          const stands = now === before
          before = now
          return stands
        }
      })
      assert.isBelow(sent, 64 * 1024 * 1024)
      yield* process.kill("SIGKILL")
      yield* Fiber.interrupt(writing)
      assert.strictEqual(yield* running("sleep"), 0)
    }))
}

const leftOpen: Group = (test) => {
  test("nothing is left open by uses that succeed, fail and are interrupted at any moment", () =>
    Effect.gen(function*() {
      const { files, serve } = yield* ConformanceHost
      const path = yield* directory
      const here = yield* localDirectory
      yield* write(files, `${path}/large`, large)
      yield* write(yield* localFiles, `${here}/local`, large)
      const all = uses(path, here, portOf(yield* serve(HostService.echo)))
      yield* Effect.forEach(all, (use) => use, { discard: true })
      const moments = [0, 1, 3, 10, 30, 100]
      const outcomes = yield* Effect.forEach(
        all.flatMap((use) => moments.map((turns) => ({ turns, use }))),
        ({ turns, use }, index) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(use)
            yield* index % 2 === 0 ? Effect.repeatN(Effect.yieldNow(), turns) : Effect.sleep(turns / 2)
            return yield* Fiber.interrupt(fiber)
          }),
        { concurrency: 4 }
      )
      assert.isTrue(outcomes.some(Exit.isInterrupted))
      for (const outcome of outcomes) {
        if (Exit.isFailure(outcome) && !Exit.isInterrupted(outcome)) yield* outcome
      }
      yield* untilNothingIsOpen
      const left = yield* files.readDirectory(path)
      assert.deepStrictEqual(left.filter((name) => !["large", "put", "written"].includes(name)), [])
    }))

  test("losing the connection again and again leaves nothing, and every use ends", () =>
    Effect.gen(function*() {
      const { files, serve } = yield* ConformanceHost
      const path = yield* directory
      const here = yield* localDirectory
      yield* write(files, `${path}/large`, large)
      yield* write(yield* localFiles, `${here}/local`, large)
      const all = uses(path, here, portOf(yield* serve(HostService.echo)))
      for (const [index, use] of all.entries()) {
        const fiber = yield* Effect.fork(use)
        yield* index % 2 === 0 ? Effect.repeatN(Effect.yieldNow(), 20) : Effect.sleep(index)
        yield* dropConnections
        const exit = yield* Fiber.await(fiber)
        if (Exit.isSuccess(exit)) continue
        const error = yield* Effect.flip(exit)
        const lost = error instanceof Object && "entries" in error
          ? (error as TransferError).entries.flatMap(({ outcome }) => outcome._tag === "Failed" ? [outcome.error] : [])
          : [error]
        assert.isTrue(lost.every((error) => lostBy(error) !== undefined), `use ${index}`)
      }
      yield* Effect.forEach(all, (use) => unlessLost(use), { discard: true })
      yield* untilNothingIsOpen
      assert.sameMembers(yield* files.readDirectory(path), ["large", "put", "written"])
    }))
}

/** @internal */
export const endings = cases("endings", losses, backPressure, leftOpen)
