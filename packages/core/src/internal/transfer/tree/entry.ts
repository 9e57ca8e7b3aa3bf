/**
 * One entry of a listed directory: a file, a link, or a directory to visit.
 */
import * as Effect from "effect/Effect"
import { Outcome, type Source } from "../../../Transfer.js"
import * as hiddenFile from "../../files/hiddenFile.js"
import * as sharedDirectory from "../../files/sharedDirectory.js"
import * as errors from "../../sftp/errors.js"
import * as arrival from "../arrival.js"
import type { DirectoryEntry, FileInfo, Fx } from "../endpoint.js"
import { copyFile } from "../file/copyFile.js"
import * as kept from "../file/kept.js"
import * as job from "../job.js"
import type { Done } from "../report.js"
import * as tree from "./tree.js"

/** @internal */
export interface EntryPlace {
  readonly path: string
  readonly source: string
  readonly target: string
  /** The entry of the target with the same name. */
  readonly listed: DirectoryEntry | undefined
  /** The names of partial files in the target's directory. */
  readonly partials: ReadonlyArray<string>
  /** The target's directory, unless it is new. */
  readonly around: FileInfo | undefined
}

const file = (self: tree.Tree, source: Source, seen: FileInfo, place: EntryPlace): Effect.Effect<void> => {
  const { around, listed, partials, target } = place
  const copied = Effect.flatMap(tree.lookAt(self, target, listed), (existing) =>
    copyFile(self.copier, {
      source: place.source,
      target,
      seen,
      partials,
      existing,
      isSuspect: sharedDirectory.isSuspect(around, existing)
    }))
  return Effect.ensuring(self.recorder.attempt(source, copied), Effect.sync(self.counter.settled))
}

const leadsOf = ({ job: { from, method, ...rest } }: tree.Tree, path: string): Fx<string> =>
  Effect.gen(function*() {
    const leads = yield* from.readLink(path)
    yield* job.checkCarried({ from, method, ...rest }, leads, rest.to.carriesBytes)
    if (!from.carriesBytes && leads.includes("\ufffd")) {
      return yield* Effect.fail(
        errors.badArgument(
          { method, path },
          "the link's target is not UTF-8, and this file system reads only UTF-8 names"
        )
      )
    }
    return leads
  })

const makeLink = (self: tree.Tree, seen: FileInfo, { listed, source, target }: EntryPlace): Fx<Outcome> =>
  Effect.gen(function*() {
    const { options, to } = self.job
    const leads = yield* leadsOf(self, source)
    const existing = yield* tree.lookAt(self, target, listed)
    const linked = Outcome.Linked({ target: leads })
    if (existing === undefined) return yield* Effect.as(to.symlink(target, leads), linked)
    if (existing.type === "Directory" || existing.type === "Other") {
      return yield* tree.wrong(self, target, `it is ${existing.kind}, and the source a link`)
    }
    const why = kept.reason(options, seen, existing)
    if (why !== undefined) return Outcome.Skipped({ reason: why })
    if (existing.type === "SymbolicLink" && (yield* to.readLink(target)) === leads) {
      return options.skipUnchanged === undefined ? linked : Outcome.Unchanged()
    }
    return yield* Effect.as(
      arrival.arrive(
        to,
        target,
        (hidden) => hiddenFile.creating(hidden, Effect.as(to.symlink(hidden.path, leads), {}))
      ),
      linked
    )
  })

const link = (self: tree.Tree, source: Source, seen: FileInfo, place: EntryPlace): Effect.Effect<void> =>
  self.recorder.attempt(source, Effect.map(makeLink(self, seen, place), (outcome): Done => ({ outcome, bytes: 0n })))

/**
 * Adds the work for an entry to the pool. `visit` visits a directory whose target has been looked at.
 *
 * @internal
 */
export const enter = (
  self: tree.Tree,
  seen: FileInfo,
  place: EntryPlace,
  visit: (existing: FileInfo | undefined) => Effect.Effect<void>
): void => {
  const { counter, job: { options }, pool, recorder } = self
  const source = tree.sourceOf(place.path, seen)
  const why = options.filter?.(source)
  if (why !== undefined) return recorder.note(source, Outcome.Skipped({ reason: why }))
  switch (seen.type) {
    case "File": {
      counter.found(seen.size)
      return pool.add(file(self, source, seen, place))
    }
    case "Directory":
      return pool.widen(Effect.matchEffect(tree.lookAt(self, place.target, place.listed), {
        onFailure: (error) => Effect.sync(() => recorder.fail(source, error)),
        onSuccess: visit
      }))
    case "SymbolicLink":
      return options.symlinks === "skip"
        ? recorder.note(source, Outcome.Skipped({ reason: "symbolic links are skipped" }))
        : pool.add(link(self, source, seen, place))
    case "Other":
      return recorder.note(source, Outcome.Skipped({ reason: `it is ${seen.kind}` }))
  }
}
