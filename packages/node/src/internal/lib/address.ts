import type { LocalAddress } from "@effect-remote/core/LocalNetwork"
import type { RemoteAddress } from "@effect-remote/core/Transport"

/**
 * Formats an address for messages and for `ssh`.
 *
 * @internal
 */
export const show = (address: LocalAddress | RemoteAddress): string =>
  address._tag === "Unix"
    ? address.path
    : `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`
