import { assert, describe, it } from "@effect/vitest"
import {
  Array as Arr,
  Cause,
  Deferred,
  Effect,
  Either,
  Exit,
  FastCheck,
  Option,
  Queue,
  Schedule,
  type Scope
} from "effect"
import * as childProcess from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Writable } from "node:stream"
import { afterAll } from "vitest"
import * as text from "../src/internal/lib/text.js"
import * as guardians from "../src/internal/scripts/guardian.js"
import * as source from "../src/internal/scripts/source.js"
import * as terminate from "../src/internal/scripts/terminate.js"
import * as Frame from "../src/unstable/Frame.js"
import * as Guardians from "../src/unstable/Guardian.js"
import { full } from "./fixtures/full.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const { Add, Beat, Detach, Done, End, Quit } = Guardians.Request
const { Detached, Ended, Ready, Silent, Unable, Undetachable } = Guardians.Report

const anyPid = FastCheck.integer({ min: 2, max: 4_194_304 })

const anyStart = FastCheck.option(
  FastCheck.oneof(FastCheck.nat().map(String), FastCheck.constantFrom("none", "_Thu_Nov_24_09:11:00_2024", "x-1")),
  { nil: undefined }
).map(Option.fromNullable)

const aName = "0123456789abcdef".repeat(2)

const anyClaim = Guardians.Request.Claim({ names: [aName, "f".repeat(32)] })

const anyRequest: FastCheck.Arbitrary<Guardians.Request> = FastCheck.oneof(
  FastCheck.constantFrom(Beat(), Detach(), Quit(), anyClaim),
  FastCheck.record({ pid: anyPid, start: FastCheck.nat().map(String) }).map(Guardians.Request.Retire),
  FastCheck.record({ pid: anyPid, start: anyStart, keep: FastCheck.boolean() }).map(Add),
  FastCheck.record({ pid: anyPid }).map(Done),
  FastCheck.record({ pid: anyPid, start: anyStart, rounds: FastCheck.integer({ min: 0, max: 1_728_000 }) }).map(End)
)

const anyReport: FastCheck.Arbitrary<Guardians.Report> = FastCheck.oneof(
  FastCheck.record({ detachable: FastCheck.boolean(), name: FastCheck.constant(aName), pid: anyPid, start: anyStart })
    .map(Ready),
  FastCheck.constantFrom(
    Detached(),
    Silent(),
    Undetachable()
  ),
  FastCheck.constantFrom("", "mkdir: cannot create directory '/x': File exists", "é").map((detail) =>
    Unable({ detail })
  ),
  FastCheck.record({ pid: anyPid }).map(Ended)
)

describe("the protocol", () => {
  it.prop("requests and reports come back from their bytes, with any piece size", {
    requests: FastCheck.array(anyRequest),
    reports: FastCheck.array(anyReport),
    size: FastCheck.integer({ min: 1, max: 40 })
  }, ({ reports, requests, size }) => {
    const travel = (lines: ReadonlyArray<Either.Either<Uint8Array, Guardians.LineError>>) => {
      const bytes = text.concat(lines.map(Either.getOrThrow))
      const split = Guardians.splitter()
      return Arr.makeBy(
        Math.ceil(bytes.length / size) + 1,
        (index) => split(bytes.subarray(index * size, (index + 1) * size))
      ).flat()
    }
    assert.deepStrictEqual(
      travel(requests.map(Guardians.encodeRequest)).map(Guardians.decodeRequest),
      requests.map(Either.right)
    )
    assert.deepStrictEqual(
      travel(reports.map(Guardians.encodeReport)).map(Guardians.decodeReport),
      reports.map(Either.right)
    )
  }, { fastCheck: { numRuns: 200 } })

  it("decodes the programs of a client, and not the commands of its user", () => {
    const { End, Guard, Signal } = Guardians.Task
    assert.deepStrictEqual(
      Guardians.decodeTask(guardians.guardian({ prefix: "/tmp/x-", silence: 3, interval: 5 })),
      Option.some(Guard({ prefix: "/tmp/x-", silence: 3, interval: 5 }))
    )
    assert.deepStrictEqual(
      Guardians.decodeTask(terminate.group(4711, 120)),
      Option.some(End({ pid: 4711, rounds: terminate.rounds(120) }))
    )
    assert.deepStrictEqual(
      Guardians.decodeTask(terminate.signal(4711, "SIGHUP")),
      Option.some(Signal({ pid: 4711, name: "HUP" }))
    )
    assert.isTrue(Option.isNone(Guardians.decodeTask(source.script("kill -9 $1", "sh", "4711", "1"))))
  })

  it("refuses to encode invalid requests and reports", () => {
    for (const pid of [0, 1, -1, 2.5, 4_194_305, NaN, Infinity, 1e21]) {
      for (
        const request of [
          Done({ pid }),
          Add({ pid, start: Option.none(), keep: false }),
          End({ pid, start: Option.none(), rounds: 1 })
        ]
      ) assert.isTrue(Either.isLeft(Guardians.encodeRequest(request)), JSON.stringify(request))
      assert.isTrue(Either.isLeft(Guardians.encodeReport(Ended({ pid }))))
    }
    for (const start of ["", "-1", "a b", "a\n", "*", "$(id)", "x".repeat(41)]) {
      const request = Add({ pid: 2, start: Option.some(start), keep: true })
      assert.isTrue(Either.isLeft(Guardians.encodeRequest(request)), start)
    }
    for (const rounds of [-1, 0.5, NaN, 10_000_000]) {
      assert.isTrue(Either.isLeft(Guardians.encodeRequest(End({ pid: 2, start: Option.none(), rounds }))))
    }
  })

  it.each([
    "",
    "beat 1",
    "add 5",
    "add 5 - maybe",
    "add 05 - end",
    "done 5 6",
    "end 5 -",
    "detach x",
    "tick",
    "quit ",
    "claim",
    "claim x",
    "retire 5 -",
    "retire 5"
  ])(
    "no request: %j",
    (line) => assert.isTrue(Either.isLeft(Guardians.decodeRequest(line)))
  )

  it.each(["", "ready", "ready 2", "ready 1 1", "ended", "ended 1", "ended 5 6", "detached 1", "beat"])(
    "no report: %j",
    (line) => assert.isTrue(Either.isLeft(Guardians.decodeReport(line)))
  )

  it("returns a line without end in pieces", () => {
    const split = Guardians.splitter()
    assert.deepStrictEqual(split(new Uint8Array(5000).fill(97)), ["a".repeat(5000)])
    assert.deepStrictEqual(split(text.encode("beat\n")), ["beat"])
  })
})

