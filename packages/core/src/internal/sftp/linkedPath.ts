/**
 * Real paths on servers whose REALPATH leaves links as they are, such as those made with paramiko and with Go's `pkg/sftp`. The
 * client reads the links of such a path itself.
 */
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "./callContext.js"
import type { Client } from "./client.js"
import * as errors from "./errors.js"
import { ask } from "./withClient.js"

/**
 * A path that is resolved as far as `real`.
 *
 * @internal
 */
export interface Resolving {
  /** An absolute path without links. */
  readonly real: string
  /** The names below it that are not resolved yet, which may be `..`. */
  readonly names: ReadonlyArray<string>
  /** The number of links that were followed. */
  readonly followed: number
}

const mostFollowed = 40

// Far more than a path of any host has.
const mostNames = 1024

const atOnce = 16

const namesOf = (path: string): ReadonlyArray<string> => path.split("/").filter((name) => name !== "" && name !== ".")

// `..` leads to the directory that contains the real path, whatever link led there.
const withoutDots = (at: Resolving): Resolving =>
  at.names[0] === ".." ? withoutDots({ ...at, real: posixPath.parent(at.real), names: at.names.slice(1) }) : at

/**
 * Begins with a path, relative to a directory.
 *
 * @internal
 */
export const begin = (directory: string, path: string): Resolving =>
  withoutDots({
    real: "/",
    names: path.startsWith("/") ? namesOf(path) : [...namesOf(directory), ...namesOf(path)],
    followed: 0
  })

/**
 * The next paths that may be links, up to the next `..`.
 *
 * @internal
 */
export const ahead = ({ names, real }: Resolving): ReadonlyArray<string> => {
  const end = names.indexOf("..")
  const taken = end < 0 ? names : names.slice(0, end)
  return taken.map((_, index) => posixPath.join(real, taken.slice(0, index + 1).join("/")))
}

/**
 * Goes on with the targets of the paths ahead. `undefined` for a path that is not a link.
 *
 * @internal
 */
export const advance = (at: Resolving, targets: ReadonlyArray<string | undefined>): Resolving => {
  const paths = ahead(at)
  const index = targets.findIndex((target) => target !== undefined)
  if (index < 0) return withoutDots({ ...at, real: paths.at(-1) ?? at.real, names: at.names.slice(paths.length) })
  const target = targets[index]!
  return withoutDots({
    real: target.startsWith("/") ? "/" : posixPath.parent(paths[index]!),
    names: [...namesOf(target), ...at.names.slice(index + 1)],
    followed: at.followed + 1
  })
}

const targetOf = (client: Client, call: CallContext) => (path: string): Fx<string | undefined> =>
  Effect.map(
    ask(client, call, Sftp.Request.Readlink({ path })),
    (answer) => answer._tag === "Name" ? answer.entries[0]?.filename : undefined
  )

const resolved = (client: Client, call: CallContext, at: Resolving): Fx<string> => {
  if (at.names.length === 0) return Effect.succeed(at.real)
  if (at.followed > mostFollowed) {
    return Effect.fail(errors.system(call, "BadResource", undefined, "its links lead in a circle"))
  }
  if (at.names.length > mostNames) {
    return Effect.fail(errors.system(call, "Unknown", undefined, "its links lead to a path that is too long"))
  }
  return Effect.flatMap(
    Effect.forEach(ahead(at), targetOf(client, call), { concurrency: atOnce }),
    (targets) => resolved(client, call, advance(at, targets))
  )
}

/**
 * Resolves the links of the call's path, relative to a directory. A missing or unreadable path is taken as it is.
 *
 * @internal
 */
export const resolve = (client: Client, call: CallContext, directory: string): Fx<string> =>
  Effect.suspend(() => resolved(client, call, begin(directory, call.path)))
