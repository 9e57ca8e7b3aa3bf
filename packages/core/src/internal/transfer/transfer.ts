/**
 * One transfer: a file, or a tree that is looked through and copied at the same time.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { findConnectionError } from "../../RemoteError.js"
import { type Entry, Outcome, type Result, type Source, TransferError } from "../../Transfer.js"
import * as quota from "../files/quota.js"
import * as sharedDirectory from "../files/sharedDirectory.js"
import * as finalizer from "../lib/finalizer.js"
import * as posixPath from "../lib/posixPath.js"
import * as checkPath from "../sftp/checkPath.js"
import * as errors from "../sftp/errors.js"
import { longestListing } from "../sftp/requests.js"
import * as arrival from "./arrival.js"
import * as copy from "./copy.js"
import * as kept from "./kept.js"
import * as names from "./names.js"
import * as pool from "./pool.js"
import type { Board } from "./progress.js"
import * as progress from "./progress.js"
import type { Fx, Listed, Seen, Side } from "./side.js"

/** @internal */
export interface Setting extends Omit<copy.Setting, "sync"> {
  readonly source: string
  readonly target: string
  readonly host: string
}

interface Directory {
  readonly path: string
  readonly source: string
  readonly target: string
  readonly seen: Seen
  /** What is at the target. */
  readonly existing: Seen | undefined
  readonly above: Way | undefined
}

/** The real paths of the directories that lead somewhere, if links are followed. */
interface Way {
  readonly real: string
  readonly above: Way | undefined
}

/** What is known of where an entry goes. */
interface Around {
  readonly partials: ReadonlyArray<string>
  readonly above: Way | undefined
  /** The target's directory, unless it is new. */
  readonly around: Seen | undefined
}

interface Extra {
  readonly path: string
  readonly target: string
  readonly name: string
  readonly seen: Seen | undefined
}

/** What is to be removed from a directory of the target. */
interface Extras {
  readonly directory: Directory
  readonly entries: ReadonlyArray<Extra>
}

interface Finishing {
  readonly directory: Directory
  /** What was there, unless it is new. */
  readonly existing: Seen | undefined
  /** Whether its owner was let in for a while. */
  readonly isOpened: boolean
}

const concurrencyByDefault = 64
const mostAtOnce = 1024
const ownerMay = 0o700
const underWay = Outcome.LeftOut({ why: "it is the hidden file of a write that may be under way" })

const isClosed = ({ permissions }: Seen): boolean => (permissions & ownerMay) !== ownerMay

const leadsThrough = (way: Way | undefined, real: string): boolean => {
  for (let at = way; at !== undefined; at = at.above) if (at.real === real) return true
  return false
}

const depthOf = ({ path }: Pick<Directory, "path">): number => path === "" ? 0 : path.split("/").length

/** Does the work for all directories of one depth at once, for the deepest ones first. */
const deepestFirst = <A, E>(
  all: Iterable<A>,
  directoryOf: (one: A) => Directory,
  work: (one: A) => Effect.Effect<void, E>,
  concurrency: number
): Effect.Effect<void, E> =>
  Effect.suspend(() => {
    const byDepth = new Map<number, Array<A>>()
    for (const one of all) {
      const depth = depthOf(directoryOf(one))
      const level = byDepth.get(depth)
      if (level === undefined) byDepth.set(depth, [one])
      else level.push(one)
    }
    return Effect.forEach(
      Array.from(byDepth).sort(([one], [other]) => other - one),
      ([, level]) => Effect.forEach(level, work, { concurrency, discard: true }),
      { discard: true }
    )
  })

const sourceOf = (path: string, { size, type }: Seen): Source => ({ path, type, size })

