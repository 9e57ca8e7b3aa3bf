/**
 * Scripted programs of the in-memory host. A script replaces every program of its name, or every program that it matches. The
 * program may be started by a command, by a shell within a command, or as a part of a pipeline.
 *
 * @since 0.1.0
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/**
 * The arguments, environment, streams and files of a program that was started.
 *
 * @since 0.1.0
 * @category models
 */
export interface Invocation {
  /** The program, then its arguments. */
  readonly argv: NonEmptyReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  /** An absolute path. */
  readonly cwd: string
  /** Ends at the end of the input. */
  readonly stdin: Stream.Stream<Uint8Array>
  /** Waits for room. If the reader is gone, this call ends the program by SIGPIPE. */
  readonly stdout: (data: string | Uint8Array) => Effect.Effect<void>
  readonly stderr: (data: string | Uint8Array) => Effect.Effect<void>
  /** The host's files with the rights of its user. Relative paths are resolved from the home directory, not from `cwd`. */
  readonly files: FileSystem
}

/**
 * How a program ends: by an exit code (default: 0) or by a signal, named without `SIG`.
 *
 * @since 0.1.0
 * @category models
 */
export type Ending = void | number | { readonly signal: string }

/**
 * The behavior of a scripted program. A string is printed, and a number is the exit code. An effect runs until it ends. A signal
 * interrupts the effect. If the effect fails, the program prints the error to stderr and exits with code 1.
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
  /** The name in messages. Without `matches` also the name of the program. */
  readonly name: string
  /** Default: matches a program with this name or path. */
  readonly matches?: ((argv: NonEmptyReadonlyArray<string>) => boolean) | undefined
  readonly script: Script<R>
}

/**
 * Scripts the program with a name, in any directory (`restart`), or with an absolute path.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(name: string, script: Script<R>): HostCommand<R> => ({ name, script })

/**
 * Scripts each program whose words satisfy the predicate. A command made by `make` for the program's name takes precedence. If
 * several predicates match, the first of them is run.
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
 * Scripts by the name of the program. `N` maps each name to the context that its script requires from the host's layer.
 *
 * @since 0.1.0
 * @category models
 */
export type Scripts<N> = { readonly [K in keyof N]: Script<N[K]> }

/**
 * The context that all scripts or services together require.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<N> = N extends ReadonlyArray<unknown> ? never
  : { readonly [K in keyof N]: unknown extends N[K] ? never : N[K] }[keyof N]
