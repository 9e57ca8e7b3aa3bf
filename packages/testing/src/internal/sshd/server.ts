import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Account } from "./account.js"
import type { KeyPair } from "./keyPair.js"
import type { ServerLog } from "./serverLog.js"

/**
 * The rounds of questions of a login by keyboard-interactive.
 *
 * @internal
 */
export interface KeyboardInteractive {
  readonly username: string
  readonly rounds: ReadonlyArray<
    ReadonlyArray<{ readonly prompt: string; readonly answer: Redacted.Redacted; readonly echo?: boolean | undefined }>
  >
}

/**
 * The options of a server once defaults are filled in, names are looked up and the private files are made.
 *
 * @internal
 */
export interface Settings {
  readonly directory: string
  /** The name and value of the environment variable that sessions are marked with. */
  readonly mark: readonly [name: string, value: string]
  /** The account that runs the tests and the sessions. */
  readonly account: Account
  readonly hostKey: KeyPair
  readonly userKey: KeyPair
  readonly loginShell: string | undefined
  readonly home: string | undefined
  readonly environment: Readonly<Record<string, string>>
  readonly forceCommand: string | undefined
  /** `undefined`: no SFTP. An absolute path: that program, run by the login shell. */
  readonly sftp: string | undefined
  readonly maxSessions: number
  readonly maxStartups: number
  readonly allowTcpForwarding: boolean
  readonly password: { readonly username: string; readonly password: Redacted.Redacted } | undefined
  readonly keyboardInteractive: KeyboardInteractive | undefined
  readonly config: ReadonlyArray<string>
}

/** @internal */
export const internalSftp = "internal-sftp"

/** @internal */
export interface Server {
  readonly version: string
  readonly port: number
  readonly log: ServerLog
  readonly dropConnections: Effect.Effect<void>
}
