/**
 * The guardians of connections, like those of `@effect-remote/core`. Commands register with a guardian. The guardian ends a
 * command on request. When its client is gone, it ends all commands except those to be kept.
 */
import { ExitStatus } from "@effect-remote/core/Transport"
import * as Guardian from "@effect-remote/core/unstable/Guardian"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Connection, HostChannel } from "./connection.js"
import type { Processes } from "./processes.js"

/** @internal */
export interface Guardians {
  /** Registers a command with a guardian. `false` if the guardian does not exist. */
  readonly register: (fifo: string, pid: number, keep: boolean) => boolean
  /** Serves a guardian on a channel until its client detaches or ends it. A detached guardian stays on the host. */
  readonly serve: (
    task: Extract<Guardian.Task, { readonly _tag: "Guard" }>,
    pid: number,
    channel: HostChannel,
    connection: Connection,
    read: HostChannel["stdin"]["read"]
  ) => Effect.Effect<void>
}

interface Place {
  readonly pid: number
  readonly commands: Map<number, boolean>
}

// The grace period for commands whose client is gone, in rounds of 50 ms. The same as on any host.
const graceRounds = 100

/** @internal */
export const make = (processes: Processes, scope: Scope.Scope): Guardians => {
  const places = new Map<string, Place>()

  const close = (fifo: string, { commands }: Place) =>
    Effect.suspend(() => {
      if (places.delete(fifo)) {
        const ending = [...commands].filter(([, keep]) => !keep).map(([pid]) => processes.end(pid, graceRounds))
        return Effect.all(ending, { concurrency: "unbounded", discard: true })
      }
      return Effect.void
    })

  const serve: Guardians["serve"] = ({ prefix }, pid, channel, connection, read) =>
    Effect.suspend(() => {
      const place: Place = { pid, commands: new Map() }
      let fifo = ""
      let isOver = false
      let isDetached = false
      const say = (report: Guardian.Report) =>
        Either.match(Guardian.encodeReport(report), {
          onLeft: () => Effect.void,
          onRight: (line) => Effect.asVoid(channel.stdout(line))
        })
      // Ending a command takes time, and other requests must not wait for it.
      const end = (pid: number, rounds: number) =>
        Effect.forkIn(
          Effect.zipRight(
            processes.end(pid, rounds),
            Effect.suspend(() => {
              place.commands.delete(pid)
              return say(Guardian.Report.Ended({ pid }))
            })
          ),
          scope
        )
      const meet = Guardian.Request.$match({
        Claim: ({ names: [name = ""] }) =>
          Effect.suspend(() => {
            fifo = Guardian.fifo(prefix, name)
            places.set(fifo, place)
            return say(Guardian.Report.Ready({ detachable: true, name, pid, start: Option.some("0") }))
          }),
        Beat: () => Effect.void,
        Add: ({ keep, pid }) => Effect.sync(() => void place.commands.set(pid, keep)),
        Done: ({ pid }) => Effect.sync(() => void place.commands.delete(pid)),
        End: ({ pid, rounds }) => Effect.asVoid(end(pid, rounds)),
        Detach: () =>
          Effect.suspend(() => {
            isOver = isDetached = true
            return say(Guardian.Report.Detached())
          }),
        Retire: ({ pid }) =>
          Effect.sync(() => {
            for (const [fifo, place] of places) if (place.pid === pid) places.delete(fifo)
          }),
        Quit: () =>
          Effect.sync(() => {
            isOver = true
            places.delete(fifo)
          })
      })
      const split = Guardian.splitter()
      const hear: Effect.Effect<void> = Effect.flatMap(
        read,
        Option.match({
          onNone: () => Effect.void,
          onSome: (bytes) =>
            Effect.zipRight(
              Effect.forEach(
                split(bytes),
                (line) => Either.match(Guardian.decodeRequest(line), { onLeft: () => Effect.void, onRight: meet }),
                { discard: true }
              ),
              Effect.suspend(() => isOver ? Effect.void : hear)
            )
        })
      )
      return Effect.zipRight(hear, channel.exit(ExitStatus.Code({ code: 0 }))).pipe(
        Effect.zipRight(Effect.suspend(() => isDetached ? connection.lost : Effect.void)),
        Effect.zipRight(Effect.suspend(() => close(fifo, place)))
      )
    })

  return {
    register: (fifo, pid, keep) => {
      const place = places.get(fifo)
      place?.commands.set(pid, keep)
      return place !== undefined
    },
    serve
  }
}
