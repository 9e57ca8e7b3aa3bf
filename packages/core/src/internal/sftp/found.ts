/**
 * Attributes that a server reports. Some servers leave out the type of an entry, and some report 0 for a mode that they do not
 * know.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { File } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { CallContext } from "./callContext.js"
import type { Client } from "./client.js"
import * as errors from "./errors.js"
import * as lookups from "./lookups.js"

/**
 * Attributes with a type that was found out, if the mode has none.
 *
 * @internal
 */
export interface Found extends Sftp.Attributes {
  readonly type?: File.Type | undefined
}

/**
 * The attributes of a file after writing.
 *
 * @internal
 */
export interface Written extends Found {
  /** Whether the server refused to set the mode, and the file grants nothing that the mode does not. */
  readonly lacksMode?: boolean
}

/**
 * Whether a file grants no more than a mode, so that it can do without it.
 *
 * @internal
 */
export const grantsNoMore = ({ permissions }: Found, mode: number | undefined): boolean =>
  permissions === undefined || mode === undefined || (permissions & fileMode.accessBits & ~mode) === 0

const isTyped = ({ permissions = 0 }: Sftp.Attributes): boolean => fileMode.hasType(permissions)

// A mode of 0 without a type stands for an unknown mode.
const withType = ({ permissions, ...others }: Sftp.Attributes, type: File.Type): Found => ({
  ...others,
  ...(permissions !== undefined && permissions !== 0 && { permissions }),
  type
})

/**
 * The attributes of an open file. Without a type it is taken for a file, because the server has opened it.
 *
 * @internal
 */
export const ofHandle = (attributes: Sftp.Attributes): Found =>
  isTyped(attributes) ? attributes : withType(attributes, "File")

const typeAt = (client: Client, path: string, followsLinks: boolean): lookups.Lookup<File.Type> =>
  Effect.gen(function*() {
    if (!followsLinks && (yield* client.request(Sftp.Request.Readlink({ path })))._tag === "Name") return "SymbolicLink"
    return (yield* lookups.opens(client, Sftp.Request.Opendir({ path }))) ? "Directory" : "File"
  })

/**
 * The attributes of a path. Without a type, a link can be read, a directory can be opened, and all else is taken for a file.
 *
 * @internal
 */
export const ofPath = (
  client: Client,
  call: CallContext,
  attributes: Sftp.Attributes,
  followsLinks: boolean
): Effect.Effect<Found, PlatformError> =>
  isTyped(attributes)
    ? Effect.succeed(attributes)
    : Effect.mapBoth(typeAt(client, call.path, followsLinks), {
      onFailure: errors.connection(call),
      onSuccess: (type) => withType(attributes, type)
    })
