/**
 * Checks the commands and services that a test declares for a host.
 */
import * as Effect from "effect/Effect"
import type { HostCommand } from "../../HostCommand.js"
import type * as HostService from "../../HostService.js"
import { InMemoryHostError } from "../../InMemoryHostError.js"
import * as addresses from "./address.js"
import * as scripts from "./scripts.js"

/** @internal */
export const checkCommands = <R>(list: ReadonlyArray<HostCommand<R>>): Effect.Effect<void, InMemoryHostError> => {
  const known = new Set<string>()
  for (const { matches, name } of list) {
    const wrong = matches === undefined ? scripts.faultOf(name, known) : undefined
    if (wrong !== undefined) {
      return new InMemoryHostError({
        reason: "InvalidCommand",
        entry: name,
        detail: `command ${JSON.stringify(name)}: ${wrong}`
      })
    }
    if (matches === undefined) known.add(name)
  }
  return Effect.void
}

/**
 * The services by the key of their address.
 *
 * @internal
 */
export const services = <R>(
  declared: ReadonlyMap<string, HostService.Handler<R>>
): Effect.Effect<ReadonlyMap<string, HostService.Handler<R>>, InMemoryHostError> => {
  const found = new Map<string, HostService.Handler<R>>()
  for (const [text, handler] of declared) {
    const address = addresses.parse(text)
    const wrong = typeof address === "string"
      ? address
      : found.has(addresses.keyOf(address))
      ? "there are two at that address"
      : undefined
    if (wrong !== undefined || typeof address === "string") {
      return new InMemoryHostError({
        reason: "InvalidService",
        entry: text,
        detail: `service ${JSON.stringify(text)}: ${wrong}`
      })
    }
    found.set(addresses.keyOf(address), handler)
  }
  return Effect.succeed(found)
}
