/**
 * What is found on the host by name: what is scripted, and what every host has.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Lookup, Program } from "../program/program.js"

/** @internal */
export interface Options {
  readonly scripted: Lookup
  /** Has a program within another one seen. */
  readonly seen: (program: Program) => Program
  /** What every host has, given how the programs within them are found. */
  readonly provided: (lookup: Lookup) => Lookup
}

const first = (...lookups: ReadonlyArray<Lookup>): Lookup => (request) =>
  Effect.reduce(
    lookups,
    Option.none<Program>(),
    (found, lookup) => Option.isSome(found) ? Effect.succeed(found) : lookup(request)
  )

/** @internal */
export const lookup = ({ provided, scripted, seen }: Options): Lookup => {
  const nested: Lookup = first(
    (request) => Effect.map(scripted(request), Option.map(seen)),
    (request) => own(request)
  )
  const own = provided(nested)
  return first(scripted, own)
}