interface Shell {
  readonly name: string
  readonly command: Arr.NonEmptyReadonlyArray<string>
}

const which = (program: string) =>
  childProcess.spawnSync("/bin/sh", ["-c", "command -v \"$1\"", "sh", program]).stdout.toString().trim()

const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "effect-remote-guardian-")))

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

// Under its own name bash is not the shell that it is as /bin/sh.
const bashAsSh = path.join(directory, "sh")
if (which("bash") !== "") fs.symlinkSync(which("bash"), bashAsSh)

/** Shells that are `/bin/sh` on most hosts. */
const common: ReadonlyArray<Shell> = [
  { name: "dash", command: ["dash"] },
  { name: "bash as sh", command: [bashAsSh] }
]

const others: ReadonlyArray<Shell> = [
  { name: "busybox sh", command: ["busybox", "sh"] },
  { name: "mksh", command: ["mksh"] },
  { name: "zsh as sh", command: ["zsh", "--emulate", "sh"] }
]

interface Process {
  readonly pid: number
  readonly parent: number
  readonly session: number
  readonly start: string
}

/** The running processes, without those that have ended and were not waited for. */
const processes = (): ReadonlyArray<Process> =>
  fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, "latin1")
      const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ")
      return fields[0] === "Z" || fields[0] === "X"
        ? []
        : [{ pid: Number(name), parent: Number(fields[1]), session: Number(fields[3]), start: fields[19]! }]
    } catch {
      return []
    }
  })

const members = (session: number) => processes().filter((process) => process.session === session)

const startOf = (pid: number) => Option.fromNullable(processes().find((process) => process.pid === pid)?.start)

const within = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutFailCause(effect, { duration: "20 seconds", onTimeout: () => Cause.die(`never: ${what}`) })

const eventually = (what: string, condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.repeat({ until: (met) => met, schedule: Schedule.spaced("20 millis") }),
    (effect) => within(what, effect)
  )

const kill = (pid: number) => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // it has ended by itself
  }
}

const killSession = (session: number) => {
  for (const { pid } of members(session)) kill(pid)
}

/** A session of its own, of which nothing is left with the scope. */
const spawn = (
  command: ReadonlyArray<string>,
  options: childProcess.SpawnOptions = { stdio: "ignore" },
  release: (child: childProcess.ChildProcess & { readonly pid: number }) => void = ({ pid }) => killSession(pid)
): Effect.Effect<childProcess.ChildProcess & { readonly pid: number }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async((resume) => {
      const [program, ...args] = command
      const child = childProcess.spawn(program!, args, { ...options, detached: true })
      child.on("error", (error) => resume(Effect.die(error)))
      child.once("spawn", () => resume(Effect.succeed(child as never)))
    }),
    (child) => Effect.sync(() => release(child))
  )

/** A command as a connection's session runs it, after it has started `count` processes. */
const command = (script: string, count = 1) =>
  Effect.tap(
    spawn(["/bin/sh", "-c", script]),
    ({ pid }) => eventually("the command has started", () => members(pid).length === count)
  )

/** A process of another user, if root runs the tests, under this name: 15 bytes at most. */
const stranger = (name: string) =>
  Effect.tap(
    spawn(["/bin/sh", "-c", "printf %s \"$1\" >/proc/$$/comm; sleep 1000; :", "sh", name], {
      stdio: "ignore",
      cwd: "/",
      ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {})
    }),
    ({ pid }) => eventually(`a process is named ${JSON.stringify(name)}`, () => named(pid) === name)
  )

const named = (pid: number) => {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, "latin1").slice(0, -1)
  } catch {
    return undefined
  }
}

/** A directory with programs of this machine and a program `evil`. `evilRan`: whether `evil` was run. */
const programs = (...names: ReadonlyArray<string>) => {
  const place = fs.mkdtempSync(path.join(directory, "programs-"))
  const evidence = path.join(place, "evidence")
  fs.writeFileSync(path.join(place, "evil"), `#!/bin/sh\n: >${evidence}\n`, { mode: 0o755 })
  for (const name of names) fs.symlinkSync(which(name), path.join(place, name))
  return { place, evilRan: () => fs.existsSync(evidence) }
}

/** Names that imitate the fields after the name in the `stat` of a member of this session and group, or shell syntax. */
const hostileNames = (session: number, group: number): ReadonlyArray<string> => [
  "a b ;evil\nX",
  "a b $(evil)\nX",
  "a b `evil`\nX",
  "a b *\nX",
  "\n",
  ") S 1 2 3\n(",
  // Process ids of seven digits do not fit.
  ...[` ${group} ${session}\nX`, `\n) S 1 ${session} `, `x\n${session} (`].filter((name) => name.length <= 15)
]

/** A process that outlives its command. */
const orphan = Effect.tap(
  spawn(["/bin/sh", "-c", "sleep 1000 & exit"]),
  ({ pid }) => eventually("the command has ended", () => members(pid).length === 1 && Option.isNone(startOf(pid)))
)

const sleeper = spawn(["sleep", "1000"], { stdio: "ignore" }, (child) => void child.kill("SIGKILL"))

const over = (pid: number) => eventually(`nothing is left of ${pid}`, () => members(pid).length === 0)

const lives = (pid: number, count = 1) => assert.strictEqual(members(pid).length, count)

const runs = () => {
  const sessions = new Set(processes().map(({ session }) => session))
  return ({ pid }: { readonly pid: number }) => sessions.has(pid)
}

