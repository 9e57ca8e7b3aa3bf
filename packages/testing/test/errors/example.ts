import { InMemoryHost } from "@effect-remote/testing"
import { Effect, type Scope } from "effect"

/** A reason of an error: what to do, and a program that fails with it. */
export interface Example {
  /** Advice for the user. */
  readonly advice: string
  /** Default: what the doc comment of the union of reasons says. */
  readonly meaning?: string
  /** The error. A text says why the page has no example. */
  readonly error: Effect.Effect<unknown, unknown, Scope.Scope> | string
}

/** A kind of error, with an example for each of its reasons. */
export interface Family {
  readonly name: string
  readonly text: string
  /** The file with the union of reasons, below `packages`, and the name of the union. Its doc comment has the meanings. */
  readonly meanings?: readonly [file: string, union: string]
  /** All reasons that there are. */
  readonly reasons: ReadonlyArray<string>
  readonly examples: Readonly<Record<string, Example>>
}

/** The error of a use of the host in memory. */
export const onHost = <E>(
  options: InMemoryHost.Options<{}, never, {}>,
  use: (host: InMemoryHost.InMemoryHost) => Effect.Effect<unknown, E, Scope.Scope>
) =>
  Effect.flatMap(
    InMemoryHost.make({ host: "worker-01", username: "luigi", ...options }),
    (host) => Effect.flip(use(host))
  )
