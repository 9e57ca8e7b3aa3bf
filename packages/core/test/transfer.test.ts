import { SystemError } from "@effect/platform/Error"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Stream, TestClock } from "effect"
import { partialName } from "../src/internal/files/hiddenNames.js"
import type { Endpoint, FileInfo } from "../src/internal/transfer/endpoint.js"
import * as progress from "../src/internal/transfer/progress.js"
import * as run from "../src/internal/transfer/run.js"
import type { Entry } from "../src/Transfer.js"

const seen = (type: FileInfo["type"], size = 0n): FileInfo => ({
  type,
  kind: "a thing",
  size,
  permissions: 0o755,
  mtime: 0,
  atime: 0
})

const unused = () => Effect.dieMessage("not expected")

const notFound = (path: string) =>
  Effect.fail(new SystemError({ module: "FileSystem", method: "look", reason: "NotFound", pathOrDescriptor: path }))

const file = new TextEncoder().encode("text")

/** A side that lists what it likes. */
const hostile = (names: ReadonlyArray<readonly [name: string, type: FileInfo["type"]]>): Endpoint => ({
  method: "put",
  carriesBytes: true,
  look: unused,
  follow: () => Effect.succeed(seen("Directory")),
  realPath: unused,
  locate: unused,
  list: () => Effect.succeed(names.map(([name, type]) => ({ name, seen: seen(type, type === "File" ? 4n : 0n) }))),
  readLink: () => Effect.succeed("/etc"),
  symlink: unused,
  makeDirectory: unused,
  makeDirectories: unused,
  changeDirectory: unused,
  removeFile: unused,
  removeDirectory: unused,
  rename: unused,
  readSmall: () => Effect.succeed([file, seen("File", 4n)]),
  writeSmall: unused,
  read: unused,
  write: unused,
  overwrite: unused,
  digest: () => Effect.succeed(Option.none())
})

/** An endpoint that accepts every entry, and records its path. */
const taking = (touched: Set<string>): Endpoint => ({
  ...hostile([]),
  look: notFound,
  locate: (path) => Effect.succeed([path, undefined]),
  follow: (path) => path === "." ? Effect.succeed(seen("Directory")) : notFound(path),
  list: () => Effect.succeed([]),
  symlink: (path) => Effect.sync(() => void touched.add(path)),
  makeDirectory: (path) => Effect.sync(() => void touched.add(path)),
  changeDirectory: () => Effect.void,
  writeSmall: (_, bytes) => Effect.succeed({ size: BigInt(bytes.length) }),
  rename: (_, to) => Effect.sync(() => void touched.add(to))
})

const outcomes = (entries: ReadonlyArray<Entry>) => entries.map(({ outcome, path }) => [path, outcome._tag])

it.effect("names that lead elsewhere, or are there twice, are failures and nothing else", () =>
  Effect.gen(function*() {
    const touched = new Set<string>()
    const error = yield* Effect.flip(run.run({
      method: "get",
      from: hostile([
        ["..", "Directory"],
        [".", "Directory"],
        ["", "File"],
        ["../up", "File"],
        ["/etc/passwd", "File"],
        ["a\0b", "File"],
        ["link", "SymbolicLink"],
        // Through the link that has just been made.
        ["link", "Directory"],
        ["fine", "File"]
      ]),
      to: taking(touched),
      source: "/there",
      target: "here",
      host: "a host",
      options: {},
      hash: Option.none()
    }))
    assert(error._tag === "TransferError")
    assert.deepStrictEqual(Array.from(touched).sort(), ["here", "here/fine", "here/link"])
    const failed = error.entries.filter(({ outcome }) => outcome._tag === "Failed")
    assert.strictEqual(failed.length, 7)
    assert.sameDeepMembers(outcomes(error.entries.filter(({ outcome }) => outcome._tag !== "Failed")), [
      ["", "Created"],
      ["fine", "Copied"],
      ["link", "Linked"]
    ])
  }))

