/**
 * OpenSSH's master: an `ssh` process that has logged in and accepts requests on a control socket. It ends with the scope,
 * and with this program even if it is killed.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Deadline from "@effect-remote/core/unstable/Deadline"
import * as Finalizer from "@effect-remote/core/unstable/Finalizer"
import * as Scopes from "@effect-remote/core/unstable/Scopes"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ChildProcess } from "node:child_process"
import * as Path from "node:path"
import type { Readable } from "node:stream"
import * as duplex from "../local/duplex.js"
import { ignored } from "../perChannel/transport.js"
import * as askpass from "../ssh/askpass.js"
import * as children from "../ssh/child.js"
import * as diagnosis from "../ssh/diagnosis.js"
import * as installations from "../ssh/installation.js"
import * as loginLog from "../ssh/loginLog.js"
import * as loginRefused from "../ssh/loginRefused.js"
import * as privateDirectory from "../ssh/privateDirectory.js"
import * as sshLog from "../ssh/sshLog.js"
import * as sshOutput from "../ssh/sshOutput.js"

/** @internal */
export interface Ending {
  /** `null` if a signal ended it, `undefined` if it still runs. */
  readonly code: number | null | undefined
  readonly error: RemoteConnectionError
}

/** @internal */
export interface Master {
  readonly socketPath: string
  /** The name and version that the server sent in its identification. */
  readonly server: string | undefined
  /** The reason of its end. Waits for at most one second. */
  readonly ending: Effect.Effect<Ending>
}

/** @internal */
export const unsupported = (host: string, detail: string): RemoteConnectionError =>
  new RemoteConnectionError({
    reason: "Unsupported",
    host,
    detail: `this ssh does not support multiplexing: ${detail}`,
    hint: "Use OpenSsh.layerProcess, which starts one ssh for each channel."
  })

// The path of a unix socket has at most 107 bytes. `ssh` first creates it with 17 more bytes in its name.
const longestSocketPath = 90

const socketName = "s"

/**
 * Fails if the path of a control socket would be too long.
 *
 * @internal
 */
export const checkPath = (host: string, { directory }: installations.Installation) =>
  Effect.suspend(() => {
    const { length } = Buffer.from(Path.join(directory, "c-XXXXXX", socketName))
    return length <= longestSocketPath
      ? Effect.void
      : new RemoteConnectionError({
        reason: "Unsupported",
        host,
        detail: `the path of the control socket has ${length} bytes, but ssh accepts at most ${longestSocketPath}`,
        hint: `Set TMPDIR to a directory with a shorter path, or use OpenSsh.layerProcess.`
      })
  })

/**
 * The error of an `ssh` that ended before its login.
 *
 * @internal
 */
export const loginFailure = (
  { host, pinned, ssh }: { readonly host: string; readonly ssh: string; readonly pinned: boolean },
  code: number | null,
  output: diagnosis.SshOutput
): RemoteConnectionError => {
  if (children.isMissing(code, output.stderr)) return children.notFound(host, ssh)
  const detail = `ssh ${code === null ? "was ended by a signal" : `ended with code ${code}`} before it had logged in`
  const failure = diagnosis.diagnose({ host, pinned }, output, detail)
  if (failure.output !== "") return failure
  // OpenSSH's client always prints a reason. Without one, this `ssh` is another program.
  return code === null
    ? new RemoteConnectionError({ reason: "ConnectionLost", host, detail })
    : unsupported(host, detail)
}

/**
 * The error of an `ssh` that ended after its login.
 *
 * @internal
 */
export const endingOf = (host: string, code: Ending["code"], log: string, stderr = ""): Ending => {
  const { detail, output, reason } = diagnosis.diagnoseLoss(host, log, "", stderr)
  const ended = code === undefined
    ? "ssh closed its control socket but still runs"
    : code === null
    ? "the ssh of this connection was ended by a signal"
    : `the ssh of this connection has ended with code ${code}`
  const error = new RemoteConnectionError({
    reason: "ConnectionLost",
    host,
    output,
    detail: reason === "Unknown" ? ended : detail,
    hint: "Operations in flight may or may not have been carried out. The next use reconnects."
  })
  return { code, error }
}

