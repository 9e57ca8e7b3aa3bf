/**
 * One call of `put` or `get`.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { LocalHash } from "../../LocalHash.js"
import type { Options } from "../../Transfer.js"
import * as errors from "../sftp/errors.js"
import type { Endpoint, Fx } from "./endpoint.js"
import * as names from "./names.js"

/** @internal */
export interface TransferJob {
  readonly method: "put" | "get"
  readonly from: Endpoint
  readonly to: Endpoint
  readonly source: string
  readonly target: string
  readonly host: string
  readonly options: Options
  readonly hash: Option.Option<LocalHash>
}

/**
 * Fails if a path is not UTF-8 and the file system allows only UTF-8 names.
 *
 * @internal
 */
export const checkCarried = ({ method }: TransferJob, path: string, carriesBytes: boolean): Fx<void> =>
  carriesBytes || names.isText(path)
    ? Effect.void
    : Effect.fail(errors.badArgument(
      { method, path },
      `${JSON.stringify(path)} is not UTF-8, and this file system allows only UTF-8 names`
    ))

/**
 * Makes the directory of the target if it is missing. The common case, an existing one, takes one request.
 *
 * @internal
 */
export const prepare = ({ method, target, to }: TransferJob, directory: string): Fx<void> =>
  Effect.catchIf(Effect.asVoid(to.follow(directory)), errors.isNotFound, () =>
    Effect.mapError(
      to.makeDirectories(directory),
      errors.ofStep({ method, path: target }, `its directory ${JSON.stringify(directory)} cannot be made`)
    ))
