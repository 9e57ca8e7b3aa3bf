/**
 * A transport that starts one `ssh` for each channel.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import { type Capabilities, type Transport, TypeId } from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as installations from "../ssh/installation.js"
import * as forward from "./forward.js"
import { type Client, login } from "./login.js"
import * as session from "./session.js"

/**
 * A command for an `ssh -N`, which does not send it. If `ssh_config` has a RemoteCommand for the host, `ssh` refuses both
 * together, as it does for each command.
 *
 * @internal
 */
export const ignored = "true"

/** @internal */
export interface Channels extends Pick<Transport, "exec" | "subsystem" | "connect"> {
  /** Logs in, and closes the connection. */
  readonly probe: Effect.Effect<void, RemoteConnectionError>
}

/**
 * Opens channels, each with its own connection.
 *
 * @internal
 */
export const channels = (host: RemoteHost, ssh: string, installation: installations.Installation): Channels => {
  const client: Client = { host, ssh, installation }
  return {
    exec: (line, { pty } = {}) =>
      session.make(client, [pty === undefined ? "-T" : "-tt", "--", host.host, line], pty?.term),
    subsystem: (name) => session.make(client, ["-T", "-s", "--", host.host, name]),
    connect: (address) => forward.make(client, address),
    probe: Effect.scoped(Effect.asVoid(login(client, ["-T", "-N", "--", host.host, ignored])))
  }
}

const capabilities: Capabilities = {
  oneConnection: false,
  exitSignal: false,
  ptySize: false,
  halfClose: false,
  unixSockets: false,
  remoteForward: false
}

/** @internal */
export interface Options {
  readonly host: RemoteHost
  readonly ssh: string
  readonly lazy: boolean
}

/** @internal */
export const make = Effect.fnUntraced(function*({ host, lazy, ssh }: Options) {
  const { connect, exec, probe, subsystem } = channels(host, ssh, yield* installations.make(host, ssh))
  // Connects once, so that an unreachable host fails here and not at the first command.
  if (!lazy) yield* probe
  const transport: Transport = {
    [TypeId]: TypeId,
    host,
    capabilities,
    ready: Effect.void,
    state: Stream.concat(Stream.make("ready" as const), Stream.never),
    exec,
    subsystem,
    connect,
    listen: () =>
      new RemoteConnectionError({
        reason: "Unsupported",
        host: String(host),
        detail: "this transport (one ssh for each channel) does not support listening on the host",
        hint: "Use OpenSsh.layer."
      })
  }
  return transport
})
