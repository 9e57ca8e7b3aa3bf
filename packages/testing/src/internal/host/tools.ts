/**
 * The programs of the host, by name: scripted programs, and the tools of every host.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Lookup, Program } from "../program/program.js"

/** @internal */
export interface Options {
  readonly scripted: Lookup
  /** Records a program that runs within another one. */
  readonly seen: (program: Program) => Program
  /** The tools of every host. `lookup` finds the programs that they run. */
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
