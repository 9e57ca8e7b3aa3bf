/** Connections of `multiplexed/transport.ts`, which callers do not see. */
import { Effect } from "effect"
import type * as connections from "../../src/internal/multiplexed/connection.js"

/** All connections made, in order. */
export const made: Array<connections.Connection> = []

/**
 * The module with connections that are seen, for
 * `vi.mock("../../src/internal/multiplexed/connection.js", ...)` in a test.
 */
export const observed = async (original: <Module>() => Promise<Module>): Promise<typeof connections> => {
  const module = await original<typeof connections>()
  return {
    ...module,
    make: (...args) => Effect.tap(module.make(...args), (connection) => Effect.sync(() => void made.push(connection)))
  }
}