// FOUND A10: a server that gives a file once, and finds it by its name even when it is open.
it.effect("a file that is gone when it has been read is whole", () =>
  Effect.gen(function*() {
    const written: Array<Uint8Array> = []
    const source = seen("File", 4n)
    const give = (bytes: Uint8Array) =>
      run.run({
        method: "get",
        from: {
          ...hostile([]),
          follow: () => Effect.succeed(source),
          readSmall: () => Effect.succeed([new Uint8Array(), source]),
          read: (path) =>
            Effect.succeed({ seen: source, look: notFound(path), stream: () => Stream.make(bytes), reuse: () => {} })
        },
        to: {
          ...taking(new Set()),
          write: () =>
            Effect.succeed({
              write: (bytes) => Effect.sync(() => void written.push(bytes)),
              finish: () => Effect.succeed({ size: BigInt(bytes.length) })
            }),
          rename: () => Effect.void,
          removeFile: () => Effect.void
        },
        source: "/there",
        target: "here",
        host: "a host",
        options: {},
        hash: Option.none()
      })
    assert.deepStrictEqual(outcomes((yield* give(file)).entries), [["", "Copied"]])
    assert.deepStrictEqual(written, [file])
    // Not so if some of it is missing.
    const error = yield* Effect.flip(give(file.subarray(1)))
    assert(error._tag === "TransferError")
    assert.deepStrictEqual(outcomes(error.entries), [["", "Failed"]])
  }))

/** A source with `closed/inner/file`, and a target where both directories are closed to their owner. */
const closed = (changes: Array<readonly [path: string, permissions: string | undefined]>) => {
  const levels: Readonly<Record<string, readonly [name: string, type: FileInfo["type"]]>> = {
    "": ["closed", "Directory"],
    "/closed": ["inner", "Directory"],
    "/closed/inner": ["file", "File"]
  }
  const list = (root: string, permissions: number): Endpoint["list"] => (path) =>
    Effect.sync(() => {
      const [name, type] = levels[path.slice(root.length)]!
      return [{ name, seen: { ...seen(type, type === "File" ? 4n : 0n), permissions } }]
    })
  const from: Endpoint = { ...hostile([]), list: list("/there", 0o755) }
  const to: Endpoint = {
    ...hostile([]),
    locate: (path) => Effect.succeed([path, seen("Directory")]),
    list: list("here", 0o500),
    changeDirectory: (path, { permissions }) => Effect.sync(() => void changes.push([path, permissions?.toString(8)])),
    removeFile: () => Effect.void
  }
  return { from, to, method: "put", source: "/there", target: "here", host: "a host", hash: Option.none() } as const
}

// FOUND A8
const isClosedAgain: Array<readonly [string, string | undefined]> = [
  ["here/closed", "700"],
  ["here/closed/inner", "700"],
  ["here/closed/inner", "500"],
  ["here/closed", "500"]
]

it.effect("an interrupted transfer closes the directories that it opened, the deepest first", () =>
  Effect.gen(function*() {
    const changes: Array<readonly [string, string | undefined]> = []
    const job = closed(changes)
    const begun = yield* Deferred.make<void>()
    const writeSmall = () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)
    const fiber = yield* Effect.fork(run.run({ ...job, to: { ...job.to, writeSmall }, options: {} }))
    yield* Deferred.await(begun)
    yield* Fiber.interruptFork(fiber)
    yield* Fiber.interrupt(fiber)
    assert.deepStrictEqual(changes, isClosedAgain)
  }))

