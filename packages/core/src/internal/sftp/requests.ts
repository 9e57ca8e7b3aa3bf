/**
 * Requests that name a path, with the platform's errors.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Sftp from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import * as text from "../lib/text.js"
import type { CallContext } from "./callContext.js"
import * as checkPath from "./checkPath.js"
import type { Client } from "./client.js"
import * as errors from "./errors.js"
import * as explain from "./explain.js"
import * as openFile from "./openFile.js"
import * as pathLimits from "./pathLimits.js"
import type { Session } from "./session.js"

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
  readonly stat: (call: CallContext) => Fx<Sftp.Attributes>
  readonly lstat: (call: CallContext) => Fx<Sftp.Attributes>
  /** Follows links. */
  readonly setAttributes: (call: CallContext, attributes: Sftp.Attributes) => Fx<void>
  /** Does not follow a link. */
  readonly setLinkAttributes: (call: CallContext, attributes: Sftp.Attributes) => Fx<void>
  /** The name without links, `.` and `..`. What its last part names need not exist. */
  readonly realPath: (call: CallContext) => Fx<string>
  /** As `realPath`, with `~` and `~user` at its beginning expanded. */
  readonly expandPath: (call: CallContext) => Fx<string>
  readonly readLink: (call: CallContext) => Fx<string>
  /** Makes a link of the call's path. */
  readonly symlink: (call: CallContext, target: string) => Fx<void>
  /** Gives the call's file another name. */
  readonly link: (call: CallContext, to: string) => Fx<void>
  readonly space: (call: CallContext) => Fx<Sftp.FileSystemInfo>
  /** Whether the server has it. */
  readonly offers: (call: CallContext, extension: keyof typeof Sftp.extensions) => Fx<boolean>
  readonly makeDirectory: (call: CallContext, attributes: Sftp.Attributes) => Fx<void>
  readonly removeDirectory: (call: CallContext) => Fx<void>
  readonly removeFile: (call: CallContext) => Fx<void>
  /** Replaces what has the name already, in one step. */
  readonly rename: (call: CallContext, to: string) => Fx<void>
  /**
   * Replaces nothing, in one step: of two, one succeeds, and the other finds that it exists already. Tells whether the old
   * name is gone, which is a step of its own on some servers.
   */
  readonly renameIfAbsent: (call: CallContext, to: string) => Fx<boolean>
  /** Whether a directory can be listed. */
  readonly openDirectory: (call: CallContext) => Effect.Effect<void, PlatformError, Scope.Scope>
  /**
   * What is in a directory, but for `.` and `..`. With `known`, what was seen at the path before, fails with `BadResource`
   * if the path names another one, or a link, once it is open. Fails if there are more names than `limit`, a million by
   * default.
   */
  readonly list: (call: CallContext, options?: ListOptions) => Fx<ReadonlyArray<Sftp.Entry>>
  readonly open: (
    call: CallContext,
    flags: number,
    attributes: Sftp.Attributes
  ) => Effect.Effect<openFile.OpenFile, PlatformError, Scope.Scope>
  /** The first bytes of a file, so many where there are as many, and its attributes behind that: two round trips. */
  readonly readWhole: (
    call: CallContext,
    size: number
  ) => Fx<readonly [bytes: Uint8Array, attributes: Sftp.Attributes]>
  /**
   * Makes a file that is not there yet, with its content and attributes, and tells what it then has: two round trips.
   * `created` is the mode to make it with, less what the umask takes. Default: that of `attributes`.
   */
  readonly writeWhole: (
    call: CallContext,
    bytes: Uint8Array,
    attributes: Sftp.Attributes | undefined,
    sync: boolean,
    created?: number
  ) => Fx<Sftp.Attributes>
  /**
   * As `writeWhole`, under the temporary name; the file gets the call's when it is as large as that, and replaces what
   * has it.
   */
  readonly place: (
    call: CallContext,
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

/** @internal */
export const make = (session: Session, host: string): Operations => {
  const using = <A, R>(
    call: CallContext,
    use: (client: Client) => Effect.Effect<A, PlatformError, R>,
    check = checkPath.checkPath
  ): Effect.Effect<A, PlatformError, R> =>
    Effect.zipRight(
      check(call),
      Effect.mapError(
        session(use),
        (error) => error._tag === "RemoteConnectionError" ? errors.connection(call)(error) : error
      )
    )

  const ask = (client: Client, call: CallContext, request: Sftp.Request) =>
    Effect.mapError(client.request(request), errors.connection(call))

  const change = (call: CallContext, intent: explain.Intent, request: Sftp.Request): Fx<void> =>
    using(
      call,
      (client) =>
        Effect.flatMap(ask(client, call, request), (answer) => openFile.expectOk(client, call, intent, answer))
    )

  const look = (call: CallContext, request: Sftp.Request): Fx<Sftp.Attributes> =>
    using(call, (client) =>
      Effect.flatMap(ask(client, call, request), (answer) => {
        if (answer._tag === "Attrs") return Effect.succeed(answer.attributes)
        return answer._tag === "Status"
          ? explain.status(client, call, "look", answer)
          : openFile.unexpected(call, answer)
      }))

  // Nothing can come between the opening and its clean-up.
  const openDirectory = (client: Client, call: CallContext) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const opened = yield* restore(ask(client, call, Sftp.Request.Opendir({ path: call.path })))
        if (opened._tag === "Status") return yield* restore(explain.status(client, call, "list", opened))
        if (opened._tag !== "Handle") return yield* openFile.unexpected(call, opened)
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

  const notAttributes = (client: Client, call: CallContext, answer: Sftp.Response): Fx<never> =>
    answer._tag === "Status"
      ? explain.status(client, call, "look", answer)
      : openFile.unexpected(call, answer)

  // SFTP has no inodes: type and owner have to tell.
  const isSame = (one: Sftp.Attributes | undefined, other: Sftp.Attributes): boolean =>
    fileMode.isDirectory(other) && one?.uid === other.uid && one?.gid === other.gid

  // OpenSSH's server leaves out what it cannot look at, and says nothing. So all is left out of a directory that may be
  // listed and not entered.
  const list: Operations["list"] = (call, { known, limit, admit = within(call, limit) } = {}) =>
    using(call, (client) =>
      Effect.scoped(Effect.gen(function*() {
        const inside = { ...call, path: posixPath.join(call.path, ".") }
        const entered = yield* Effect.mapError(
          client.send(Sftp.Request.Lstat({ path: inside.path })),
          errors.connection(call)
        )
        const handle = yield* openDirectory(client, call)
        const again = known &&
          (yield* Effect.mapError(client.send(Sftp.Request.Lstat({ path: call.path })), errors.connection(call)))
        const entries: Array<Sftp.Entry> = []
        let empty = 0
        while (true) {
          const answer = yield* ask(client, call, Sftp.Request.Readdir({ handle }))
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
            if (empty > emptyAnswers) return yield* openFile.unexpected(call, answer)
            yield* admit(entries.length - before, characters)
          } else if (answer._tag !== "Status") {
            return yield* openFile.unexpected(call, answer)
          } else if (answer.code === Sftp.StatusCode.eof) {
            if (again !== undefined) {
              const answer = yield* Effect.mapError(again.wait, errors.connection(call))
              if (answer._tag !== "Attrs") return yield* notAttributes(client, call, answer)
              if (!isSame(known, answer.attributes)) return yield* Effect.fail(errors.replaced(call))
            }
            const found = yield* Effect.mapError(entered.wait, errors.connection(call))
            if (found._tag === "Status" && found.code === Sftp.StatusCode.permissionDenied) {
              return yield* explain.status(client, call, "list", found)
            }
            if (pathLimits.canHaveTooLongEntries(call.path)) {
              return yield* Effect.fail(
                errors.system(
                  call,
                  "Unknown",
                  undefined,
                  "its path is so long that the server may leave entries out"
                )
              )
            }
            return entries
          } else {
            return yield* explain.status(client, call, "look", answer)
          }
        }
      })))

  const name = (
    call: CallContext,
    intent: explain.Intent,
    request: Sftp.Request,
    check = checkPath.checkPath
  ): Fx<string> =>
    using(call, (client) =>
      Effect.flatMap(ask(client, call, request), (answer) => {
        if (answer._tag === "Name" && answer.entries[0] !== undefined) {
          return Effect.succeed(answer.entries[0].filename)
        }
        return answer._tag === "Status"
          ? explain.status(client, call, intent, answer)
          : openFile.unexpected(call, answer)
      }), check)

  const realPath: Operations["realPath"] = (call) => name(call, "look", Sftp.Request.Realpath({ path: call.path }))

  const has = (call: CallContext, extension: keyof typeof Sftp.extensions): Fx<boolean> =>
    using(call, (client) => Effect.succeed(client.has(extension)), checkPath.checkName)

  const unsupported = (call: CallContext, what: string) =>
    Effect.fail(errors.system(call, "Unknown", undefined, `the SFTP server cannot ${what}`))

  const expandPath: Operations["expandPath"] = (call) =>
    Effect.gen(function*() {
      const { path } = call
      if (yield* has(call, "expandPath")) {
        return yield* name(call, "look", Sftp.Request.ExpandPath({ path }), checkPath.checkName)
      }
      if (path === "~") return yield* realPath({ ...call, path: "." })
      if (path.startsWith("~/")) return yield* realPath({ ...call, path: `./${path.slice(2)}` })
      return yield* path.startsWith("~") ? unsupported(call, "tell the home of a user") : realPath(call)
    })

  const removeFile: Operations["removeFile"] = (call) =>
    change(call, "remove", Sftp.Request.Remove({ path: call.path }))

  const changeNames = (
    call: CallContext,
    to: string,
    intent: "create" | "replace",
    request: Sftp.Request
  ): Fx<void> =>
    Effect.zipRight(
      checkPath.checkPath({ method: call.method, path: to }),
      using(call, (client) =>
        Effect.flatMap(ask(client, call, request), (answer) =>
          answer._tag !== "Status"
            ? openFile.unexpected(call, answer)
            : answer.code === Sftp.StatusCode.ok
            ? Effect.void
            : explain.naming(client, call, to, intent, answer)))
    )

  interface Talk<A> {
    readonly client: Client
    /** Takes the answer unless the talk has ended. */
    readonly ask: (request: Sftp.Request, then: (answer: Sftp.Response) => void) => void
    readonly isOk: (answer: Sftp.Response, intent: explain.Intent) => boolean
    readonly end: (result: Fx<A>) => void
  }

  // What is done with a file from its opening on, without an effect for each request: in a tree of small files that would
  // be most of the time. Whatever ends it, what was opened is closed.
  const opened = <A>(
    call: CallContext,
    intent: explain.Intent,
    request: Sftp.Request,
    use: (talk: Talk<A>, handle: Uint8Array, close: (then: (answer: Sftp.Response) => void) => void) => void
  ): Fx<A> =>
    using(call, (client) =>
      Effect.mapError(
        client.begin(
          "Open",
          Effect.async<A, PlatformError>((resume) => {
            let isEnded = false
            let open: Uint8Array | undefined
            const abandoned: Array<() => void> = []
            const leave = () => {
              isEnded = true
              if (open !== undefined) client.close(open)
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
                else end(Effect.failCause(Cause.map(answer.cause, errors.connection(call))))
              }))
            const isOk: Talk<A>["isOk"] = (answer, intent) => {
              if (answer._tag === "Status" && answer.code === Sftp.StatusCode.ok) return true
              end(
                Effect.zipRight(
                  openFile.expectOk(client, call, intent, answer),
                  openFile.unexpected(call, answer)
                )
              )
              return false
            }
            abandoned.push(client.post(request, (answer) => {
              if (Exit.isFailure(answer)) {
                return end(Effect.failCause(Cause.map(answer.cause, errors.connection(call))))
              }
              const { value } = answer
              if (value._tag === "Handle") open = value.handle
              if (value._tag === "Status") return end(explain.status(client, call, intent, value))
              if (value._tag !== "Handle") return end(openFile.unexpected(call, value))
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
        (error) => error._tag === "RemoteConnectionError" ? errors.connection(call)(error) : error
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

  const readWhole: Operations["readWhole"] = (call, size) =>
    opened(
      call,
      "read",
      Sftp.Request.Open({ path: call.path, flags: Sftp.OpenFlags.read, attributes: {} }),
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
            else if (answer._tag !== "Status") return end(openFile.unexpected(call, answer))
            else if (answer.code !== Sftp.StatusCode.eof) {
              return end(explain.status(client, call, "read", answer))
            }
            done()
          })
        )
        ask(Sftp.Request.Fstat({ handle }), (answer) => {
          if (answer._tag !== "Attrs") return end(notAttributes(client, call, answer))
          attributes = answer.attributes
          done()
        })
        close((answer) => isOk(answer, "read") ? done() : undefined)
      }
    )

  // Everything behind the opening is under way before the first of it is answered.
  const writeNew = (
    call: CallContext,
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
      call,
      "create",
      Sftp.Request.Open({
        path: call.path,
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
          if (answer._tag !== "Attrs") return end(notAttributes(client, call, answer))
          found = answer.attributes
          const given = found.permissions
          if (refusal !== undefined && (given === undefined || (given & fileMode.permissionBits) !== permissions)) {
            expect(refusal)
          } else done()
        })
        close(expect)
      }
    )
  }

  const writeWhole: Operations["writeWhole"] = (call, bytes, attributes, sync, created) =>
    writeNew(call, bytes, attributes, sync, created, (found, { end }) => end(Effect.succeed(found)))

  const place: Operations["place"] = ({ method, path }, temporary, bytes, attributes, created) => {
    const call = { method, path: temporary }
    return Effect.zipRight(
      checkPath.checkPath({ method, path }),
      writeNew(call, bytes, attributes, false, created, (found, { ask, client, end }) => {
        if (found.size !== BigInt(bytes.length)) return end(Effect.succeed(found))
        const [intent, request] = renaming(client, temporary, path)
        ask(request, (answer) =>
          end(
            answer._tag !== "Status"
              ? openFile.unexpected(call, answer)
              : answer.code === Sftp.StatusCode.ok
              ? Effect.succeed(found)
              : Effect.zipRight(explain.naming(client, call, path, intent, answer), Effect.succeed(found))
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
    stat: (call) => look(call, Sftp.Request.Stat({ path: call.path })),
    lstat: (call) => look(call, Sftp.Request.Lstat({ path: call.path })),
    setAttributes: (call, attributes) =>
      change(
        call,
        attributes.size === undefined ? "change" : "write",
        Sftp.Request.Setstat({ path: call.path, attributes })
      ),
    setLinkAttributes: (call, attributes) =>
      Effect.flatMap(has(call, "lsetstat"), (offered) =>
        offered
          ? change(call, "change", Sftp.Request.Lsetstat({ path: call.path, attributes }))
          : unsupported(call, "change a link")),
    realPath,
    expandPath,
    readLink: (call) => name(call, "look", Sftp.Request.Readlink({ path: call.path })),
    symlink: (call, target) =>
      Effect.zipRight(
        checkPath.checkName({ method: call.method, path: target }),
        change(call, "create", Sftp.Request.Symlink({ target, path: call.path }))
      ),
    link: (call, to) =>
      Effect.gen(function*() {
        if (!(yield* has(call, "hardlink"))) return yield* unsupported(call, "make hard links")
        yield* changeNames(call, to, "create", Sftp.Request.Hardlink({ from: call.path, to }))
      }),
    space: (call) =>
      Effect.flatMap(has(call, "statvfs"), (offered) =>
        offered
          ? using(call, (client) =>
            Effect.flatMap(ask(client, call, Sftp.Request.Statvfs({ path: call.path })), (answer) =>
              answer._tag === "Status"
                ? explain.status(client, call, "look", answer)
                : answer._tag !== "ExtendedReply"
                ? openFile.unexpected(call, answer)
                : Effect.mapError(
                  Sftp.decodeFileSystem(answer.data),
                  ({ message }) => errors.system(call, "Unknown", undefined, message)
                )))
          : unsupported(call, "tell the space on a disk")),
    makeDirectory: (call, attributes) => change(call, "create", Sftp.Request.Mkdir({ path: call.path, attributes })),
    removeDirectory: (call) => change(call, "removeDirectory", Sftp.Request.Rmdir({ path: call.path })),
    removeFile,
    rename: (call, to) =>
      Effect.flatMap(
        using(call, (client) => Effect.succeed(renaming(client, call.path, to))),
        ([intent, request]) => changeNames(call, to, intent, request)
      ),
    renameIfAbsent: (call, to) =>
      Effect.flatMap(has(call, "hardlink"), (links) => {
        const names = { from: call.path, to }
        // OpenSSH's own rename looks before it replaces, where there are no hard links: too late, for two at once.
        return links
          ? Effect.zipRight(
            changeNames(call, to, "create", Sftp.Request.Hardlink(names)),
            // It is done by now, whatever becomes of the name it had.
            Effect.match(removeFile(call), { onFailure: errors.isNotFound, onSuccess: () => true })
          )
          : Effect.as(changeNames(call, to, "create", Sftp.Request.Rename(names)), true)
      }),
    openDirectory: (call) => using(call, (client) => Effect.asVoid(openDirectory(client, call))),
    list,
    open: (call, flags, attributes) => using(call, (client) => openFile.open(client, call, flags, attributes))
  }
}
