/**
 * Faults of an in-memory host: lost connections, failing operations, a full disk. A fault is a value. Pass it to
 * `InMemoryHost.layer` as one of its `faults`, or to `inject` later.
 *
 * @since 0.1.0
 */
import type * as Sftp from "@effect-remote/core/protocol/Sftp"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import { PCGRandom } from "effect/Utils"

/**
 * The kind of an SFTP request. `"any"` matches every request.
 *
 * @since 0.1.0
 * @category models
 */
export type Operation = Sftp.Request["_tag"] | "any"

/**
 * A fault of the host. Counts begin at 1, when the fault is injected. Durations are measured by the Clock.
 *
 * - `RefuseConnection`, `FailAuthentication`: applies to the next `times` connections.
 * - `DropAfterBytes`: the connection is lost after `bytes` further bytes, both directions together. The last piece is cut.
 * - `DropAtOperation`: the connection is lost at the `nth` such operation. With `isDone` the operation takes effect and only
 *   its answer is lost. Otherwise the operation is not executed.
 * - `FailOperation`: the operation is answered by a status (draft-ietf-secsh-filexfer-02, section 7; 4 is a failure).
 * - `BreakReply`: the answer to the operation is not a valid SFTP packet.
 * - `Delay`: each operation takes `duration` longer. With the operation `"any"` opening a channel takes `duration` longer, too.
 * - `SlowLink`: the link transfers `bytesPerSecond`, both directions together.
 * - `DenyPath`: access to the path and to everything below it fails with `EACCES`, in commands as well.
 * - `FillDisk`: the disk is full after `after` further bytes, for commands as well. A write to the full disk fails with `ENOSPC`,
 *   which an SFTP server answers with "Failure". Removing files makes room. The fault `lasts` from the first write that did not
 *   fit.
 * - `KillCommand`: the `nth` program of that name is ended by a signal after it has started.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = Data.TaggedEnum<{
  RefuseConnection: { readonly times: number }
  FailAuthentication: { readonly times: number }
  DropAfterBytes: { readonly bytes: number }
  DropAtOperation: { readonly operation: Operation; readonly nth: number; readonly isDone: boolean }
  FailOperation: { readonly operation: Operation; readonly nth: number; readonly status: number }
  BreakReply: { readonly operation: Operation; readonly nth: number }
  Delay: { readonly operation: Operation; readonly duration: Duration.Duration }
  SlowLink: { readonly bytesPerSecond: number }
  DenyPath: { readonly path: string }
  FillDisk: { readonly after: number; readonly lasts: Duration.Duration }
  KillCommand: { readonly name: string; readonly nth: number; readonly signal: string }
}>

const constructors = Data.taggedEnum<Fault>()

/**
 * @since 0.1.0
 * @category constructors
 */
export const refuseConnection = ({ times = 1 }: { readonly times?: number | undefined } = {}): Fault =>
  constructors.RefuseConnection({ times })

/**
 * @since 0.1.0
 * @category constructors
 */
export const failAuthentication = ({ times = 1 }: { readonly times?: number | undefined } = {}): Fault =>
  constructors.FailAuthentication({ times })

/**
 * @since 0.1.0
 * @category constructors
 */
export const dropAfterBytes = (bytes: number): Fault => constructors.DropAfterBytes({ bytes })

/**
 * Which operation of a kind. Default: the first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Nth {
  readonly nth?: number | undefined
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const dropAt = (
  operation: Operation,
  { isDone = false, nth = 1 }: Nth & { readonly isDone?: boolean | undefined } = {}
): Fault => constructors.DropAtOperation({ operation, nth, isDone })

/**
 * @since 0.1.0
 * @category constructors
 */
export const failOperation = (
  operation: Operation,
  { nth = 1, status = 4 }: Nth & { readonly status?: number | undefined } = {}
): Fault => constructors.FailOperation({ operation, nth, status })

/**
 * @since 0.1.0
 * @category constructors
 */
export const breakReply = (operation: Operation, { nth = 1 }: Nth = {}): Fault =>
  constructors.BreakReply({ operation, nth })

/**
 * @since 0.1.0
 * @category constructors
 */
export const delay = (duration: Duration.DurationInput, operation: Operation = "any"): Fault =>
  constructors.Delay({ duration: Duration.decode(duration), operation })

/**
 * @since 0.1.0
 * @category constructors
 */
export const slowLink = (bytesPerSecond: number): Fault => constructors.SlowLink({ bytesPerSecond })

