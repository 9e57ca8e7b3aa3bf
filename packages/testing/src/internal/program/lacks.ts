/**
 * Programs and constructs that a command needs and the in-memory host lacks. With `unknownCommands: "fail"`, each is a fault of
 * the test.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import { NotScriptedError } from "../../InMemoryHostError.js"
import * as running from "./running.js"

/** @internal */
export interface Lacks {
  readonly isFault: boolean
  /** Ends the command, and the effect that runs it, by a defect. */
  readonly report: (die: (defect: unknown) => Effect.Effect<void>) => running.Running["lacks"]
  /** Dies if the effect that has ended hid a reported lack. */
  readonly verdict: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
}

/** @internal */
export const make = (host: string, scripted: ReadonlyArray<string>, isFault: boolean): Lacks => {
  let first: NotScriptedError | undefined

  const errorOf = ({ construct, program }: running.Lack) =>
    new NotScriptedError({ host, program, scripted, ...(construct !== undefined && { construct }) })

  return {
    isFault,
    report: (die) => (lack) =>
      isFault
        ? Effect.suspend(() => {
          const error = errorOf(lack)
          first ??= error
          return Effect.zipRight(die(error), Effect.die(error))
        })
        : Effect.void,
    verdict: (exit) =>
      Effect.suspend(() => {
        // not by identity: Effect wraps what an effect with a span dies with
        const isTold = Exit.isFailure(exit) &&
          [...Cause.defects(exit.cause)].some((one) => one instanceof NotScriptedError)
        return first === undefined || isTold ? Effect.void : Effect.die(first)
      })
  }
}

const report = (lack: running.Lack): Effect.Effect<void> =>
  Effect.flatMap(FiberRef.get(running.current), ({ lacks }) => lacks(lack))

/**
 * Reports that the host lacks a program that was to be run.
 *
 * @internal
 */
export const program = (name: string): Effect.Effect<void> => report({ program: name })

const notUnderstood = "InMemoryHost does not understand "

/**
 * Handles a message on stderr of a tool or the shell. Reports a lack if the tool does not understand its arguments.
 *
 * @internal
 */
export const said = (program: string, words: string): Effect.Effect<void> => {
  const at = words.indexOf(notUnderstood)
  return at < 0 ? Effect.void : report({ program, construct: words.slice(at + notUnderstood.length) })
}
