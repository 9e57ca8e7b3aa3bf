/**
 * Runs the command line of a channel. The host understands the lines that clients of this library send. Its shell runs any other
 * line.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import { ExitStatus } from "@effect-remote/core/Transport"
import * as Frame from "@effect-remote/core/unstable/Frame"
import * as Guardian from "@effect-remote/core/unstable/Guardian"
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as lacks from "../program/lacks.js"
import * as pipes from "../program/pipe.js"
import { type Invocation, type Lookup, type Program, ProgramExit } from "../program/program.js"
import * as running from "../program/running.js"
import type { SftpFileSystem } from "../sftp/sftpFileSystem.js"
import * as bytes from "../shell/bytes.js"
import * as directories from "../shell/directories.js"
import * as identity from "../shell/identity.js"
import { type Connection, firstLine, type HostChannel } from "./connection.js"
import type { Guardians } from "./guardian.js"
import type { Processes } from "./processes.js"
import * as terminals from "./terminal.js"

/** @internal */
export interface Commands {
  readonly serve: (
    line: string,
    hasTerminal: boolean,
    channel: HostChannel,
    connection: Connection
  ) => Effect.Effect<void>
}

/** @internal */
export interface Options {
  readonly processes: Processes
  readonly guardians: Guardians
  readonly lookup: Lookup
  readonly lacks: lacks.Lacks
  readonly files: SftpFileSystem
  /** Of a login. */
  readonly environment: ReadonlyMap<string, string>
  /** Records a program of a command. */
  readonly seen: (program: Program) => Program
}

const statusOf = ProgramExit.$match({
  Code: ({ code }) => ExitStatus.Code({ code }),
  Signal: ({ signal }) => ExitStatus.Signal({ signal: Option.some(`SIG${signal}`) })
})

// As bash has it where a part of a pipeline was ended by a signal.
const codeOf = ProgramExit.$match({
  Code: ({ code }) => code,
  Signal: ({ signal }) => 128 + (signalNumbers[signal] ?? 0)
})

const signalNumbers: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ABRT: 6,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15
}

// Linux's limits for one word, and for all words and variables with a stack of 8 MiB.
const longestWord = 128 * 1024
const mostOfWords = 2 * 1024 * 1024

const isTooLong = (words: ReadonlyArray<string>, variables: ReadonlyMap<string, string>): boolean => {
  const all = [...words, ...Array.from(variables, ([name, value]) => `${name}=${value}`)]
  // As it nearly always is.
  if (all.reduce((sum, { length }) => sum + length, 0) < longestWord / 4) return false
  const sizes = all.map((word) => Sftp.encodeName(word).length + 1)
  return sizes.some((size) => size > longestWord) || sizes.reduce((sum, size) => sum + size, 0) > mostOfWords
}

// The exit code of a program that SIGPIPE ended.
const brokenPipe = 141

// The exit code of dash's `cd`.
const noDirectory = 2

// Stands in for a missing program, to report a fault of the test.
const missing: Program = ({ words: [name] }) => Effect.as(lacks.program(name), ProgramExit.Code({ code: 127 }))

type Streams = Pick<Invocation, "stdin" | "stdout" | "stderr">

interface Ready {
  readonly _tag: "Ready"
  readonly program: Program
  readonly invocation: Pick<Invocation, "words" | "environment" | "directory" | "files">
}

interface Refused {
  readonly _tag: "Refused"
  readonly report: Extract<Frame.Report, { readonly _tag: "Failed" }>
  /** The message of the shell that was to run the program. */
  readonly words: string
}

type Prepared = Ready | Refused

// A terminal writes line ends as CR LF.
const cooked = (write: Invocation["stdout"]): Invocation["stdout"] => (bytes) => {
  if (!bytes.includes(10)) return write(bytes)
  const ended = new Uint8Array(bytes.length * 2)
  let size = 0
  for (const byte of bytes) {
    if (byte === 10) ended[size++] = 13
    ended[size++] = byte
  }
  return write(ended.subarray(0, size))
}

const withRest = (rest: Uint8Array, read: Streams["stdin"]): Streams["stdin"] => {
  let left = rest
  return Effect.suspend(() => {
    if (left.length === 0) return read
    const bytes = left
    left = left.subarray(left.length)
    return Effect.succeedSome(bytes)
  })
}

const reportStart = (marker: string, pid: number, streams: Streams): Effect.Effect<boolean> =>
  Effect.flatMap(
    streams.stdout(Frame.encodeReport(marker, { _tag: "Started", pid, on: "stdout" })),
    (isRead) =>
      isRead
        ? streams.stderr(Frame.encodeReport(marker, { _tag: "Started", pid, on: "stderr" }))
        : Effect.succeed(false)
  )

const refused = (step: Frame.Step, code: number, words = ""): Refused => ({
  _tag: "Refused",
  report: { _tag: "Failed", step, code },
  words: words === "" ? "" : `/bin/sh: 1: ${words}\n`
})

