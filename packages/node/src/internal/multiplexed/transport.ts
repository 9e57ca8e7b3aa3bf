/**
 * A transport over one connection, which OpenSSH's master holds. Commands, SFTP and tunnels are its channels. After a loss
 * the next use reconnects.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { type Capabilities, type Transport, TypeId } from "@effect-remote/core/Transport"
import * as Scopes from "@effect-remote/core/unstable/Scopes"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import { show } from "../lib/address.js"
import * as perChannelTransport from "../perChannel/transport.js"
import * as connectionErrors from "../ssh/connectionErrors.js"
import { connectSpan } from "../ssh/connectSpan.js"
import * as installations from "../ssh/installation.js"
import * as channels from "./channels.js"
import * as connections from "./connection.js"
import * as master from "./master.js"
import * as metrics from "./metrics.js"
import * as remoteListener from "./remoteListener.js"
import * as sessionSettings from "./sessionSettings.js"
import * as sharedConnection from "./sharedConnection.js"

/** @internal */
export interface Options extends perChannelTransport.Options {
  readonly reconnect: Schedule.Schedule<unknown, RemoteConnectionError>
}

const capabilities: Capabilities = {
  oneConnection: true,
  exitSignal: true,
  ptySize: true,
  halfClose: true,
  unixSockets: true,
  remoteForward: true
}

/** @internal */
export const make = Effect.fnUntraced(function*({ host, lazy, reconnect, ssh }: Options) {
  const name = String(host)
  const installation = yield* installations.make(host, ssh)
  yield* master.checkPath(name, installation)
  const settings = yield* Deferred.make<sessionSettings.SessionSettings>()
  yield* Scopes.forkInterruptible(Effect.intoDeferred(sessionSettings.make(host, ssh, installation), settings))

  const counters = metrics.make(host.host)
  const connection = yield* sharedConnection.make<connections.Connection>({
    host: name,
    connect: connectSpan(host)(connections.make(host, ssh, installation, counters)),
    lazy,
    reconnect,
    onReconnect: counters.reconnected
  })

  const transport: Transport = {
    [TypeId]: TypeId,
    host,
    capabilities,
    state: connection.state,
    ready: connection.ready,
    ...channels.make({
      host,
      error: connectionErrors.make(name),
      connection,
      settings: Deferred.await(settings),
      perChannel: perChannelTransport.channels(host, ssh, installation)
    }),
    listen: (address) =>
      connection.open((open) =>
        channels.inTime(host, `listening on ${show(address)} there`)(remoteListener.make(open, name, address))
      )
  }
  return transport
})