interface Guardian {
  readonly directory: string
  /** Sends requests to its stdin. */
  readonly send: (...requests: ReadonlyArray<Guardians.Request>) => Effect.Effect<void>
  readonly write: (bytes: string | Uint8Array) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
  /** Closes the channel from this side, as its server does when the link is cut. */
  readonly hangUp: Effect.Effect<void>
  /** Writes lines to its FIFO, as commands that register and the ticker do. */
  readonly tell: (...lines: ReadonlyArray<string>) => Effect.Effect<void>
  /** Checks that the next reports are these, in any order. */
  readonly says: (...reports: ReadonlyArray<Guardians.Report>) => Effect.Effect<void>
  /** Checks that it is ready, in its directory. */
  readonly begins: (detachable: boolean) => Effect.Effect<void>
  /** The process to retire. */
  readonly process: { readonly pid: number; readonly start: string }
  /** Waits until all requests so far were read. */
  readonly heard: Effect.Effect<void>
  /** Waits until the channel is closed: no process holds its outputs any more. */
  readonly closed: Effect.Effect<void>
  /** Waits until its processes and its directory are gone. */
  readonly gone: Effect.Effect<void>
  /** The running processes of the guardian. */
  readonly processes: () => ReadonlyArray<Process>
  readonly relay: number
}

interface Options {
  /** Default: the time stands still. */
  readonly interval?: number
  readonly silence?: number
  readonly change?: (script: string) => string
  /** Before that of `directory`. */
  readonly taken?: ReadonlyArray<string>
  readonly directory?: string
  readonly env?: Record<string, string | undefined>
}

// So that what ignores TERM does not hold a test up.
const impatient = (script: string) => script.replace(/ grace=\d+/, " grace=4")

const commandOf = (shell: Shell, options: Options): ReadonlyArray<string> => {
  const stage = guardians.guardian({
    prefix,
    silence: options.silence ?? 0,
    interval: options.interval ?? 3600
  })
  const [, , launch, script, ...rest] = stage.words
  const [program, ...args] = shell.command
  const words = [which(program), ...args]
  const change = options.change ?? ((script) => script)
  return [...words, "-c", launch!.replace("/bin/sh", words.join(" ")), impatient(change(script!)), ...rest]
}

const attach = Effect.fnUntraced(function*(
  child: childProcess.ChildProcess & { readonly pid: number },
  place: string,
  leader: () => number,
  { taken = [] }: Options = {}
) {
  child.stdin!.write(
    Either.getOrThrow(Guardians.encodeRequest(Guardians.Request.Claim({ names: [...taken, place].map(nameOf) })))
  )
  const main = { pid: 0, start: "" }
  const reports = yield* Queue.unbounded<Either.Either<Guardians.Report, Guardians.LineError>>()
  const outputs = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
  const split = Guardians.splitter()
  const noise: Array<string> = []
  child.stdin!.on("error", () => {})
  child.stdout!.on("data", (bytes: Buffer) => {
    for (const line of split(bytes)) Queue.unsafeOffer(reports, Guardians.decodeReport(line))
  })
  child.stderr!.on("data", (bytes: Buffer) => noise.push(bytes.toString()))
  for (const [index, output] of [child.stdout!, child.stderr!].entries()) {
    output.once("close", () => Deferred.unsafeDone(outputs[index]!, Exit.void))
  }
  const write = (bytes: string | Uint8Array) => Effect.sync(() => void child.stdin!.write(bytes))
  const tell = (...lines: ReadonlyArray<string>) =>
    Effect.sync(() => {
      // for both, so that it waits for nobody
      const file = fs.openSync(guardians.fifo(place), "r+")
      for (const line of lines) fs.writeSync(file, `${line}\n`)
      fs.closeSync(file)
    })
  const says = (...expected: ReadonlyArray<Guardians.Report>) =>
    Effect.gen(function*() {
      const got = yield* within(
        expected.map((report) => JSON.stringify(report)).join(),
        Effect.all(expected.map(() => Queue.take(reports)))
      )
      assert.sameDeepMembers(got, expected.map(Either.right))
    })
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      const pid = leader()
      if (pid > 1) killSession(pid)
      fs.rmSync(place, { recursive: true, force: true })
    })
  )
  const closed = Effect.zipRight(
    within("the channel is closed", Effect.all(outputs.map(Deferred.await))),
    Effect.sync(() => assert.deepStrictEqual(noise, []))
  )
  const guardian: Guardian = {
    directory: place,
    send: (...requests) =>
      write(text.concat(requests.map((request) => Either.getOrThrow(Guardians.encodeRequest(request))))),
    write,
    end: Effect.sync(() => void child.stdin!.end()),
    hangUp: Effect.sync(() => {
      for (const stream of [child.stdout!, child.stderr!, child.stdin!]) stream.destroy()
    }),
    tell,
    says,
    begins: (detachable) =>
      Effect.gen(function*() {
        const report = Either.getOrThrow(yield* within("it is ready", Queue.take(reports)))
        assert(report._tag === "Ready", JSON.stringify(report))
        assert.deepStrictEqual([report.detachable, report.name], [detachable, nameOf(place)])
        main.pid = report.pid
        main.start = Option.getOrElse(report.start, () => "")
        assert.isTrue(fs.statSync(guardians.fifo(place)).isFIFO())
      }),
    process: main,
    // A process with this id does not exist: the system does not assign the greatest id.
    heard: Effect.zipRight(
      Effect.suspend(() => write("end 4194304 - 0\n")),
      says(Ended({ pid: 4_194_304 }))
    ),
    closed,
    gone: Effect.zipRight(
      closed,
      eventually("nothing is left of the guardian", () => members(leader()).length === 0 && !fs.existsSync(place))
    ),
    processes: () => members(leader()),
    get relay() {
      return leader()
    }
  }
  return guardian
})

// The relay's only child.
const main = ({ processes, relay }: Guardian) => processes().find(({ parent }) => parent === relay)!

