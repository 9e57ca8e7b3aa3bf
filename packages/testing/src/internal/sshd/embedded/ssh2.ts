import * as Effect from "effect/Effect"
import type { Writable } from "node:stream"
import type * as Ssh2 from "ssh2"
import { SshdError } from "../../../SshdError.js"
import type { Write } from "./pump.js"

/**
 * The package `ssh2`, which is needed by the embedded server only.
 *
 * @internal
 */
export const load: Effect.Effect<typeof Ssh2, SshdError> = Effect.tryPromise({
  try: () => import("ssh2"),
  catch: (cause) =>
    new SshdError({
      reason: "Ssh2NotFound",
      detail: "the embedded server needs the npm package ssh2, which could not be loaded",
      hint: "npm install --save-dev ssh2, or install OpenSSH's sshd: apt-get install openssh-server",
      cause
    })
}).pipe(Effect.map((module) => module.default as unknown as typeof Ssh2))

// Internals of ssh2's server that have no public API. As of ssh2 1.17.
interface Protocol {
  _onWrite: (data: Buffer) => void
  readonly channelSuccess: (channel: number) => void
  readonly channelFailure: (channel: number) => void
  readonly channelClose: (channel: number) => void
  readonly exitStatus: (channel: number, status: number) => void
  readonly exitSignal: (channel: number, name: string, coreDumped: boolean, message: string) => void
}

const protocol = (connection: Ssh2.Connection): Protocol =>
  (connection as unknown as { readonly _protocol: Protocol })._protocol

const outgoing = (channel: Ssh2.ServerChannel) =>
  channel.outgoing as { readonly id: number; readonly state: "open" | "eof" | "closing" | "closed" }

/**
 * Once a connection is gone, ssh2 throws wherever something is still sent, from within stream callbacks too, where
 * nobody can catch it. After this it goes nowhere.
 *
 * @internal
 */
export const silence = (connection: Ssh2.Connection): void => {
  protocol(connection)._onWrite = () => {}
}

/**
 * ssh2 answers no request once a command runs.
 *
 * @internal
 */
export const answer = (connection: Ssh2.Connection, channel: Ssh2.ServerChannel, ok: boolean): void => {
  if (outgoing(channel).state === "closed") return
  if (ok) protocol(connection).channelSuccess(outgoing(channel).id)
  else protocol(connection).channelFailure(outgoing(channel).id)
}

/**
 * ssh2 neither answers nor frees a session that is closed before anything was started on it.
 *
 * @internal
 */
export const closeUnused = (connection: Ssh2.Connection, session: Ssh2.Session): void => {
  const { _chanInfo: { incoming, outgoing } } = session as unknown as {
    readonly _chanInfo: Record<"incoming" | "outgoing", { readonly id: number }>
  }
  const { _chanMgr } = connection as unknown as { readonly _chanMgr: { readonly remove: (channel: number) => void } }
  _chanMgr.remove(incoming.id)
  protocol(connection).channelClose(outgoing.id)
}

const signals = new Set(
  ["ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"]
)

/**
 * Sends the exit status, after the end of the output too, where `channel.exit` sends none. A signal that the RFC has no
 * name for is not sent: ssh2 cannot encode `SIG@openssh.com`.
 *
 * @internal
 */
export const sendExit = (
  connection: Ssh2.Connection,
  channel: Ssh2.ServerChannel,
  exit: { readonly code: number | null; readonly signal: string | null }
): void => {
  const { id, state } = outgoing(channel)
  if (state !== "open" && state !== "eof") return
  if (exit.code !== null) return protocol(connection).exitStatus(id, exit.code)
  const name = exit.signal?.replace(/^SIG/, "") ?? ""
  if (signals.has(name)) protocol(connection).exitSignal(id, name, false, "")
}

const nothingUnsent = { _chunk: undefined, _chunkcb: undefined, _chunkErr: undefined, _chunkcbErr: undefined }

/**
 * Writes to a channel and its stderr, one chunk at a time. Both share one window. For each, ssh2 keeps the bytes that did not fit
 * and never clears them. A later wait would send these bytes again and call back twice.
 *
 * @internal
 */
export const writer = (channel: Ssh2.ServerChannel): (stream: Writable) => Write => {
  const waiting: Array<() => void> = []
  let busy = false
  const next = () => {
    const turn = waiting.shift()
    busy = turn !== undefined
    turn?.()
  }
  return (stream) => (chunk, done) => {
    const turn = () => {
      busy = true
      stream.write(chunk, () => {
        Object.assign(channel, nothingUnsent)
        done()
        next()
      })
    }
    if (busy) waiting.push(turn)
    else turn()
  }
}