/**
 * @since 0.1.0
 * @category constructors
 */
export const denyPath = (path: string): Fault => constructors.DenyPath({ path })

/**
 * Fills the disk once `after` more bytes are stored (default: 0). As on Linux, the write that reaches the end is short, and the
 * next one fails. Creating a directory fails too, but creating an empty file succeeds. `statvfs` reports the remaining room. The
 * disk stays full until `clearFaults`. With `lasts`, it has room again that long after the first write that did not fit, by the
 * Clock.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { Fault, InMemoryHost } from "@effect-remote/testing"
 *
 * const layer = InMemoryHost.layer({ faults: [Fault.fillDisk({ after: 10_000, lasts: "1 minute" })] })
 * ```
 */
export const fillDisk = (
  { after = 0, lasts = Duration.infinity }: {
    readonly after?: number | undefined
    readonly lasts?: Duration.DurationInput | undefined
  } = {}
): Fault => constructors.FillDisk({ after, lasts: Duration.decode(lasts) })

/**
 * @since 0.1.0
 * @category constructors
 */
export const killCommand = (
  name: string,
  { nth = 1, signal = "KILL" }: Nth & { readonly signal?: string | undefined } = {}
): Fault => constructors.KillCommand({ name, nth, signal })

const ordinal = (nth: number): string => `${nth}${nth === 1 ? "st" : nth === 2 ? "nd" : nth === 3 ? "rd" : "th"}`

const operations = (operation: Operation): string => operation === "any" ? "operation" : operation

/**
 * Describes a fault in words.
 *
 * @since 0.1.0
 * @category printing
 */
export const show: (fault: Fault) => string = constructors.$match({
  RefuseConnection: ({ times }) => `refuse the next ${times === 1 ? "connection" : `${times} connections`}`,
  FailAuthentication: ({ times }) => `fail the next ${times === 1 ? "authentication" : `${times} authentications`}`,
  DropAfterBytes: ({ bytes }) => `drop the connection after ${bytes} bytes`,
  DropAtOperation: ({ isDone, nth, operation }) =>
    `drop the connection ${isDone ? "after" : "before"} the ${ordinal(nth)} ${operations(operation)}`,
  FailOperation: ({ nth, operation, status }) =>
    `answer the ${ordinal(nth)} ${operations(operation)} with status ${status}`,
  BreakReply: ({ nth, operation }) => `break the answer to the ${ordinal(nth)} ${operations(operation)}`,
  Delay: ({ duration, operation }) => `delay each ${operations(operation)} by ${Duration.format(duration)}`,
  SlowLink: ({ bytesPerSecond }) => `limit the link to ${bytesPerSecond} bytes per second`,
  DenyPath: ({ path }) => `deny ${path}`,
  FillDisk: ({ after, lasts }) =>
    `fill the disk${after === 0 ? "" : ` after ${after} bytes`}${
      Duration.isFinite(lasts) ? ` for ${Duration.format(lasts)}` : ""
    }`,
  KillCommand: ({ name, nth, signal }) => `kill the ${ordinal(nth)} ${name} with SIG${signal}`
})

const droppable: ReadonlyArray<Operation> = ["any", "Open", "Write", "Read", "Close", "Stat", "PosixRename", "Fsync"]

/**
 * Generates random faults. The same seed gives the same faults. A fault refuses or drops the connection, fails an operation, or
 * breaks an answer. Each happens once, so a program that retries succeeds.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { Fault } from "@effect-remote/testing"
 *
 * const plan = Fault.random(4711, { count: 3 })
 * ```
 */
export const random = (
  seed: number,
  { count = 2 }: { readonly count?: number | undefined } = {}
): ReadonlyArray<Fault> => {
  const dice = new PCGRandom(seed)
  const from = (least: number, most: number) => least + dice.integer(most - least + 1)
  const operation = () => droppable[from(0, droppable.length - 1)] ?? "any"
  const kinds: ReadonlyArray<() => Fault> = [
    () => refuseConnection(),
    () => dropAfterBytes(from(1, 20_000)),
    () => dropAt(operation(), { nth: from(1, 10), isDone: from(0, 1) === 1 }),
    () => failOperation(operation(), { nth: from(1, 10), status: from(2, 4) }),
    () => breakReply(operation(), { nth: from(1, 10) })
  ]
  return Array.from({ length: count }, () => (kinds[from(0, kinds.length - 1)] ?? refuseConnection)())
}
