/**
 * `tar`: writes, lists and unpacks archives of ustar, with gzip if asked for.
 */
import * as Effect from "effect/Effect"
import * as directories from "../directories.js"
import * as message from "../message.js"
import type * as tool from "../tool.js"
import { create } from "./create.js"
import { extract } from "./extract.js"
import * as read from "./read.js"
import * as requests from "./request.js"

const tar: tool.Run = (self) =>
  Effect.gen(function*() {
    const request = yield* requests.of(self)
    // Looked at now, and reported after the archive is opened.
    const there = yield* Effect.either(self.files.stat(directories.at(request.directory, ".")))
    const enter = there._tag === "Left"
      ? read.fatal(self, `${request.shownDirectory}: Cannot open: ${message.of(there.left)}`)
      : Effect.void
    return yield* request.mode === "c" ? create(self, request, enter) : extract(self, request, enter)
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { tar }
