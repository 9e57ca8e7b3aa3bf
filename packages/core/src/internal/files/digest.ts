/**
 * Digests of files. A command on the host computes them if it sees the same file. Otherwise the bytes are read over SFTP.
 */
import * as Command from "@effect/platform/Command"
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { DigestAlgorithm, LocalHash } from "../../LocalHash.js"
import { type Attributes, OpenFlags } from "../../protocol/Sftp.js"
import type { RemoteContext, RunError } from "../../RemoteContext.js"
import * as fileMode from "../lib/fileMode.js"
import * as fileDigest from "../scripts/fileDigest.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"

const bits: Readonly<Record<DigestAlgorithm, number>> = { md5: 128, sha1: 160, sha256: 256, sha512: 512 }

// Reading a smaller file is faster than starting a command.
const worthACommand = 128n * 1024n

const known = ({ gid, mtime, size, uid }: Attributes): string | undefined =>
  [size, mtime, uid, gid].includes(undefined) ? undefined : `${size} ${mtime} ${uid} ${gid}`

interface Services {
  readonly context: Option.Option<RemoteContext>
  /** Computes digests on this machine. */
  readonly hash: Option.Option<LocalHash>
}

interface Options {
  readonly algorithm?: DigestAlgorithm | undefined
  /** Number of bytes from the beginning. Left out: all. */
  readonly length?: bigint | undefined
}

/** @internal */
export type Digest = (path: string, options?: Options) => Effect.Effect<string, PlatformError>

/** @internal */
export const make = (operations: Operations, { context, hash }: Services): Digest => {
  let runsCommands = true
  const withoutTool = new Set<DigestAlgorithm>()

  // Remembers failures that all later commands would have, too.
  const learn = (error: RunError, algorithm: DigestAlgorithm): void => {
    if (error._tag === "RemoteConnectionError") {
      if (["ChannelRefused", "Protocol", "ShellUnavailable", "Unsupported"].includes(error.reason)) runsCommands = false
    } else if (error.exitCode === fileDigest.exit.noTool) {
      withoutTool.add(algorithm)
    } else if (error.reason === "OutputTooLarge" || error.reason === "ProgramNotFound") {
      runsCommands = false
    }
  }

  const onHost = (
    call: CallContext,
    found: Attributes,
    algorithm: DigestAlgorithm,
    length: bigint | undefined
  ) =>
    Effect.gen(function*() {
      const expected = known(found)
      if (
        Option.isNone(context) || !runsCommands || withoutTool.has(algorithm) || expected === undefined ||
        Option.isSome(hash) && (found.size ?? 0n) < worthACommand
      ) {
        return Option.none<string>()
      }
      // A relative path begins at the directory of SFTP. Commands may start in another one.
      const path = yield* operations.realPath(call)
      if (!path.startsWith("/")) return Option.none<string>()
      const command = Command.make("sh", "-c", fileDigest.text, "sh", path, expected, algorithm, `${length ?? ""}`)
      return yield* Effect.matchEffect(context.value.string(command, { pty: false, maxOutput: 4096 }), {
        onFailure: (error) => {
          learn(error, algorithm)
          return error._tag === "RemoteConnectionError" && error.reason === "ConnectionLost"
            ? Effect.fail(errors.connection(call)(error))
            : Effect.succeedNone
        },
        onSuccess: (output) => {
          const digest = output.slice(0, -1)
          if (output === `${digest}\n` && digest.length === bits[algorithm] / 4 && /^[0-9a-f]+$/.test(digest)) {
            return Effect.succeedSome(digest)
          }
          runsCommands = false
          return Effect.succeedNone
        }
      })
    })

  const here = (call: CallContext, algorithm: DigestAlgorithm, length: bigint | undefined) =>
    Option.match(hash, {
      onNone: () =>
        Effect.fail(
          errors.system(
            call,
            "Unknown",
            undefined,
            `the host does not compute ${algorithm}, and LocalMachine has no \`hash\` to compute it locally`
          )
        ),
      onSome: ({ make }) =>
        Effect.gen(function*() {
          const file = yield* operations.open(call, OpenFlags.read, {})
          const { hex, update } = yield* make(algorithm)
          yield* Stream.runForEach(file.stream(0n, length), (bytes) => Effect.sync(() => update(bytes)))
          return hex()
        }).pipe(Effect.scoped)
    })

  return (path, { algorithm = "sha256", length } = {}) =>
    Effect.gen(function*() {
      const call = { method: "digest", path }
      const found = yield* operations.stat(call)
      if (fileMode.isDirectory(found)) {
        return yield* Effect.fail(errors.system(call, "BadResource", undefined, "it is a directory"))
      }
      // Opening a pipe would block the server.
      if (found.permissions !== undefined && !fileMode.isRegularFile(found)) {
        return yield* Effect.fail(errors.system(call, "BadResource", undefined, "it is not a regular file"))
      }
      const digest = yield* onHost(call, found, algorithm, length)
      return Option.isSome(digest) ? digest.value : yield* here(call, algorithm, length)
    })
}
