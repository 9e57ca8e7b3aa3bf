/**
 * Requests that name a path, with the platform's errors.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Sftp from "../../protocol/Sftp.js"
import type { Client } from "./client.js"
import * as failure from "./failure.js"
import * as openFile from "./openFile.js"
import type { Session } from "./session.js"

type Fx<A> = Effect.Effect<A, PlatformError>

/** @internal */
export interface Operations {
  readonly stat: (attempt: failure.Attempt) => Fx<Sftp.Attributes>
  readonly lstat: (attempt: failure.Attempt) => Fx<Sftp.Attributes>
  /** The name without links, `.` and `..`. */
  readonly realPath: (attempt: failure.Attempt) => Fx<string>
  readonly makeDirectory: (attempt: failure.Attempt, attributes: Sftp.Attributes) => Fx<void>
  readonly removeDirectory: (attempt: failure.Attempt) => Fx<void>
  readonly removeFile: (attempt: failure.Attempt) => Fx<void>
  /** Replaces what has the name already, in one step. */
  readonly rename: (attempt: failure.Attempt, to: string) => Fx<void>
  /** What is in a directory, but for `.` and `..`. */
  readonly list: (attempt: failure.Attempt) => Fx<ReadonlyArray<Sftp.Entry>>
  readonly open: (
    attempt: failure.Attempt,
    flags: number,
    attributes: Sftp.Attributes
  ) => Effect.Effect<openFile.OpenFile, PlatformError, Scope.Scope>
}

/** @internal */
export const make = (session: Session): Operations => {
  const using = <A, R>(
    attempt: failure.Attempt,
    use: (client: Client) => Effect.Effect<A, PlatformError, R>
  ): Effect.Effect<A, PlatformError, R> =>
    Effect.zipRight(
      failure.checkPath(attempt),
      Effect.mapError(
        session(use),
        (error) => error._tag === "RemoteConnectionError" ? failure.connection(attempt)(error) : error
      )
    )

  const ask = (client: Client, attempt: failure.Attempt, request: Sftp.Request) =>
    Effect.mapError(client.request(request), failure.connection(attempt))

  const change = (attempt: failure.Attempt, intent: failure.Intent, request: Sftp.Request): Fx<void> =>
    using(
      attempt,
      (client) =>
        Effect.flatMap(ask(client, attempt, request), (answer) => openFile.expectOk(client, attempt, intent, answer))
    )

  const look = (attempt: failure.Attempt, request: Sftp.Request): Fx<Sftp.Attributes> =>
    using(attempt, (client) =>
      Effect.flatMap(ask(client, attempt, request), (answer) => {
        if (answer._tag === "Attrs") return Effect.succeed(answer.attributes)
        return answer._tag === "Status"
          ? failure.fromStatus(client, attempt, "look", answer)
          : openFile.unexpected(attempt, answer)
      }))

  const list: Operations["list"] = (attempt) =>
    using(attempt, (client) =>
      Effect.scoped(Effect.gen(function*() {
        const { path } = attempt
        const opened = yield* ask(client, attempt, Sftp.Request.Opendir({ path }))
        if (opened._tag === "Status") return yield* failure.fromStatus(client, attempt, "list", opened)
        if (opened._tag !== "Handle") return yield* openFile.unexpected(attempt, opened)
        const { handle } = opened
        yield* Effect.addFinalizer(() => Effect.ignore(client.send(Sftp.Request.Close({ handle }))))
        const entries: Array<Sftp.Entry> = []
        while (true) {
          const answer = yield* ask(client, attempt, Sftp.Request.Readdir({ handle }))
          if (answer._tag === "Name") {
            for (const entry of answer.entries) {
              if (entry.filename !== "." && entry.filename !== "..") entries.push(entry)
            }
          } else if (answer._tag !== "Status") {
            return yield* openFile.unexpected(attempt, answer)
          } else if (answer.code === Sftp.StatusCode.eof) {
            return entries
          } else {
            return yield* failure.fromStatus(client, attempt, "look", answer)
          }
        }
      })))

  return {
    stat: (attempt) => look(attempt, Sftp.Request.Stat({ path: attempt.path })),
    lstat: (attempt) => look(attempt, Sftp.Request.Lstat({ path: attempt.path })),
    realPath: (attempt) =>
      using(
        attempt,
        (client) =>
          Effect.flatMap(ask(client, attempt, Sftp.Request.Realpath({ path: attempt.path })), (answer) => {
            if (answer._tag === "Name" && answer.entries[0] !== undefined) {
              return Effect.succeed(answer.entries[0].filename)
            }
            return answer._tag === "Status"
              ? failure.fromStatus(client, attempt, "look", answer)
              : openFile.unexpected(attempt, answer)
          })
      ),
    makeDirectory: (attempt, attributes) =>
      change(attempt, "create", Sftp.Request.Mkdir({ path: attempt.path, attributes })),
    removeDirectory: (attempt) => change(attempt, "removeDirectory", Sftp.Request.Rmdir({ path: attempt.path })),
    removeFile: (attempt) => change(attempt, "write", Sftp.Request.Remove({ path: attempt.path })),
    rename: (attempt, to) =>
      Effect.zipRight(
        failure.checkPath({ method: attempt.method, path: to }),
        using(attempt, (client) => {
          const names = { from: attempt.path, to }
          // The draft's own rename does not replace: where it is all there is, an existing target is a failure.
          const request = client.has("posixRename") ? Sftp.Request.PosixRename(names) : Sftp.Request.Rename(names)
          return Effect.flatMap(ask(client, attempt, request), (answer) =>
            answer._tag === "Status" && answer.code === Sftp.StatusCode.noSuchFile
              ? failure.fromStatus(client, attempt, "look", answer)
              : openFile.expectOk(
                client,
                { method: attempt.method, path: to },
                client.has("posixRename") ? "write" : "create",
                answer
              ))
        })
      ),
    list,
    open: (attempt, flags, attributes) => using(attempt, (client) => openFile.open(client, attempt, flags, attributes))
  }
}