/** @internal */
export const run = (setting: Setting): Effect.Effect<Result, PlatformError | TransferError> =>
  Effect.gen(function*() {
    const { from, hash, method, options, source, target, to } = setting
    const atSource = { method, path: source }
    const atTarget = { method, path: target }
    yield* checkPath.checkPath(atSource)
    yield* checkPath.checkPath(atTarget)
    const { concurrency = concurrencyByDefault, limit = longestListing } = options
    if (!Number.isSafeInteger(limit) || limit < 0) {
      return yield* Effect.fail(
        errors.badArgument(atSource, `\`limit\` must be a non-negative integer, got ${limit}`)
      )
    }
    if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
      return yield* Effect.fail(errors.badArgument(atSource, `${concurrency} is no number of entries at once`))
    }
    if (options.verify === "digest" && Option.isNone(hash)) {
      return yield* Effect.fail(
        errors.badArgument(atSource, "digests need a LocalHash, which was not there when the file system was made")
      )
    }
    yield* carried(setting, source, from.carriesBytes)
    yield* carried(setting, target, to.carriesBytes)
    // The source that was named is what its link names.
    const root = yield* from.follow(source)
    if (root.type === "File" && source.endsWith("/") || root.type === "Other" || root.type === "SymbolicLink") {
      return yield* Effect.fail(
        errors.system(atSource, "BadResource", undefined, `it is ${root.kind}, neither a file nor a directory`)
      )
    }
    return yield* progress.told(
      options.onProgress,
      (board) => root.type === "File" ? one(setting, root, board) : tree(setting, root, board)
    )
  })

const carried = ({ method }: Setting, path: string, carriesBytes: boolean): Fx<void> =>
  carriesBytes || names.isText(path)
    ? Effect.void
    : Effect.fail(errors.badArgument(
      { method, path },
      `${JSON.stringify(path)} is no UTF-8, and this file system has no other names`
    ))

// It is there, as a rule.
const prepare = (to: Side, directory: string): Fx<void> =>
  Effect.catchIf(Effect.asVoid(to.follow(directory)), errors.isNotFound, () => to.makeDirectories(directory))

const finished = (
  { host, source, target }: Setting,
  entries: Array<Entry>,
  files: number,
  bytes: bigint
): Effect.Effect<Result, TransferError> => {
  entries.sort((one, other) => one.path < other.path ? -1 : one.path > other.path ? 1 : 0)
  return entries.some(({ outcome }) => outcome._tag === "Failed")
    ? Effect.fail(new TransferError({ entries, files, bytes, from: source, to: target, host }))
    : Effect.succeed({ entries, files, bytes })
}

const one = (setting: Setting, seen: Seen, board: Board): Effect.Effect<Result, PlatformError | TransferError> =>
  Effect.gen(function*() {
    const { method, options, source, target, to } = setting
    board.found(seen.size)
    board.counted()
    const entry = sourceOf("", seen)
    const why = options.filter?.(entry)
    if (why !== undefined) return { entries: [{ ...entry, outcome: Outcome.LeftOut({ why }) }], files: 0, bytes: 0n }
    // Both at once: a round trip may take long.
    const [[path, existing], above] = yield* Effect.all(
      [to.locate(target), Effect.option(to.follow(posixPath.parent(target)))],
      { concurrency: 2 }
    )
    if (target.endsWith("/") || existing !== undefined && existing.type !== "File") {
      const kind = existing?.kind ?? "the name of a directory"
      return yield* Effect.fail(
        errors.system({ method, path: target }, "BadResource", undefined, `it is ${kind}, and the source a file`)
      )
    }
    const directory = posixPath.parent(path)
    if (existing === undefined && (path !== target || Option.isNone(above))) yield* prepare(to, directory)
    const around = existing === undefined || path === target ? above : yield* Effect.option(to.follow(directory))
    const listed = options.resume === true ? yield* to.list(directory) : []
    const copied = yield* Effect.either(
      copy.make({ ...setting, sync: true }, board)({
        source,
        target: path,
        seen,
        existing,
        isSuspect: sharedDirectory.isSuspect(Option.getOrUndefined(around), existing),
        partials: listed.flatMap(({ name }) => names.isPartial(name) ? [name] : [])
      })
    )
    board.settled()
    const outcome = Either.match(copied, {
      onLeft: (error) => Outcome.Failed({ error }),
      onRight: ({ outcome }) => outcome
    })
    return yield* finished(
      setting,
      [{ ...entry, outcome }],
      outcome._tag === "Copied" ? 1 : 0,
      Either.match(copied, { onLeft: () => 0n, onRight: ({ bytes }) => bytes })
    )
  })