// Reads the log of an `ssh` in the scope, from the login to the end.
const followLog = Effect.fnUntraced(function*(stderr: Readable, ready: string) {
  let log = loginLog.initial
  const loggedIn = yield* Deferred.make<boolean>()
  const read = Effect.orElseSucceed(duplex.reader(stderr, (cause) => cause), Option.none)
  const follow: Effect.Effect<void> = Effect.flatMap(read, (bytes) => {
    if (Option.isNone(bytes)) return Effect.asVoid(Deferred.succeed(loggedIn, false))
    log = loginLog.receive(log, bytes.value, ready)
    return Effect.zipRight(log._tag === "LoggedIn" ? Deferred.succeed(loggedIn, true) : Effect.void, follow)
  })
  yield* Scopes.forkInterruptible(follow)
  return {
    loggedIn: Deferred.await(loggedIn),
    before: () => log._tag === "LoggedIn" ? log.before : log.text,
    after: () => log._tag === "LoggedIn" ? log.after : ""
  }
})

interface Started {
  readonly child: ChildProcess
  readonly socketPath: string
  readonly prompts: askpass.Askpass
  /** Fails if an answer fails. */
  readonly loggedIn: Effect.Effect<boolean, RemoteConnectionError>
  readonly output: Effect.Effect<diagnosis.SshOutput>
  /** Stderr after the login. */
  readonly after: () => string
}

const start = Effect.fnUntraced(function*(host: RemoteHost, ssh: string, installation: installations.Installation) {
  const name = String(host)
  const written = installations.written(name)
  const directory = yield* written(privateDirectory.within(installation.directory))
  const socketPath = Path.join(directory, socketName)
  const prompts = yield* written(askpass.serve(name, directory, installation.route))

  const child = yield* children.make<ChildProcess>({
    host: name,
    ssh,
    args: [
      ...["-F", installation.config, "-M", "-N", "-T", "-S", socketPath.replace(/%/g, "%%")],
      ...["-E", sshOutput.logFile(directory), ...sshLog.levels],
      ...["-o", "ControlMaster=yes", "-o", "ControlPersist=no", "--", host.host, ignored]
    ],
    environment: { ...installation.environment, [askpass.directoryVariable]: directory },
    stdio: ["ignore", "ignore", "pipe"]
  })

  const { after, before, loggedIn } = yield* followLog(child.stderr as Readable, installation.ready)
  const output = Effect.suspend(() => sshOutput.read(host, directory, before()))
  const started: Started = {
    child,
    prompts,
    socketPath,
    loggedIn: Effect.raceFirst(loggedIn, prompts.failed),
    output,
    after
  }
  return started
})

/** @internal */
export const make = Effect.fnUntraced(
  function*(host: RemoteHost, ssh: string, installation: installations.Installation) {
    const name = String(host)
    const { after, child, loggedIn, output, prompts, socketPath } = yield* start(host, ssh, installation)
    const exited = children.whenExited(child)
    const inTime = Deadline.within(host, "connecting", Effect.map(output, diagnosis.explainDelay))
    if (!(yield* inTime(loggedIn))) {
      const code = yield* exited
      const pinned = typeof host.hostKeys === "object"
      const failure = loginFailure({ host: name, ssh, pinned }, code, yield* output)
      return yield* Effect.flip(loginRefused.diagnosed(failure, installation.route, prompts))
    }

    const master: Master = {
      socketPath,
      server: sshLog.serverOf((yield* output).log),
      ending: exited.pipe(
        Effect.interruptible,
        Effect.timeoutOption("1 second"),
        Finalizer.apart,
        Effect.zip(output),
        Effect.map(([exit, { log }]) => endingOf(name, Option.getOrUndefined(exit), log, after()))
      )
    }
    return master
  }
)