// Without links, as after `cd -P`.
const enter = (host: Options, path: string): Effect.Effect<Option.Option<string>> => {
  const absolute = path.startsWith("/") ? path : `${host.files.home}/${path}`
  return Effect.option(Effect.zipRight(
    Effect.filterOrFail(host.files.stat(`${absolute}/.`), directories.isDirectory),
    Effect.map(directories.real(host.files, bytes.fromText(absolute), false), bytes.toText)
  ))
}

const prepare = (
  host: Options,
  { clearEnvironment, directory, environment: own, words }: Frame.Stage
): Effect.Effect<Prepared> =>
  Effect.gen(function*() {
    const entered = Option.isNone(directory) ? Option.some(host.files.home) : yield* enter(host, directory.value)
    if (Option.isNone(entered)) {
      const path = Option.getOrElse(directory, () => host.files.home)
      return refused("directory", noDirectory, `cd: can't cd to ${path.startsWith("/") ? path : `./${path}`}`)
    }
    const variables = new Map(clearEnvironment ? [] : host.environment)
    for (const [name, value] of own) variables.set(name, value)
    if (!clearEnvironment) variables.set("PWD", entered.value)
    const invocation = { words, environment: variables, directory: entered.value, files: host.files }
    const path = variables.get("PATH") ?? host.environment.get("PATH") ?? ""
    const program = yield* host.lookup({ ...invocation, environment: new Map([...variables, ["PATH", path]]) })
    if (Option.isSome(program)) {
      return isTooLong(words, variables)
        ? refused("exec", 126, `exec: ${words[0]}: Argument list too long`)
        : { _tag: "Ready", program: program.value, invocation }
    }
    const [name] = words
    const file = name.startsWith("/") ? name : `${entered.value}/${name}`
    const isThere = name.includes("/") && (yield* Effect.isSuccess(host.files.stat(file)))
    if (!isThere) {
      return host.lacks.isFault
        ? { _tag: "Ready", program: missing, invocation }
        : refused("program", 127)
    }
    const found = yield* Effect.option(Effect.filterOrFail(host.files.stat(file), directories.isRegular))
    const mayRun = Option.isSome(found) && (yield* identity.mayAccess(host.files, file, 1))
    return refused("exec", 126, `exec: ${name}: ${mayRun ? "Exec format error" : "Permission denied"}`)
  })

const runProgram = (host: Options, { invocation, program }: Ready, streams: Streams): Effect.Effect<ProgramExit> =>
  host.seen(program)({ ...invocation, ...streams })

const start = (
  host: Options,
  pid: number,
  channel: HostChannel,
  command: Effect.Effect<ProgramExit>,
  isLeader = true
): Effect.Effect<void> =>
  Effect.asVoid(host.processes.start(
    pid,
    Effect.locally(command, running.current, { pid, isLeader, lacks: host.lacks.report(channel.die) }),
    (exit) => channel.exit(statusOf(exit))
  ))

const pipeline = (
  host: Options,
  stages: Arr.NonEmptyReadonlyArray<Frame.Stage>,
  streams: Streams,
  refuse: (refused: Refused) => Effect.Effect<unknown>,
  failed: Option.Option<(codes: ReadonlyArray<number>) => Effect.Effect<unknown>>
): Effect.Effect<ProgramExit> =>
  Effect.suspend(() => {
    const between = stages.slice(1).map(() => pipes.make())
    const parts = stages.map((stage, index) => {
      const [before, behind] = [between[index - 1], between[index]]
      const own: Streams = {
        stdin: before?.read ?? streams.stdin,
        stdout: behind?.write ?? streams.stdout,
        stderr: streams.stderr
      }
      return Effect.flatMap(
        prepare(host, stage),
        (prepared) =>
          prepared._tag === "Ready"
            ? runProgram(host, prepared, own)
            : Effect.as(refuse(prepared), ProgramExit.Code({ code: prepared.report.code }))
      ).pipe(Effect.ensuring(Effect.zipRight(before?.close ?? Effect.void, behind?.end ?? Effect.void)))
    })
    return Effect.flatMap(Effect.all(parts, { concurrency: "unbounded" }), (exits) => {
      const codes = exits.map(codeOf)
      const last = codes.at(-1) ?? 0
      if (Option.isNone(failed)) return Effect.succeed(ProgramExit.Code({ code: last }))
      const code = last !== 0 ? last : codes.filter((code) => code !== 0 && code !== brokenPipe).at(-1) ?? 0
      return Effect.as(code === 0 ? Effect.void : failed.value(codes), ProgramExit.Code({ code }))
    })
  })