const tree = (setting: Setting, root: Seen, board: Board): Effect.Effect<Result, PlatformError | TransferError> =>
  Effect.gen(function*() {
    const { from, method, options, target, to } = setting
    const { concurrency = concurrencyByDefault, limit = longestListing, links = "preserve" } = options
    const atOnce = Math.min(concurrency, mostAtOnce)
    const entries: Array<Entry> = []
    const extras: Array<Extras> = []
    const directories: Array<Finishing> = []
    // Of the target: those that were opened to their owner, with the permissions that they had.
    const opened = new Map<Directory, number>()
    const sources = quota.make(method, ({ path }: quota.Place, admit) => from.list(path, admit), limit)
    const targets = quota.make(method, ({ path }: quota.Place, admit) => to.list(path, admit), limit)
    const stopped = yield* Deferred.make<void>()
    let failures = 0
    let isStopped = false
    let lost: PlatformError | undefined
    // Of a target that is there, if something may be removed from it.
    let realTarget = ""
    let files = 0
    let bytes = 0n
    // Files are not synced one by one: in a tree of small ones that is most of the time.
    const copyFile = copy.make({ ...setting, sync: false }, board)

    const note = (source: Source, outcome: Outcome) => {
      entries.push({ ...source, outcome })
      if (outcome._tag !== "Failed") return
      failures++
      // What comes after it would connect again and again.
      if (Option.isSome(findConnectionError(outcome.error))) lost ??= outcome.error
      if (options.stopOnFailure === true && !isStopped) {
        isStopped = true
        Deferred.unsafeDone(stopped, Effect.void)
      }
    }
    const invalid = (path: string, description: string) =>
      errors.system({ method, path }, "InvalidData", undefined, description)
    const wrong = (path: string, description: string) =>
      Effect.fail(errors.system({ method, path }, "BadResource", undefined, description))

    const leftOver = Outcome.LeftOut({ why: "another entry failed before" })
    const failing = (error: PlatformError) => Outcome.Failed({ error })

    // Once one has failed, or the connection has, nothing more is begun.
    const unless = (source: Source, work: Effect.Effect<void>): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (isStopped) return Effect.sync(() => note(source, leftOver))
        return lost === undefined ? work : Effect.sync(() => note(source, failing(lost!)))
      })

    // One entry, whose failure is its own.
    const attempt = (source: Source, work: Fx<Outcome>): Effect.Effect<void> => {
      const tried = Effect.catchAll(work, (error) => Effect.succeed(failing(error)))
      return unless(
        source,
        Effect.map(
          options.stopOnFailure === true
            ? finalizer.apart(Effect.raceFirst(
              Effect.interruptible(tried),
              Effect.interruptible(Effect.as(Deferred.await(stopped), leftOver))
            ))
            : tried,
          (outcome) => note(source, outcome)
        )
      )
    }

    // One that leads to others, which are noted with their own.
    const through = (source: Source, work: Fx<void>): Effect.Effect<void> =>
      unless(source, Effect.catchAll(work, (error) => Effect.sync(() => note(source, failing(error)))))

    const lookAt = (path: string, listed: Listed | undefined): Fx<Seen | undefined> => {
      if (listed === undefined) return Effect.succeed(undefined)
      if (listed.seen !== undefined) return Effect.succeed(listed.seen)
      return Effect.catchIf(to.look(path), errors.isNotFound, () => Effect.succeed(undefined))
    }

    const file = (
      source: Source,
      { around, ...job }: Omit<copy.File, "existing" | "isSuspect"> & Pick<Around, "around">,
      listed: Listed | undefined
    ) =>
      Effect.ensuring(
        attempt(
          source,
          Effect.map(
            Effect.flatMap(lookAt(job.target, listed), (existing) =>
              copyFile({ ...job, existing, isSuspect: sharedDirectory.isSuspect(around, existing) })),
            (copied) => {
              if (copied.outcome._tag === "Copied") {
                files++
              }
              bytes += copied.bytes
              return copied.outcome
            }
          )
        ),
        Effect.sync(board.settled)
      )

    const link = (source: Source, path: string, at: string, listed: Listed | undefined) =>
      attempt(
        source,
        Effect.gen(function*() {
          const leads = yield* from.readLink(path)
          yield* carried(setting, leads, to.carriesBytes)
          if (!from.carriesBytes && leads.includes("\ufffd")) {
            return yield* Effect.fail(
              errors.badArgument(
                { method, path },
                "what the link names is no UTF-8, which this file system cannot tell"
              )
            )
          }
          const existing = yield* lookAt(at, listed)
          const linked = Outcome.Linked({ target: leads })
          if (existing === undefined) return yield* Effect.as(to.symlink(at, leads), linked)
          if (existing.type === "Directory" || existing.type === "Other") {
            return yield* wrong(at, `it is ${existing.kind}, and the source a link`)
          }
          if (existing.type === "SymbolicLink" && (yield* to.readLink(at)) === leads) {
            return options.skipUnchanged === undefined ? linked : Outcome.Unchanged()
          }
          return yield* Effect.as(
            arrival.arrive(to, at, (temporary) => Effect.as(to.symlink(temporary, leads), {})),
            linked
          )
        })
      )

    // Makes the directory if it is missing. Another process may have made it since, as a directory or as something else. One
    // that is closed to its owner is opened until all below it is done.
    const ready = (directory: Directory): Fx<Seen | "new"> =>
      Effect.gen(function*() {
        const { existing, seen, target } = directory
        const found = existing ?? (yield* Effect.catchIf(
          Effect.as(
            to.makeDirectory(target, seen.permissions & 0o777 | ownerMay),
            "new" as const
          ),
          errors.isReason("AlreadyExists"),
          () => to.look(target)
        ))
        if (found === "new") return found
        if (found.type !== "Directory") return yield* wrong(target, `it is ${found.kind}, and the source a directory`)
        if (isClosed(found) && directory.path !== "") {
          // Noted before the request, because an interrupted request may still be carried out.
          opened.set(directory, found.permissions)
          yield* to.changeDirectory(target, { permissions: found.permissions | ownerMay, times: undefined })
        }
        return found
      })

    const loopsAt = (directory: Directory, isLink: boolean): Fx<Way | undefined> =>
      Effect.gen(function*() {
        const { above, source } = directory
        if (links !== "follow") return above
        const real = above === undefined || isLink
          ? yield* from.realPath(source)
          : posixPath.join(above.real, posixPath.base(source))
        if (!leadsThrough(above, real)) return { real, above }
        return yield* wrong(source, "its links lead in a circle")
      })

    const visit = (directory: Directory, isLink: boolean, { add, widen }: pool.Pool): Effect.Effect<void> => {
      const self = sourceOf(directory.path, directory.seen)
      return through(
        self,
        Effect.gen(function*() {
          const above = yield* loopsAt(directory, isLink)
          const listing = yield* sources.list({ below: directory.path, path: directory.source })
          const made = yield* ready(directory)
          const place = { below: directory.path, path: directory.target }
          const there = made === "new" ? [] : yield* targets.list(place)
          const namesakes = new Map(there.map((listed) => [listed.name, listed]))
          const partials = there.flatMap(({ name }) => names.isPartial(name) ? [name] : [])
          const existing = made === "new" ? undefined : made
          // A directory that was named and was there is the user's own, as `/tmp` is.
          if (directory.path !== "" || made === "new") {
            directories.push({ directory, existing, isOpened: existing !== undefined && isClosed(existing) })
          } else note(self, Outcome.Made())

          const met = new Set<string>()
          for (const { name, seen } of listing) {
            const path = names.below(directory.path, name)
            const unknown: Source = { path, type: "Other", size: 0n }
            const fail = (error: PlatformError) =>
              note(seen === undefined ? unknown : sourceOf(path, seen), failing(error))
            if (isStopped) {
              note(unknown, leftOver)
            } else if (names.isHidden(name)) {
              note(seen === undefined ? unknown : sourceOf(path, seen), underWay)
            } else if (!posixPath.isName(name)) {
              fail(invalid(path, `a directory cannot hold the name ${JSON.stringify(name)}`))
            } else if (met.has(name)) {
              fail(invalid(path, "its directory lists it twice"))
            } else if (!to.carriesBytes && !names.isText(name)) {
              fail(errors.badArgument(
                { method, path },
                `${JSON.stringify(name)} is no UTF-8, and the target's file system has no other names`
              ))
            } else {
              met.add(name)
              const source = posixPath.join(directory.source, name)
              const at = posixPath.join(directory.target, name)
              // What waits in the pool does not hold the others of the target's directory.
              const listed = namesakes.get(name)
              const take = (seen: Seen) => enter({ path, source, at, seen, listed, partials, above, around: existing })
              if (seen !== undefined && (links !== "follow" || seen.type !== "SymbolicLink")) take(seen)(add, widen)
              else {
                // It may be a directory, and more.
                widen(through(
                  unknown,
                  Effect.map(lookAtSource(source, name), ([seen, isLink]) => take(seen)(add, widen, isLink))
                ))
              }
            }
          }
          if (options.delete === true) {
            const more = there.filter(({ name }) => !met.has(name) && posixPath.isName(name)).map(({ name, seen }) => ({
              path: names.below(directory.path, name),
              target: posixPath.join(directory.target, name),
              name,
              seen
            }))
            if (more.length > 0) extras.push({ directory, entries: more })
          } else targets.release(place, there.filter(({ name }) => !names.isPartial(name)))
        })
      )
    }

    const lookAtSource = (path: string, name: string): Fx<readonly [seen: Seen, isLink: boolean]> =>
      Effect.catchIf(
        Effect.flatMap(from.look(path), (seen): Fx<readonly [Seen, boolean]> =>
          seen.type === "SymbolicLink" && links === "follow"
            ? Effect.map(from.follow(path), (seen) => [seen, true])
            : Effect.succeed([seen, false])),
        (error) =>
          errors.isNotFound(error) && !from.carriesBytes && name.includes("\ufffd"),
        () =>
          Effect.fail(
            errors.badArgument({ method, path }, "its name is no UTF-8, which the source's file system cannot tell")
          )
      )

    const enter = ({ above, around, at, listed, partials, path, seen, source }: Around & {
      readonly path: string
      readonly source: string
      readonly at: string
      readonly seen: Seen
      readonly listed: Listed | undefined
    }) =>
    (add: pool.Pool["add"], widen: pool.Pool["widen"], isLink = false): void => {
      const self = sourceOf(path, seen)
      const why = options.filter?.(self)
      if (why !== undefined) return note(self, Outcome.LeftOut({ why }))
      switch (seen.type) {
        case "File": {
          board.found(seen.size)
          return add(file(self, { source, target: at, seen, partials, around }, listed))
        }
        case "Directory":
          return widen(Effect.flatMap(Effect.either(lookAt(at, listed)), (existing) =>
            Either.isLeft(existing)
              ? Effect.sync(() => note(self, failing(existing.left)))
              : visit({ path, source, target: at, seen, existing: existing.right, above }, isLink, { add, widen })))
        case "SymbolicLink":
          return links === "leaveOut"
            ? note(self, Outcome.LeftOut({ why: "links are left out" }))
            : add(link(self, source, at, listed))
        case "Other":
          return note(self, Outcome.LeftOut({ why: `it is ${seen.kind}` }))
      }
    }

    const extraSource = ({ path, seen }: Extra): Source => ({
      path,
      type: seen?.type ?? "Other",
      size: seen?.size ?? 0n
    })

    // Whether nothing of it is left.
    const removeExtra = ({ name, path, seen: known, target }: Extra): Effect.Effect<boolean> =>
      Effect.gen(function*() {
        const seen = known ?? (yield* to.look(target))
        const self = sourceOf(path, seen)
        const why = options.filter?.(self)
        if (names.isHidden(name) || why !== undefined) {
          note(self, why === undefined ? underWay : Outcome.LeftOut({ why }))
          return false
        }
        if (seen.type === "Directory") {
          const place = { below: path, path: target }
          const below = yield* targets.list(place)
          // Listing follows a link that somebody put there since.
          if ((yield* to.look(target)).type !== "Directory") {
            return yield* Effect.fail(errors.replaced({ method, path: target }))
          }
          const removed = yield* Effect.forEach(below.filter(({ name }) => posixPath.isName(name)), ({ name, seen }) =>
            removeExtra({ path: names.below(path, name), target: posixPath.join(target, name), name, seen }))
          if (removed.includes(false)) {
            return false
          }
          const isRemoved = yield* Effect.as(to.removeDirectory(target), true).pipe(
            Effect.catchAll((error) =>
              // A write may have begun in it since.
              Effect.flatMap(targets.list(place), (left) => {
                targets.release(place, left)
                return left.some(({ name }) =>
                    names.isHidden(name)
                  )
                  ? Effect.succeed(false)
                  : Effect.fail(error)
              })
            )
          )
          if (!isRemoved) {
            note(self, underWay)
            return false
          }
        } else yield* to.removeFile(target)
        note(self, Outcome.Deleted())
        return true
      }).pipe(
        Effect.catchIf(errors.isNotFound, () => Effect.succeed(true)),
        Effect.catchAll((error) =>
          Effect.sync(() => {
            note(extraSource({ name, path, seen: known, target }), failing(error))
            return false
          })
        )
      )

    // The whole transfer lies between the listing and this. A link that took a directory's place leads elsewhere.
    const removeExtras = ({ directory, entries }: Extras): Effect.Effect<void> =>
      Effect.flatMap(
        to.realPath(directory.target),
        (real) =>
          real === (directory.path === "" ? realTarget : posixPath.join(realTarget, directory.path))
            ? Effect.forEach(entries, removeExtra, { concurrency: 8, discard: true })
            : Effect.fail(errors.replaced({ method, path: directory.target }))
      ).pipe(
        Effect.catchAll((error) =>
          Effect.sync(() => entries.forEach((extra) => note(extraSource(extra), failing(error))))
        )
      )

    const settle = ({ directory, existing, isOpened }: Finishing): Fx<void> =>
      Effect.gen(function*() {
        const { seen, target } = directory
        const now = existing === undefined
          ? (yield* to.look(target)).permissions
          : existing.permissions | (isOpened ? ownerMay : 0)
        const permissions = kept.ofDirectory(options, { existing, seen }, now)
        yield* to.changeDirectory(target, { permissions, times: kept.timesOfDirectory(options, seen) })
        opened.delete(directory)
      })

    const isSettled = ({ directory: { seen }, existing, isOpened }: Finishing): boolean =>
      kept.timesOfDirectory(options, seen) === undefined && !isOpened &&
      (existing === undefined
        ? options.preserve?.mode !== true && !isClosed(seen)
        : kept.ofDirectory(options, { existing, seen }, existing.permissions) === undefined)

    const finish = (finishing: Finishing): Effect.Effect<void> => {
      const source = sourceOf(finishing.directory.path, finishing.directory.seen)
      if (isSettled(finishing)) return Effect.sync(() => note(source, Outcome.Made()))
      return lost !== undefined
        ? Effect.sync(() => note(source, failing(lost!)))
        : Effect.match(settle(finishing), {
          onFailure: (error) => note(source, failing(error)),
          onSuccess: () => note(source, Outcome.Made())
        })
    }

    const close = ([{ target }, permissions]: readonly [Directory, number]) =>
      to.changeDirectory(target, { permissions, times: undefined }).pipe(
        Effect.catchIf(errors.isNotFound, () => Effect.void),
        // One that cannot be closed does not keep the others open. A lost connection does.
        Effect.catchIf(
          (error) => Option.isNone(findConnectionError(error)),
          (error) => Effect.logWarning(`The directory ${JSON.stringify(target)} may still be open to its owner`, error)
        )
      )

    // After a failure or an interruption some are still open. Nothing is written below them by then.
    const closeAll = Effect.suspend(() =>
      opened.size === 0
        ? Effect.void
        : finalizer.bounded(deepestFirst(opened, ([directory]) => directory, close, atOnce), {
          left: `Directories below ${JSON.stringify(target)} may still be open to their owner`
        })
    )

    const self = sourceOf("", root)
    const why = options.filter?.(self)
    if (why !== undefined) return { entries: [{ ...self, outcome: Outcome.LeftOut({ why }) }], files: 0, bytes: 0n }
    const [path, existing] = yield* to.locate(target)
    if (existing !== undefined && existing.type !== "Directory") {
      return yield* Effect.fail(
        errors.system(
          { method, path: target },
          "BadResource",
          undefined,
          `it is ${existing.kind}, and the source a directory`
        )
      )
    }
    if (existing === undefined) yield* prepare(to, posixPath.parent(path))
    else if (options.delete === true) realTarget = yield* to.realPath(path)
    const copyAll = Effect.gen(function*() {
      const top = { path: "", source: setting.source, target: path, seen: root, existing, above: undefined }
      yield* pool.run(atOnce, (tasks) => tasks.widen(visit(top, false, tasks)), board.counted)
      if (options.delete === true && failures === 0) {
        yield* Effect.forEach(extras, removeExtras, { concurrency: 8, discard: true })
      }
      // The mode and times of a directory last, behind those of all below it.
      yield* deepestFirst(directories, ({ directory }) => directory, finish, atOnce)
    })
    yield* Effect.ensuring(copyAll, closeAll)
    return yield* finished(setting, entries, files, bytes)
  })
