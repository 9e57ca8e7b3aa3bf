import type { RemoteAddress } from "@effect-remote/core/Transport"
import * as Path from "node:path"

/**
 * Paths of the sockets to which the master forwards connections. The master keeps a failed forward, and later confuses it
 * with another one on the same port. Therefore each port keeps one path, and a port that the host chooses must differ from
 * all of them.
 *
 * @internal
 */
export interface Forwards {
  readonly path: (address: RemoteAddress) => string
  readonly isTaken: (port: number) => boolean
}

/** @internal */
export const forwards = (directory: string): Forwards => {
  const paths = new Map<string, string>()
  const ports = new Set<number>()
  let made = 0
  return {
    path: (address) => {
      const fresh = Path.join(directory, `f${made++}`)
      if (address._tag === "Tcp" && address.port === 0) return fresh
      if (address._tag === "Tcp") ports.add(address.port)
      const key = address._tag === "Tcp" ? `${address.host}:${address.port}` : address.path
      const path = paths.get(key) ?? fresh
      paths.set(key, path)
      return path
    },
    isTaken: (port) => ports.has(port)
  }
}
