/**
 * A SOCKS proxy: each client requests its own target.
 */
import type { SocketError } from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { LocalNetwork } from "../../LocalNetwork.js"
import type { RemoteConnectionError } from "../../RemoteError.js"
import { RemoteAddress, type Transport } from "../../Transport.js"
import { SocksError, type SocksProxy, type SocksProxyOptions } from "../../Tunnel.js"
import * as Socks from "../../unstable/Socks.js"
import * as text from "../lib/text.js"
import * as address from "./address.js"
import * as listen from "./listen.js"
import * as traffic from "./traffic.js"

// The limit from accepting the client to the last byte of its request.
const handshakeTimeout = "30 seconds"

// Time for a refused client to read the reply and to close the connection.
const partingTimeout = "5 seconds"

const ended = (message: string) => new SocksError({ reason: "Ended", message })

// Messages are short, so the buffer stays small: it holds one message and the bytes that arrived with its end.
const receive = <A>(
  client: traffic.Side,
  decode: (bytes: Uint8Array) => Socks.Decoded<A>,
  bytes: Uint8Array
): Effect.Effect<{ readonly message: A; readonly rest: Uint8Array }, SocksError> =>
  Effect.flatMap(
    decode(bytes),
    Option.match({
      onSome: Effect.succeed,
      onNone: () =>
        Effect.matchEffect(client.read, {
          onFailure: (error) => ended(error.message),
          onSuccess: Option.match({
            onNone: () => ended("the client closed the connection before its request was complete"),
            onSome: (more) => receive(client, decode, text.concat([bytes, more]))
          })
        })
    })
  )

const send = (client: traffic.Side, bytes: Uint8Array): Effect.Effect<void, SocksError> =>
  Effect.matchEffect(client.write(bytes), {
    onFailure: (error) => ended(error.message),
    onSuccess: (more) => more ? Effect.void : ended("the client closed the connection")
  })

const handshake = Effect.fnUntraced(
  function*(client: traffic.Side) {
    const greeting = yield* receive(client, Socks.decodeGreeting, new Uint8Array())
    yield* send(client, Socks.encodeMethod())
    const { message, rest } = yield* receive(client, Socks.decodeRequest, greeting.rest)
    const target = RemoteAddress.Tcp(message)
    const found = address.checkDestination("target's", target)
    return found === undefined
      ? { target, rest }
      : yield* new SocksError({ reason: "Address", message: found })
  },
  Effect.timeoutFail({
    duration: handshakeTimeout,
    onTimeout: () =>
      new SocksError({
        reason: "TimedOut",
        message: `the client did not complete its request within ${handshakeTimeout}`
      })
  })
)

// A side whose first read returns the bytes that the handshake has already read.
const preceded = (bytes: Uint8Array, side: traffic.Side): traffic.Side => {
  let rest = bytes
  return {
    ...side,
    read: Effect.suspend(() => {
      if (rest.length === 0) return side.read
      const first = rest
      rest = rest.subarray(rest.length)
      return Effect.succeedSome(first)
    })
  }
}

// Only the text of an error has the reason why a target was not reached. It is the system's text, which sshd forwards, or
// the transport's own text if the server forbids forwarding.
const reasons: ReadonlyArray<readonly [RegExp, Socks.Reply]> = [
  [/prohibited|forbid/i, "NotAllowed"],
  [/network is (unreachable|down)/i, "NetworkUnreachable"],
  [/no route to host|host is (unreachable|down)|timed? ?out/i, "HostUnreachable"],
  [/not known|no address associated|name resolution|nodename nor servname|does not resolve/i, "HostUnreachable"]
]

/**
 * The reply to a client whose target was not reached.
 *
 * @internal
 */
export const replyTo = (error: RemoteConnectionError, target: string): Socks.Reply => {
  if (error.reason === "TimedOut") return "HostUnreachable"
  if (error.reason !== "ChannelRefused") return "GeneralFailure"
  // The client chose the target, so its text must not match.
  const words = [error.detail, error.output, error.hint].join("\n").replaceAll(target, "")
  return reasons.find(([pattern]) => pattern.test(words))?.[1] ?? "ConnectionRefused"
}

const drain = (client: traffic.Side): Effect.Effect<void, RemoteConnectionError | SocketError> =>
  Effect.flatMap(client.read, (bytes) => Option.isSome(bytes) ? drain(client) : Effect.void)

/** @internal */
export const make = Effect.fnUntraced(function*(
  transport: Transport,
  network: LocalNetwork,
  options: SocksProxyOptions
) {
  const to = `any target through ${transport.host}`
  const listener = yield* listen.listen(network, address.local(options), to)
  const proxy: SocksProxy = {
    ...yield* traffic.make({
      name: `SOCKS proxy on ${address.show(listener.address)}`,
      accept: listener.accept,
      open: Effect.fnUntraced(function*(client) {
        const answer = (bytes: Uint8Array) => Effect.ignore(send(client, bytes))
        const { rest, target } = yield* Effect.tapError(
          handshake(client),
          (error) => Option.match(Socks.encodeRefusal(error), { onNone: () => Effect.void, onSome: answer })
        )
        const shown = address.show(target)
        const far = yield* Effect.tapError(
          transport.connect(target),
          (error) => answer(Socks.encodeReply(replyTo(error, shown)))
        )
        yield* send(client, Socks.encodeReply("Succeeded"))
        return { near: preceded(rest, client), far, target: shown }
      }),
      // A reset could overtake the reply, so the client gets time to read it. A client without a reply is closed at once.
      refuse: (client, error) =>
        error._tag === "SocksError" && Option.isNone(Socks.encodeRefusal(error))
          ? Effect.fail(error)
          : Effect.ignore(Effect.timeoutOption(Effect.zipRight(client.end, drain(client)), partingTimeout))
    }),
    ...listen.ends(listener)
  }
  return proxy
})
