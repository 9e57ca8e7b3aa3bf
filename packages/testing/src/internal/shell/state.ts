/**
 * The state of a shell that runs a script.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as lacks from "../program/lacks.js"
import type { Lookup } from "../program/program.js"
import type { SftpFileSystem } from "../sftp/sftpFileSystem.js"
import * as bytes from "./bytes.js"
import type { Descriptors } from "./descriptor.js"
import type { Command, Script } from "./syntax.js"

/** The end of the shell. @internal */
export class Exit extends Data.TaggedError("Exit")<{ readonly code: number }> {}

/** The end of a shell by a signal. @internal */
export class Killed extends Data.TaggedError("Killed")<{ readonly signal: string }> {}

/** @internal */
export class Return extends Data.TaggedError("Return")<{ readonly code: number }> {}

/** @internal */
export class Leave
  extends Data.TaggedError("Leave")<{ readonly kind: "break" | "continue"; readonly levels: number }>
{}

/** @internal */
export type Control = Exit | Killed | Return | Leave

/** @internal */
export interface Variable {
  readonly value: string | undefined
  readonly exported: boolean
  readonly readonly: boolean
}

/** @internal */
export interface Flags {
  readonly errexit: boolean
  readonly noglob: boolean
  readonly nounset: boolean
  readonly xtrace: boolean
}

/** @internal */
export interface Shell {
  readonly lookup: Lookup
  readonly files: SftpFileSystem
  readonly scope: Scope.Scope
  readonly pid: number
  readonly variables: Map<string, Variable>
  readonly functions: Map<string, Command>
  /** The values that the locals of running functions have replaced, by function call. */
  readonly locals: Array<Map<string, Variable | undefined>>
  /** Runs a command substitution, `$( )`. Succeeds with its output. */
  readonly substitute: (shell: Shell, script: Script) => Effect.Effect<string, Control>
  name: string
  parameters: ReadonlyArray<string>
  directory: string
  status: number
  /** Of the last substitution, which is that of a command that has no words. */
  substituted: number
  flags: Flags
  descriptors: Descriptors
  exitTrap: string | undefined
  line: number
  /** The prefix of error messages within a nested script. */
  within: string
  loops: number
  /** Whether the status of the running command is tested, so `set -e` does not end the shell in a function. */
  tested: boolean
}

/**
 * A shell that has not begun.
 *
 * @internal
 */
export const make = (
  invocation: Pick<Shell, "files" | "lookup" | "pid" | "substitute"> & {
    readonly environment: ReadonlyMap<string, string>
    readonly directory: string
    readonly descriptors: Descriptors
    readonly name: string
    readonly parameters: ReadonlyArray<string>
    readonly flags: Flags
  },
  scope: Scope.Scope
): Shell => {
  const { directory, environment, ...rest } = invocation
  const variables = new Map<string, Variable>()
  for (const [name, value] of environment) {
    variables.set(bytes.fromText(name), { value: bytes.fromText(value), exported: true, readonly: false })
  }
  const here = bytes.fromText(directory)
  variables.set("IFS", { value: " \t\n", exported: false, readonly: false })
  variables.set("PWD", { value: here, exported: variables.get("PWD")?.exported ?? true, readonly: false })
  return {
    ...rest,
    scope,
    variables,
    functions: new Map(),
    locals: [],
    directory: here,
    status: 0,
    substituted: 0,
    exitTrap: undefined,
    line: 1,
    within: "",
    loops: 0,
    tested: false
  }
}

/**
 * Copies a shell. Later changes to the copy do not affect the original.
 *
 * @internal
 */
export const fork = (shell: Shell): Shell => ({
  ...shell,
  variables: new Map(shell.variables),
  functions: new Map(shell.functions),
  locals: shell.locals.map((saved) => new Map(saved)),
  exitTrap: undefined
})

/** @internal */
export const valueOf = (shell: Shell, name: string): string | undefined => shell.variables.get(name)?.value

/** @internal */
export const write = (shell: Shell, descriptor: number, text: string): Effect.Effect<boolean, Killed> => {
  return Effect.suspend(() => {
    const target = shell.descriptors.get(descriptor)?.target
    if (target === undefined) return Effect.succeed(false)
    return Effect.flatMap(Effect.option(target.write(bytes.encode(text))), (written) => {
      if (written._tag === "None") return Effect.succeed(false)
      return written.value ? Effect.succeed(true) : new Killed({ signal: "PIPE" })
    })
  })
}

/** @internal */
export const complain = (shell: Shell, words: string): Effect.Effect<void, Killed> =>
  Effect.zipRight(
    lacks.said("sh", words),
    Effect.asVoid(write(shell, 2, `${shell.name}: ${shell.line}: ${shell.within}${words}\n`))
  )

/** @internal */
export const abort = (shell: Shell, words: string): Effect.Effect<never, Control> =>
  Effect.zipRight(complain(shell, words), new Exit({ code: 2 }))

/** @internal */
export const assign = (shell: Shell, name: string, value: string): Effect.Effect<void, Control> => {
  const before = shell.variables.get(name)
  if (before?.readonly === true) return abort(shell, `${name}: is read only`)
  shell.variables.set(name, { value, exported: before?.exported ?? false, readonly: false })
  return Effect.void
}
