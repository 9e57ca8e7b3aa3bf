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

/** The commands of a guardian, and whether each is kept when the client is gone. */
interface Place {
  readonly pid: number
  readonly commands: Map<number, boolean>
}

interface State {
  readonly processes: Processes
  readonly scope: Scope.Scope
  /** By the path of the guardian's FIFO. */
  readonly places: Map<string, Place>
}

/** A guardian on its channel. */
interface Served extends State {
  readonly place: Place
  readonly prefix: string
  readonly say: (report: Guardian.Report) => Effect.Effect<void>
  /** Empty until the client has claimed a name. */
  fifo: string
  status: "Listening" | "Detached" | "Ended"
}

// The grace period for commands whose client is gone, in rounds of 50 ms. The same as on any host.
const graceRounds = 100

const endAll = (self: Served): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { fifo, place, places, processes } = self
    if (!places.delete(fifo)) return Effect.void
    const ending = [...place.commands].filter(([, keep]) => !keep).map(([pid]) => processes.end(pid, graceRounds))
    return Effect.all(ending, { concurrency: "unbounded", discard: true })
  })

// Ending a command takes time, and other requests must not wait for it.
const end = ({ place, processes, say, scope }: Served, pid: number, rounds: number) =>
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

const retire = ({ places }: State, pid: number): void => {
  for (const [fifo, place] of places) if (place.pid === pid) places.delete(fifo)
}

const meet = (self: Served): (request: Guardian.Request) => Effect.Effect<void> => {
  const { place, places, say } = self
  return Guardian.Request.$match({
    Claim: ({ names: [name = ""] }) =>
      Effect.suspend(() => {
        self.fifo = Guardian.fifo(self.prefix, name)
        places.set(self.fifo, place)
        return say(Guardian.Report.Ready({ detachable: true, name, pid: place.pid, start: Option.some("0") }))
      }),
    Beat: () => Effect.void,
    Add: ({ keep, pid }) => Effect.sync(() => void place.commands.set(pid, keep)),
    Done: ({ pid }) => Effect.sync(() => void place.commands.delete(pid)),
    End: ({ pid, rounds }) => Effect.asVoid(end(self, pid, rounds)),
    Detach: () =>
      Effect.suspend(() => {
        self.status = "Detached"
        return say(Guardian.Report.Detached())
      }),
    Retire: ({ pid }) => Effect.sync(() => retire(self, pid)),
    Quit: () =>
      Effect.sync(() => {
        if (self.status !== "Detached") self.status = "Ended"
        places.delete(self.fifo)
      })
  })
}

// Answers requests until the input ends, or one of them ends the guardian or detaches it.
const listen = (self: Served, read: HostChannel["stdin"]["read"]): Effect.Effect<void> => {
  const split = Guardian.splitter()
  const answer = meet(self)
  const next: Effect.Effect<void> = Effect.flatMap(
    read,
    Option.match({
      onNone: () => Effect.void,
      onSome: (bytes) =>
        Effect.zipRight(
          Effect.forEach(
            split(bytes),
            (line) => Either.match(Guardian.decodeRequest(line), { onLeft: () => Effect.void, onRight: answer }),
            { discard: true }
          ),
          Effect.suspend(() => self.status === "Listening" ? next : Effect.void)
        )
    })
  )
  return next
}

const sayOn = (channel: HostChannel) => (report: Guardian.Report): Effect.Effect<void> =>
  Either.match(Guardian.encodeReport(report), {
    onLeft: () => Effect.void,
    onRight: (line) => Effect.asVoid(channel.stdout(line))
  })

/** @internal */
export const make = (processes: Processes, scope: Scope.Scope): Guardians => {
  const state: State = { processes, scope, places: new Map() }
  return {
    register: (fifo, pid, keep) => {
      const place = state.places.get(fifo)
      place?.commands.set(pid, keep)
      return place !== undefined
    },
    serve: ({ prefix }, pid, channel, connection, read) =>
      Effect.suspend(() => {
        const place: Place = { pid, commands: new Map() }
        const self: Served = { ...state, place, prefix, say: sayOn(channel), fifo: "", status: "Listening" }
        return listen(self, read).pipe(
          Effect.zipRight(channel.exit(ExitStatus.Code({ code: 0 }))),
          Effect.zipRight(Effect.suspend(() => self.status === "Detached" ? connection.lost : Effect.void)),
          Effect.zipRight(endAll(self))
        )
      })
  }
}
