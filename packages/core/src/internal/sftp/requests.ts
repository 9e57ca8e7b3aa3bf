/**
 * Requests that name a path, with the platform's errors.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Sftp from "../../protocol/Sftp.js"
import * as posixPath from "../lib/posixPath.js"
import * as text from "../lib/text.js"
import type { Client } from "./client.js"
import * as failure from "./failure.js"
import * as openFile from "./openFile.js"
import type { Session } from "./session.js"

type Fx<A> = Effect.Effect<A, PlatformError>

/** @internal */
export interface ListOptions {
  readonly known?: Sftp.Attributes | undefined
  readonly limit?: number | undefined
  /** Called with the names of each answer and their length. It can fail to end the listing. Default: bounded by `limit`. */
  readonly admit?: Admit | undefined
}

/** @internal */
export type Admit = (names: number, characters: number) => Fx<void>

/** @internal */
export interface Operations {
  /** For messages. */
  readonly host: string
  readonly stat: (attempt: failure.Attempt) => Fx<Sftp.Attributes>
  readonly lstat: (attempt: failure.Attempt) => Fx<Sftp.Attributes>
  /** Follows links. */
  readonly setAttributes: (attempt: failure.Attempt, attributes: Sftp.Attributes) => Fx<void>
  /** Does not follow a link. */
  readonly setLinkAttributes: (attempt: failure.Attempt, attributes: Sftp.Attributes) => Fx<void>
  /** The name without links, `.` and `..`. What its last part names need not exist. */
  readonly realPath: (attempt: failure.Attempt) => Fx<string>
  /** As `realPath`, with `~` and `~user` at its beginning expanded. */
  readonly expandPath: (attempt: failure.Attempt) => Fx<string>
  readonly readLink: (attempt: failure.Attempt) => Fx<string>
  /** Makes a link of the attempt's path. */
  readonly symlink: (attempt: failure.Attempt, target: string) => Fx<void>
  /** Gives the attempt's file another name. */
  readonly link: (attempt: failure.Attempt, to: string) => Fx<void>
  readonly space: (attempt: failure.Attempt) => Fx<Sftp.FileSystemInfo>
  /** Whether the server has it. */
  readonly offers: (attempt: failure.Attempt, extension: keyof typeof Sftp.extensions) => Fx<boolean>
  readonly makeDirectory: (attempt: failure.Attempt, attributes: Sftp.Attributes) => Fx<void>
  readonly removeDirectory: (attempt: failure.Attempt) => Fx<void>
  readonly removeFile: (attempt: failure.Attempt) => Fx<void>
  /** Replaces what has the name already, in one step. */
  readonly rename: (attempt: failure.Attempt, to: string) => Fx<void>
  /**
   * Replaces nothing, in one step: of two, one succeeds, and the other finds that it exists already. Tells whether the old
   * name is gone, which is a step of its own on some servers.
   */
  readonly renameIfAbsent: (attempt: failure.Attempt, to: string) => Fx<boolean>
  /** Whether a directory can be listed. */
  readonly openDirectory: (attempt: failure.Attempt) => Effect.Effect<void, PlatformError, Scope.Scope>
  /**
   * What is in a directory, but for `.` and `..`. With `known`, what was seen at the path before, fails with `BadResource`
   * if the path names another one, or a link, once it is open. Fails if there are more names than `limit`, a million by
   * default.
   */
  readonly list: (attempt: failure.Attempt, options?: ListOptions) => Fx<ReadonlyArray<Sftp.Entry>>
  readonly open: (
    attempt: failure.Attempt,
    flags: number,
    attributes: Sftp.Attributes
  ) => Effect.Effect<openFile.OpenFile, PlatformError, Scope.Scope>
  /** The first bytes of a file, so many where there are as many, and its attributes behind that: two round trips. */
  readonly readWhole: (
    attempt: failure.Attempt,
    size: number
  ) => Fx<readonly [bytes: Uint8Array, attributes: Sftp.Attributes]>
  /**
   * Makes a file that is not there yet, with its content and attributes, and tells what it then has: two round trips.
   * `created` is the mode to make it with, less what the umask takes. Default: that of `attributes`.
   */
  readonly writeWhole: (
    attempt: failure.Attempt,
    bytes: Uint8Array,
    attributes: Sftp.Attributes | undefined,
    sync: boolean,
    created?: number
  ) => Fx<Sftp.Attributes>
  /**
   * As `writeWhole`, under the temporary name; the file gets the attempt's when it is as large as that, and replaces what
   * has it.
   */
  readonly place: (
    attempt: failure.Attempt,
    temporary: string,
    bytes: Uint8Array,
    attributes: Sftp.Attributes | undefined,
    created?: number
  ) => Fx<Sftp.Attributes>
}

