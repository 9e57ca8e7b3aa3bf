/**
 * What happened on a host in memory, in order.
 *
 * @since 0.1.0
 */
import type * as Sftp from "@effect-remote/core/protocol/Sftp"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/**
 * How a program ended: `Interrupted` is one that was ended by a signal to the whole command, or with its connection.
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
 * A program that was started: each of a command, and each within a shell that a script stands for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Run {
  readonly argv: NonEmptyReadonlyArray<string>
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Of the command that it is a part of; 0 where none was reported. */
  readonly pid: number
  /** Waits for its end, what it does when it is interrupted included. */
  readonly ended: Effect.Effect<Outcome>
  /** The outcome so far: none while it runs. */
  readonly outcome: Effect.Effect<Outcome | undefined>
  /** Ends it, as a signal does, and waits for that. Default: `"KILL"`. */
  readonly kill: (signal?: string) => Effect.Effect<void>
}

/**
 * - `Connected`, `ConnectionFailed`, `ConnectionLost`: of the connection; the detail tells why.
 * - `Session`: a channel that takes one of the sessions was opened. `line` is what the login shell got, or the subsystem.
 * - `Started`: a program.
 * - `Operation`: a request of SFTP was answered. `status` is 0 where it succeeded (draft-ietf-secsh-filexfer-02, section 7).
 * - `TunnelOpened`, `TunnelRefused`: a connection from the host to an address.
 * - `Listening`: the host listens for its client.
 * - `FaultFired`: a fault has had its effect, told in words.
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
 * Words as one line.
 *
 * @since 0.1.0
 * @category printing
 */
export const showWords = (words: ReadonlyArray<string>): string => words.map(word).join(" ")

/**
 * An event in words.
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
