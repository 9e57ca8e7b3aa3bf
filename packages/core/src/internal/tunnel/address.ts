/**
 * The addresses of tunnels: made from options, shown in messages, and checked.
 */
import * as Effect from "effect/Effect"
import { LocalAddress } from "../../LocalNetwork.js"
import { TunnelError } from "../../RemoteError.js"
import { RemoteAddress } from "../../Transport.js"
import * as text from "../lib/text.js"

/** @internal */
export type Address = LocalAddress | RemoteAddress

// `sun_path` holds 108 bytes on Linux and 104 elsewhere, the last of them a NUL.
const longestPath = 103

/** @internal */
export const local = ({ localHost = "127.0.0.1", localPath, localPort = 0 }: {
  readonly localHost?: string | undefined
  readonly localPort?: number | undefined
  readonly localPath?: string | undefined
}): LocalAddress =>
  localPath === undefined
    ? LocalAddress.Tcp({ host: localHost, port: localPort })
    : LocalAddress.Unix({ path: localPath })

interface RemoteEnd {
  readonly remoteHost?: string | undefined
  readonly remotePort?: number | undefined
  readonly remotePath?: string | undefined
}

const remote = (hostByDefault: string) => ({ remoteHost = hostByDefault, remotePath, remotePort = 0 }: RemoteEnd) =>
  remotePath === undefined
    ? RemoteAddress.Tcp({ host: remoteHost, port: remotePort })
    : RemoteAddress.Unix({ path: remotePath })

/** @internal */
export const remoteDestination: (end: RemoteEnd) => RemoteAddress = remote("localhost")

/**
 * Uses an address by default, not a name. For a name with several addresses, OpenSSH's server silently skips those whose port
 * another process uses.
 *
 * @internal
 */
export const remoteListen: (end: RemoteEnd) => RemoteAddress = remote("127.0.0.1")

/** @internal */
export const show = (address: Address): string => {
  if (address._tag === "Unix") return address.path
  const { host, port } = address
  return `${host.includes(":") ? `[${host}]` : host}:${port}`
}

/** @internal */
export const hostOf = (address: Address): string => address._tag === "Unix" ? "" : address.host

/** @internal */
export const portOf = (address: Address): number => address._tag === "Unix" ? 0 : address.port

// `ssh` would read "/" as the path of a unix socket, "\" as an escape and brackets as its own syntax.
const checkHost = (name: string, host: string): string | undefined =>
  host.length === 0 || /[\p{Cc}\p{Cs}\s/\\[\]]/u.test(host)
    ? `the ${name} host ${JSON.stringify(host)} is not a valid host`
    : undefined

const checkPort = (name: string, port: number, least: number): string | undefined =>
  Number.isInteger(port) && port >= least && port <= 65535
    ? undefined
    : `the ${name} port ${port} is not within ${least}..65535`

const checkPath = (name: string, path: string): string | undefined => {
  if (path.length === 0 || path.includes("\0")) return `the ${name} path ${JSON.stringify(path)} is not a valid path`
  const { length } = text.encode(path)
  return length > longestPath
    ? `the ${name} path has ${length} bytes, the limit for a unix socket is ${longestPath}`
    : undefined
}

const check = (name: string, address: Address, leastPort: number): string | undefined =>
  address._tag === "Unix"
    ? checkPath(name, address.path)
    : checkHost(name, address.host) ?? checkPort(name, address.port, leastPort)

/**
 * Checks an address to listen on.
 *
 * @internal
 */
export const checkListen = (name: string, address: Address): string | undefined => check(name, address, 0)

/**
 * Checks an address to connect to.
 *
 * @internal
 */
export const checkDestination = (name: string, address: Address): string | undefined => check(name, address, 1)

/**
 * Fails with `InvalidAddress` if a check has found a problem.
 *
 * @internal
 */
export const valid = (
  found: string | undefined,
  ends: { readonly from: string; readonly to: string }
): Effect.Effect<void, TunnelError> =>
  found === undefined ? Effect.void : new TunnelError({ reason: "InvalidAddress", detail: found, ...ends })
