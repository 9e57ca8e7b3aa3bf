import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs/promises"
import * as net from "node:net"
import * as path from "node:path"
import { SshdError } from "../../SshdError.js"
import * as executables from "./executables.js"
import type { Keeper } from "./keeper.js"
import { loginScript, replacesLogin } from "./loginScript.js"
import type { Server, Settings } from "./server.js"
import * as serverLog from "./serverLog.js"
import { sshdConfig } from "./sshdConfig.js"

/** @internal */
export const configFile = (directory: string): string => path.join(directory, "sshd_config")

const startFailed = (detail: string) => (cause: unknown) => new SshdError({ reason: "StartFailed", detail, cause })

// sshd cannot choose a port by itself. Another process may take this port before sshd does.
const freePort: Effect.Effect<number, SshdError> = Effect.async((resume) => {
  const server = net.createServer()
  server.on("error", (cause) => resume(Effect.fail(startFailed("127.0.0.1 has no free port")(cause))))
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const attempts = 10

/**
 * OpenSSH's `sshd`.
 *
 * @internal
 */
export const make = (
  keeper: Keeper,
  settings: Settings,
  executable: string
): Effect.Effect<Server, SshdError, Scope.Scope> =>
  Effect.gen(function*() {
    const log = serverLog.make()
    yield* Effect.acquireRelease(
      Effect.sync(() => keeper.stderr.on("data", log.append).on("error", () => {})),
      (stderr) => Effect.sync(() => stderr.off("data", log.append).resume())
    )
    const write = (name: string, text: string) =>
      Effect.tryPromise({
        try: () => fs.writeFile(name, text, { mode: 0o600 }),
        catch: startFailed(`${name} could not be written`)
      })

    const { output: usage } = yield* executables.run(executable, ["-V"]).pipe(
      Effect.mapError(startFailed(`${executable} could not be run`))
    )
    const [version = "OpenSSH", major = "0", minor = "0"] = /OpenSSH_(\d+)\.(\d+)[^\s,]*/.exec(usage) ?? []
    const penalties = Number(major) * 1000 + Number(minor) >= 9008

    yield* write(path.join(settings.directory, "authorized_keys"), `${settings.userKey.publicKey}\n`)
    const loginScriptFile = replacesLogin(settings) ? path.join(settings.directory, "login.sh") : undefined
    if (loginScriptFile !== undefined) yield* write(loginScriptFile, loginScript(settings))

    const start = (attempt: number): Effect.Effect<number, SshdError> =>
      Effect.gen(function*() {
        const port = yield* freePort
        yield* write(configFile(settings.directory), sshdConfig(settings, { port, penalties, loginScriptFile }))
        const from = log.length()
        yield* keeper.request("start")
        const line = yield* log.line(/^Server listening on | ended with status \d+$/, from).pipe(
          Effect.timeoutFail({
            duration: "30 seconds",
            onTimeout: () =>
              new SshdError({
                reason: "StartFailed",
                detail: `${executable} did not say within 30 seconds that it listens`,
                log: log.text(from)
              })
          }),
          // tests may have stopped the clock
          Effect.withClock(Clock.make())
        )
        if (line.startsWith("Server listening")) return port
        const said = log.text(from)
        const [, missing] = /^Missing privilege separation directory: (\/\S+)$/m.exec(said) ?? []
        if (attempt < attempts && missing !== undefined) {
          yield* Effect.tryPromise({
            try: () => fs.mkdir(missing, { recursive: true, mode: 0o755 }),
            catch: startFailed(`${executable} needs the directory ${missing}, which could not be made`)
          })
          return yield* start(attempt + 1)
        }
        if (attempt < attempts && /Address already in use/.test(said)) return yield* start(attempt + 1)
        return yield* new SshdError({
          reason: "StartFailed",
          detail: `${executable} -D -e -f ${configFile(settings.directory)} (${version}) did not start`,
          log: said
        })
      })
    const port = yield* start(1)

    return {
      version,
      port,
      log,
      dropConnections: Effect.orDie(keeper.request("drop"))
    }
  })
