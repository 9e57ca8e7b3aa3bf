/**
 * Addresses as the host has them.
 */
import { RemoteAddress } from "@effect-remote/core/Transport"

const loopback = new Set(["localhost", "127.0.0.1", "::1", ""])

/** @internal */
export const show = (address: RemoteAddress): string =>
  address._tag === "Unix"
    ? address.path
    : address.host.includes(":")
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`

/**
 * The key of an address. Addresses of the same place have the same key.
 *
 * @internal
 */
export const keyOf = (address: RemoteAddress): string =>
  address._tag === "Unix"
    ? address.path
    : `${loopback.has(address.host.toLowerCase()) ? "localhost" : address.host.toLowerCase()}:${address.port}`

/** @internal */
export const parse = (text: string): RemoteAddress | string => {
  if (text.startsWith("/")) {
    return text.includes("\0") || text.length > 107
      ? "the path of a unix socket has no NUL and at most 107 bytes"
      : RemoteAddress.Unix({ path: text })
  }
  const found = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text)
  if (found === null) return "it is neither HOST:PORT nor the absolute path of a unix socket"
  const port = Number(found[3])
  return port >= 1 && port <= 65535
    ? RemoteAddress.Tcp({ host: found[1] ?? found[2] ?? "", port })
    : `the port ${port} is not within 1..65535`
}