const prefix = path.join(directory, "g-")

const newDirectory = () => `${prefix}${randomBytes(16).toString("hex")}`

const nameOf = (place: string) => place.slice(prefix.length)

const make = (shell: Shell, options: Options = {}) =>
  Effect.gen(function*() {
    const place = options.directory ?? newDirectory()
    const child = yield* spawn(commandOf(shell, options), { stdio: "pipe", env: options.env ?? process.env })
    return yield* attach(child, place, () => child.pid, options)
  })

const ready = (shell: Shell, options: Options = {}) =>
  Effect.tap(make(shell, options), (guardian) => guardian.begins(false))

// The name of a process is that of its program's file.
const sshd = path.join(directory, "sshd-session")
if (process.platform === "linux") fs.copyFileSync(which("dash") || "/bin/sh", sshd)

// A name that imitates the fields after the name in /proc/PID/stat.
const odd = path.join(directory, "x) Z 1 1 1 (y)")
if (process.platform === "linux") fs.copyFileSync(which("dash") || "/bin/sh", odd)

// A server that starts a session, closes its channel, and serves the connection until descriptor 3 ends.
const serve = `exec 4<&0
setsid "$@" <&4 3<&- 4<&- &
exec </dev/null >/dev/null 2>&1 4<&-
while read -r line; do :; done <&3`

// A server that does not wait for its children.
const negligent = `exec 4<&0
"$@" <&4 4<&- 5<&- &
exec </dev/null >/dev/null 2>&1 3<&- 4<&-
read -r line <&5`

/** A guardian on a connection that can be cut. */
const connected = (shell: Shell, options: Options & { readonly reaped?: boolean } = {}) =>
  Effect.gen(function*() {
    const place = newDirectory()
    const serving = [sshd, "-c", serve, "sshd", ...commandOf(shell, options)]
    const child = yield* spawn(
      options.reaped === false ? ["/bin/sh", "-c", negligent, "sh", ...serving] : serving,
      { stdio: ["pipe", "pipe", "pipe", "pipe", "ignore", "pipe"] }
    )
    let leader = 0
    const guardian = yield* attach(child, place, () => leader)
    yield* guardian.begins(true)
    const all = processes()
    const servers = new Set(all.filter(({ session }) => session === child.pid).map(({ pid }) => pid))
    const relay = all.find(({ parent, session }) => servers.has(parent) && session !== child.pid)!
    leader = relay.pid
    const wakes = () => fs.readFileSync(`/proc/${relay.parent}/status`, "utf8").match(/^voluntary_ctxt.*/m)![0]
    // As a packet does.
    const wake = Effect.gen(function*() {
      const before = wakes()
      ;(child.stdio[3] as Writable).write("\n")
      yield* eventually("the server has been woken", () => wakes() !== before)
    })
    const cut = Effect.gen(function*() {
      child.stdio[3]!.destroy()
      yield* eventually("the server has ended", () => !processes().some(({ pid }) => pid === relay.parent))
      yield* guardian.tell("tick")
    })
    return { ...guardian, relay: leader, cut, wake }
  })

const add = (pid: number, keep = false) => Add({ pid, start: startOf(pid), keep })

const ended = ({ pid }: { readonly pid: number }) => Ended({ pid })

const end = (pid: number, rounds = 100) => End({ pid, start: Option.none(), rounds })

const linux = process.platform === "linux"

describe.skipIf(!linux)(linux ? "the guardian" : "the guardian: its tests look into /proc", () => {
  for (const shell of full ? [...common, ...others] : common) {
    const installed = which(shell.command[0]) !== ""
    describe.skipIf(!installed)(installed ? shell.name : `${shell.name}: not installed`, () => tests(shell))
  }
})

