import { Console, Data, Effect } from "effect"
import { styleText } from "node:util"

/** Something that the demo is there to show did not hold. */
export class NotShown extends Data.TaggedError("NotShown")<{ readonly message: string }> {}

export const expect = (held: boolean, message: string): Effect.Effect<void, NotShown> =>
  held ? Effect.void : new NotShown({ message })

/** The error of what must fail. */
export const failureOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<E, NotShown, R> =>
  Effect.mapError(Effect.flip(effect), () => new NotShown({ message: "it should have failed" }))

export const line = (text: string): Effect.Effect<void> => Console.log(`   ${text}`)

/** Output of a program, or the message of an error, with a bar at the left. */
export const quoted = (text: string): Effect.Effect<void> =>
  Effect.forEach(text.trimEnd().split("\n"), (part) => line(styleText("gray", "│ ") + part), { discard: true })

export const failure = (error: { readonly _tag: string; readonly reason: string; readonly message: string }) =>
  Effect.zipRight(line(styleText("yellow", `${error._tag} (${error.reason})`)), quoted(error.message))

export const title = (text: string): Effect.Effect<void> => Console.log(styleText("bold", text))

/** One thing shown, under its title. */
export const step = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Console.log(`\n${styleText(["bold", "cyan"], `● ${name}`)}`).pipe(
    Effect.zipRight(effect),
    Effect.zipLeft(line(styleText("green", "✓")))
  )
