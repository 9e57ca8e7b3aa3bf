/**
 * Opens files with the platform's flags, and checks the numbers of callers.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { OpenFlag, SizeInput } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type Attributes, OpenFlags } from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { FileWriter } from "../sftp/fileWriter.js"
import type { OpenFile } from "../sftp/openFile.js"
import type { Operations } from "../sftp/requests.js"

const { append, create, exclusive, read, truncate, write } = OpenFlags

const flags: Readonly<Record<OpenFlag, number>> = {
  "r": read,
  "r+": read | write,
  "w": write | create | truncate,
  "wx": write | create | truncate | exclusive,
  "w+": read | write | create | truncate,
  "wx+": read | write | create | truncate | exclusive,
  "a": write | append | create,
  "ax": write | append | create | exclusive,
  "a+": read | write | append | create,
  "ax+": read | write | append | create | exclusive
}

/**
 * Without a mode, the server's umask decides the permission bits of a new file.
 *
 * @internal
 */
export const withMode = (mode: number | undefined): Attributes => mode === undefined ? {} : { permissions: mode }

/** @internal */
export const open = (
  operations: Operations,
  call: CallContext,
  flag: OpenFlag,
  mode?: number
): Effect.Effect<OpenFile, PlatformError, Scope.Scope> => operations.open(call, flags[flag], withMode(mode))

/**
 * The offset of the first write, if the flag appends. Some servers ignore the append flag, and would write at the beginning.
 *
 * @internal
 */
export const endOf = (call: CallContext, flag: OpenFlag, { stat }: OpenFile): Fx<Option.Option<bigint>> =>
  flag.startsWith("a")
    ? Effect.flatMap(stat, ({ size }) =>
      size === undefined
        ? Effect.fail(
          errors.system(
            call,
            "Unknown",
            undefined,
            "the SFTP server does not report the size of the file, which an append needs"
          )
        )
        : Effect.succeedSome(size))
    : Effect.succeedNone

/** @internal */
export const openWriter = (
  operations: Operations,
  call: CallContext,
  flag: OpenFlag,
  mode: number | undefined
): Effect.Effect<FileWriter, PlatformError, Scope.Scope> =>
  Effect.gen(function*() {
    const file = yield* open(operations, call, flag, mode)
    return file.writer(Option.getOrElse(yield* endOf(call, flag, file), () => 0n))
  })

/** @internal */
export const isByteCount = (size: SizeInput): boolean =>
  (typeof size !== "number" || Number.isSafeInteger(size)) && size >= 0

/** @internal */
export const byteCount = (call: CallContext, size: SizeInput): Fx<bigint> =>
  isByteCount(size)
    ? Effect.succeed(BigInt(size))
    : Effect.fail(errors.badArgument(call, `${size} is not a valid byte count`))
