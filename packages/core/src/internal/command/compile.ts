/**
 * Compiles a platform `Command` for another machine.
 */
import * as Command from "@effect/platform/Command"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { RemoteCommandReason } from "../../RemoteError.js"
import type { Stage } from "../../unstable/Frame.js"
import * as text from "../lib/text.js"
import * as quote from "../scripts/quote.js"
import * as annotations from "./annotations.js"
import * as masks from "./mask.js"

/** @internal */
export interface Program {
  readonly stages: NonEmptyReadonlyArray<Stage>
  readonly stdin: Command.Command.Input
  readonly stdout: Command.Command.Output
  readonly stderr: Command.Command.Output
  /** The command as a shell line for messages: secrets masked, shortened. */
  readonly shown: string
  /** Masks the command's secrets in a text. */
  readonly mask: masks.Mask
  readonly hasSecrets: boolean
}

/** @internal */
export interface Problem {
  readonly reason: Extract<RemoteCommandReason, "InvalidCommand" | "Unsupported">
  readonly detail: string
  readonly shown: string
}

const longestShown = 1000

const shorten = (line: string): string =>
  line.length > longestShown ? `${line.slice(0, longestShown)}... (${line.length} characters)` : line

// `Command.runInShell` joins the words without quotes, like Node's `spawn` with `shell`.
const wordsOf = (command: Command.StandardCommand): NonEmptyReadonlyArray<string> =>
  command.shell === false
    ? [command.command, ...command.args]
    : [
      typeof command.shell === "string" ? command.shell : "/bin/sh",
      "-c",
      [command.command, ...command.args].join(" ")
    ]

const isScript = (words: ReadonlyArray<string>): words is readonly [string, string, string] =>
  words.length === 3 && words[0] === "/bin/sh" && words[1] === "-c"

const show = (command: Command.StandardCommand): string => {
  const words = wordsOf(command)
  return isScript(words) ? words[2] : quote.line(words)
}

const checkText = (name: string, value: string): string | undefined => {
  if (value.includes("\0")) return `${name} contains a NUL`
  return text.isEncodable(value) ? undefined : `${name} contains a lone surrogate, which cannot be encoded`
}

const checkStage = (command: Command.StandardCommand): Omit<Problem, "shown"> | undefined => {
  const invalid = (detail: string | undefined) =>
    detail === undefined ? undefined : { reason: "InvalidCommand" as const, detail }
  const environment = Array.from(HashMap.entries(command.env))
  return invalid(annotations.get(command).problem) ??
    invalid(wordsOf(command)[0].length === 0 || command.command.length === 0 ? "the program is empty" : undefined) ??
    invalid(wordsOf(command).map((word) => checkText("an argument", word)).find((found) => found !== undefined)) ??
    invalid(
      Option.getOrUndefined(command.cwd) === "" ? "the working directory is empty" : Option.match(command.cwd, {
        onNone: () => undefined,
        onSome: (path) => checkText("the working directory", path)
      })
    ) ??
    invalid(
      environment.map(([name, value]) =>
        /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
          ? checkText(`the environment variable ${name}`, value)
          : `${JSON.stringify(name)} is not a valid name of an environment variable`
      ).find((found) => found !== undefined)
    ) ??
    (Option.isSome(command.uid) || Option.isSome(command.gid)
      ? { reason: "Unsupported", detail: "a command cannot be run as another uid or gid over SSH: log in as that user" }
      : undefined)
}

/** @internal */
export const compile = (command: Command.Command): Either.Either<Program, Problem> => {
  const standard = Command.flatten(command)
  const secrets = standard.flatMap((stage) => annotations.get(stage).secrets)
  const mask = masks.make(secrets)
  const shown = shorten(mask(standard.map(show).join(" | ")))
  const problem = standard.map(checkStage).find((found) => found !== undefined)
  if (problem !== undefined) return Either.left({ ...problem, shown })
  const [head, ...tail] = standard
  const last = tail.at(-1) ?? head
  const toStage = (stage: Command.StandardCommand): Stage => ({
    words: wordsOf(stage),
    directory: stage.cwd,
    environment: Array.from(HashMap.entries(stage.env)),
    clearEnvironment: !stage.extendEnv
  })
  return Either.right({
    stages: [toStage(head), ...tail.map(toStage)],
    stdin: head.stdin,
    stdout: last.stdout,
    stderr: last.stderr,
    shown,
    mask,
    hasSecrets: secrets.length > 0
  })
}

/**
 * The command line for a host without a POSIX shell. `None` if the command needs a working directory or an environment.
 *
 * @internal
 */
export const bareLine = (program: Program): Option.Option<string> =>
  program.stages.every((stage) =>
      Option.isNone(stage.directory) && stage.environment.length === 0 && !stage.clearEnvironment
    )
    ? Option.some(
      program.stages.map(({ words }) => isScript(words) && program.stages.length === 1 ? words[2] : quote.line(words))
        .join(" | ")
    )
    : Option.none()
