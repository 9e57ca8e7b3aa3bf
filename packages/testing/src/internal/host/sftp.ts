/**
 * Sessions of SFTP over the files of the host.
 */
import { LocalMachine } from "@effect-remote/core/LocalMachine"
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import { type ConnectionState, ExitStatus, Transport, TypeId } from "@effect-remote/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { SftpFileSystem } from "../sftp/sftpFileSystem.js"
import * as sftpServer from "../sftp/sftpServer.js"
import * as connections from "./connection.js"
import type { Faults } from "./faults.js"
import * as links from "./link.js"

// Bytes that are neither a valid packet nor a valid length.
const garbage = new Uint8Array(64).fill(0xff)

/**
 * Serves an SFTP session. Its requests are recorded, and faults may apply to them.
 *
 * @internal
 */
export const serve = (files: SftpFileSystem, faults: Faults, handles: number) =>
(
  channel: connections.HostChannel,
  connection: connections.Connection
): Effect.Effect<void> => {
  let isBroken = false
  const around = faults.around(connection, () => {
    isBroken = true
  })
  const duplex = {
    read: channel.stdin.read,
    write: (bytes: Uint8Array) => channel.stdout(isBroken ? garbage : bytes)
  }
  return Effect.flatMap(
    sftpServer.serve(duplex, files, { around, handles }),
    (code) => channel.exit(ExitStatus.Code({ code }))
  )
}

/**
 * Files for users on the host itself. Uses the ordinary SFTP client, but bypasses connections and their faults.
 *
 * @internal
 */
export const direct = (
  files: SftpFileSystem,
  host: RemoteHost
): Effect.Effect<RemoteFileSystem.RemoteFileSystem, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const unsupported = Effect.failSync(() =>
      new RemoteConnectionError({ reason: "Unsupported", host: String(host), detail: "there are only files here" })
    )
    const connection = connections.make(String(host), links.make(), () => Effect.void)
    const transport: Transport = {
      [TypeId]: TypeId,
      host,
      capabilities: {
        oneConnection: true,
        exitSignal: false,
        ptySize: false,
        halfClose: true,
        unixSockets: false,
        remoteForward: false
      },
      state: Stream.succeed<ConnectionState>("ready"),
      ready: Effect.void,
      exec: () => unsupported,
      subsystem: () =>
        Effect.tap(connection.open, ({ stdin, stdout }) =>
          Effect.forkIn(
            Effect.interruptible(sftpServer.serve({ read: stdin.read, write: stdout }, files)),
            scope
          )).pipe(Effect.map(({ channel }) => channel)),
      connect: () => unsupported,
      listen: () => unsupported
    }
    // The client must not use any other service of the caller's context.
    return yield* Effect.mapInputContext(
      RemoteFileSystem.make,
      (_: Context.Context<never>) =>
        Context.make(Transport, transport).pipe(Context.add(Scope.Scope, scope), Context.add(LocalMachine, {}))
    )
  })
