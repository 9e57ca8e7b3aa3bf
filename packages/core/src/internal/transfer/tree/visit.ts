/**
 * A directory of the source: lists it, makes its counterpart, and adds its entries to the pool.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import { Outcome, type Source } from "../../../Transfer.js"
import * as posixPath from "../../lib/posixPath.js"
import * as errors from "../../sftp/errors.js"
import type { DirectoryEntry, FileInfo, Fx } from "../endpoint.js"
import * as names from "../names.js"
import * as report from "../report.js"
import * as entry from "./entry.js"
import * as mirror from "./mirror.js"
import * as tree from "./tree.js"

// Makes the directory if it is missing. Another process may have made it since, as a directory or as something else. If its
// owner may not use the directory, the mode is widened until everything below it is done.
const ready = (self: tree.Tree, directory: tree.Directory): Fx<FileInfo | "new"> =>
  Effect.gen(function*() {
    const { existing, seen, target } = directory
    const { to } = self.job
    const found = existing ?? (yield* Effect.catchIf(
      Effect.as(to.makeDirectory(target, (seen.permissions ?? 0o755) & 0o777 | tree.ownerMay), "new" as const),
      errors.isReason("AlreadyExists"),
      () => to.look(target)
    ))
    if (found === "new") return found
    if (found.type !== "Directory") {
      return yield* tree.wrong(self, target, `it is ${found.kind}, and the source a directory`)
    }
    const { permissions } = found
    if (permissions !== undefined && tree.isClosed(found) && directory.path !== "") {
      // Noted before the request, because an interrupted request may still be carried out.
      self.opened.set(directory, permissions)
      yield* to.changeDirectory(target, { permissions: permissions | tree.ownerMay, times: undefined })
    }
    return found
  })

const leadsThrough = (way: tree.Way | undefined, real: string): boolean => {
  for (let at = way; at !== undefined; at = at.above) if (at.real === real) return true
  return false
}

const wayTo = (self: tree.Tree, { above, source }: tree.Directory, isLink: boolean): Fx<tree.Way | undefined> =>
  Effect.gen(function*() {
    const { from, options } = self.job
    if (options.symlinks !== "follow") return above
    const real = above === undefined || isLink
      ? yield* from.realPath(source)
      : posixPath.join(above.real, posixPath.base(source))
    if (!leadsThrough(above, real)) return { real, above }
    return yield* tree.wrong(self, source, "its links lead in a circle")
  })

const lookAtSource = (
  { job: { from, method, options } }: tree.Tree,
  path: string,
  name: string
): Fx<readonly [seen: FileInfo, isLink: boolean]> =>
  Effect.catchIf(
    Effect.flatMap(from.look(path), (seen): Fx<readonly [FileInfo, boolean]> =>
      seen.type === "SymbolicLink" && options.symlinks === "follow"
        ? Effect.map(from.follow(path), (seen) => [seen, true])
        : Effect.succeed([seen, false])),
    (error) =>
      errors.isNotFound(error) && !from.carriesBytes && name.includes("\ufffd"),
    () =>
      Effect.fail(
        errors.badArgument(
          { method, path },
          "its name is not UTF-8, and the source's file system reads only UTF-8 names"
        )
      )
  )

// Checks a name of the source.
const problemOf = (
  { job: { method, to } }: tree.Tree,
  path: string,
  name: string,
  met: ReadonlySet<string>
): PlatformError | undefined => {
  const invalid = (description: string) => errors.system({ method, path }, "InvalidData", undefined, description)
  if (!posixPath.isName(name)) return invalid(`a directory cannot hold the name ${JSON.stringify(name)}`)
  if (met.has(name)) return invalid("its directory lists it twice")
  if (to.carriesBytes || names.isText(name)) return undefined
  return errors.badArgument(
    { method, path },
    `${JSON.stringify(name)} is not UTF-8, and the target's file system allows only UTF-8 names`
  )
}

/** The two sides of a directory that is being visited. */
interface Visit {
  readonly directory: tree.Directory
  readonly above: tree.Way | undefined
  readonly existing: FileInfo | undefined
  readonly partials: ReadonlyArray<string>
  readonly namesakes: ReadonlyMap<string, DirectoryEntry>
}

