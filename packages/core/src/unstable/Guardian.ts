/**
 * The protocol of the guardian. A client runs this program on the host, to end commands after the connection is lost. Client
 * and guardian exchange lines of words, with one space between words. They begin after the frame's own report on stdout.
 *
 * Unstable: shared by this library's packages, and may change in any release.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as text from "../internal/lib/text.js"
import * as guardian from "../internal/scripts/guardian.js"
import * as terminate from "../internal/scripts/terminate.js"
import type { Stage } from "./Frame.js"

/**
 * A program that a client runs on a host for itself, not for its user.
 *
 * - `Guard`: runs the guardian, in a directory that begins with `prefix`. `interval` is in seconds. After `silence` intervals
 *   without a beat, the client counts as gone. `silence` 0: never.
 * - `End`: does the same as the request `End`, without a guardian.
 * - `Signal`: sends one signal, named without `SIG`, to a process group.
 *
 * @since 0.1.0
 * @category models
 */
export type Task = Data.TaggedEnum<{
  Guard: { readonly prefix: string; readonly silence: number; readonly interval: number }
  End: { readonly pid: number; readonly rounds: number }
  Signal: { readonly pid: number; readonly name: string }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Task = Data.taggedEnum<Task>()

// The shell, its option, the script and its name. The arguments follow.
const constantWords = 4

const programs = {
  guard: guardian.guardian({ prefix: "", silence: 0, interval: 0 }),
  end: terminate.group(0, 0),
  signal: terminate.signal(0, "")
}

/**
 * Decodes the task of a program that a client runs. `None` if it is a command of its user. For hosts without a shell.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeTask = ({ words }: Stage): Option.Option<Task> => {
  const is = (program: Stage) =>
    words.length === program.words.length &&
    program.words.slice(0, constantWords).every((word, index) => word === words[index])
  const [first = "", second = "", third = ""] = words.slice(constantWords)
  if (is(programs.guard)) {
    return Option.some(Task.Guard({ prefix: first, silence: Number(second), interval: Number(third) }))
  }
  if (is(programs.end)) return Option.some(Task.End({ pid: Number(first), rounds: Number(second) }))
  return is(programs.signal) ? Option.some(Task.Signal({ pid: Number(first), name: second })) : Option.none()
}

/**
 * The path of the FIFO through which commands register with the guardian of this name.
 *
 * @since 0.1.0
 * @category paths
 */
export const fifo = (prefix: string, name: string): string => guardian.fifo(prefix + name)

/**
 * A request to the guardian.
 *
 * - `Claim`: proposes names for the guardian's directory. The guardian uses the first one that is free. This is the first
 *   request.
 * - `Beat`: shows that the client is alive.
 * - `Add`: a command runs. Commands send this themselves when they are launched (`guard` of a frame).
 * - `Done`: a command has ended normally. Processes that it left running live on.
 * - `End`: sends TERM to all processes of a command, and KILL after `rounds` (see `terminate.rounds`).
 * - `Detach`: closes the channel. The guardian then watches the connection until it ends.
 * - `Retire`: makes another guardian quit. `pid` and `start` are those of its `Ready`. Its commands were added to this one.
 * - `Quit`: ends the guardian. It ends no command.
 *
 * `start` is the start time of the process, in the host's own format.
 *
 * @since 0.1.0
 * @category models
 */
export type Request = Data.TaggedEnum<{
  Claim: { readonly names: ReadonlyArray<string> }
  Beat: {}
  Add: { readonly pid: number; readonly start: Option.Option<string>; readonly keep: boolean }
  Done: { readonly pid: number }
  End: { readonly pid: number; readonly start: Option.Option<string>; readonly rounds: number }
  Detach: {}
  Retire: { readonly pid: number; readonly start: string }
  Quit: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Request = Data.taggedEnum<Request>()

/**
 * A report of the guardian.
 *
 * - `Ready`: the guardian watches, under one of the names. `detachable`: whether it can be detached. `pid` and `start` are
 *   those of the process to retire.
 * - `Unable`: the guardian could not start, and has ended.
 * - `Ended`: no process of the command is left. It answers each `End`, unless a process survives even KILL. It also comes
 *   without a request when the guardian ended the command because the client seems gone.
 * - `Silent`: the client sent nothing for `silence` intervals. The guardian ends all commands that are not to be kept. If they
 *   fail from now on, the guardian is the cause.
 * - `Detached`: the last report. It also comes without a request if the guardian's process on the channel was killed.
 * - `Undetachable`: the guardian cannot detach, and has ended. Answers `Detach`.
 *
 * @since 0.1.0
 * @category models
 */
export type Report = Data.TaggedEnum<{
  Ready: {
    readonly detachable: boolean
    readonly name: string
    readonly pid: number
    readonly start: Option.Option<string>
  }
  Unable: { readonly detail: string }
  Ended: { readonly pid: number }
  Silent: {}
  Detached: {}
  Undetachable: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Report = Data.taggedEnum<Report>()

/**
 * A message that cannot be encoded, or a line that is not part of the protocol.
 *
 * @since 0.1.0
 * @category errors
 */
export class LineError extends Data.TaggedError("LineError")<{ readonly message: string }> {}

type Parse<A> = (words: ReadonlyArray<string>) => Option.Option<A>

// Encodes only lines that the other side can decode.
const encode = <A>(words: ReadonlyArray<string>, parse: Parse<A>): Either.Either<Uint8Array, LineError> => {
  const line = words.join(" ")
  return Either.map(decode(line, parse), () => text.encode(`${line}\n`))
}

const decode = <A>(line: string, parse: Parse<A>): Either.Either<A, LineError> =>
  Either.fromOption(
    parse(line.split(" ")),
    () => new LineError({ message: `${JSON.stringify(line)} is not a line of the protocol` })
  )

const number = (word: string | undefined, least: number, most: number): Option.Option<number> =>
  Option.filter(
    Option.some(/^(0|[1-9]\d{0,7})$/.test(word ?? "") ? Number(word) : NaN),
    (value) => value >= least && value <= most
  )

// Linux assigns ids up to 2^22. Id 1 is init, and 0 would mean the sender's whole group: neither is a command.
const pid = (word: string | undefined) => number(word, 2, 4_194_304)

const rounds = (word: string | undefined) => number(word, 0, 9_999_999)

const start = (word: string | undefined): Option.Option<Option.Option<string>> =>
  word === "-"
    ? Option.some(Option.none())
    : /^[A-Za-z0-9:_][A-Za-z0-9:_-]{0,39}$/.test(word ?? "")
    ? Option.some(Option.fromNullable(word))
    : Option.none()

const name = (word: string | undefined): Option.Option<string> =>
  Option.filter(Option.fromNullable(word), (word) => /^[0-9a-f]{32}$/.test(word))

const keep = (word: string | undefined): Option.Option<boolean> =>
  word === "keep" || word === "end" ? Option.some(word === "keep") : Option.none()

const detachable = (word: string | undefined): Option.Option<boolean> =>
  word === "1" || word === "0" ? Option.some(word === "1") : Option.none()

const bare = <A>(words: ReadonlyArray<string>, value: A): Option.Option<A> =>
  words.length === 0 ? Option.some(value) : Option.none()

const requestWords = Request.$match({
  Claim: ({ names }) => ["claim", ...names],
  Beat: () => ["beat"],
  Add: ({ keep, pid, start }) => ["add", String(pid), Option.getOrElse(start, () => "-"), keep ? "keep" : "end"],
  Done: ({ pid }) => ["done", String(pid)],
  End: ({ pid, rounds, start }) => ["end", String(pid), Option.getOrElse(start, () => "-"), String(rounds)],
  Detach: () => ["detach"],
  Retire: ({ pid, start }) => ["retire", String(pid), start],
  Quit: () => ["quit"]
})

const parseRequest: Parse<Request> = ([verb, ...words]) => {
  const [first, second, third, ...rest] = words
  if (rest.length > 0) return Option.none()
  switch (verb) {
    case "claim":
      return Option.filter(
        Option.map(Option.all(words.map(name)), (names) => Request.Claim({ names })),
        ({ names }) => names.length > 0 && names.length <= 10
      )
    case "beat":
      return bare(words, Request.Beat())
    case "add":
      return Option.map(
        Option.all({ pid: pid(first), start: start(second), keep: keep(third) }),
        Request.Add
      )
    case "done":
      return second === undefined ? Option.map(Option.all({ pid: pid(first) }), Request.Done) : Option.none()
    case "end":
      return Option.map(
        Option.all({ pid: pid(first), start: start(second), rounds: rounds(third) }),
        Request.End
      )
    case "detach":
      return bare(words, Request.Detach())
    case "retire":
      return third === undefined
        ? Option.map(Option.all({ pid: pid(first), start: Option.flatten(start(second)) }), Request.Retire)
        : Option.none()
    case "quit":
      return bare(words, Request.Quit())
    default:
      return Option.none()
  }
}

/**
 * Encodes a request as a line. Fails for an invalid process id, start time or number of rounds.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeRequest = (request: Request): Either.Either<Uint8Array, LineError> =>
  encode(requestWords(request), parseRequest)

/**
 * @since 0.1.0
 * @category decoding
 */
export const decodeRequest = (line: string): Either.Either<Request, LineError> => decode(line, parseRequest)

const reportWords = Report.$match({
  Ready: ({ detachable, name, pid, start }) => [
    "ready",
    detachable ? "1" : "0",
    name,
    String(pid),
    Option.getOrElse(start, () => "-")
  ],
  Unable: ({ detail }) => ["unable", detail.replace(/\s+/g, " ").trim()],
  Ended: ({ pid }) => ["ended", String(pid)],
  Silent: () => ["silent"],
  Detached: () => ["detached"],
  Undetachable: () => ["undetachable"]
})

const parseReport: Parse<Report> = ([verb, ...words]) => {
  const [first, ...rest] = words
  switch (verb) {
    case "ready":
      return Option.flatMap(
        Option.all({ detachable: detachable(first), name: name(rest[0]), pid: pid(rest[1]), start: start(rest[2]) }),
        (fields) => bare(rest.slice(3), Report.Ready(fields))
      )
    case "unable":
      return Option.some(Report.Unable({ detail: words.join(" ") }))
    case "ended":
      return Option.flatMap(Option.all({ pid: pid(first) }), (fields) => bare(rest, Report.Ended(fields)))
    case "silent":
      return bare(words, Report.Silent())
    case "detached":
      return bare(words, Report.Detached())
    case "undetachable":
      return bare(words, Report.Undetachable())
    default:
      return Option.none()
  }
}

/**
 * Encodes a report as a line. Fails for an invalid process id.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeReport = (report: Report): Either.Either<Uint8Array, LineError> =>
  encode(reportWords(report), parseReport)

/**
 * @since 0.1.0
 * @category decoding
 */
export const decodeReport = (line: string): Either.Either<Report, LineError> => decode(line, parseReport)

// The protocol has no longer lines. More bytes without a line end are returned in pieces, so that the buffer stays small.
const longestLine = 4096

/**
 * Splits the output of a channel into lines. Keeps an incomplete line until the rest arrives.
 *
 * @since 0.1.0
 * @category decoding
 */
export const splitter = (): (bytes: Uint8Array) => ReadonlyArray<string> => {
  let held = new Uint8Array()
  return (bytes) => {
    const data = text.concat([held, bytes])
    const lines: Array<string> = []
    let from = 0
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, from)) {
      lines.push(text.display(data.subarray(from, end)))
      from = end + 1
    }
    if (data.length - from > longestLine) {
      lines.push(text.display(data.subarray(from)))
      from = data.length
    }
    held = data.slice(from)
    return lines
  }
}
