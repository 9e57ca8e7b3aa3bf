/**
 * The format in which a command is sent to the host. The line for the login shell is a constant. It starts `/bin/sh`, which
 * defines a few functions and reads the *frame*, the first line of stdin, as calls of these functions. The login shell
 * therefore parses nothing from the user, and a process list shows nothing of it. The rest of stdin belongs to the command.
 *
 * The shell answers with *reports*. A report is a line that begins with a control character (`reportStart`) and the frame's
 * marker, a random word that no other program knows. Just before the command replaces the shell, `MARKER started PID stdout`
 * goes to stdout and `MARKER started PID stderr` goes to stderr. If their reader is gone, the command does not run.
 *
 * `MARKER STEP CODE` goes to stderr if an earlier step failed, and `MARKER unguarded` if no guardian was found. In both cases
 * the command has not run. A host may redirect stderr to stdout, so any report may come on either.
 *
 * Unstable: shared by this library's packages, and may change in any release.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as text from "../internal/lib/text.js"
import * as launch from "../internal/scripts/launch.js"
import * as quote from "../internal/scripts/quote.js"

/**
 * One program of a pipeline, with its working directory and environment.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stage {
  readonly words: NonEmptyReadonlyArray<string>
  readonly directory: Option.Option<string>
  readonly environment: ReadonlyArray<readonly [name: string, value: string]>
  /** Gives the program only `environment`. If this has no PATH, the program is looked up in the PATH of the login. */
  readonly clearEnvironment: boolean
}

/**
 * The FIFO of the guardian with which a command registers itself. It does so before it is reported as started. If the FIFO
 * does not exist, the command does not run. `keep`: the command outlives the client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Guard {
  readonly fifo: string
  readonly keep: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Frame {
  readonly marker: string
  readonly stages: NonEmptyReadonlyArray<Stage>
  /** Whether a pipeline fails if an earlier stage fails. A stage that SIGPIPE ended does not count. Default: false. */
  readonly pipefail?: boolean
  /** Default: none. */
  readonly guard?: Option.Option<Guard>
  readonly terminal: Option.Option<{ readonly rows: number; readonly columns: number }>
}

/**
 * The steps that can fail before the command runs.
 *
 * @since 0.1.0
 * @category models
 */
export type Step = "setup" | "directory" | "environment" | "program" | "exec"

/**
 * @since 0.1.0
 * @category models
 */
export type Output = "stdout" | "stderr"

/**
 * A report of the shell.
 *
 * - `Started`: the command is about to run. `on` is the output that the report was written to. It may arrive on the other one.
 * - `Unguarded`: the command did not run, because no guardian was found.
 * - `Stages`: the exit codes of the stages of a pipeline that failed. Stages are counted from 1.
 * - `Failed`: a step failed, and the command did not run.
 *
 * @since 0.1.0
 * @category models
 */
export type Report =
  | { readonly _tag: "Started"; readonly pid: number; readonly on: Output }
  | { readonly _tag: "Unguarded" }
  | { readonly _tag: "Stages"; readonly codes: ReadonlyArray<readonly [stage: number, code: number]> }
  | { readonly _tag: "Failed"; readonly step: Step; readonly code: number }

/**
 * The first character of a report. Text rarely contains it, so ordinary output is not held back as the possible beginning of
 * a report.
 *
 * @since 0.1.0
 * @category constants
 */
export const reportStart = "\u001e"

/**
 * Encodes a report as a line.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeReport = (marker: string, report: Report): Uint8Array => {
  const words = report._tag === "Started"
    ? ["started", report.pid, report.on]
    : report._tag === "Unguarded"
    ? ["unguarded"]
    : report._tag === "Stages"
    ? ["stages", ...report.codes.map((pair) => pair.join(":"))]
    : [report.step, report.code]
  return text.encode(`${reportStart}${[marker, ...words].join(" ")}\n`)
}

/**
 * The line for the login shell.
 *
 * @since 0.1.0
 * @category constants
 */
