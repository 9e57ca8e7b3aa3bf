/**
 * Removes entries of the target that the source lacks.
 */
import * as Effect from "effect/Effect"
import { Outcome, type Source } from "../../../Transfer.js"
import * as posixPath from "../../lib/posixPath.js"
import * as errors from "../../sftp/errors.js"
import type { DirectoryEntry, FileInfo, Fx } from "../endpoint.js"
import * as names from "../names.js"
import * as report from "../report.js"
import * as tree from "./tree.js"

const atOnce = 8

const tooMany = Outcome.Skipped({ reason: "it was not deleted: `maxDelete` is exceeded" })

/** @internal */
export const underWay = Outcome.Skipped({ reason: "it is the hidden file of a write that may be under way" })

/**
 * Notes the entries of a target directory that the source does not have.
 *
 * @internal
 */
export const note = (
  { extraneous }: tree.Tree,
  directory: tree.Directory,
  there: ReadonlyArray<DirectoryEntry>,
  met: ReadonlySet<string>
): void => {
  const entries = there.filter(({ name }) => !met.has(name) && posixPath.isName(name)).map(({ name, seen }) => ({
    path: names.below(directory.path, name),
    target: posixPath.join(directory.target, name),
    name,
    seen
  }))
  if (entries.length > 0) extraneous.push({ directory, entries, isSourceEmpty: met.size === 0 })
}

const sourceOf = ({ path, seen }: tree.Extraneous): Source => ({
  path,
  type: seen?.type ?? "Other",
  size: seen?.size ?? 0n
})

// Each of these functions returns whether the entry is gone.
const removeDirectory = (self: tree.Tree, { path, target }: tree.Extraneous, seen: FileInfo): Fx<boolean> =>
  Effect.gen(function*() {
    const { job: { method, to }, recorder, targets } = self
    const place = { below: path, path: target }
    const below = yield* targets.list(place)
    // Listing follows links. Another process may have put a link there since.
    if ((yield* to.look(target)).type !== "Directory") {
      return yield* Effect.fail(errors.replaced({ method, path: target }))
    }
    const removed = yield* Effect.forEach(
      below.filter(({ name }) => posixPath.isName(name)),
      ({ name, seen }) =>
        remove(self, { path: names.below(path, name), target: posixPath.join(target, name), name, seen })
    )
    if (removed.includes(false)) return false
    const isRemoved = yield* Effect.catchAll(Effect.as(to.removeDirectory(target), true), (error) =>
      // A write may have begun in this directory since.
      Effect.flatMap(targets.list(place), (left) => {
        targets.release(place, left)
        return left.some(({ name }) => names.isHidden(name)) ? Effect.succeed(false) : Effect.fail(error)
      }))
    if (!isRemoved) recorder.note(tree.sourceOf(path, seen), underWay)
    return isRemoved
  })

const removeEntry = (self: tree.Tree, extraneous: tree.Extraneous): Fx<boolean> =>
  Effect.gen(function*() {
    const { job: { options, to }, recorder } = self
    const { name, path, target } = extraneous
    const seen = extraneous.seen ?? (yield* to.look(target))
    const source = tree.sourceOf(path, seen)
    const why = options.filter?.(source)
    if (names.isHidden(name) || why !== undefined) {
      recorder.note(source, why === undefined ? underWay : Outcome.Skipped({ reason: why }))
      return false
    }
    if (seen.type !== "Directory") yield* to.removeFile(target)
    else if (!(yield* removeDirectory(self, extraneous, seen))) return false
    recorder.note(source, Outcome.Deleted())
    return true
  })

const remove = (self: tree.Tree, extraneous: tree.Extraneous): Effect.Effect<boolean> =>
  removeEntry(self, extraneous).pipe(
    Effect.catchIf(errors.isNotFound, () => Effect.succeed(true)),
    Effect.catchAll((error) =>
      Effect.sync(() => {
        self.recorder.fail(sourceOf(extraneous), error)
        return false
      })
    )
  )

// The listing is as old as the transfer. A link may have taken a directory's place since, and leads elsewhere.
const removeFrom = (
  self: tree.Tree,
  realTarget: string,
  { directory, entries }: tree.ExtraneousEntries
): Effect.Effect<void> =>
  Effect.flatMap(
    self.job.to.realPath(directory.target),
    (real) =>
      real === (directory.path === "" ? realTarget : posixPath.join(realTarget, directory.path))
        ? Effect.forEach(entries, (extraneous) => remove(self, extraneous), { concurrency: atOnce, discard: true })
        : Effect.fail(errors.replaced({ method: self.job.method, path: directory.target }))
  ).pipe(
    Effect.catchAll((error) =>
      Effect.sync(() => entries.forEach((extraneous) => self.recorder.fail(sourceOf(extraneous), error)))
    )
  )

const removeNoted = (self: tree.Tree, realTarget: string): Effect.Effect<void> =>
  Effect.forEach(self.extraneous, (entries) => removeFrom(self, realTarget, entries), {
    concurrency: atOnce,
    discard: true
  })

// An empty source is more often a mistake than a wish to lose the whole target.
const mostOf = ({ extraneous, job: { options: { maxDelete } } }: tree.Tree): number =>
  maxDelete ??
    (extraneous.some(({ directory, isSourceEmpty }) => directory.path === "" && isSourceEmpty) ? 0 : Infinity)

// Counts what would be removed. Records it as left out if it is too much or cannot be counted. Returns whether it may be removed.
const isAllowed = (self: tree.Tree, realTarget: string, most: number): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const rehearsal = yield* tree.rehearsal(self)
    yield* removeNoted(rehearsal, realTarget)
    const { entries } = rehearsal.recorder
    const count = entries.filter(({ outcome }) => outcome._tag === "Deleted").length
    const { failures } = rehearsal.recorder.current()
    if (failures === 0 && count <= most) return true
    const kept = failures > 0 ? report.leftOver : tooMany
    for (const { outcome, ...source } of entries) {
      self.recorder.note(source, outcome._tag === "Deleted" ? kept : outcome)
    }
    if (failures === 0) self.recorder.refuseDeletions(count)
    return false
  })

/**
 * Removes all noted entries, unless they are more than `maxDelete`.
 *
 * @internal
 */
export const removeAll = (self: tree.Tree, realTarget: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const most = mostOf(self)
    const removed = removeNoted(self, realTarget)
    return most === Infinity ? removed : Effect.asVoid(Effect.whenEffect(removed, isAllowed(self, realTarget, most)))
  })
