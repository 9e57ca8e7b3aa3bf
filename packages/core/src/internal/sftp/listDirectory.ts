/**
 * Lists the entries of a directory.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Sftp from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import * as answers from "./answers.js"
import type { CallContext } from "./callContext.js"
import type { Answer, Client } from "./client.js"
import * as errors from "./errors.js"
import * as explain from "./explain.js"
import * as found from "./found.js"
import * as pathLimits from "./pathLimits.js"
import { ask, type WithClient } from "./withClient.js"

/** @internal */
export interface ListOptions {
  /**
   * The attributes of the directory before. Fails with `BadResource` if another directory or a link has replaced it.
   */
  readonly known?: Sftp.Attributes | undefined
  /** Fails if the directory has more names. Default: 1,000,000. */
  readonly limit?: number | undefined
  /** Called with the names of each answer and their length. A failure ends the listing. Default: checks `limit`. */
  readonly admit?: Admit | undefined
}

/** @internal */
export type Admit = (names: number, characters: number) => Fx<void>

/**
 * Default limit of names in a directory.
 *
 * @internal
 */
export const longestListing = 1_000_000

/**
 * Number of characters for each name of a limit, on average.
 *
 * @internal
 */
export const usualName = 256

// Maximum number of consecutive answers without names.
const emptyAnswers = 16

const within = (call: CallContext, limit = longestListing): Admit => {
  let names = 0
  let characters = 0
  return (more, length) =>
    Effect.suspend(() => {
      names += more
      characters += length
      return names > limit || characters > limit * usualName
        ? Effect.fail(errors.system(call, "Unknown", undefined, `the directory has more than ${limit} names`))
        : Effect.void
    })
}

/**
 * Opens a directory until the scope closes. Uninterruptible between the opening and its finalizer.
 *
 * @internal
 */
export const openDirectory = (
  client: Client,
  call: CallContext
): Effect.Effect<Uint8Array, PlatformError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const opened = yield* restore(ask(client, call, Sftp.Request.Opendir({ path: call.path })))
      if (opened._tag !== "Handle") return yield* restore(answers.refused(client, call, "list", opened))
      const { handle } = opened
      yield* Effect.addFinalizer((exit) =>
        Effect.sync(() => {
          if (Exit.isFailure(exit)) client.leave(handle)
          else client.close(handle)
        })
      )
      return handle
    })
  )

const readAll = (client: Client, call: CallContext, handle: Uint8Array, admit: Admit) =>
  Effect.gen(function*() {
    const entries: Array<Sftp.Entry> = []
    let empty = 0
    while (true) {
      const answer = yield* ask(client, call, Sftp.Request.Readdir({ handle }))
      if (answer._tag === "Status" && answer.code === Sftp.StatusCode.eof) return entries
      if (answer._tag !== "Name") return yield* answers.refused(client, call, "look", answer)
      const before = entries.length
      let characters = 0
      for (const { attributes, filename } of answer.entries) {
        if (filename === "." || filename === "..") continue
        // The line of `ls -l` is dropped.
        entries.push({ filename, longname: "", attributes })
        characters += filename.length
      }
      empty = entries.length === before ? empty + 1 : 0
      if (empty > emptyAnswers) return yield* answers.unexpected(call, answer)
      yield* admit(entries.length - before, characters)
    }
  })

// SFTP lacks inodes, so type and owner are compared.
const isSame = (one: Sftp.Attributes, other: found.Found): boolean =>
  fileMode.isDirectory(other) && one.uid === other.uid && one.gid === other.gid

const sendLstat = (client: Client, call: CallContext, path: string): Fx<Answer> =>
  Effect.mapError(client.send(Sftp.Request.Lstat({ path })), errors.connection(call))

const answerTo = (call: CallContext, { wait }: Answer): Fx<Sftp.Response> =>
  Effect.mapError(wait, errors.connection(call))

const expectSame = (client: Client, call: CallContext, known: Sftp.Attributes, again: Answer): Fx<void> =>
  answerTo(call, again).pipe(
    Effect.flatMap((answer) => answers.expectAttributes(client, call, answer)),
    Effect.flatMap((attributes) => found.ofPath(client, call, attributes, false)),
    Effect.flatMap((attributes) => isSame(known, attributes) ? Effect.void : Effect.fail(errors.replaced(call)))
  )

// OpenSSH's server silently omits entries that it cannot stat. A directory that may be listed but not entered therefore
// appears empty.
const expectEntered = (client: Client, call: CallContext, entered: Answer): Fx<void> =>
  Effect.flatMap(
    answerTo(call, entered),
    (answer) =>
      answer._tag === "Status" && answer.code === Sftp.StatusCode.permissionDenied
        ? explain.status(client, call, "list", answer)
        : Effect.void
  )

const expectShortPaths = (call: CallContext): Fx<void> =>
  pathLimits.canHaveTooLongEntries(call.path)
    ? Effect.fail(
      errors.system(call, "Unknown", undefined, "its path is too long: the server may omit entries")
    )
    : Effect.void

/**
 * Lists a directory without `.` and `..`.
 *
 * @internal
 */
export const list = (
  withClient: WithClient,
  call: CallContext,
  { known, limit, admit = within(call, limit) }: ListOptions = {}
): Fx<ReadonlyArray<Sftp.Entry>> =>
  withClient(call, (client) =>
    Effect.scoped(Effect.gen(function*() {
      const entered = yield* sendLstat(client, call, posixPath.join(call.path, "."))
      const handle = yield* openDirectory(client, call)
      const again = known && (yield* sendLstat(client, call, call.path))
      const entries = yield* readAll(client, call, handle, admit)
      if (known !== undefined && again !== undefined) yield* expectSame(client, call, known, again)
      yield* expectEntered(client, call, entered)
      yield* expectShortPaths(call)
      return entries
    })))