export const launchLine = `exec /bin/sh -c ${
  [launch.asLeader, "/bin/sh", launch.fromStdin].map(quote.loginShell).join(" ")
}`

const word = (value: string): string => `'${value.replace(/'/g, `'\\''`).replace(/\n/g, `'"$er_nl"'`)}'`

const call = (name: string, ...words: ReadonlyArray<string>): string => ["er_" + name, ...words.map(word)].join(" ")

// A relative directory gets "./", so that neither CDPATH nor `cd -` applies.
const relative = (directory: string): string => directory.startsWith("/") ? directory : `./${directory}`

const setup = (stage: Stage): ReadonlyArray<string> => [
  ...Option.match(stage.directory, { onNone: () => [], onSome: (path) => [call("directory", relative(path))] }),
  ...(usesEnv(stage) ? [call("use_env")] : []),
  ...(stage.clearEnvironment ? [call("clear", ` ${stage.environment.map(([name]) => name).join(" ")} `)] : []),
  ...stage.environment.filter(([name]) => !own.test(name)).map(([name, value]) =>
    call("environment", `${name}=${value}`)
  ),
  call(usesEnv(stage) ? "which" : "find", stage.words[0])
]

// Names that some shell makes read-only or numeric, and our own names. The program `env` sets them, because the shell cannot.
const own =
  /^(_|er_\w*|BASH\w*|KSH\w*|EPOCH\w*|E?[UG]ID|PPID|PGRP|USER_ID|USERNAME|GROUPS|S?RANDOM|SECONDS|LINENO|SHLVL|SHELLOPTS|OPT(ARG|ERR|IND)|COLUMNS|LINES|TMOUT|HISTSIZE|HISTCMD|DIRSTACK|FUNCNAME)$/

const usesEnv = (stage: Stage): boolean => stage.clearEnvironment || stage.environment.some(([name]) => own.test(name))

// The path that `er_which` has found.
const foundPath = `"$er_path"`

const execute = (stage: Stage): string => {
  if (!usesEnv(stage)) return call("exec", ...stage.words)
  const assignments = stage.environment.filter(([name]) => own.test(name)).map(([name, value]) => `${name}=${value}`)
  return [call("with", ...assignments), foundPath, ...stage.words.slice(1).map(word)].join(" ")
}

const usesLineEnd = (frame: Frame): boolean =>
  Option.exists(frame.guard ?? Option.none(), ({ fifo }) => fifo.includes("\n")) ||
  frame.stages.some((stage) =>
    stage.clearEnvironment ||
    [...stage.words, ...Option.toArray(stage.directory), ...stage.environment.map(([, value]) => value)].some((word) =>
      word.includes("\n")
    )
  )

const report = (frame: Frame): ReadonlyArray<string> => [
  ...Option.match(frame.guard ?? Option.none(), {
    onNone: () => [],
    onSome: ({ fifo, keep }) => [call("guard", fifo, keep ? "keep" : "end")]
  }),
  call("started")
]

const frameText = (frame: Frame): string => {
  const head = [
    `er_marker=${reportStart}${frame.marker}`,
    ...(usesLineEnd(frame) ? [launch.lineEnd] : []),
    ...Option.match(frame.terminal, {
      onNone: () => [],
      onSome: ({ columns, rows }) => [call("terminal", String(rows), String(columns))]
    })
  ]
  const [first] = frame.stages
  if (frame.stages.length === 1) {
    return [
      ...head,
      call("begin"),
      ...setup(first),
      ...report(frame),
      execute(first)
    ].join("; ")
  }
  const last = frame.stages.length - 1
  const group = (...calls: ReadonlyArray<string>) => `{ ${calls.join("; ")} ; }`
  if (frame.pipefail === true) {
    const stages = frame.stages.map((stage, index) =>
      index === last
        ? group(call("last"), call("begin"), ...setup(stage), execute(stage))
        : group(call("stage", String(index + 1)), call("begin"), ...setup(stage), `er_run ${execute(stage)}`)
    )
    const whole = `er_pipeline() { ${stages.join(" | ")} ; } ; ${call("all", String(last))}`
    return [...head, ...report(frame), whole].join("; ")
  }
  const stages = frame.stages.map((stage) => group(call("begin"), ...setup(stage), execute(stage)))
  return [...head, ...report(frame), stages.join(" | ")].join("; ")
}

/**
 * Encodes a frame as the first line of stdin.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (frame: Frame): Uint8Array => text.encode(`${frameText(frame)}\n`)

const terminalLaunch = `exec /bin/sh -c ${quote.loginShell(launch.fromArgument)} sh `

/**
 * Makes the line for the login shell, for a command with a terminal. Its stdin is the user's keyboard, so the frame is an
 * argument in this line. Bytes outside printable ASCII, and backslashes, become octal escapes of `printf %b`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const terminalLine = (frame: Frame): string => {
  const escaped = Array.from(text.encode(frameText(frame)), (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\0${byte.toString(8).padStart(3, "0")}`).join("")
  return terminalLaunch + quote.loginShell(escaped)
}

