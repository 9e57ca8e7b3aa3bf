import type { RemoteAddress } from "@effect-remote/core/Transport"
import * as Path from "node:path"

/**
 * Where the master finds our sockets. It remembers a forward that failed, and takes it for the one that has its port later:
 * so what is for one port has one socket, and a port that the host chose must be none of these.
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
