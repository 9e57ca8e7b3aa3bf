import type { LocalAddress } from "@effect-remote/core/LocalNetwork"
import type { RemoteAddress } from "@effect-remote/core/Transport"

/**
 * An address as people write it, and `ssh` reads it.
 *
 * @internal
 */
export const show = (address: LocalAddress | RemoteAddress): string =>
  address._tag === "Unix"
    ? address.path
    : `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`