/**
 * Maximum length of a line in bytes. Linux limits one word of a command to less than 128 KiB (MAX_ARG_STRLEN).
 *
 * @since 0.1.0
 * @category constants
 */
export const longestLine = 120_000

const octal = /\\0([0-7]{3})/g

/**
 * Decodes the frame in a `terminalLine`. `None` if the line is not a `terminalLine`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeTerminalLine = (line: string): Option.Option<Either.Either<Required<Frame>, string>> => {
  const quoted = line.startsWith(terminalLaunch) ? line.slice(terminalLaunch.length) : ""
  if (!/^'(?:[^'\\!]|'\\['\\!]')*'$/.test(quoted)) return Option.none()
  const escaped = quoted.slice(1, -1).replace(/'\\(['\\!])'/g, "$1")
  const bytes = escaped.replace(octal, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
  return Option.some(decode(Uint8Array.from(bytes, (character) => character.charCodeAt(0))))
}

// A word of a command cannot contain a NUL.
const pathToken = "\0"

// The tokens of a frame: `;`, `|`, `{`, `}`, and words made of plain parts, quoted parts and line ends.
const tokens = (line: string): Array<string> | undefined => {
  const found: Array<string> = []
  const pattern = /\s*(?:([;|{}])(?=\s|$)|((?:[^\s'"\\;|{}]|\\'|'[^']*'|"\$er_(?:nl|path)")+))/gy
  let at = 0
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    at = pattern.lastIndex
    found.push(
      match[1] ??
        "=" +
          match[2]!.replace(
            /'([^']*)'|\\(')|"\$er_(?:nl|path)"/g,
            (whole, inner, quoted) => inner ?? quoted ?? (whole === foundPath ? pathToken : "\n")
          )
    )
  }
  return line.slice(at).trim().length === 0 ? found : undefined
}

const separators: ReadonlySet<string> = new Set([";", "|", "{", "}"])

interface Call {
  readonly name: string
  readonly words: ReadonlyArray<string>
}

const callsOf = (tokens: ReadonlyArray<string>): ReadonlyArray<Call> => {
  const calls: Array<Call> = []
  for (let at = 0; at < tokens.length;) {
    if (separators.has(tokens[at]!)) {
      at++
      continue
    }
    const end = tokens.findIndex((token, index) => index >= at && separators.has(token))
    const [name = "", ...words] = tokens.slice(at, end < 0 ? undefined : end).map((token) => token.slice(1))
      .filter((word, index) => index > 0 || word !== "er_run")
    calls.push({ name, words })
    at = end < 0 ? tokens.length : end
  }
  return calls
}

interface Decoding {
  marker: string | undefined
  terminal: Frame["terminal"]
  guard: Option.Option<Guard>
  pipefail: boolean
  readonly stages: Array<Stage>
  /** The stage whose program is still to come. */
  stage: Omit<Stage, "words">
  /** The program that the shell looks for. */
  sought: string
}

