/**
 * Deploys a release: uploads it, makes it the current one by a single rename, restarts the service and waits until it is
 * healthy. After a failure or an interruption the previous release runs again, and the new one is removed.
 */
import { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import type { TransferError } from "@effect-remote/core/Transfer"
import type { Command } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { Data, Effect, Exit, Option, Schedule } from "effect"

export interface Deployment {
  /** The directory of the release on this machine. */
  readonly release: string
  /** Name of the release on the host. */
  readonly name: string
  /** The directory of the service on the host. `releases` has the releases, and the link `current` names one of them. */
  readonly directory: string
  readonly restart: Command.Command
  /** Exits with 0 once the service is healthy, and with another code, or not within ten seconds, as long as it is not. */
  readonly check: Command.Command
  /** When to check again. Default: every second, for half a minute. */
  readonly checkAgain?: Schedule.Schedule<unknown> | undefined
}

/**
 * The deployment failed, and the previous release runs. If the rollback fails too, the effect dies, and an operator must look
 * at the host.
 */
export class DeploymentError extends Data.TaggedError("DeploymentError")<{
  readonly step: "prepare" | "upload" | "activate" | "restart" | "check"
  readonly name: string
  readonly cause: PlatformError | TransferError | RemoteContext.RunError
}> {
  override get message(): string {
    return `release ${this.name}, ${this.step}: ${this.cause.message}`
  }
}

const halfAMinute = Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(30))

export const deploy = (
  { check, checkAgain = halfAMinute, directory, name, release, restart }: Deployment
): Effect.Effect<void, DeploymentError, RemoteContext.RemoteContext | RemoteFileSystem.RemoteFileSystem> =>
  Effect.gen(function*() {
    const fs = yield* RemoteFileSystem.RemoteFileSystem
    const current = `${directory}/current`
    const uploaded = `${directory}/releases/${name}`
    const step = (step: DeploymentError["step"]) =>
      Effect.mapError((cause: DeploymentError["cause"]) => new DeploymentError({ step, name, cause }))

    // A link cannot be changed, but another one can take its name.
    const activate = (target: string) =>
      fs.remove(`${current}.next`, { force: true }).pipe(
        Effect.zipRight(fs.symlink(target, `${current}.next`)),
        Effect.zipRight(fs.rename(`${current}.next`, current))
      )
    // A rollback cannot be interrupted, so each of its steps has a timeout.
    const restarted = RemoteContext.string(restart, { timeout: "1 minute" })
    const healthy = RemoteContext.string(check, { timeout: "10 seconds" }).pipe(
      Effect.retry({ schedule: checkAgain, while: ({ _tag }) => _tag === "RemoteCommandError" })
    )
    const rollBack = Option.match({
      onNone: () => fs.remove(current, { force: true }),
      onSome: (target: string) => Effect.zipRight(activate(target), restarted)
    })

    yield* step("prepare")(fs.makeDirectory(`${directory}/releases`, { recursive: true }))
    const previous = yield* step("prepare")(targetOf(fs, current))
    const goLive = step("activate")(activate(`releases/${name}`)).pipe(
      Effect.zipRight(step("restart")(restarted)),
      Effect.zipRight(step("check")(healthy)),
      Effect.onError(() => Effect.orDie(rollBack(previous)))
    )
    // A directory is made by one only: two that deploy the same release do not meet.
    yield* Effect.acquireUseRelease(
      step("prepare")(fs.makeDirectory(uploaded)),
      () => Effect.zipRight(step("upload")(fs.put(release, uploaded, { verify: "digest" })), goLive),
      (_, exit) => Exit.isSuccess(exit) ? Effect.void : Effect.orDie(fs.remove(uploaded, { recursive: true }))
    )
  })

const targetOf = (
  fs: RemoteFileSystem.RemoteFileSystem,
  link: string
): Effect.Effect<Option.Option<string>, PlatformError> =>
  Effect.catchTag(
    Effect.asSome(fs.readLink(link)),
    "SystemError",
    (error) => error.reason === "NotFound" ? Effect.succeedNone : Effect.fail(error)
  )
