/**
 * Programs scripted by tests.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Ending, HostCommand, Script } from "../../HostCommand.js"
import { type Invocation, type Program, ProgramExit } from "../program/program.js"

const binDirectory = /^\/(usr\/(local\/)?)?s?bin\/([^/]+)$/

type Commands<R> = Readonly<Record<string, Script<R>>> | ReadonlyArray<HostCommand<R>>

const isList = <R>(commands: Commands<R>): commands is ReadonlyArray<HostCommand<R>> => Array.isArray(commands)

/** @internal */
export const list = <R>(commands: Commands<R>): ReadonlyArray<HostCommand<R>> =>
  isList(commands) ? commands : Object.entries(commands).map(([name, script]) => ({ name, script }))

/** @internal */
export const faultOf = (name: string, known: ReadonlySet<string>): string | undefined =>
  name === ""
    ? "the name is empty"
    : name.includes("\0")
    ? "the name has a NUL in it"
    : name.includes("/") && !name.startsWith("/")
    ? "a program that is not meant by its name alone is one of an absolute path"
    : known.has(name)
    ? "there are two of that name"
    : undefined

/** @internal */
export const finder = <R>(commands: ReadonlyArray<HostCommand<R>>) => {
  const named = new Map(commands.filter(({ matches }) => matches === undefined).map((one) => [one.name, one]))
  const matching = commands.filter(({ matches }) => matches !== undefined)
  return ([name, ...rest]: Invocation["words"]): HostCommand<R> | undefined =>
    named.get(name) ?? named.get(binDirectory.exec(name)?.[3] ?? "") ??
      matching.find(({ matches }) => matches?.([name, ...rest]))
}

const bytesOf = (data: string | Uint8Array): Uint8Array => typeof data === "string" ? Sftp.encodeName(data) : data

const endingOf = (ending: Ending): ProgramExit =>
  typeof ending === "object"
    ? ProgramExit.Signal({ signal: ending.signal })
    : ProgramExit.Code({ code: (ending ?? 0) & 0xff })

const say = (invocation: Invocation, name: string, cause: Cause.Cause<unknown>): Effect.Effect<ProgramExit> =>
  Effect.as(
    invocation.stderr(bytesOf(`InMemoryHost: the script of ${JSON.stringify(name)} failed: ${Cause.pretty(cause)}\n`)),
    ProgramExit.Code({ code: 1 })
  )

/** @internal */
export const program = <R>(
  { name, script }: HostCommand<R>,
  files: FileSystem,
  context: Context.Context<R>
): Program =>
(invocation) => {
  if (typeof script === "string") {
    return Effect.map(
      invocation.stdout(bytesOf(script)),
      (more) => more ? ProgramExit.Code({ code: 0 }) : ProgramExit.Signal({ signal: "PIPE" })
    )
  }
  if (typeof script === "number" || (!Effect.isEffect(script) && typeof script !== "function")) {
    return Effect.succeed(endingOf(script))
  }
  const broken = Deferred.unsafeMake<ProgramExit>(FiberId.none)
  const writer = (write: (bytes: Uint8Array) => Effect.Effect<boolean>) => (data: string | Uint8Array) =>
    Effect.flatMap(write(bytesOf(data)), (more) =>
      more
        ? Effect.void
        : Effect.zipRight(Deferred.succeed(broken, ProgramExit.Signal({ signal: "PIPE" })), Effect.never))
  const started: Effect.Effect<Ending, unknown, R> = Effect.isEffect(script) ? script : Effect.suspend(() =>
    script({
      argv: invocation.words,
      env: Object.fromEntries(invocation.environment),
      cwd: invocation.directory,
      stdin: Stream.repeatEffectOption(Effect.flatMap(
        invocation.stdin,
        Option.match({ onNone: () => Effect.fail(Option.none()), onSome: Effect.succeed })
      )),
      stdout: writer(invocation.stdout),
      stderr: writer(invocation.stderr),
      files
    })
  )
  return Effect.raceFirst(Effect.map(Effect.provide(started, context), endingOf), Deferred.await(broken)).pipe(
    Effect.catchAllCause((cause) => Cause.isInterruptedOnly(cause) ? Effect.interrupt : say(invocation, name, cause))
  )
}