const endStage = (self: Decoding, environment: Stage["environment"], words: Stage["words"]): void => {
  self.stages.push({ ...self.stage, environment: [...self.stage.environment, ...environment], words })
  self.stage = emptyStage
}

type DecodeCall = (self: Decoding, words: ReadonlyArray<string>) => string | void

const ignored: DecodeCall = () => {}

const decodeWith: DecodeCall = (self, words) => {
  const cut = words.indexOf(pathToken)
  const assigned = words.slice(0, Math.max(0, cut)).map(entry)
  if (cut < 0 || assigned.includes(undefined)) return "a stage has no program"
  endStage(self, assigned.filter((found) => found !== undefined), [self.sought, ...words.slice(cut + 1)])
}

// The calls of a frame. Each adds to the result, or returns a message if its words are wrong.
const decodeCall: Readonly<Record<string, DecodeCall>> = {
  ":": ignored,
  er_begin: ignored,
  er_started: ignored,
  er_use_env: ignored,
  er_find: ignored,
  er_stage: ignored,
  er_last: ignored,
  "er_pipeline()": ignored,
  er_all: (self) => {
    self.pipefail = true
  },
  er_terminal: (self, [rows, columns]) => {
    self.terminal = Option.some({ rows: Number(rows), columns: Number(columns) })
  },
  er_guard: (self, [fifo, keep]) => {
    self.guard = Option.map(Option.fromNullable(fifo), (fifo) => ({ fifo, keep: keep === "keep" }))
  },
  er_directory: (self, [path]) => {
    self.stage = { ...self.stage, directory: Option.fromNullable(path) }
  },
  er_clear: (self) => {
    self.stage = { ...self.stage, clearEnvironment: true }
  },
  er_environment: (self, [word]) => {
    const found = entry(word)
    if (found === undefined) return "an environment entry has no name"
    self.stage = { ...self.stage, environment: [...self.stage.environment, found] }
  },
  er_which: (self, [program = ""]) => {
    self.sought = program
  },
  er_exec: (self, [program, ...rest]) => {
    if (program === undefined) return "a stage has no program"
    endStage(self, [], [program, ...rest])
  },
  er_with: decodeWith
}

const decodeMarker = (self: Decoding, name: string): string | void => {
  const found = /^er_marker=\u001e([0-9a-f]+)$/.exec(name)
  if (found === null) return `unknown call ${JSON.stringify(name)}`
  self.marker = found[1]
}

/**
 * Decodes the frame in a line. A host without a shell uses it to read its commands.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Either.Either<Required<Frame>, string> => {
  const line = text.decode(bytes).replace(/\n$/, "")
  const behindMarker = line.indexOf("; ") + 2
  const found = tokens(
    line.startsWith(launch.lineEnd, behindMarker)
      ? line.slice(0, behindMarker) + line.slice(behindMarker + launch.lineEnd.length)
      : line
  )
  if (found === undefined) return Either.left("the line is not a frame")
  const self: Decoding = {
    marker: undefined,
    terminal: Option.none(),
    guard: Option.none(),
    pipefail: false,
    stages: [],
    stage: emptyStage,
    sought: ""
  }
  for (const { name, words } of callsOf(found)) {
    const decodeOne = Object.hasOwn(decodeCall, name) ? decodeCall[name] : undefined
    const wrong = decodeOne === undefined ? decodeMarker(self, name) : decodeOne(self, words)
    if (wrong !== undefined) return Either.left(wrong)
  }
  const { guard, marker, pipefail, stages: [head, ...tail], terminal } = self
  return marker === undefined || head === undefined
    ? Either.left("the frame has no marker or no program")
    : Either.right({ marker, guard, terminal, stages: [head, ...tail], pipefail })
}

const entry = (word = ""): readonly [name: string, value: string] | undefined => {
  const cut = word.indexOf("=")
  return cut < 1 ? undefined : [word.slice(0, cut), word.slice(cut + 1)]
}

const emptyStage: Omit<Stage, "words"> = { directory: Option.none(), environment: [], clearEnvironment: false }
