/**
 * What is found on the host by name: what is scripted, and what every host has.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import { type Lookup, type Program, ProgramExit } from "./program.js"
import * as running from "./running.js"

/** @internal */
export interface Options {
  readonly host: string
  readonly scripted: Lookup
  /** Has a program within another one seen. */
  readonly seen: (program: Program) => Program
  /** What every host has, given how the programs within them are found. */
  readonly provided: (lookup: Lookup) => Lookup
  /** The names of what is scripted, where nothing else is to be run. */
  readonly strict: Option.Option<ReadonlyArray<string>>
}

const first = (...lookups: ReadonlyArray<Lookup>): Lookup => (request) =>
  Effect.reduce(
    lookups,
    Option.none<Program>(),
    (found, lookup) => Option.isSome(found) ? Effect.succeed(found) : lookup(request)
  )

/** @internal */
export const lookup = ({ host, provided, scripted, seen, strict }: Options): Lookup => {
  const unscripted: Lookup = ({ words }) =>
    Effect.succeed(Option.map(strict, (names) => () =>
      Effect.as(
        Effect.flatMap(FiberRef.get(running.current), ({ fail }) =>
          fail(() =>
            new RemoteConnectionError({
              reason: "Unsupported",
              host,
              detail: `no program ${JSON.stringify(words[0])} is scripted, and this host in memory is strict; ${
                names.length === 0 ? "nothing is scripted" : `scripted are ${names.join(", ")}`
              }`
            })
          )),
        ProgramExit.Code({ code: 127 })
      )))
  const others: Lookup = first((request) => own(request), unscripted)
  const nested: Lookup = first((request) => Effect.map(scripted(request), Option.map(seen)), others)
  const own = provided(nested)
  return first(scripted, others)
}
