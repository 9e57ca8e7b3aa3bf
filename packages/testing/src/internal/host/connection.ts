/**
 * One connection to the host: channels until it is lost.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Channel, ExitStatus } from "@effect-remote/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as pipes from "../program/pipe.js"
import * as links from "./link.js"

/**
 * A channel as the host has it.
 *
 * @internal
 */
export interface HostChannel {
  /** For the client. */
  readonly channel: Channel
  readonly stdin: Pick<pipes.Pipe, "read" | "close">
  readonly stdout: (bytes: Uint8Array) => Effect.Effect<boolean>
  readonly stderr: (bytes: Uint8Array) => Effect.Effect<boolean>
  readonly endOutput: Effect.Effect<void>
  /** Ends the outputs too. */
  readonly exit: (status: ExitStatus) => Effect.Effect<void>
  /** Ends the channel with an error. The client gets the error instead of further output, or instead of the channel. */
  readonly fail: (error: () => RemoteConnectionError) => Effect.Effect<void>
  /** Ends the channel with a defect. The client gets the defect after it has read all earlier output. */
  readonly die: (defect: unknown) => Effect.Effect<void>
}

/** @internal */
export interface Connection {
  readonly link: links.Link
  readonly isLost: () => boolean
  /** Waits until it is. */
  readonly lost: Effect.Effect<void>
  /** Drops the connection. All channels fail, and the host's output is discarded. */
  readonly drop: (detail: string) => Effect.Effect<void>
  /** Opens a channel. The channel closes with its scope. */
  readonly open: Effect.Effect<HostChannel, RemoteConnectionError, Scope.Scope>
}

/** Makes a channel of a link. `cut` is called when the link breaks. */
const channelOf = (link: links.Link, cut: Effect.Effect<void>): HostChannel => {
  const [stdin, stdout, stderr] = [pipes.make(pipes.window), pipes.make(pipes.window), pipes.make(pipes.window)]
  const exited = Deferred.unsafeMake<ExitStatus, RemoteConnectionError>(FiberId.none)
  let failed: (() => RemoteConnectionError) | undefined
  const unlessFailed = <A>(effect: Effect.Effect<A>): Effect.Effect<A, RemoteConnectionError> =>
    Effect.suspend(() => failed?.() ?? Effect.flatMap(effect, (value) => failed?.() ?? Effect.succeed(value)))
  let died: Effect.Effect<never> | undefined
  const orDefect = (read: pipes.Pipe["read"]): pipes.Pipe["read"] =>
    Effect.flatMap(read, (bytes) => Option.isNone(bytes) && died !== undefined ? died : Effect.succeed(bytes))
  const write = links.carry(link, stdin, cut)
  return {
    channel: {
      read: unlessFailed(orDefect(stdout.read)),
      readStderr: unlessFailed(orDefect(stderr.read)),
      write: (bytes) => unlessFailed(write(bytes)),
      end: unlessFailed(stdin.end),
      exit: Deferred.await(exited)
    },
    stdin,
    stdout: links.carry(link, stdout, cut),
    stderr: links.carry(link, stderr, cut),
    endOutput: Effect.zipRight(stdout.end, stderr.end),
    exit: (status) =>
      Effect.all([stdin.close, stdout.end, stderr.end, Deferred.succeed(exited, status)], { discard: true }),
    fail: (error) =>
      Effect.suspend(() => {
        failed ??= error
        return Effect.all([stdin.end, stdout.close, stderr.close, Deferred.failSync(exited, error)], { discard: true })
      }),
    die: (defect) =>
      Effect.suspend(() => {
        died ??= Effect.die(defect)
        return Effect.all([stdin.close, stdout.end, stderr.end, Deferred.die(exited, defect)], { discard: true })
      })
  }
}

/**
 * Makes a connection. Calls `told` once, when the connection is lost.
 *
 * @internal
 */
export const make = (
  host: string,
  link: links.Link,
  told: (error: RemoteConnectionError) => Effect.Effect<void>
): Connection => {
  const open = new Set<HostChannel["fail"]>()
  const lost = Deferred.unsafeMake<void>(FiberId.none)
  let failure: RemoteConnectionError | undefined

  const drop = (detail: string) =>
    Effect.suspend(() => {
      if (failure !== undefined) return Effect.void
      const error = new RemoteConnectionError({ reason: "ConnectionLost", host, detail })
      failure = error
      return Effect.all(
        [
          Effect.forEach([...open], (fail) => fail(() => error), { discard: true }),
          told(error),
          Deferred.succeed(lost, undefined)
        ],
        { discard: true }
      )
    })
  const cut = drop("the link broke (a fault of this test)")
  const closed = () => new RemoteConnectionError({ reason: "ConnectionLost", host, detail: "the channel was closed" })

  return {
    link,
    isLost: () => failure !== undefined,
    lost: Deferred.await(lost),
    drop,
    open: Effect.acquireRelease(
      Effect.suspend(() => {
        if (failure !== undefined) return failure
        const made = channelOf(link, cut)
        open.add(made.fail)
        return Effect.succeed(made)
      }),
      ({ fail }) =>
        Effect.suspend(() => {
          open.delete(fail)
          return fail(closed)
        })
    )
  }
}

/**
 * The first line that comes, and what came with it.
 *
 * @internal
 */
export const firstLine = (
  stdin: Pick<pipes.Pipe, "read">
): Effect.Effect<Option.Option<{ readonly line: Uint8Array; readonly rest: Uint8Array }>> => {
  const pieces: Array<Uint8Array> = []
  const next: Effect.Effect<Option.Option<{ readonly line: Uint8Array; readonly rest: Uint8Array }>> = Effect.flatMap(
    stdin.read,
    Option.match({
      onNone: () => Effect.succeedNone,
      onSome: (bytes) => {
        const end = bytes.indexOf(10)
        pieces.push(end < 0 ? bytes : bytes.subarray(0, end + 1))
        if (end < 0) return next
        const line = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0))
        let at = 0
        for (const piece of pieces) {
          line.set(piece, at)
          at += piece.length
        }
        return Effect.succeedSome({ line, rest: bytes.subarray(end + 1) })
      }
    })
  )
  return next
}
