/**
 * The active faults, and their effects on connections, operations and programs.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fault from "../../Fault.js"
import { HostEvent } from "../../HostEvent.js"
import type { Fault as VolumeFault, Volume } from "../memory/volume.js"
import { PosixError } from "../sftp/sftpFileSystem.js"
import type { Around } from "../sftp/sftpServer.js"
import type { Connection } from "./connection.js"
import * as fullDisk from "./fullDisk.js"
import type { Journal } from "./journal.js"
import type { Link } from "./link.js"

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

interface Active {
  readonly fault: Fault.Fault
  /** How many of what it counts have come. */
  count: number
}

const isBelow = (path: string, top: string): boolean =>
  path === top || path.startsWith(top.endsWith("/") ? top : `${top}/`)

/** @internal */
export const make = (
  host: string,
  link: Link,
  journal: Journal,
  { now, space }: Pick<Volume, "now" | "space">
): Faults => {
  let active: Array<Active> = []
  let injected: Array<Fault.Fault> = []

  const told = (fault: Fault.Fault): void => journal.add(HostEvent.FaultFired({ fault: Fault.show(fault) }))
  const fire = (one: Active, isSpent = true): void => {
    told(one.fault)
    if (isSpent) active = active.filter((other) => other !== one)
  }

  const disk = fullDisk.make(space, now, told)

  const failure = (reason: RemoteConnectionError["reason"], detail: string) =>
    new RemoteConnectionError({ reason, host, detail })

  const connecting = Effect.suspend(() => {
    for (const one of active) {
      if (one.fault._tag !== "RefuseConnection" && one.fault._tag !== "FailAuthentication") continue
      fire(one, ++one.count >= one.fault.times)
      return one.fault._tag === "RefuseConnection"
        ? failure("Unreachable", "the connection was refused")
        : failure("AuthenticationFailed", "the server refused the keys and the password offered")
    }
    return Effect.void
  })

  const sleep = (operation: Fault.Operation): Effect.Effect<void> => {
    let millis = 0
    for (const { fault } of active) {
      if (fault._tag === "Delay" && (fault.operation === "any" || fault.operation === operation)) {
        millis += Duration.toMillis(fault.duration)
      }
    }
    return millis === 0 ? Effect.void : Effect.sleep(millis)
  }

  const around: Faults["around"] = (connection, breakNext) => (request, path, answer) =>
    Effect.suspend(() => {
      const matching: Array<Active> = []
      for (const one of active) {
        const { fault } = one
        if (fault._tag !== "DropAtOperation" && fault._tag !== "FailOperation" && fault._tag !== "BreakReply") continue
        if (fault.operation !== "any" && fault.operation !== request._tag) continue
        if (++one.count === fault.nth) matching.push(one)
      }
      const status = (response: Sftp.Response) => {
        journal.add(HostEvent.Operation({
          operation: request._tag,
          path,
          status: response._tag === "Status" ? response.code : 0
        }))
      }
      const answered = Effect.tap(
        Effect.tapErrorTag(answer, "PosixError", () =>
          Effect.sync(() =>
            status(Sftp.Response.Status({ code: Sftp.StatusCode.failure, message: "" }))
          )),
        (response) => Effect.sync(() => status(response))
      )
      let whole = answered
      for (const one of matching) {
        fire(one)
        const { fault } = one
        if (fault._tag === "FailOperation") {
          const response = Sftp.Response.Status({ code: fault.status, message: "a fault of this test" })
          status(response)
          // A file whose closing went wrong is closed.
          whole = request._tag === "Close" ? Effect.as(Effect.ignore(answer), response) : Effect.succeed(response)
        } else if (fault._tag === "BreakReply") {
          whole = Effect.tap(whole, () => Effect.sync(breakNext))
        } else if (fault._tag === "DropAtOperation") {
          const drop = connection.drop(`${Fault.show(fault)} (a fault of this test)`)
          whole = fault.isDone ? Effect.tap(whole, () => drop) : Effect.zipRight(drop, new PosixError({ errno: "EIO" }))
        }
      }
      return active.some(({ fault }) => fault._tag === "Delay") ? Effect.zipRight(sleep(request._tag), whole) : whole
    })

  const refreshLink = () => {
    link.bytesPerSecond = active.reduce(
      (least, { fault }) => fault._tag === "SlowLink" ? Math.min(least, fault.bytesPerSecond) : least,
      Infinity
    )
  }

  link.spent = () => {
    const spent = active.find(({ fault }) => fault._tag === "DropAfterBytes")
    if (spent !== undefined) fire(spent)
  }

  return {
    inject: (fault) => {
      injected = [...injected, fault]
      if (fault._tag === "FillDisk") return disk.fill(fault)
      active = [...active, { fault, count: 0 }]
      if (fault._tag === "DropAfterBytes") link.budget = Math.min(link.budget, fault.bytes)
      refreshLink()
    },
    clear: () => {
      active = []
      disk.clear()
      link.budget = Infinity
      refreshLink()
    },
    injected: () => injected,
    hasOfConnection: () =>
      active.some(({ fault }) => fault._tag === "RefuseConnection" || fault._tag === "FailAuthentication"),
    connecting: Effect.zipRight(Effect.suspend(() => sleep("any")), connecting),
    opening: Effect.suspend(() => active.length === 0 ? Effect.void : sleep("any")),
    around,
    onVolume: (operation, path, to) => {
      for (const { fault } of active) {
        if (fault._tag === "DenyPath" && (isBelow(path, fault.path) || (to !== undefined && isBelow(to, fault.path)))) {
          return "EACCES"
        }
      }
      return operation === "mkdir" && disk.lacksBlock() ? "ENOSPC" : undefined
    },
    killing: (name) => {
      for (const one of active) {
        if (one.fault._tag !== "KillCommand" || one.fault.name !== name) continue
        if (++one.count !== one.fault.nth) continue
        fire(one)
        return one.fault.signal
      }
      return undefined
    }
  }
}
