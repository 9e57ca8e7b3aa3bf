/**
 * Steps that lose the connection, between others or while something is going on.
 */
import { Effect, Stream } from "effect"
import * as commands from "./commands.js"
import { bytesOf } from "./files.js"
import type * as outcome from "./outcome.js"
import type { Content, Ongoing } from "./program.js"
import { lose, type Side } from "./side.js"

const piece: Content = { text: "before\n", times: 10 }

const during = (side: Side, ongoing: Ongoing, path: string): Effect.Effect<outcome.Json, unknown> => {
  const { files } = side
  // The answer to `stat` shows that everything sent earlier has arrived.
  const broken = Stream.concat(
    Stream.make(bytesOf(piece)),
    Stream.fromEffect(Effect.zipRight(Effect.ignore(files.stat(path)), Effect.as(lose(side), bytesOf(piece))))
  )
  switch (ongoing) {
    case "command":
      return commands.lost(side)
    case "sink":
      return Effect.as(Stream.run(broken, files.sink(path)), "done")
    case "atomicWrite":
      return Effect.as(files.atomicWrite(path, broken), "done")
    case "file":
      return Effect.scoped(
        Effect.flatMap(
          files.open(path, { flag: "a+" }),
          (file) => Effect.zipRight(lose(side), Effect.as(file.write(bytesOf(piece)), "done"))
        )
      )
  }
}

/** @see outcome.Handlers */
export const handlers = (side: Side): outcome.Handlers<"Drop" | "DropDuring"> => ({
  Drop: () => Effect.as(lose(side), "dropped"),
  DropDuring: ({ ongoing, path }) => during(side, ongoing, `${side.root}/${path}`)
})
