/**
 * Finishes a tree. Sets the mode and times of directories, and removes access that the transfer gave to their owner.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { findConnectionError } from "../../../RemoteError.js"
import { Outcome } from "../../../Transfer.js"
import * as finalizer from "../../lib/finalizer.js"
import * as errors from "../../sftp/errors.js"
import type { Fx } from "../endpoint.js"
import * as preserved from "../preserved.js"
import * as tree from "./tree.js"

const settle = ({ job: { options, to }, opened }: tree.Tree, pending: tree.PendingDirectory): Fx<void> =>
  Effect.gen(function*() {
    const { directory, existing, isOpened } = pending
    const { seen, target } = directory
    const now = existing === undefined
      ? (yield* to.look(target)).permissions
      : isOpened && existing.permissions !== undefined
      ? existing.permissions | tree.ownerMay
      : existing.permissions
    const permissions = preserved.ofDirectory(options, { existing, seen }, now)
    yield* to.changeDirectory(target, { permissions, times: preserved.timesOfDirectory(options, seen) })
    opened.delete(directory)
  })

const isSettled = (
  { job: { options } }: tree.Tree,
  { directory: { seen }, existing, isOpened }: tree.PendingDirectory
) =>
  preserved.timesOfDirectory(options, seen) === undefined && !isOpened &&
  (existing === undefined
    ? options.preserve?.mode !== true && !tree.isClosed(seen)
    : preserved.ofDirectory(options, { existing, seen }, existing.permissions) === undefined)

const finishOne = (self: tree.Tree, pending: tree.PendingDirectory): Effect.Effect<void> => {
  const { recorder } = self
  const source = tree.sourceOf(pending.directory.path, pending.directory.seen)
  const made = Effect.sync(() => recorder.note(source, Outcome.Created()))
  if (self.job.options.dryRun === true || isSettled(self, pending)) return made
  const { lost } = recorder.current()
  return lost !== undefined
    ? Effect.sync(() => recorder.fail(source, errors.at(source.path)(lost)))
    : Effect.matchEffect(settle(self, pending), {
      onFailure: (error) => Effect.sync(() => recorder.fail(source, error)),
      onSuccess: () => made
    })
}

/**
 * Sets the mode and the times of directories, after everything below them.
 *
 * @internal
 */
export const directories = (self: tree.Tree, concurrency: number): Effect.Effect<void> =>
  Effect.suspend(() =>
    tree.deepestFirst(self.pending, ({ directory }) => directory, (pending) => finishOne(self, pending), concurrency)
  )

const close = ({ job: { to } }: tree.Tree, { target }: tree.Directory, permissions: number) =>
  to.changeDirectory(target, { permissions, times: undefined }).pipe(
    Effect.catchIf(errors.isNotFound, () => Effect.void),
    // If one directory cannot be closed, the others still are. A lost connection ends this.
    Effect.catchIf(
      (error) => Option.isNone(findConnectionError(error)),
      (error) => Effect.logWarning(`The directory ${JSON.stringify(target)} may still be open to its owner`, error)
    )
  )

/**
 * Closes the directories that a failure or an interruption left open. Nothing is written below them by then.
 *
 * @internal
 */
export const closeAll = (self: tree.Tree, concurrency: number): Effect.Effect<void> =>
  Effect.suspend(() =>
    self.opened.size === 0
      ? Effect.void
      : finalizer.bounded(
        tree.deepestFirst(
          self.opened,
          ([directory]) => directory,
          ([directory, permissions]) => close(self, directory, permissions),
          concurrency
        ),
        { left: `Directories below ${JSON.stringify(self.job.target)} may still be open to their owner` }
      )
  )
