/**
 * Starts an `ssh` for one channel, and waits for its login.
 */
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as askpass from "../ssh/askpass.js"
import * as children from "../ssh/child.js"
import { connectSpan } from "../ssh/connectSpan.js"
import { diagnose } from "../ssh/diagnosis.js"
import * as installations from "../ssh/installation.js"
import * as loginLog from "../ssh/loginLog.js"
import * as privateDirectory from "../ssh/privateDirectory.js"
import * as sshProcess from "./sshProcess.js"

/** @internal */
export interface Client {
  readonly host: RemoteHost
  readonly ssh: string
  readonly installation: installations.Installation
}

/**
 * Whether the keys of the host are pinned.
 *
 * @internal
 */
export const isPinned = ({ host }: Client): boolean => typeof host.hostKeys === "object"

/**
 * Starts an `ssh` with its own directory.
 *
 * @internal
 */
export const spawn = Effect.fnUntraced(function*(
  { host, installation, ssh }: Client,
  args: (directory: string) => ReadonlyArray<string>,
  term?: string
) {
  const name = String(host)
  const written = installations.written(name)
  const directory = yield* written(privateDirectory.within(installation.directory))
  yield* written(askpass.offer(directory, installation.passwords))
  const child = yield* sshProcess.make(name, ssh, ["-F", installation.config, ...args(directory)], {
    ...installation.environment,
    [askpass.directoryVariable]: directory,
    ...(term !== undefined && { TERM: term })
  })
  if (host.password !== undefined) yield* written(askpass.allow(directory, child.pid))
  return { child, directory }
})

// Until the login, stderr belongs to a jump host, a ProxyCommand or `ssh` itself.
const awaitLogin = Effect.fnUntraced(function*(stderr: sshProcess.SshProcess["stderr"], ready: string) {
  let log = loginLog.initial
  while (log._tag === "Waiting") {
    const read = yield* stderr
    if (Option.isNone(read)) return log
    log = loginLog.receive(log, read.value, ready)
  }
  return log
})

/** @internal */
export interface LoggedIn {
  readonly child: sshProcess.SshProcess
  readonly log: Effect.Effect<string>
  /** Stderr of the command that was read with the login. */
  readonly stderr: Uint8Array
}

/**
 * Starts an `ssh` and waits until it has logged in. Its log is a file, because stderr belongs to the command.
 *
 * @internal
 */
export const login = (client: Client, args: ReadonlyArray<string>, term?: string) =>
  Effect.gen(function*() {
    const logFile = (directory: string) => Path.join(directory, "log")
    const { child, directory } = yield* spawn(
      client,
      (directory) => ["-o", "LogLevel=DEBUG2", "-E", logFile(directory), ...args],
      term
    )
    const login = yield* awaitLogin(child.stderr, client.installation.ready)
    const before = login._tag === "LoggedIn" ? login.before : login.text
    const log = Effect.tryPromise(() => Fs.readFile(logFile(directory), "utf8")).pipe(
      Effect.orElseSucceed(() => ""),
      Effect.map((text) => `${before}\n${text}`)
    )
    if (login._tag === "Waiting") {
      const name = String(client.host)
      const code = yield* child.exited
      if (children.isMissing(code, before)) return yield* children.notFound(name, client.ssh)
      const detail = `ssh ended with code ${code} before it had logged in`
      return yield* diagnose(name, yield* log, detail, isPinned(client))
    }
    const loggedIn: LoggedIn = { child, log, stderr: Buffer.from(login.after, "latin1") }
    return loggedIn
  }).pipe(connectSpan(client.host))
