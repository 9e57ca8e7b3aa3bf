/**
 * Runs this library's own programs on the host, each on its own channel.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Transport } from "../../Transport.js"
import * as Frame from "../../unstable/Frame.js"
import * as reports from "../launch/reports.js"
import * as outlet from "../lib/outlet.js"
import * as random from "../lib/random.js"
import * as text from "../lib/text.js"

/**
 * Runs a program on an urgent channel. Returns its exit code and the end of its output.
 *
 * @internal
 */
export const run = (
  transport: Transport,
  stage: Frame.Stage
): Effect.Effect<{ readonly code: number; readonly output: string }, RemoteConnectionError> =>
  Effect.scoped(Effect.gen(function*() {
    const channel = yield* transport.exec(Frame.launchLine, { priority: "urgent" })
    const marker = yield* random.hex
    const printed = outlet.tail(1024)
    const drain = (
      read: typeof channel.read,
      scanner: reports.Scanner
    ): Effect.Effect<void, RemoteConnectionError> =>
      Effect.flatMap(read, (bytes) => {
        if (Option.isNone(bytes)) return Effect.void
        printed.push(scanner.push(bytes.value).output)
        return drain(read, scanner)
      })
    yield* Effect.all([
      Effect.zipRight(
        channel.write(Frame.encode({ marker, stages: [stage], terminal: Option.none() })),
        channel.end
      ),
      drain(channel.read, reports.scanner(marker, "stdout")),
      drain(channel.readStderr, reports.scanner(marker, "stderr"))
    ], { concurrency: "unbounded", discard: true })
    const status = yield* channel.exit
    return { code: status._tag === "Code" ? status.code : 1, output: text.display(printed.bytes()) }
  }))