it.effect("a directory is closed again if its opening was interrupted", () =>
  Effect.gen(function*() {
    const changes: Array<readonly [string, string | undefined]> = []
    const job = closed(changes)
    const begun = yield* Deferred.make<void>()
    const changeDirectory: Endpoint["changeDirectory"] = (path, change) =>
      Effect.zipRight(
        job.to.changeDirectory(path, change),
        path === "here/closed/inner" && changes.length === 1
          ? Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)
          : Effect.void
      )
    const fiber = yield* Effect.fork(run.run({ ...job, to: { ...job.to, changeDirectory }, options: {} }))
    yield* Deferred.await(begun)
    yield* Fiber.interrupt(fiber)
    assert.deepStrictEqual(changes, isClosedAgain)
  }))

it.effect("a directory that was opened and cannot be listed is closed again", () =>
  Effect.gen(function*() {
    const changes: Array<readonly [string, string | undefined]> = []
    const job = closed(changes)
    const list: Endpoint["list"] = (path) => path === "here/closed/inner" ? notFound(path) : job.to.list(path)
    const error = yield* Effect.flip(run.run({ ...job, to: { ...job.to, list }, options: {} }))
    assert(error._tag === "TransferError")
    assert.includeDeepMembers(outcomes(error.entries), [["closed/inner", "Failed"]])
    assert.sameDeepMembers(changes, isClosedAgain)
  }))

it.effect("an interrupted transfer waits for the closing of directories no longer than 5 seconds", () =>
  Effect.gen(function*() {
    const changes: Array<readonly [string, string | undefined]> = []
    const job = closed(changes)
    const begun = yield* Deferred.make<void>()
    const closing = yield* Deferred.make<void>()
    const writeSmall = () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)
    const changeDirectory: Endpoint["changeDirectory"] = (path, change) =>
      changes.length < 2
        ? job.to.changeDirectory(path, change)
        : Effect.zipRight(Deferred.succeed(closing, undefined), Effect.never)
    const fiber = yield* Effect.fork(
      run.run({ ...job, to: { ...job.to, changeDirectory, writeSmall }, options: {} })
    )
    yield* Deferred.await(begun)
    yield* Fiber.interruptFork(fiber)
    yield* Deferred.await(closing)
    yield* TestClock.adjust("5 seconds")
    yield* Fiber.await(fiber)
  }))

it.effect("the removal of stale partial files is interrupted at once", () =>
  Effect.gen(function*() {
    const begun = yield* Deferred.make<void>()
    const stale = partialName("file", { ...seen("File", 5n), mtime: 1 })
    const fiber = yield* Effect.fork(run.run({
      ...closed([]),
      from: hostile([["file", "File"]]),
      to: {
        ...taking(new Set()),
        locate: (path) => Effect.succeed([path, seen("Directory")]),
        list: () => Effect.succeed([{ name: stale, seen: seen("File", 5n) }]),
        removeFile: () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)
      },
      options: {}
    }))
    yield* Deferred.await(begun)
    yield* Fiber.interrupt(fiber)
  }))

it.effect("stopOnFailure does not hold up an uninterruptible transfer", () =>
  Effect.gen(function*() {
    const touched = new Set<string>()
    const { entries } = yield* Effect.uninterruptible(run.run({
      method: "get",
      from: hostile([["fine", "File"]]),
      to: taking(touched),
      source: "/there",
      target: "here",
      host: "a host",
      options: { stopOnFailure: true },
      hash: Option.none()
    }))
    assert.deepStrictEqual(outcomes(entries), [["", "Created"], ["fine", "Copied"]])
  }))

it.effect("a progress listener that never ends holds up the end for two seconds at most", () =>
  Effect.gen(function*() {
    const stuck = () => Effect.uninterruptible(Effect.never)
    const fiber = yield* Effect.fork(Effect.uninterruptible(progress.told(stuck, ({ sent }) =>
      Effect.zipRight(
        Effect.sync(() => sent(1)),
        Effect.yieldNow()
      ))))
    yield* TestClock.adjust("1 second")
    assert.isNull(fiber.unsafePoll())
    yield* TestClock.adjust("2 seconds")
    yield* Fiber.join(fiber)
  }))