const tests = (shell: Shell) => {
  it.scopedLive("ends the requested command, and no other", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const [one, other] = yield* Effect.all([sleeper, sleeper])
      yield* guardian.send(Beat(), add(one.pid), add(other.pid), end(one.pid))
      yield* guardian.says(Ended({ pid: one.pid }))
      yield* over(one.pid)
      lives(other.pid)
      // The guardian has forgotten this command.
      yield* guardian.send(end(one.pid))
      yield* guardian.says(Ended({ pid: one.pid }))
      yield* guardian.send(Quit())
      yield* guardian.gone
      lives(other.pid)
    }))

  it.scopedLive("ends all processes of a session, in any group, whether or not it is registered", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const script = "timeout 1000 sleep 1000 & (sleep 1000 &); sleep 1000; :"
      const registered = yield* command(script, 5)
      const unregistered = yield* command(script, 5)
      yield* guardian.send(add(registered.pid), end(registered.pid), end(unregistered.pid))
      yield* guardian.says(ended(registered), ended(unregistered))
      lives(registered.pid, 0)
      lives(unregistered.pid, 0)
      yield* guardian.send(Quit())
      yield* guardian.gone
    }))

  it.scopedLive("ends commands with any process name", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const [one, other] = yield* Effect.all([spawn([odd, "-c", "sleep 1000; :"]), spawn([odd, "-c", "sleep 1000; :"])])
      yield* eventually("they have started", () => members(one.pid).length + members(other.pid).length === 4)
      yield* guardian.send(Add({ pid: one.pid, start: Option.none(), keep: false }), add(other.pid), end(one.pid))
      yield* guardian.says(ended(one))
      yield* guardian.end
      yield* guardian.says(ended(other))
      yield* guardian.gone
      for (const { pid } of [one, other]) lives(pid, 0)
    }))

  // FOUND E1, E2
  for (const awk of [true, false]) {
    it.scopedLive(`neither evaluates nor believes names of processes ${awk ? "that awk reads" : "without awk"}`, () =>
      Effect.gen(function*() {
        const { evilRan, place } = programs("mkdir", "mkfifo", "rm", "rmdir", "sleep", ...(awk ? ["awk"] : []))
        const env = { ...process.env, PATH: place }
        const [one, other, unrelated] = yield* Effect.all([command("sleep 1000 & sleep 1000; :", 3), sleeper, sleeper])
        const strangers = yield* Effect.forEach(
          [one, other].flatMap(({ pid }) => hostileNames(pid, unrelated.pid)),
          stranger
        )
        const guardian = yield* ready(shell, { env })
        yield* guardian.send(add(other.pid), end(one.pid))
        yield* guardian.says(ended(one))
        lives(one.pid, 0)
        yield* guardian.end
        yield* guardian.says(ended(other))
        yield* guardian.gone
        lives(other.pid, 0)
        lives(unrelated.pid)
        assert.deepStrictEqual(strangers.map(({ pid }) => members(pid).length), strangers.map(() => 2))
        assert.isFalse(evilRan())
      }))
  }

  it.scopedLive("ends commands that have a line end in their name", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const named = (name: string) =>
        Effect.tap(
          command(`printf '${name}' >/proc/$$/comm; sleep 1000; :`, 2),
          ({ pid }) => eventually("it has its name", () => fs.readFileSync(`/proc/${pid}/comm`, "latin1") !== "sh\n")
        )
      const [one, other] = yield* Effect.all([named("a\\nb"), named("\\n) Z 1 1 1")])
      yield* guardian.send(Add({ pid: one.pid, start: Option.none(), keep: false }), add(other.pid), end(one.pid))
      yield* guardian.says(ended(one))
      yield* guardian.end
      yield* guardian.says(ended(other))
      yield* guardian.gone
      for (const { pid } of [one, other]) lives(pid, 0)
    }))

  it.scopedLive("kills a command that ignores TERM, after its grace period", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const stubborn = "trap '' TERM; sleep 1000; :"
      const [soon, late, other] = yield* Effect.all([
        command(stubborn, 2),
        command(stubborn, 2),
        sleeper
      ])
      yield* guardian.send(add(soon.pid), end(late.pid, 1_728_000), end(soon.pid, 2))
      yield* guardian.says(ended(soon))
      lives(late.pid, 2)
      lives(other.pid)
      // one that has thought better of it
      yield* guardian.send(end(late.pid, 0))
      yield* guardian.says(ended(late), ended(late))
      yield* guardian.send(Quit())
      yield* guardian.gone
    }))

  it.scopedLive("when its input ends, ends all commands except those to keep or to forget", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const [one, stubborn, kept, background, left] = yield* Effect.all([
        sleeper,
        command("trap '' TERM; sleep 1000; :", 2),
        sleeper,
        orphan,
        orphan
      ])
      yield* guardian.send(add(one.pid), add(stubborn.pid), add(kept.pid, true), add(background.pid), add(left.pid))
      yield* guardian.send(Done({ pid: background.pid }))
      yield* guardian.end
      // the leader of the last is gone, and its session is ended all the same
      yield* guardian.says(ended(one), ended(stubborn), ended(left))
      yield* guardian.gone
      for (const { pid } of [one, stubborn, left]) lives(pid, 0)
      for (const { pid } of [kept, background]) lives(pid)
    }))

  it.scopedLive("ends commands when nobody reads its reports", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const [asked, other] = yield* Effect.all([sleeper, sleeper])
      yield* guardian.send(add(other.pid))
      yield* guardian.heard
      yield* guardian.hangUp
      yield* guardian.tell(`end ${asked.pid} - 100`)
      yield* over(asked.pid)
      yield* over(other.pid)
      yield* guardian.gone
    }))

  it.scopedLive("accepts a late registration", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const [stubborn, late] = yield* Effect.all([command("trap '' TERM; sleep 1000; :", 2), sleeper])
      yield* guardian.tell(`add ${stubborn.pid} - end`, "end-of-input", `add ${late.pid} - end`)
      yield* guardian.says(ended(late), ended(stubborn))
      yield* guardian.end
      yield* guardian.gone
    }))

  it.scopedLive("a client that is silent is gone", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell, { silence: 3 })
      const { pid } = yield* sleeper
      yield* guardian.tell(`add ${pid} - end`, "tick", "tick", "beat", "tick", "tick")
      yield* guardian.send(Beat())
      yield* guardian.heard
      yield* guardian.tell("tick", "tick")
      yield* guardian.heard
      lives(pid)
      yield* guardian.tell("tick")
      yield* guardian.says(Silent(), Ended({ pid }))
      // though its input has not ended
      yield* guardian.gone
    }))

  // FOUND E3, E4
  it.scopedLive("a client whose connection is at work is not gone, though it is silent", () =>
    Effect.gen(function*() {
      const guardian = yield* connected(shell, { silence: 3 })
      const { pid } = yield* sleeper
      yield* guardian.tell(`add ${pid} - end`, "tick", "tick")
      yield* guardian.heard
      for (let round = 0; round < 5; round++) {
        yield* guardian.wake
        yield* guardian.tell("tick", "tick")
        yield* guardian.heard
      }
      lives(pid)
      yield* guardian.tell("tick", "tick")
      yield* guardian.says(Silent(), Ended({ pid }))
      yield* guardian.gone
    }))

  it.scopedLive("output that nobody acknowledges does not count as a sign of life", () =>
    Effect.gen(function*() {
      const sockets = path.join(directory, "sockets")
      const row = (ports: string, retransmits: string) =>
        `   3: 0100007F:${ports} 01 00000000:00000010 01:00000012 ${retransmits}     0        0 3160317 2 0 20 4 29 10 -1\n`
      const [ours, another] = ["A7E1 0100007F:B850", "A7E1 0100007F:B851"]
      const guardian = yield* connected(shell, {
        silence: 3,
        change: (script) =>
          `SSH_CONNECTION='127.0.0.1 47184 127.0.0.1 42977'\n${
            script.replace("/proc/net/tcp /proc/net/tcp6", `'${sockets}'`)
          }`
      })
      const { pid } = yield* sleeper
      yield* guardian.tell(`add ${pid} - end`, "tick")
      yield* guardian.heard
      for (const text of ["", row(another, "00000007"), row(ours, "00000000") + row(another, "00000007")]) {
        fs.writeFileSync(sockets, text)
        yield* guardian.wake
        yield* guardian.tell("tick", "tick")
        yield* guardian.heard
      }
      lives(pid)
      fs.writeFileSync(sockets, row(ours, "00000007") + row(another, "00000000"))
      yield* guardian.wake
      yield* guardian.tell("tick", "tick")
      yield* guardian.says(Silent(), Ended({ pid }))
      yield* guardian.gone
    }))

  it.scopedLive("time passes by itself", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell, { silence: 3, interval: 0.1 })
      yield* guardian.gone
    }))

  it.scopedLive("leaves a process alone that has the id of an ended command", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const others = yield* Effect.all([sleeper, sleeper, sleeper])
      const [asked, closed, unregistered] = others
      const start = Option.some("1")
      yield* guardian.send(
        Add({ pid: asked.pid, start, keep: false }),
        Add({ pid: closed.pid, start, keep: false }),
        end(asked.pid, 0),
        End({ pid: unregistered.pid, start, rounds: 0 })
      )
      yield* guardian.says(ended(asked), ended(unregistered))
      // as is the command that has it now
      yield* guardian.send(add(asked.pid, true), End({ pid: asked.pid, start, rounds: 0 }))
      yield* guardian.says(ended(asked))
      yield* guardian.end
      yield* guardian.says(ended(closed))
      yield* guardian.gone
      for (const { pid } of others) lives(pid)
    }))

  it.scopedLive("a command that is registered after its end is not confused with a later process of its id", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const { pid } = yield* orphan
      yield* guardian.send(Add({ pid, start: Option.none(), keep: false }), end(pid))
      yield* guardian.says(Ended({ pid }))
      lives(pid, 0)
      yield* guardian.send(Quit())
      yield* guardian.gone
    }))

  it.scopedLive("ignores invalid lines", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const witness = yield* sleeper
      const relay = guardian.relay
      const wrong = ["0", "1", "-1", "", "2x", "007", "99999999", "9".repeat(30), "$(id)", "*", String(relay)]
      const lines = [
        ...wrong.flatMap((pid) => [`add ${pid} - end`, `done ${pid}`, `end ${pid} - 0`, `add ${pid} 1 end`]),
        `add ${witness.pid} - maybe`,
        `add ${witness.pid}`,
        `add ${witness.pid} $(id) end`,
        `add ${witness.pid} -1 end`,
        `end ${witness.pid} -`,
        `end ${witness.pid} - x`,
        `end ${witness.pid} - 08`,
        `end ${witness.pid} - 12345678`,
        "nonsense",
        "*",
        "`touch x`",
        "\\c\\n",
        ""
      ]
      yield* guardian.write(`${lines.join("\n")}\n`)
      yield* guardian.write("tick\nend-of-input\nlast\nsent\nover 0\norphan\n")
      yield* guardian.write(Uint8Array.from({ length: 256 }, (_, index) => index))
      yield* guardian.write(`\nbeat ${"x".repeat(5000)}\n${" ".repeat(20_000)}\nadd ${"9".repeat(5000)} - end\n`)
      yield* guardian.heard
      yield* guardian.tell(...lines)
      yield* guardian.heard
      yield* guardian.write(`add ${witness.pid} - end`)
      // that line has no end
      yield* guardian.end
      yield* guardian.gone
      lives(witness.pid)
    }))

  it.scopedLive("two hundred at once", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const all = yield* Effect.all(Arr.makeBy(200, () => sleeper))
      const [asked, closed] = [all.slice(0, 100), all.slice(100)]
      for (const { pid } of all) yield* guardian.tell(`add ${pid} - end`)
      yield* guardian.heard
      yield* guardian.send(...asked.map(({ pid }) => end(pid)))
      yield* guardian.says(...asked.map(ended))
      assert.deepStrictEqual(all.filter(runs()), closed)
      yield* guardian.end
      yield* guardian.says(...closed.map(ended))
      yield* guardian.gone
      assert.deepStrictEqual(all.filter(runs()), [])
    }), 60_000)

  it.scopedLive("if it cannot start, reports the reason and leaves no files", () =>
    Effect.gen(function*() {
      const taken = newDirectory()
      fs.mkdirSync(path.join(taken, "guardian"), { recursive: true })
      const refused = yield* make(shell, { directory: taken })
      yield* refused.says(Unable({ detail: `mkdir: cannot create directory '${taken}': File exists` }))
      yield* refused.closed
      assert.deepStrictEqual(fs.readdirSync(taken), ["guardian"])
      const programs = fs.mkdtempSync(path.join(directory, "programs-"))
      for (const name of ["mkdir", "rm", "rmdir"]) fs.symlinkSync(which(name), path.join(programs, name))
      const lacking = newDirectory()
      const without = yield* make(shell, { directory: lacking, env: { PATH: programs } })
      yield* without.closed
      assert.isFalse(fs.existsSync(lacking))
    }))

  it.scopedLive("its processes and files do not outlive its main process", () =>
    Effect.gen(function*() {
      const { pid } = yield* sleeper
      const terminated = yield* ready(shell)
      yield* terminated.send(add(pid))
      yield* terminated.heard
      process.kill(main(terminated).pid, "SIGTERM")
      yield* terminated.gone
      const killed = yield* ready(shell, { interval: 0.1 })
      process.kill(main(killed).pid, "SIGKILL")
      yield* eventually("all but the relay are gone", () => killed.processes().length === 1)
      yield* killed.send(Beat())
      yield* killed.gone
      lives(pid)
    }))

  it.scopedLive("without an sshd it cannot be detached, and ends nothing then", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const { pid } = yield* sleeper
      yield* guardian.send(add(pid), Detach())
      yield* guardian.says(Undetachable())
      yield* guardian.gone
      lives(pid)
    }))

  it.scopedLive("detached, it lets the channel go and stays until another takes its place", () =>
    Effect.gen(function*() {
      const guardian = yield* connected(shell)
      const [first, second, kept] = yield* Effect.all([sleeper, sleeper, sleeper])
      yield* guardian.send(add(first.pid), add(kept.pid, true), Detach())
      yield* guardian.says(Detached())
      yield* guardian.closed
      yield* guardian.tell("tick", `add ${second.pid} - end`, "tick")
      for (const { pid } of [first, second, kept]) lives(pid)
      first.kill("SIGKILL")
      yield* over(first.pid)
      yield* guardian.tell("tick", "tick")
      assert.isTrue(fs.existsSync(guardian.directory))
      second.kill("SIGKILL")
      yield* over(second.pid)
      yield* guardian.tell("tick", "tick")
      assert.isTrue(fs.existsSync(guardian.directory))
      const successor = yield* ready(shell)
      yield* successor.send(Guardians.Request.Retire(guardian.process))
      yield* guardian.gone
      lives(kept.pid)
      yield* successor.send(Quit())
      yield* successor.gone
    }))

  // FOUND A11
  it.scopedLive("is replaced and quits after its directory has gone, and ends nothing", () =>
    Effect.gen(function*() {
      const { pid } = yield* sleeper
      const cleaned = (guardian: Guardian) => fs.rmSync(guardian.directory, { recursive: true })
      const attached = yield* ready(shell)
      const detached = yield* connected(shell)
      yield* attached.send(add(pid))
      yield* detached.send(add(pid), Detach())
      yield* detached.says(Detached())
      cleaned(attached)
      cleaned(detached)
      const successor = yield* ready(shell)
      // Another process that has its id since is left alone.
      yield* successor.send(add(pid), Guardians.Request.Retire({ ...detached.process, start: "1" }))
      yield* successor.heard
      assert.isNotEmpty(detached.processes())
      yield* attached.send(Quit())
      yield* successor.send(Guardians.Request.Retire(detached.process))
      yield* attached.gone
      yield* detached.gone
      lives(pid)
      yield* successor.send(Quit())
      yield* successor.gone
    }))

  // FOUND E12
  it.scopedLive("uses another directory if one with its first name exists", () =>
    Effect.gen(function*() {
      const [made, linked] = [newDirectory(), newDirectory()]
      fs.mkdirSync(made)
      fs.symlinkSync("/nowhere", linked)
      const guardian = yield* ready(shell, { taken: [made, linked] })
      assert.notInclude(fs.readFileSync(`/proc/${guardian.relay}/cmdline`, "latin1"), nameOf(guardian.directory))
      assert.strictEqual(fs.statSync(guardian.directory).mode & 0o7777, 0o700)
      yield* guardian.send(Quit())
      yield* guardian.gone
      assert.deepStrictEqual(fs.readdirSync(made), [])
      assert.strictEqual(fs.readlinkSync(linked), "/nowhere")
    }))

  it.scopedLive("does not remove an entry of another process at its directory's path", () =>
    Effect.gen(function*() {
      const elsewhere = fs.mkdtempSync(path.join(directory, "elsewhere-"))
      fs.writeFileSync(path.join(elsewhere, "guardian"), "kept")
      const [linked, replaced] = yield* Effect.all([ready(shell), ready(shell)])
      for (const guardian of [linked, replaced]) fs.renameSync(guardian.directory, `${guardian.directory}-moved`)
      fs.symlinkSync(elsewhere, linked.directory)
      fs.mkdirSync(replaced.directory)
      fs.writeFileSync(path.join(replaced.directory, "guardian"), "kept")
      for (const guardian of [linked, replaced]) {
        yield* guardian.send(Quit())
        yield* guardian.closed
        assert.strictEqual(fs.readFileSync(path.join(guardian.directory, "guardian"), "utf8"), "kept")
        assert.deepStrictEqual(fs.readdirSync(`${guardian.directory}-moved`), [])
      }
    }))

  it.scopedLive("detached, it ends all when the connection does", () =>
    Effect.gen(function*() {
      const guardian = yield* connected(shell)
      const [one, asked, kept] = yield* Effect.all([sleeper, command("trap '' TERM; sleep 1000; :", 2), sleeper])
      yield* guardian.send(add(one.pid), add(kept.pid, true), end(asked.pid, 1_728_000), Detach())
      yield* guardian.says(Detached())
      yield* guardian.closed
      yield* guardian.cut
      yield* guardian.gone
      for (const { pid } of [one, asked]) lives(pid, 0)
      lives(kept.pid)
    }))

  it.scopedLive("an sshd that nobody waits for has ended too", () =>
    Effect.gen(function*() {
      const guardian = yield* connected(shell, { reaped: false })
      const { pid } = yield* sleeper
      yield* guardian.send(add(pid), Detach())
      yield* guardian.says(Detached())
      yield* guardian.cut
      yield* guardian.gone
      lives(pid, 0)
    }))

  it.scopedLive("a relay that is killed detaches it, or ends all", () =>
    Effect.gen(function*() {
      const killRelay = ({ processes, relay }: Guardian) =>
        Effect.suspend(() => {
          kill(relay)
          return eventually("the relay has ended", () => !processes().some(({ pid }) => pid === relay))
        })
      const [one, other] = yield* Effect.all([sleeper, sleeper])
      const detachable = yield* connected(shell)
      yield* detachable.send(add(one.pid))
      yield* detachable.heard
      yield* killRelay(detachable)
      yield* detachable.tell("tick")
      yield* detachable.says(Detached())
      yield* detachable.closed
      lives(one.pid)
      yield* detachable.cut
      yield* detachable.gone
      lives(one.pid, 0)
      const undetachable = yield* ready(shell)
      yield* undetachable.send(add(other.pid))
      yield* undetachable.heard
      yield* killRelay(undetachable)
      yield* undetachable.tell("tick")
      yield* undetachable.says(ended(other))
      yield* undetachable.gone
    }))

  it.scopedLive("reads the last line of the relay before its end", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const { pid } = yield* sleeper
      yield* guardian.send(add(pid))
      yield* guardian.heard
      // stopped, so that it finds a tick and the relay's end at once
      const { pid: stopped } = main(guardian)
      process.kill(stopped, "SIGSTOP")
      yield* guardian.tell("tick")
      yield* guardian.send(Quit())
      yield* eventually("the relay has ended", () => !guardian.processes().some(({ pid }) => pid === guardian.relay))
      process.kill(stopped, "SIGCONT")
      yield* guardian.gone
      lives(pid)
    }))

  it.scopedLive("works without /proc", () =>
    Effect.gen(function*() {
      // `ps` of Linux looks into it, and says what it computes from the time of day
      const programs = fs.mkdtempSync(path.join(directory, "programs-"))
      fs.writeFileSync(
        path.join(programs, "ps"),
        `#!/bin/sh\nread -r line <"/proc/$4/stat" || exit\nset -- \${line##*') '}\necho "Thu Nov \${20} 2024"\n`,
        { mode: 0o755 }
      )
      const guardian = yield* ready(shell, {
        change: (script) => script.replaceAll("/proc/", "/nowhere/"),
        env: { ...process.env, PATH: `${programs}:${process.env.PATH}` }
      })
      const [one, other, reused, stubborn, done] = yield* Effect.all([
        sleeper,
        command("sleep 1000 & sleep 1000; :", 3),
        sleeper,
        command("trap '' TERM; sleep 1000; :", 2),
        sleeper
      ])
      const unknown = { start: Option.none(), keep: false }
      yield* guardian.send(
        ...[one, other, stubborn, done].map(({ pid }) => Add({ pid, ...unknown })),
        Add({ pid: reused.pid, start: Option.some("_Thu_Nov_1_2024"), keep: false }),
        Done({ pid: done.pid }),
        end(one.pid),
        end(reused.pid)
      )
      yield* guardian.says(ended(one), ended(reused))
      yield* guardian.end
      yield* guardian.says(ended(other), ended(stubborn))
      yield* guardian.gone
      for (const { pid } of [one, other, stubborn]) lives(pid, 0)
      for (const { pid } of [reused, done]) lives(pid)
    }))

  // FOUND E12
  it.scopedLive("a command does not register in a directory that is a link, or that belongs to another user", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const linked = newDirectory()
      fs.symlinkSync(guardian.directory, linked)
      const foreign = newDirectory()
      fs.mkdirSync(foreign)
      childProcess.execFileSync("mkfifo", [guardians.fifo(foreign)])
      if (process.getuid?.() === 0) fs.chownSync(foreign, 65534, 65534)
      const words = [which(shell.command[0]), ...shell.command.slice(1)].join(" ")
      const run = (place: string) =>
        childProcess.spawnSync("/bin/sh", ["-c", Frame.launchLine.replaceAll("/bin/sh", words)], {
          encoding: "utf8",
          input: Buffer.from(Frame.encode({
            marker: "f00d",
            guard: Option.some({ fifo: guardians.fifo(place), keep: false }),
            stages: [{ words: ["true"], directory: Option.none(), environment: [], clearEnvironment: false }],
            terminal: Option.none()
          }))
        }).stderr
      assert.match(run(linked), /f00d unguarded\n$/)
      assert.match(run(guardian.directory), /f00d started \d+ stderr\n$/)
      // That of another user can be made by root alone.
      if (process.getuid?.() === 0) assert.match(run(foreign), /f00d unguarded\n$/)
      yield* guardian.send(Quit())
      yield* guardian.gone
    }))

  it.scopedLive("a command that is launched registers itself", () =>
    Effect.gen(function*() {
      const guardian = yield* ready(shell)
      const launch = (keep: boolean) =>
        Effect.gen(function*() {
          const child = yield* spawn(["/bin/sh", "-c", Frame.launchLine], { stdio: ["pipe", "pipe", "ignore"] })
          const started = yield* Deferred.make<void>()
          child.stdout!.once("data", () => Deferred.unsafeDone(started, Exit.void))
          child.stdin!.write(Frame.encode({
            marker: "f00d",
            guard: Option.some({ fifo: guardians.fifo(guardian.directory), keep }),
            stages: [{
              words: ["sleep", "1000"],
              directory: Option.none(),
              environment: [],
              clearEnvironment: false
            }],
            terminal: Option.none()
          }))
          yield* within("it is started", Deferred.await(started))
          return child
        })
      const [one, other, kept] = yield* Effect.all([launch(false), launch(false), launch(true)])
      yield* guardian.send(end(one.pid))
      yield* guardian.says(ended(one))
      yield* guardian.end
      yield* guardian.says(ended(other))
      yield* guardian.gone
      lives(kept.pid)
    }))
}

