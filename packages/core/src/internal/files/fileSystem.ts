/**
 * The methods of `RemoteFileSystem`, on top of SFTP operations.
 */
import type { FileSystem, WatchBackend } from "@effect/platform/FileSystem"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { DigestAlgorithm } from "../../LocalHash.js"
import type { Operations } from "../sftp/requests.js"
import * as attributes from "./attributes.js"
import type { Digest } from "./digest.js"
import * as entries from "./entries.js"
import * as opening from "./opening.js"
import * as reading from "./reading.js"
import * as remoteFile from "./remoteFile.js"
import * as resize from "./resize.js"
import * as sweep from "./sweep.js"
import * as temporary from "./temporary.js"
import * as watch from "./watch.js"
import * as writing from "./writing.js"

const open = (operations: Operations): FileSystem["open"] => (path, { flag = "r", mode } = {}) => {
  const call = { method: "open", path }
  return Effect.flatMap(
    opening.open(operations, call, flag, mode),
    (file) =>
      Effect.map(
        opening.endOf(call, flag, file),
        (end) => remoteFile.make(file, end, (size) => resize.open(operations, { method: "truncate", path }, file, size))
      )
  )
}

/** @internal */
export const make = (
  operations: Operations,
  digest: Digest,
  watchBackend: Option.Option<Context.Tag.Service<typeof WatchBackend>>
) => ({
  ...attributes.make(operations),
  ...entries.make(operations),
  ...reading.make(operations),
  ...writing.make(operations),
  ...temporary.methods(operations),
  open: open(operations),
  digest: (path: string, options?: { readonly algorithm?: DigestAlgorithm | undefined }) =>
    digest(path, { algorithm: options?.algorithm }),
  sweepTemporary: (directory: string, olderThan: Duration.DurationInput) =>
    sweep.sweepTemporary(operations, directory, olderThan),
  watch: watch.make(operations, watchBackend)
})
