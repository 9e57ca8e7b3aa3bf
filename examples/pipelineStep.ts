/**
 * A step of a data pipeline: what it makes is made once. A target that exists is whole, so that its existence says it all; what
 * fails or is interrupted leaves none, and the next run makes it.
 */
import { Format, type RemoteFileSystem, RemoteTarget } from "@effect-remote/core"
import type { PlatformError } from "@effect/platform/Error"
import { Data, Effect, HashMap, Option, Order, Stream } from "effect"

/** Makes a target of these values, unless it exists. */
export const step = <A, E, R>(
  target: RemoteTarget.RemoteTarget<A>,
  values: Stream.Stream<A, E, R>
): Effect.Effect<"made" | "skipped", E | PlatformError, R | RemoteFileSystem.RemoteFileSystem> =>
  Effect.gen(function*() {
    if (yield* target.exists) return "skipped"
    yield* Stream.run(values, target.write)
    return "made"
  })

export class InvalidOrder extends Data.TaggedError("InvalidOrder")<{ readonly line: number; readonly text: string }> {
  override get message(): string {
    return `line ${this.line} is not an order: ${JSON.stringify(this.text)}`
  }
}

export interface Orders {
  /** Lines of a customer and an amount: `luigi,12`. */
  readonly orders: RemoteTarget.RemoteTarget<string>
  readonly totals: RemoteTarget.RemoteTarget<string>
}

/** The two files of a day, in a directory of the host. */
export const ordersOf = (directory: string, day: string): Orders => ({
  orders: RemoteTarget.make(`${directory}/orders-${day}.csv`, Format.text),
  totals: RemoteTarget.make(`${directory}/totals-${day}.csv`, Format.text)
})

/** The amount that each customer has ordered on a day. */
export const totals = ({ orders, totals }: Orders) => {
  const amounts = orders.read.pipe(
    Stream.splitLines,
    Stream.zipWithIndex,
    Stream.runFoldEffect(HashMap.empty<string, number>(), (sums, [text, index]) => {
      const [, customer, amount] = /^([^,]+),(\d+)$/.exec(text) ?? []
      return customer === undefined
        ? new InvalidOrder({ line: index + 1, text })
        : Effect.succeed(
          HashMap.modifyAt(sums, customer, (sum) => Option.some(Option.getOrElse(sum, () => 0) + Number(amount)))
        )
    })
  )
  const lines = Stream.unwrap(Effect.map(amounts, (sums) =>
    Stream.fromIterable(
      [...sums].sort(Order.mapInput(Order.string, ([customer]: readonly [string, number]) => customer))
    )))
  return step(totals, Stream.map(lines, ([customer, amount]) => `${customer},${amount}\n`))
}
