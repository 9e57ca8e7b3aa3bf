import { RemoteConnectionError, type RemoteConnectionReason } from "@effect-remote/core/RemoteError"

/** @internal */
export type ConnectionErrors = (
  reason: RemoteConnectionReason,
  detail: string,
  fields?: { readonly hint?: string; readonly cause?: unknown }
) => RemoteConnectionError

/**
 * Makes the errors of one host.
 *
 * @internal
 */
export const make = (host: string): ConnectionErrors => (reason, detail, fields = {}) =>
  new RemoteConnectionError({ reason, host, detail, ...fields })
