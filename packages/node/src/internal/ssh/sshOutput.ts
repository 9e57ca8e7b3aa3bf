/**
 * The files with the logs of an `ssh` and of those on its jump hosts.
 */
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import type { SshOutput } from "./diagnosis.js"

/**
 * The log of the `ssh` of a channel or connection, in its directory.
 *
 * @internal
 */
export const logFile = (directory: string): string => Path.join(directory, "log")

/**
 * The log of the jump host number `index`, without the directory.
 *
 * @internal
 */
export const hopLog = (index: number): string => `log-${index}`

/**
 * The link to the user's configuration, without its directory, which is above that of each `ssh`.
 *
 * @internal
 */
export const userConfig = "user-config"

// Names the user's file instead of the link to it.
const named = ({ sshConfig }: RemoteHost, directory: string) => (log: string): string =>
  sshConfig === undefined || sshConfig === "none"
    ? log
    : log.replaceAll(Path.join(Path.dirname(directory), userConfig), () => sshConfig)

// Logs are written until the login, and later only for failures.
const text = (path: string) => Effect.orElseSucceed(Effect.tryPromise(() => Fs.readFile(path, "latin1")), () => "")

/** @internal */
export const read = (host: RemoteHost, directory: string, stderr: string): Effect.Effect<SshOutput> => {
  const shown = named(host, directory)
  const log = (path: string) => Effect.map(text(path), shown)
  return Effect.all({
    log: log(logFile(directory)),
    hops: Effect.forEach(
      host.jumpHosts ?? [],
      (jump, index) => Effect.map(log(Path.join(directory, hopLog(index))), (log) => ({ host: String(jump), log }))
    ),
    stderr: Effect.succeed(shown(stderr))
  })
}
