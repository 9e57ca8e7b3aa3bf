/**
 * Starts an `ssh` for one channel, and waits for its login.
 */
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Deadline from "@effect-remote/core/unstable/Deadline"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as askpass from "../ssh/askpass.js"
import * as children from "../ssh/child.js"
import { connectSpan } from "../ssh/connectSpan.js"
import * as diagnosis from "../ssh/diagnosis.js"
import * as installations from "../ssh/installation.js"
import * as loginLog from "../ssh/loginLog.js"
import * as loginRefused from "../ssh/loginRefused.js"
import * as privateDirectory from "../ssh/privateDirectory.js"
import * as sshOutput from "../ssh/sshOutput.js"
import * as sshProcess from "./sshProcess.js"

/** @internal */
export interface Client {
  readonly host: RemoteHost
  readonly ssh: string
  readonly installation: installations.Installation
}

/**
 * The host as the target of a diagnosis.
 *
 * @internal
 */
export const targetOf = ({ host }: Client): diagnosis.Target => ({
  host: String(host),
  pinned: typeof host.hostKeys === "object"
})

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
  const prompts = yield* written(askpass.serve(name, directory, installation.route))
  const child = yield* sshProcess.make(name, ssh, ["-F", installation.config, ...args(directory)], {
    ...installation.environment,
    [askpass.directoryVariable]: directory,
    ...(term !== undefined && { TERM: term })
  })
  return { child, directory, prompts }
})

// Stderr before the login comes from a server's banner, a jump host or a ProxyCommand.
const follow = (stderr: sshProcess.SshProcess["stderr"], ready: string) => {
  let log = loginLog.initial
  const loggedIn: Effect.Effect<loginLog.LoginLog> = Effect.flatMap(stderr, (bytes) => {
    if (Option.isNone(bytes)) return Effect.sync(() => log)
    log = loginLog.receive(log, bytes.value, ready)
    return log._tag === "LoggedIn" ? Effect.succeed(log) : loggedIn
  })
  return { loggedIn, text: () => log._tag === "LoggedIn" ? log.before : log.text }
}

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
    const { child, directory, prompts } = yield* spawn(
      client,
      (directory) => ["-o", "LogLevel=DEBUG2", "-E", sshOutput.logFile(directory), ...args],
      term
    )
    const { loggedIn, text } = follow(child.stderr, client.installation.ready)
    const output = Effect.suspend(() => sshOutput.read(client.host, directory, text()))
    const inTime = Deadline.within(client.host, "connecting", Effect.map(output, diagnosis.explainDelay))
    const login = yield* inTime(Effect.raceFirst(loggedIn, prompts.failed))
    if (login._tag === "Waiting") {
      const name = String(client.host)
      const code = yield* child.exited
      if (children.isMissing(code, login.text)) return yield* children.notFound(name, client.ssh)
      const detail = `ssh ended with code ${code} before it had logged in`
      const failure = diagnosis.diagnose(targetOf(client), yield* output, detail)
      return yield* Effect.flip(loginRefused.diagnosed(failure, client.installation.route, prompts))
    }
    const made: LoggedIn = {
      child,
      log: Effect.map(output, ({ log }) => log),
      stderr: Buffer.from(login.after, "latin1")
    }
    return made
  }).pipe(connectSpan(client.host))