const enterEntry = (self: tree.Tree, visiting: Visit, { name, seen }: DirectoryEntry, unknown: Source): void => {
  const { job: { options }, pool, recorder } = self
  const { above, directory, existing, namesakes, partials } = visiting
  // A task in the pool keeps only this entry of the target's directory, so the rest of the listing can be freed.
  const place = {
    path: unknown.path,
    source: posixPath.join(directory.source, name),
    target: posixPath.join(directory.target, name),
    listed: namesakes.get(name),
    partials,
    around: existing
  }
  const take = (seen: FileInfo, isLink: boolean) =>
    entry.enter(
      self,
      seen,
      place,
      (existing) =>
        visit(self, { path: place.path, source: place.source, target: place.target, seen, existing, above }, isLink)
    )
  if (seen !== undefined && (options.symlinks !== "follow" || seen.type !== "SymbolicLink")) return take(seen, false)
  // The entry may be a directory, which adds more tasks.
  pool.widen(recorder.through(
    unknown,
    Effect.map(lookAtSource(self, place.source, name), ([seen, isLink]) => take(seen, isLink))
  ))
}

// Returns the names that the source has.
const enterAll = (self: tree.Tree, visiting: Visit, listing: ReadonlyArray<DirectoryEntry>): ReadonlySet<string> => {
  const { recorder } = self
  const met = new Set<string>()
  for (const listed of listing) {
    const { name, seen } = listed
    const path = names.below(visiting.directory.path, name)
    const unknown: Source = { path, type: "Other", size: 0n }
    const known = seen === undefined ? unknown : tree.sourceOf(path, seen)
    if (recorder.current().isStopped) recorder.note(unknown, report.leftOver)
    else if (names.isHidden(name)) recorder.note(known, mirror.underWay)
    else {
      const problem = problemOf(self, path, name, met)
      if (problem !== undefined) recorder.fail(known, problem)
      else {
        met.add(name)
        enterEntry(self, visiting, listed, unknown)
      }
    }
  }
  return met
}

const enterDirectory = (self: tree.Tree, directory: tree.Directory, isLink: boolean): Fx<void> =>
  Effect.gen(function*() {
    const { job: { options }, pending, recorder, sources, targets } = self
    const above = yield* wayTo(self, directory, isLink)
    const listing = yield* sources.list({ below: directory.path, path: directory.source })
    const made = yield* ready(self, directory)
    const place = { below: directory.path, path: directory.target }
    const there = made === "new" ? [] : yield* targets.list(place)
    const existing = made === "new" ? undefined : made
    // An existing target directory keeps its attributes: it may be a shared one such as `/tmp`.
    if (directory.path !== "" || existing === undefined) {
      pending.push({ directory, existing, isOpened: existing !== undefined && tree.isClosed(existing) })
    } else recorder.note(tree.sourceOf(directory.path, directory.seen), Outcome.Created())
    const met = enterAll(self, {
      directory,
      above,
      existing,
      partials: there.flatMap(({ name }) => names.isPartial(name) ? [name] : []),
      namesakes: new Map(there.map((listed) => [listed.name, listed]))
    }, listing)
    if (options.delete === true) mirror.note(self, directory, there, met)
    else targets.release(place, there.filter(({ name }) => !names.isPartial(name)))
  })

/** @internal */
export const visit = (self: tree.Tree, directory: tree.Directory, isLink: boolean): Effect.Effect<void> =>
  self.recorder.through(tree.sourceOf(directory.path, directory.seen), enterDirectory(self, directory, isLink))
