import { LocalMachine, RemoteContext, RemoteError, Tunnel } from "@effect-remote/core"
import { Transport } from "@effect-remote/core/Transport"
import type { TunnelEvent } from "@effect-remote/core/Tunnel"
import * as Socks from "@effect-remote/core/unstable/Socks"
import type { InMemoryHost } from "@effect-remote/testing"
import { Socket } from "@effect/platform"
import type { Either } from "effect"
import { Effect, Fiber, Option, Stream } from "effect"
import * as tcp from "../fixtures/tcp.js"
import { type Example, type Family, onHost } from "./example.js"

/** The error of a listener of the host whose connections lead to a local address that cannot be reached. */
const unreachable = (to: { readonly localHost?: string; readonly localPort: number }) =>
  onHost({}, (host: InMemoryHost.InMemoryHost) =>
    Effect.gen(function*() {
      const tunnel = yield* host.context.remoteTunnel(to)
      const event = yield* Effect.fork(Stream.runHead(
        Stream.filter(tunnel.events, (event): event is Extract<TunnelEvent, { _tag: "Refused" }> =>
          event._tag === "Refused")
      ))
      yield* Effect.yieldNow()
      const socket = yield* host.connect(`localhost:${tunnel.remotePort}`)
      yield* Stream.make("hello").pipe(
        Stream.pipeThroughChannel(Socket.toChannelString(socket)),
        Stream.runDrain,
        Effect.ignore
      )
      return yield* Effect.fail(Option.getOrThrow(yield* Fiber.join(event)).error)
    }))

const listening = (options: Tunnel.LocalListen) =>
  onHost({}, ({ context }) => context.tunnel({ ...options, remoteHost: "search.internal", remotePort: 9200 }))

const withoutNetwork = (machine: LocalMachine.LocalMachine) =>
  onHost({}, (host) =>
    Effect.flatMap(
      Effect.provideService(RemoteContext.make(), Transport, host.transport).pipe(
        Effect.provideService(LocalMachine.LocalMachine, machine)
      ),
      (context) => context.tunnel({ remotePort: 9200 })
    ))

const examples: Record<RemoteError.TunnelReason, Example> = {
  AddressInUse: {
    advice: "Choose another port, or 0 for any free port.",
    error: Effect.flatMap(tcp.echoPort, (localPort) => listening({ localPort }))
  },
  AddressNotAvailable: {
    advice: "Listen on an address of this machine, such as `127.0.0.1`.",
    error: listening({ localHost: "192.0.2.1" })
  },
  PermissionDenied: {
    advice: "Choose a port above 1023, or a directory where this user may write.",
    error: listening({ localPath: "/sys/kernel/search.sock" })
  },
  ConnectionRefused: {
    advice: "Start the program that listens at the local target.",
    error: Effect.flatMap(tcp.closedPort, (localPort) => unreachable({ localPort }))
  },
  Unreachable: {
    advice: "Correct `localHost`, or the resolver of this machine.",
    error: unreachable({ localHost: "no-such-host.invalid", localPort: 80 })
  },
  InvalidAddress: {
    advice: "Correct the option that the detail names.",
    error: listening({ localPort: 70_000 })
  },
  Unsupported: {
    advice: "Provide `NodeMachine.layer`, or another `LocalMachine` with a network.",
    error: withoutNetwork({})
  },
  Unknown: {
    advice: "Read the detail, which is the system's message.",
    error: "it stands for the system's rare errors"
  }
}

/** @internal */
export const tunnels: Family = {
  name: "TunnelError",
  text: "A tunnel could not be made, or could not connect to its local target. The cause is on this machine.",
  meanings: ["core/src/RemoteError.ts", "TunnelReason"],
  reasons: RemoteError.TunnelReason.literals,
  examples
}

const refused = <A>(decoded: Either.Either<A, Tunnel.SocksError>) => Effect.flip(decoded)

const socksExamples: Record<Tunnel.SocksReason, Example> = {
  Version: {
    advice: "Set the client to SOCKS 5, for example `curl --socks5-hostname`.",
    error: refused(Socks.decodeGreeting(new Uint8Array([4, 1, 0, 80])))
  },
  Method: {
    advice: "Set no user and no password for the proxy in the client.",
    error: refused(Socks.decodeGreeting(new Uint8Array([5, 1, 2])))
  },
  Command: {
    advice: "Use the proxy for TCP connections only.",
    error: refused(Socks.decodeRequest(new Uint8Array([5, 3, 0, 1, 127, 0, 0, 1, 0, 53])))
  },
  AddressType: {
    advice: "Correct the client.",
    error: refused(Socks.decodeRequest(new Uint8Array([5, 1, 0, 9, 0])))
  },
  Address: {
    advice: "Correct the name that the client asks for.",
    error: refused(Socks.decodeRequest(new Uint8Array([5, 1, 0, 3, 1, 0xff, 0, 80])))
  },
  Ended: {
    advice: "Find out why the client closed the connection.",
    error: "it depends on how the client ends"
  },
  TimedOut: {
    advice: "Find out what the client waits for.",
    error: "it takes 30 seconds"
  }
}

/** @internal */
export const socks: Family = {
  name: "SocksError",
  text:
    "A client of a SOCKS proxy was refused. The error is in the `Refused` event of the tunnel, and the tunnel goes on.",
  meanings: ["core/src/Tunnel.ts", "SocksReason"],
  reasons: Tunnel.SocksReason.literals,
  examples: socksExamples
}
