/**
 * Events of an in-memory host, in order.
 *
 * @since 0.1.0
 */
import type * as Sftp from "@effect-remote/core/protocol/Sftp"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/**
 * How a program ended. `Interrupted`: by a signal to the whole command, or by the loss of its connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = Data.TaggedEnum<{
  readonly Exited: { readonly code: number }
  readonly Signalled: { readonly signal: string }
  readonly Interrupted: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Outcome = Data.taggedEnum<Outcome>()

/**
 * A program that was started: each program of a command, and each scripted program within a shell.
 *
 * @since 0.1.0
 * @category models
 */
export interface Run {
  readonly argv: NonEmptyReadonlyArray<string>
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** The process id of the command that the program belongs to. 0 if none was reported. */
  readonly pid: number
  /** Waits for the end of the program, including its finalizers. */
  readonly ended: Effect.Effect<Outcome>
  /** The outcome, or `undefined` while the program runs. */
  readonly outcome: Effect.Effect<Outcome | undefined>
  /** Sends a signal to the program and waits for its end. Default: `"KILL"`. */
  readonly kill: (signal?: string) => Effect.Effect<void>
}

/**
 * - `Connected`, `ConnectionFailed`, `ConnectionLost`: the state of the connection changed. `detail` gives the reason.
 * - `Session`: a channel that counts as a session was opened. `line` is the command line or the name of the subsystem.
 * - `Started`: a program was started.
 * - `Operation`: an SFTP request was answered. `status` is 0 for success (draft-ietf-secsh-filexfer-02, section 7).
 * - `TunnelOpened`, `TunnelRefused`: a tunnel connected from the host to an address, or was refused.
 * - `Listening`: the host listens for its client.
 * - `FaultFired`: a fault took effect. `fault` describes it.
 *
 * @since 0.1.0
 * @category models
 */
export type HostEvent = Data.TaggedEnum<{
  readonly Connected: {}
  readonly ConnectionFailed: { readonly detail: string }
  readonly ConnectionLost: { readonly detail: string }
  readonly Session: { readonly kind: "exec" | "subsystem"; readonly line: string }
  readonly Started: { readonly run: Run }
  readonly Operation: {
    readonly operation: Sftp.Request["_tag"]
    readonly path: string | undefined
    readonly status: number
  }
  readonly TunnelOpened: { readonly address: string }
  readonly TunnelRefused: { readonly address: string }
  readonly Listening: { readonly address: string }
  readonly FaultFired: { readonly fault: string }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const HostEvent = Data.taggedEnum<HostEvent>()

const word = (text: string): string => /^[\w@%+=:,./-]+$/.test(text) ? text : JSON.stringify(text)

/**
 * Joins words into one line. Words with special characters are quoted.
 *
 * @since 0.1.0
 * @category printing
 */
export const showWords = (words: ReadonlyArray<string>): string => words.map(word).join(" ")

/**
 * Describes an event in words.
 *
 * @since 0.1.0
 * @category printing
 */
export const show: (event: HostEvent) => string = HostEvent.$match({
  Connected: () => "connected",
  ConnectionFailed: ({ detail }) => `connection failed: ${detail}`,
  ConnectionLost: ({ detail }) => `connection lost: ${detail}`,
  Session: ({ kind, line }) => `${kind} ${line.length > 80 ? `${line.slice(0, 80)}...` : line}`,
  Started: ({ run }) => `started ${showWords(run.argv)} in ${run.cwd}`,
  Operation: ({ operation, path, status }) =>
    `sftp ${operation}${path === undefined ? "" : ` ${word(path)}`}${status === 0 ? "" : `: status ${status}`}`,
  TunnelOpened: ({ address }) => `tunnel to ${address}`,
  TunnelRefused: ({ address }) => `tunnel to ${address} refused`,
  Listening: ({ address }) => `listening on ${address}`,
  FaultFired: ({ fault }) => `fault: ${fault}`
})
