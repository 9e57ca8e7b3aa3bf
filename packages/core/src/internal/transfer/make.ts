/**
 * `put` and `get`.
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { LocalFiles } from "../../LocalFiles.js"
import type { LocalHash } from "../../LocalHash.js"
import type { RemoteFileSystem } from "../../RemoteFileSystem.js"
import * as failure from "../sftp/failure.js"
import type { Operations } from "../sftp/operations.js"
import * as localSide from "./localSide.js"
import * as remoteSide from "./remoteSide.js"
import type { Side } from "./side.js"
import * as transfer from "./transfer.js"

/** @internal */
export const make = (
  operations: Operations,
  host: string,
  services: {
    readonly local: Option.Option<FileSystem>
    readonly localFiles: Option.Option<LocalFiles>
    readonly hash: Option.Option<LocalHash>
  },
  digest: Side["digest"]
): Pick<RemoteFileSystem, "put" | "get"> => {
  const transferred = (method: "put" | "get"): RemoteFileSystem["put"] => (source, target, options = {}) =>
    Effect.suspend(() => {
      const here = Option.orElse(Option.fromNullable(options.local), () => services.local)
      if (Option.isNone(here)) {
        return Effect.fail(failure.badArgument(
          { method, path: source },
          "no FileSystem was there when this one was made: say `local`"
        ))
      }
      const ofHost = operationsOf(here.value)
      const local = ofHost === undefined
        ? localSide.make(
          method,
          here.value,
          Option.filter(services.localFiles, ({ fileSystem }) => fileSystem === here.value)
        )
        : remoteSide.make(method, ofHost, () => Effect.succeedNone)
      const remote = remoteSide.make(method, operations, digest)
      const [from, to] = method === "put" ? [local, remote] : [remote, local]
      return transfer.run({ method, from, to, source, target, host, options, hash: services.hash })
    })
  return { put: transferred("put"), get: transferred("get") }
}

const operationsOf = (fs: FileSystem): Operations | undefined => remoteSide.operationsOf.get(fs)
