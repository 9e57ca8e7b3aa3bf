import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Effect from "effect/Effect"

/**
 * Makes an attempt to connect a span.
 *
 * @internal
 */
export const connectSpan = ({ host, port }: RemoteHost) =>
  Effect.withSpan("ssh.connect", {
    attributes: { "server.address": host, ...(port !== undefined && { "server.port": port }) },
    captureStackTrace: false,
    kind: "client"
  })
