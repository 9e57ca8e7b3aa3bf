/**
 * The active faults, and their effects on connections, operations and programs.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Effect from "effect/Effect"
import * as Fault from "../../Fault.js"
import { HostEvent } from "../../HostEvent.js"
import type { Fault as VolumeFault, Volume } from "../memory/volume.js"
import type { Around } from "../sftp/sftpServer.js"
import * as activeFaults from "./activeFaults.js"
import type { Connection } from "./connection.js"
import * as fullDisk from "./fullDisk.js"
import type { Journal } from "./journal.js"
import type { Link } from "./link.js"
import * as operationFaults from "./operationFaults.js"

/** @internal */
export interface Faults {
  readonly inject: (fault: Fault.Fault) => void
  readonly clear: () => void
  /** All faults injected so far. */
  readonly injected: () => ReadonlyArray<Fault.Fault>
  readonly hasOfConnection: () => boolean
  /** Before a connection is made. */
  readonly connecting: Effect.Effect<void, RemoteConnectionError>
  /** Before a channel is opened. */
  readonly opening: Effect.Effect<void>
  readonly around: (connection: Connection, breakNext: () => void) => Around
  readonly onVolume: VolumeFault
  /** The signal that ends a program of that name as soon as it has started. */
  readonly killing: (name: string) => string | undefined
}

interface State {
  readonly host: string
  readonly link: Link
  readonly journal: Journal
  readonly disk: fullDisk.FullDisk
  /** The current value. Each step replaces it. */
  active: activeFaults.ActiveFaults
  injected: ReadonlyArray<Fault.Fault>
}

const record = (journal: Journal, fault: Fault.Fault): void =>
  journal.add(HostEvent.FaultFired({ fault: Fault.show(fault) }))

const advance = <A extends Fault.Fault>(state: State, { active, fired }: activeFaults.Step<A>): ReadonlyArray<A> => {
  state.active = active
  return fired
}

const setSpeed = (state: State): void => {
  state.link.bytesPerSecond = activeFaults.bytesPerSecond(state.active)
}

const inject = (state: State, fault: Fault.Fault): void => {
  state.injected = [...state.injected, fault]
  if (fault._tag === "FillDisk") return state.disk.fill(fault)
  state.active = activeFaults.add(state.active, fault)
  if (fault._tag === "DropAfterBytes") state.link.budget = Math.min(state.link.budget, fault.bytes)
  setSpeed(state)
}

const clear = (state: State): void => {
  state.active = []
  state.disk.clear()
  state.link.budget = Infinity
  setSpeed(state)
}

const delayed = (state: State, operation: Fault.Operation): Effect.Effect<void> => {
  const millis = activeFaults.delayOf(state.active, operation)
  return millis === 0 ? Effect.void : Effect.sleep(millis)
}

const connect = (state: State): Effect.Effect<void, RemoteConnectionError> => {
  const [fault] = advance(state, activeFaults.onConnect(state.active))
  if (fault === undefined) return Effect.void
  record(state.journal, fault)
  return new RemoteConnectionError({
    host: state.host,
    ...fault._tag === "RefuseConnection"
      ? { reason: "Unreachable", detail: "the connection was refused" }
      : { reason: "AuthenticationFailed", detail: "the server refused the keys and the password offered" }
  })
}

const answer = (
  state: State,
  operation: operationFaults.Operation,
  answered: Parameters<Around>[2]
): ReturnType<Around> => {
  const { _tag: tag } = operation.request
  let whole = operationFaults.recorded(operation, answered)
  for (const fault of advance(state, activeFaults.onOperation(state.active, tag))) {
    record(state.journal, fault)
    whole = operationFaults.apply(operation, fault, answered, whole)
  }
  return Effect.zipRight(delayed(state, tag), whole)
}

const kill = (state: State, program: string): string | undefined => {
  const [fault] = advance(state, activeFaults.onStart(state.active, program))
  if (fault !== undefined) record(state.journal, fault)
  return fault?.signal
}

/** @internal */
export const make = (
  host: string,
  link: Link,
  journal: Journal,
  { now, space }: Pick<Volume, "now" | "space">
): Faults => {
  const disk = fullDisk.make(space, now, (fault) => record(journal, fault))
  const state: State = { host, link, journal, disk, active: [], injected: [] }

  link.spent = () => advance(state, activeFaults.onSpentLink(state.active)).forEach((fault) => record(journal, fault))

  return {
    inject: (fault) => inject(state, fault),
    clear: () => clear(state),
    injected: () => state.injected,
    hasOfConnection: () => activeFaults.hasOfConnection(state.active),
    connecting: Effect.zipRight(
      Effect.suspend(() => delayed(state, "any")),
      Effect.suspend(() => connect(state))
    ),
    opening: Effect.suspend(() => delayed(state, "any")),
    around: (connection, breakNext) => (request, path, answered) =>
      Effect.suspend(() => answer(state, { journal, connection, breakNext, request, path }, answered)),
    onVolume: (operation, path, to) => {
      const isDenied = activeFaults.denies(state.active, path) ||
        (to !== undefined && activeFaults.denies(state.active, to))
      if (isDenied) return "EACCES"
      return operation === "mkdir" && disk.lacksBlock() ? "ENOSPC" : undefined
    },
    killing: (name) => kill(state, name)
  }
}