describe.skipIf(!linux)("terminate", () => {
  it.scopedLive("ends a session as the guardian does", () =>
    Effect.gen(function*() {
      const { pid } = yield* command("timeout 1000 sleep 1000 & trap '' TERM; sleep 1000; :", 4)
      const [program, ...args] = terminate.group(pid, 100).words
      const child = yield* spawn([program, ...args])
      yield* within(
        "it ends",
        Effect.async<void>((resume) => void child.once("exit", () => resume(Effect.void)))
      )
      lives(pid, 0)
    }))

  // FOUND E1, E2
  it.scopedLive("neither evaluates nor trusts names of processes", () =>
    Effect.gen(function*() {
      const { evilRan, place } = programs("awk", "sleep")
      const [{ pid }, unrelated] = yield* Effect.all([command("sleep 1000 & sleep 1000; :", 3), sleeper])
      const strangers = yield* Effect.forEach(hostileNames(pid, unrelated.pid), stranger)
      const [program, ...args] = terminate.group(pid, 100).words
      const child = yield* spawn([program, ...args], { stdio: "ignore", env: { ...process.env, PATH: place } })
      yield* within(
        "it ends",
        Effect.async<void>((resume) => void child.once("exit", () => resume(Effect.void)))
      )
      lives(pid, 0)
      lives(unrelated.pid)
      assert.deepStrictEqual(strangers.map(({ pid }) => members(pid).length), strangers.map(() => 2))
      assert.isFalse(evilRan())
    }))
})