/**
 * How many names a directory may have unless the caller sets another limit.
 *
 * @internal
 */
export const longestListing = 1_000_000

/**
 * The characters that each name of a limit stands for.
 *
 * @internal
 */
export const usualName = 256

// Answers without names that may follow each other before a listing fails.
const emptyAnswers = 16

const within = (attempt: failure.Attempt, limit = longestListing): Admit => {
  let names = 0
  let characters = 0
  return (more, length) =>
    Effect.suspend(() => {
      names += more
      characters += length
      return names > limit || characters > limit * usualName
        ? Effect.fail(failure.system(attempt, "Unknown", undefined, `the directory has more than ${limit} names`))
        : Effect.void
    })
}

/** @internal */
export const make = (session: Session, host: string): Operations => {
  const using = <A, R>(
    attempt: failure.Attempt,
    use: (client: Client) => Effect.Effect<A, PlatformError, R>,
    check = failure.checkPath
  ): Effect.Effect<A, PlatformError, R> =>
    Effect.zipRight(
      check(attempt),
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

  // Nothing can come between the opening and its clean-up.
  const openDirectory = (client: Client, attempt: failure.Attempt) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const opened = yield* restore(ask(client, attempt, Sftp.Request.Opendir({ path: attempt.path })))
        if (opened._tag === "Status") return yield* restore(failure.fromStatus(client, attempt, "list", opened))
        if (opened._tag !== "Handle") return yield* openFile.unexpected(attempt, opened)
        const { handle } = opened
        yield* Effect.addFinalizer((exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit)) client.leave(handle)
            else client.post(Sftp.Request.Close({ handle }), () => {})
          })
        )
        return handle
      })
    )

  const notAttributes = (client: Client, attempt: failure.Attempt, answer: Sftp.Response): Fx<never> =>
    answer._tag === "Status"
      ? failure.fromStatus(client, attempt, "look", answer)
      : openFile.unexpected(attempt, answer)

  // SFTP has no inodes: type and owner have to tell.
  const isSame = (one: Sftp.Attributes | undefined, other: Sftp.Attributes): boolean =>
    failure.isDirectory(other) && one?.uid === other.uid && one?.gid === other.gid

  // OpenSSH's server leaves out what it cannot look at, and says nothing. So all is left out of a directory that may be
  // listed and not entered.
  const list: Operations["list"] = (attempt, { known, limit, admit = within(attempt, limit) } = {}) =>
    using(attempt, (client) =>
      Effect.scoped(Effect.gen(function*() {
        const inside = { ...attempt, path: posixPath.join(attempt.path, ".") }
        const entered = yield* Effect.mapError(
          client.send(Sftp.Request.Lstat({ path: inside.path })),
          failure.connection(attempt)
        )
        const handle = yield* openDirectory(client, attempt)
        const again = known &&
          (yield* Effect.mapError(client.send(Sftp.Request.Lstat({ path: attempt.path })), failure.connection(attempt)))
        const entries: Array<Sftp.Entry> = []
        let empty = 0
        while (true) {
          const answer = yield* ask(client, attempt, Sftp.Request.Readdir({ handle }))
          if (answer._tag === "Name") {
            const before = entries.length
            let characters = 0
            for (const { attributes, filename } of answer.entries) {
              if (filename === "." || filename === "..") continue
              // Nobody reads the line for people.
              entries.push({ filename, longname: "", attributes })
              characters += filename.length
            }
            empty = entries.length === before ? empty + 1 : 0
            if (empty > emptyAnswers) return yield* openFile.unexpected(attempt, answer)
            yield* admit(entries.length - before, characters)
          } else if (answer._tag !== "Status") {
            return yield* openFile.unexpected(attempt, answer)
          } else if (answer.code === Sftp.StatusCode.eof) {
            if (again !== undefined) {
              const answer = yield* Effect.mapError(again.wait, failure.connection(attempt))
              if (answer._tag !== "Attrs") return yield* notAttributes(client, attempt, answer)
              if (!isSame(known, answer.attributes)) return yield* Effect.fail(failure.replaced(attempt))
            }
            const found = yield* Effect.mapError(entered.wait, failure.connection(attempt))
            if (found._tag === "Status" && found.code === Sftp.StatusCode.permissionDenied) {
              return yield* failure.fromStatus(client, attempt, "list", found)
            }
            if (failure.hasLongEntries(attempt.path)) {
              return yield* Effect.fail(
                failure.system(
                  attempt,
                  "Unknown",
                  undefined,
                  "its path is so long that the server may leave entries out"
                )
              )
            }
            return entries
          } else {
            return yield* failure.fromStatus(client, attempt, "look", answer)
          }
        }
      })))

  const name = (
    attempt: failure.Attempt,
    intent: failure.Intent,
    request: Sftp.Request,
    check = failure.checkPath
  ): Fx<string> =>
    using(attempt, (client) =>
      Effect.flatMap(ask(client, attempt, request), (answer) => {
        if (answer._tag === "Name" && answer.entries[0] !== undefined) {
          return Effect.succeed(answer.entries[0].filename)
        }
        return answer._tag === "Status"
          ? failure.fromStatus(client, attempt, intent, answer)
          : openFile.unexpected(attempt, answer)
      }), check)

  const realPath: Operations["realPath"] = (attempt) =>
    name(attempt, "look", Sftp.Request.Realpath({ path: attempt.path }))

  const has = (attempt: failure.Attempt, extension: keyof typeof Sftp.extensions): Fx<boolean> =>
    using(attempt, (client) => Effect.succeed(client.has(extension)), failure.checkName)

  const unsupported = (attempt: failure.Attempt, what: string) =>
    Effect.fail(failure.system(attempt, "Unknown", undefined, `the SFTP server cannot ${what}`))

  const expandPath: Operations["expandPath"] = (attempt) =>
    Effect.gen(function*() {
      const { path } = attempt
      if (yield* has(attempt, "expandPath")) {
        return yield* name(attempt, "look", Sftp.Request.ExpandPath({ path }), failure.checkName)
      }
      if (path === "~") return yield* realPath({ ...attempt, path: "." })
      if (path.startsWith("~/")) return yield* realPath({ ...attempt, path: `./${path.slice(2)}` })
      return yield* path.startsWith("~") ? unsupported(attempt, "tell the home of a user") : realPath(attempt)
    })

  const removeFile: Operations["removeFile"] = (attempt) =>
    change(attempt, "remove", Sftp.Request.Remove({ path: attempt.path }))

  const changeNames = (
    attempt: failure.Attempt,
    to: string,
    intent: "create" | "replace",
    request: Sftp.Request
  ): Fx<void> =>
    Effect.zipRight(
      failure.checkPath({ method: attempt.method, path: to }),
      using(attempt, (client) =>
        Effect.flatMap(ask(client, attempt, request), (answer) =>
          answer._tag !== "Status"
            ? openFile.unexpected(attempt, answer)
            : answer.code === Sftp.StatusCode.ok
            ? Effect.void
            : failure.fromNames(client, attempt, to, intent, answer)))
    )

  interface Talk<A> {
    readonly client: Client
    /** Takes the answer unless the talk has ended. */
    readonly ask: (request: Sftp.Request, then: (answer: Sftp.Response) => void) => void
    readonly isOk: (answer: Sftp.Response, intent: failure.Intent) => boolean
    readonly end: (result: Fx<A>) => void
  }

  // What is done with a file from its opening on, without an effect for each request: in a tree of small files that would
  // be most of the time. Whatever ends it, what was opened is closed.
  const opened = <A>(
    attempt: failure.Attempt,
    intent: failure.Intent,
    request: Sftp.Request,
    use: (talk: Talk<A>, handle: Uint8Array, close: (then: (answer: Sftp.Response) => void) => void) => void
  ): Fx<A> =>
    using(attempt, (client) =>
      Effect.mapError(
        client.begin(
          "Open",
          Effect.async<A, PlatformError>((resume) => {
            let isEnded = false
            let open: Uint8Array | undefined
            const abandoned: Array<() => void> = []
            const leave = () => {
              isEnded = true
              if (open !== undefined) client.post(Sftp.Request.Close({ handle: open }), () => {})
              open = undefined
            }
            const end = (result: Fx<A>) => {
              if (isEnded) return
              leave()
              resume(result)
            }
            const ask: Talk<A>["ask"] = (request, then) =>
              void abandoned.push(client.post(request, (answer) => {
                if (isEnded) return
                if (Exit.isSuccess(answer)) then(answer.value)
                else end(Effect.failCause(Cause.map(answer.cause, failure.connection(attempt))))
              }))
            const isOk: Talk<A>["isOk"] = (answer, intent) => {
              if (answer._tag === "Status" && answer.code === Sftp.StatusCode.ok) return true
              end(
                Effect.zipRight(
                  openFile.expectOk(client, attempt, intent, answer),
                  openFile.unexpected(attempt, answer)
                )
              )
              return false
            }
            abandoned.push(client.post(request, (answer) => {
              if (Exit.isFailure(answer)) {
                return end(Effect.failCause(Cause.map(answer.cause, failure.connection(attempt))))
              }
              const { value } = answer
              if (value._tag === "Handle") open = value.handle
              if (value._tag === "Status") return end(failure.fromStatus(client, attempt, intent, value))
              if (value._tag !== "Handle") return end(openFile.unexpected(attempt, value))
              const { handle } = value
              use({ client, ask, isOk, end }, handle, (then) => {
                open = undefined
                ask(Sftp.Request.Close({ handle }), then)
              })
            }))
            return Effect.sync(() => {
              for (const abandon of abandoned) abandon()
              leave()
            })
          })
        ),
        (error) => error._tag === "RemoteConnectionError" ? failure.connection(attempt)(error) : error
      ))

  // The draft's own rename does not replace: where it is all there is, an existing target is a failure.
  const renaming = (client: Client, from: string, to: string): readonly ["create" | "replace", Sftp.Request] =>
    client.has("posixRename")
      ? ["replace", Sftp.Request.PosixRename({ from, to })]
      : ["create", Sftp.Request.Rename({ from, to })]

  const cut = (length: number, size: number): ReadonlyArray<readonly [from: number, to: number]> =>
    Array.from({ length: Math.ceil(length / size) }, (_, index) => [
      index * size,
      Math.min(length, (index + 1) * size)
    ])

  const readWhole: Operations["readWhole"] = (attempt, size) =>
    opened(
      attempt,
      "read",
      Sftp.Request.Open({ path: attempt.path, flags: Sftp.OpenFlags.read, attributes: {} }),
      ({ ask, client, end, isOk }, handle, close) => {
        // One byte more shows a file that has grown, or has no size.
        const pieces = cut(size + 1, client.readSize)
        const parts: Array<Uint8Array> = pieces.map(() => new Uint8Array())
        let attributes: Sftp.Attributes | undefined
        let left = pieces.length + 2
        const done = () => {
          if (--left === 0) end(Effect.succeed([parts.length === 1 ? parts[0]! : text.concat(parts), attributes!]))
        }
        pieces.forEach(([from, to], index) =>
          ask(Sftp.Request.Read({ handle, offset: BigInt(from), length: to - from }), (answer) => {
            if (answer._tag === "Data" && answer.data.length <= to - from) parts[index] = answer.data
            else if (answer._tag !== "Status") return end(openFile.unexpected(attempt, answer))
            else if (answer.code !== Sftp.StatusCode.eof) {
              return end(failure.fromStatus(client, attempt, "read", answer))
            }
            done()
          })
        )
        ask(Sftp.Request.Fstat({ handle }), (answer) => {
          if (answer._tag !== "Attrs") return end(notAttributes(client, attempt, answer))
          attributes = answer.attributes
          done()
        })
        close((answer) => isOk(answer, "read") ? done() : undefined)
      }
    )

  // Everything behind the opening is under way before the first of it is answered.
  const writeNew = (
    attempt: failure.Attempt,
    bytes: Uint8Array,
    attributes: Sftp.Attributes | undefined,
    sync: boolean,
    created: number | undefined,
    written: (found: Sftp.Attributes, talk: Talk<Sftp.Attributes>) => void
  ): Fx<Sftp.Attributes> => {
    const { create, exclusive, write } = Sftp.OpenFlags
    const permissions = attributes?.permissions
    const mode = created ?? permissions
    return opened<Sftp.Attributes>(
      attempt,
      "create",
      Sftp.Request.Open({
        path: attempt.path,
        flags: write | create | exclusive,
        attributes: mode === undefined ? {} : { permissions: mode }
      }),
      (talk, handle, close) => {
        const { ask, client, end, isOk } = talk
        let found: Sftp.Attributes | undefined
        let refusal: Sftp.Response | undefined
        let left = 1
        const done = () => {
          if (--left === 0) written(found!, talk)
        }
        const expect = (answer: Sftp.Response) => isOk(answer, "write") ? done() : undefined
        const each = (request: Sftp.Request) => {
          left++
          ask(request, expect)
        }
        for (const [from, to] of cut(bytes.length, client.writeSize)) {
          each(Sftp.Request.Write({ handle, offset: BigInt(from), data: bytes.subarray(from, to) }))
        }
        // Its umask may have taken some of the mode away when it made it. By its name it could be another file by the time that
        // this shows. Where files have no modes, to be refused one is no matter.
        if (attributes !== undefined) {
          left++
          ask(Sftp.Request.Fsetstat({ handle, attributes }), (answer) => {
            if (answer._tag === "Status" && answer.code !== Sftp.StatusCode.ok && attributes.mtime === undefined) {
              refusal = answer
              done()
            } else expect(answer)
          })
        }
        if (sync && client.has("fsync")) each(Sftp.Request.Fsync({ handle }))
        left++
        ask(Sftp.Request.Fstat({ handle }), (answer) => {
          if (answer._tag !== "Attrs") return end(notAttributes(client, attempt, answer))
          found = answer.attributes
          const given = found.permissions
          if (refusal !== undefined && (given === undefined || (given & 0o7777) !== permissions)) expect(refusal)
          else done()
        })
        close(expect)
      }
    )
  }

  const writeWhole: Operations["writeWhole"] = (attempt, bytes, attributes, sync, created) =>
    writeNew(attempt, bytes, attributes, sync, created, (found, { end }) => end(Effect.succeed(found)))

  const place: Operations["place"] = ({ method, path }, temporary, bytes, attributes, created) => {
    const attempt = { method, path: temporary }
    return Effect.zipRight(
      failure.checkPath({ method, path }),
      writeNew(attempt, bytes, attributes, false, created, (found, { ask, client, end }) => {
        if (found.size !== BigInt(bytes.length)) return end(Effect.succeed(found))
        const [intent, request] = renaming(client, temporary, path)
        ask(request, (answer) =>
          end(
            answer._tag !== "Status"
              ? openFile.unexpected(attempt, answer)
              : answer.code === Sftp.StatusCode.ok
              ? Effect.succeed(found)
              : Effect.zipRight(failure.fromNames(client, attempt, path, intent, answer), Effect.succeed(found))
          ))
      })
    )
  }

  return {
    host,
    offers: has,
    readWhole,
    writeWhole,
    place,
    stat: (attempt) => look(attempt, Sftp.Request.Stat({ path: attempt.path })),
    lstat: (attempt) => look(attempt, Sftp.Request.Lstat({ path: attempt.path })),
    setAttributes: (attempt, attributes) =>
      change(
        attempt,
        attributes.size === undefined ? "change" : "write",
        Sftp.Request.Setstat({ path: attempt.path, attributes })
      ),
    setLinkAttributes: (attempt, attributes) =>
      Effect.flatMap(has(attempt, "lsetstat"), (offered) =>
        offered
          ? change(attempt, "change", Sftp.Request.Lsetstat({ path: attempt.path, attributes }))
          : unsupported(attempt, "change a link")),
    realPath,
    expandPath,
    readLink: (attempt) => name(attempt, "look", Sftp.Request.Readlink({ path: attempt.path })),
    symlink: (attempt, target) =>
      Effect.zipRight(
        failure.checkName({ method: attempt.method, path: target }),
        change(attempt, "create", Sftp.Request.Symlink({ target, path: attempt.path }))
      ),
    link: (attempt, to) =>
      Effect.gen(function*() {
        if (!(yield* has(attempt, "hardlink"))) return yield* unsupported(attempt, "make hard links")
        yield* changeNames(attempt, to, "create", Sftp.Request.Hardlink({ from: attempt.path, to }))
      }),
    space: (attempt) =>
      Effect.flatMap(has(attempt, "statvfs"), (offered) =>
        offered
          ? using(attempt, (client) =>
            Effect.flatMap(ask(client, attempt, Sftp.Request.Statvfs({ path: attempt.path })), (answer) =>
              answer._tag === "Status"
                ? failure.fromStatus(client, attempt, "look", answer)
                : answer._tag !== "ExtendedReply"
                ? openFile.unexpected(attempt, answer)
                : Effect.mapError(
                  Sftp.decodeFileSystem(answer.data),
                  ({ message }) => failure.system(attempt, "Unknown", undefined, message)
                )))
          : unsupported(attempt, "tell the space on a disk")),
    makeDirectory: (attempt, attributes) =>
      change(attempt, "create", Sftp.Request.Mkdir({ path: attempt.path, attributes })),
    removeDirectory: (attempt) => change(attempt, "removeDirectory", Sftp.Request.Rmdir({ path: attempt.path })),
    removeFile,
    rename: (attempt, to) =>
      Effect.flatMap(
        using(attempt, (client) => Effect.succeed(renaming(client, attempt.path, to))),
        ([intent, request]) => changeNames(attempt, to, intent, request)
      ),
    renameIfAbsent: (attempt, to) =>
      Effect.flatMap(has(attempt, "hardlink"), (links) => {
        const names = { from: attempt.path, to }
        // OpenSSH's own rename looks before it replaces, where there are no hard links: too late, for two at once.
        return links
          ? Effect.zipRight(
            changeNames(attempt, to, "create", Sftp.Request.Hardlink(names)),
            // It is done by now, whatever becomes of the name it had.
            Effect.match(removeFile(attempt), { onFailure: failure.isNotFound, onSuccess: () => true })
          )
          : Effect.as(changeNames(attempt, to, "create", Sftp.Request.Rename(names)), true)
      }),
    openDirectory: (attempt) => using(attempt, (client) => Effect.asVoid(openDirectory(client, attempt))),
    list,
    open: (attempt, flags, attributes) => using(attempt, (client) => openFile.open(client, attempt, flags, attributes))
  }
}