const command = (
  host: Options,
  { guard, marker, pipefail, stages }: Required<Frame.Frame>,
  streams: Streams,
  channel: HostChannel
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const pid = host.processes.nextPid()
    const report = (report: Frame.Report) => streams.stderr(Frame.encodeReport(marker, report))
    const end = (code: number) => channel.exit(ExitStatus.Code({ code }))
    const single = stages.length === 1 ? yield* prepare(host, stages[0]) : undefined
    const refuse = ({ report: failed, words }: Refused) =>
      Effect.zipRight(streams.stderr(Sftp.encodeName(words)), report(failed))
    // A failed exec ends a command that has started
    if (single?._tag === "Refused" && single.report.step !== "exec") {
      yield* refuse(single)
      return yield* end(single.report.code)
    }
    if (Option.isSome(guard) && !host.guardians.register(guard.value.fifo, pid, guard.value.keep)) {
      yield* report({ _tag: "Unguarded" })
      return yield* end(1)
    }
    // If the client no longer reads, the command is not run.
    if (!(yield* reportStart(marker, pid, streams))) return yield* end(1)
    yield* start(
      host,
      pid,
      channel,
      single === undefined
        ? pipeline(
          host,
          stages,
          streams,
          refuse,
          pipefail
            ? Option.some((codes) =>
              report({ _tag: "Stages", codes: codes.map((code, index) => [index + 1, code] as const) })
            )
            : Option.none()
        )
        : single._tag === "Ready"
        ? runProgram(host, single, streams)
        : Effect.as(refuse(single), ProgramExit.Code({ code: single.report.code })),
      single !== undefined
    )
  })

const task = (
  host: Options,
  task: Guardian.Task,
  marker: string,
  streams: Streams,
  channel: HostChannel,
  connection: Connection
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const pid = host.processes.nextPid()
    yield* reportStart(marker, pid, streams)
    switch (task._tag) {
      case "Guard":
        return yield* host.guardians.serve(task, pid, channel, connection, streams.stdin)
      case "End":
        yield* host.processes.end(task.pid, task.rounds)
        return yield* channel.exit(ExitStatus.Code({ code: 0 }))
      case "Signal":
        if (!isSignal(task.name)) {
          yield* streams.stderr(new TextEncoder().encode(`sh: kill: bad signal: ${task.name}\n`))
          return yield* channel.exit(ExitStatus.Code({ code: 1 }))
        }
        yield* host.processes.signal(task.pid, task.name)
        return yield* channel.exit(ExitStatus.Code({ code: 0 }))
    }
  })

const framed = (
  host: Options,
  decoded: Either.Either<Required<Frame.Frame>, string>,
  streams: Streams,
  channel: HostChannel,
  connection: Connection
): Effect.Effect<void> =>
  Either.match(decoded, {
    onLeft: (detail) =>
      Effect.zipRight(
        streams.stderr(new TextEncoder().encode(`InMemoryHost does not understand this frame: ${detail}\n`)),
        channel.exit(ExitStatus.Code({ code: 2 }))
      ),
    onRight: (frame) => {
      const own = frame.stages.length === 1 ? Guardian.decodeTask(frame.stages[0]) : Option.none()
      return Option.match(own, {
        onNone: () => command(host, frame, streams, channel),
        onSome: (found) => task(host, found, frame.marker, streams, channel, connection)
      })
    }
  })

const bare = (host: Options, line: string, streams: Streams, channel: HostChannel): Effect.Effect<void> =>
  Effect.flatMap(
    prepare(host, { words: ["sh", "-c", line], directory: Option.none(), environment: [], clearEnvironment: false }),
    (prepared) =>
      prepared._tag === "Refused"
        ? channel.exit(ExitStatus.Code({ code: prepared.report.code }))
        : start(host, host.processes.nextPid(), channel, runProgram(host, prepared, streams))
  )

const serve = (
  host: Options,
  line: string,
  streams: Streams,
  channel: HostChannel,
  connection: Connection
): Effect.Effect<void> => {
  if (line === Frame.launchLine) {
    return Effect.flatMap(
      firstLine({ read: streams.stdin }),
      Option.match({
        onNone: () => channel.exit(ExitStatus.Code({ code: 1 })),
        onSome: ({ line, rest }) =>
          framed(host, Frame.decode(line), { ...streams, stdin: withRest(rest, streams.stdin) }, channel, connection)
      })
    )
  }
  return Option.match(Frame.decodeTerminalLine(line), {
    onNone: () => bare(host, line, streams, channel),
    onSome: (decoded) => framed(host, decoded, streams, channel, connection)
  })
}

/** @internal */
export const make = (host: Options): Commands => {
  return {
    serve: (line, hasTerminal, channel, connection) => {
      if (!hasTerminal) {
        const { stderr, stdin, stdout } = channel
        return serve(host, line, { stdin: stdin.read, stdout, stderr }, channel, connection)
      }
      const output = cooked(channel.stdout)
      return Effect.flatMap(
        terminals.make(channel.stdin.read, output),
        ({ run, stdin }) =>
          Effect.zipRight(serve(host, line, { stdin, stdout: output, stderr: output }, channel, connection), run)
      )
    }
  }
}

const signalNames = new Set([
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU",
  "XFSZ VTALRM PROF WINCH IO PWR SYS"
].flatMap((names) => names.split(" ")))

const isSignal = (name: string): boolean => signalNames.has(name)
