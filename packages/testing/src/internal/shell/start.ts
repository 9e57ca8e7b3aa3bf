/**
 * Programs, as the shell starts them.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as lacks from "../program/lacks.js"
import type { ProgramExit } from "../program/program.js"
import { PosixError } from "../sftp/sftpFileSystem.js"
import * as bytes from "./bytes.js"
import type { Descriptors } from "./descriptor.js"
import * as directories from "./directories.js"
import * as identity from "./identity.js"
import * as message from "./message.js"
import { complain, type Killed, type Shell } from "./state.js"

// As Linux numbers them.
const signals = [
  "HUP",
  "INT",
  "QUIT",
  "ILL",
  "TRAP",
  "ABRT",
  "BUS",
  "FPE",
  "KILL",
  "USR1",
  "SEGV",
  "USR2",
  "PIPE",
  "ALRM",
  "TERM",
  "STKFLT",
  "CHLD",
  "CONT",
  "STOP",
  "TSTP",
  "TTIN",
  "TTOU",
  "URG",
  "XCPU",
  "XFSZ",
  "VTALRM",
  "PROF",
  "WINCH",
  "IO",
  "PWR",
  "SYS"
]

/**
 * The value of `$?` after a signal.
 *
 * @internal
 */
export const codeOf = (signal: string): number => 128 + Math.max(0, signals.indexOf(signal) + 1)

/** @internal */
export const environmentOf = (shell: Shell, extra: ReadonlyMap<string, string>): ReadonlyMap<string, string> => {
  const environment = new Map<string, string>()
  const set = (name: string, value: string) => environment.set(bytes.toText(name), bytes.toText(value))
  for (const [name, { exported, value }] of shell.variables) if (exported && value !== undefined) set(name, value)
  for (const [name, value] of extra) set(name, value)
  return environment
}

// The exit codes of tools that distinguish an error from a negative answer.
const troubles = new Map([["env", 125], ["grep", 2], ["ls", 2], ["sort", 2]])

// The tools' messages for a stdin that cannot be read.
const ofStdin: Readonly<Record<string, (reason: string) => string>> = {
  grep: (reason) => `(standard input): ${reason}`,
  head: (reason) => `error reading 'standard input': ${reason}`,
  sort: (reason) => `read failed: -: ${reason}`,
  tail: (reason) => `error reading 'standard input': ${reason}`,
  tee: (reason) => `read error: ${reason}`,
  tr: (reason) => `read error: ${reason}`,
  uniq: () => "error reading '-'",
  wc: (reason) => `'standard input': ${reason}`
}

// One whose interpreter is not there, since it was not found.
const isScript = (shell: Shell, name: string): Effect.Effect<boolean> => {
  const flags = { read: true, write: false, append: false, create: false, truncate: false, exclusive: false }
  const opened = shell.files.open(directories.at(shell.directory, name), flags, 0)
  return Effect.match(Effect.scoped(Effect.flatMap(opened, (file) => file.read(0n, 2))), {
    onFailure: () => false,
    onSuccess: (start) => bytes.decode(start) === "#!"
  })
}

// The message for a program that is missing. A name without a slash is searched in the directories of PATH.
const whyMissing = (shell: Shell, name: string): Effect.Effect<string> => {
  if (!name.includes("/")) return Effect.succeed(name.length > 255 ? "File name too long" : "not found")
  return Effect.match(shell.files.stat(directories.at(shell.directory, name)), {
    onFailure: (error) => error.errno === "ELOOP" || error.errno === "ENAMETOOLONG" ? message.of(error) : "not found",
    onSuccess: () => "not found"
  })
}

/** Whether there is something of that name, which is not for this user to run. */
const isDenied = (shell: Shell, name: string): Effect.Effect<boolean> => {
  if (!name.includes("/")) return Effect.succeed(false)
  const path = directories.at(shell.directory, name)
  return Effect.matchEffect(shell.files.stat(path), {
    onFailure: () => Effect.succeed(false),
    onSuccess: (stat) =>
      directories.isRegular(stat)
        ? Effect.map(identity.mayAccess(shell.files, path, 1), (may) => !may)
        : Effect.succeed(true)
  })
}

/** @internal */
export const find = (
  shell: Shell,
  words: readonly [string, ...Array<string>],
  environment: ReadonlyMap<string, string>
) => {
  const [name, ...rest] = words
  const request = {
    words: [bytes.toText(name), ...rest.map(bytes.toText)] as const,
    environment,
    directory: bytes.toText(shell.directory),
    files: shell.files
  }
  return Effect.map(shell.lookup(request), Option.map((program) => ({ program, request })))
}

/**
 * Runs an external program. Succeeds with the exit code of its process. If the program cannot be run, the exit code is 126 or
 * 127. The prefix begins the message about such a program.
 *
 * @internal
 */
export const start = (
  shell: Shell,
  words: readonly [string, ...Array<string>],
  descriptors: Descriptors,
  extra: ReadonlyMap<string, string>,
  prefix = ""
): Effect.Effect<ProgramExit, Killed> =>
  Effect.gen(function*() {
    const [name] = words
    if (name === "") {
      yield* complain({ ...shell, descriptors }, `${prefix}: Permission denied`)
      return { _tag: "Code", code: prefix === "" ? 127 : 126 }
    }
    const found = yield* find(shell, words, environmentOf(shell, extra))
    if (Option.isNone(found)) {
      const denied = yield* isDenied(shell, name)
      const isThere = name.includes("/") && !(yield* isScript(shell, name)) &&
        (yield* Effect.isSuccess(shell.files.stat(directories.at(shell.directory, name))))
      const why = denied
        ? "Permission denied"
        : isThere
        ? "Exec format error"
        : yield* whyMissing(shell, name)
      if (why === "not found") yield* lacks.program(bytes.toText(name))
      yield* complain({ ...shell, descriptors }, `${prefix}${name}: ${why}`)
      return { _tag: "Code", code: denied || isThere ? 126 : 127 }
    }
    const { program, request } = found.value
    // An invocation does not see errors of its streams, so they are reported here, with the message of that program.
    let readError: PosixError | undefined
    let writeError: PosixError | undefined
    const source = descriptors.get(0)?.source
    const output = (number: number) => {
      const target = descriptors.get(number)?.target
      const write = target === undefined ? () => new PosixError({ errno: "EBADF" }) : target.write
      return (sent: Uint8Array) =>
        Effect.catchAll(write(sent), (error) =>
          Effect.sync(() => {
            if (number === 1) writeError = error
            return false
          }))
    }
    const exit = yield* program({
      ...request,
      stdin: source === undefined ? Effect.succeedNone : Effect.catchAll(source.read, (error) =>
        Effect.sync(() => {
          readError = error
          return Option.none()
        })),
      stdout: output(1),
      stderr: output(2),
      output: descriptors.get(1)?.target?.file
    })
    const problem = writeError !== undefined
      ? `${name}: write error: ${message.of(writeError)}`
      : readError !== undefined
      ? `${name}: ${(ofStdin[name] ?? ((reason) => `-: ${reason}`))(message.of(readError))}`
      : undefined
    if (problem === undefined) return exit
    yield* Effect.ignore(descriptors.get(2)?.target?.write(bytes.encode(`${problem}\n`)) ?? Effect.void)
    return exit._tag === "Code" && exit.code > 1 ? exit : { _tag: "Code", code: troubles.get(name) ?? 1 }
  })
