/**
 * The target of a dry run: it can be looked at, and each change succeeds without being made.
 */
import * as Effect from "effect/Effect"
import type { Endpoint, Writing, Written } from "./endpoint.js"

const written: Written = { size: undefined }

const writing: Writing = { write: (_, unused) => Effect.sync(unused), finish: () => Effect.succeed(written) }

/** @internal */
export const make = (
  { carriesBytes, digest, follow, list, locate, look, method, read, readLink, readSmall, realPath }: Endpoint
): Endpoint => ({
  carriesBytes,
  digest,
  follow,
  list,
  locate,
  look,
  method,
  read,
  readLink,
  readSmall,
  realPath,
  symlink: () => Effect.void,
  makeDirectory: () => Effect.void,
  makeDirectories: () => Effect.void,
  changeDirectory: () => Effect.void,
  removeFile: () => Effect.void,
  removeDirectory: () => Effect.void,
  rename: () => Effect.void,
  writeSmall: () => Effect.succeed(written),
  write: () => Effect.succeed(writing),
  overwrite: () => Effect.succeed(writing)
})
