/**
 * The SFTP session of a transport. All callers share it. The first use opens it, and the next use after a loss opens a new
 * one.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Transport } from "../../Transport.js"
import * as scopes from "../lib/scopes.js"
import * as quote from "../scripts/quote.js"
import * as clients from "./client.js"

/**
 * Runs an effect with the client of the current session.
 *
 * @internal
 */
export type Session = <A, E, R>(
  use: (client: clients.Client) => Effect.Effect<A, E, R>
) => Effect.Effect<A, E | RemoteConnectionError, R>

interface Opened {
  readonly client: clients.Client
  readonly scope: Scope.CloseableScope
  users: number
}

interface State {
  readonly transport: Transport
  readonly parent: Scope.Scope
  current: Opened | undefined
  isOpening: boolean
  /** Set after a session whose server gave one handle to two open files, as Erlang's does from the third one on. */
  mostHandles: number | undefined
}

// One to read and one to write.
const fewestHandles = 2

const unusedEvery = "1 second"

const givenUpEvery = "50 millis"

// If the server's limit of sessions is reached, a command may need this session. The next use then opens a new one.
const giveWay = (self: State): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { current, isOpening } = self
    if (current === undefined && !isOpening) return Effect.void
    if (current === undefined || current.users > 0 || !current.client.isIdle()) {
      return Effect.delay(giveWay(self), givenUpEvery)
    }
    self.current = undefined
    return Scope.close(current.scope, Exit.void)
  })

// Waits for its callers and its open handles. Waits for abandoned requests only if they may need their undo.
const closeUnused = (entry: Opened): Effect.Effect<void> =>
  Effect.suspend(() =>
    entry.users > 0 || !entry.client.isLost() && (entry.client.hasHandles() || entry.client.owesUndo())
      ? Effect.delay(closeUnused(entry), unusedEvery)
      : Scope.close(entry.scope, Exit.void)
  )

const connect = (self: State) => {
  const { host } = self.transport
  const options = { onReclaim: giveWay(self) }
  const { sftpServer } = host
  const channel = sftpServer === undefined
    ? self.transport.subsystem("sftp", options)
    : self.transport.exec(`exec ${[sftpServer].flat().map(quote.loginShell).join(" ")}`, options)
  return Effect.flatMap(channel, (channel) => clients.make(channel, host, self))
}

const open = (self: State): Effect.Effect<Opened, RemoteConnectionError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      self.isOpening = true
      return scopes.below(self.parent, (scope) =>
        Effect.map(
          restore(Scope.extend(connect(self), scope)),
          (client): Opened => (self.current = { client, scope, users: 0 })
        )).pipe(Effect.ensuring(Effect.sync(() => {
          self.isOpening = false
        })))
    })
  )

// One caller at a time. Replaces a session that was lost, or whose server is blocked.
const opened = (self: State): Effect.Effect<Opened, RemoteConnectionError> =>
  Effect.gen(function*() {
    const entry = self.current
    if (entry === undefined) return yield* open(self)
    if (entry.client.isLost()) {
      self.current = undefined
      if (entry.client.hasSharedHandle()) self.mostHandles = fewestHandles
      yield* Effect.uninterruptible(Scope.close(entry.scope, Exit.void))
      return yield* open(self)
    }
    if (yield* entry.client.answers) return entry
    if (self.current === entry) self.current = undefined
    yield* Effect.forkIn(Effect.interruptible(closeUnused(entry)), self.parent)
    return self.current ?? (yield* open(self))
  })

const run = <A, E, R>(entry: Opened, use: Effect.Effect<A, E, R>) => {
  entry.users++
  return Effect.matchCauseEffect(use, {
    onFailure: (cause) => {
      entry.users--
      return Effect.failCause(cause)
    },
    onSuccess: (value) => {
      entry.users--
      return Effect.succeed(value)
    }
  })
}

/** @internal */
export const make = Effect.fnUntraced(function*(transport: Transport) {
  const self: State = {
    transport,
    parent: yield* Effect.scope,
    current: undefined,
    isOpening: false,
    mostHandles: undefined
  }
  const oneAtATime = yield* Effect.makeSemaphore(1)
  const session: Session = (use) =>
    Effect.uninterruptibleMask((restore) => {
      const { current } = self
      // Every request runs this, so the common case does not use a permit.
      if (current !== undefined && !current.client.isLost() && !current.client.isDoubted()) {
        return run(current, restore(use(current.client)))
      }
      return Effect.flatMap(
        restore(oneAtATime.withPermits(1)(opened(self))),
        (entry) => entry === self.current ? run(entry, restore(use(entry.client))) : restore(session(use))
      )
    })
  return session
})
