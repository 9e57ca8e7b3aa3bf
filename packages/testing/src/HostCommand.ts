/**
 * What a program on the host in memory does. Whatever has the name of one, or matches it, does it: started by a command, by
 * a shell within one, or as a part of a pipeline.
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/**
 * What a program is started with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Invocation {
  /** The program first. */
  readonly argv: NonEmptyReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  /** An absolute path. */
  readonly cwd: string
  /** Ends when the input does. */
  readonly stdin: Stream.Stream<Uint8Array>
  /** Waits for room. Where nobody reads any more the program ends there, by SIGPIPE. */
  readonly stdout: (data: string | Uint8Array) => Effect.Effect<void>
  readonly stderr: (data: string | Uint8Array) => Effect.Effect<void>
  /** The host's files with the rights of its user. Relative paths begin in the home directory, not in `cwd`. */
  readonly files: FileSystem
}

/**
 * How a program ends: by an exit code, 0 where there is none, or by a signal, named without `SIG`.
 *
 * @since 0.1.0
 * @category models
 */
export type Ending = void | number | { readonly signal: string }

/**
 * What a program does: a text is printed, a number is the exit code, and an effect runs until it ends or is interrupted,
 * which is what signals do to it. One that fails prints why to stderr and exits with code 1.
 *
 * @since 0.1.0
 * @category models
 */
export type Script<R = never> =
  | string
  | number
  | { readonly signal: string }
  | Effect.Effect<Ending, unknown, R>
  | ((invocation: Invocation) => Effect.Effect<Ending, unknown, R>)

/**
 * @since 0.1.0
 * @category models
 */
export interface HostCommand<R = never> {
  /** For messages; of `make` the name that programs have. */
  readonly name: string
  /** Left out: a program of that name is meant, or one of that path. */
  readonly matches?: ((argv: NonEmptyReadonlyArray<string>) => boolean) | undefined
  readonly script: Script<R>
}

/**
 * The program of a name (`restart`, wherever it lies), or of an absolute path.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(name: string, script: Script<R>): HostCommand<R> => ({ name, script })

/**
 * Whatever is started with words that the predicate takes, and that no name was given for. The first that matches is run.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { HostCommand } from "@effect-remote/testing"
 *
 * const git = HostCommand.matching("git pull", ([program, verb]) => program === "git" && verb === "pull", "Already up to date.\n")
 * ```
 */
export const matching = <R = never>(
  name: string,
  matches: (argv: NonEmptyReadonlyArray<string>) => boolean,
  script: Script<R>
): HostCommand<R> => ({ name, matches, script })

/**
 * What the programs of a name do, `N` being what each needs of whoever builds the host.
 *
 * @since 0.1.0
 * @category models
 */
export type Scripts<N> = { readonly [K in keyof N]: Script<N[K]> }

/**
 * What all of them need.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<N> = N extends ReadonlyArray<unknown> ? never
  : { readonly [K in keyof N]: unknown extends N[K] ? never : N[K] }[keyof N]
