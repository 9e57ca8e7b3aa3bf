/**
 * A host in memory, put together.
 */
import { LocalMachine } from "@effect-remote/core/LocalMachine"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import * as RemoteHost from "@effect-remote/core/RemoteHost"
import { type Duplex, type RemoteAddress, Transport } from "@effect-remote/core/Transport"
import * as NodeMachine from "@effect-remote/node/NodeMachine"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Fault from "../../Fault.js"
import type { HostCommand } from "../../HostCommand.js"
import { HostEvent, Outcome } from "../../HostEvent.js"
import type * as HostService from "../../HostService.js"
import { InMemoryHostError } from "../../InMemoryHostError.js"
import * as accounts from "../memory/accounts.js"
import * as memories from "../memory/memory.js"
import * as seeds from "../memory/seed.js"
import type { SeedError } from "../memory/seedError.js"
import * as lacks from "../program/lacks.js"
import { type Lookup, type Program, ProgramExit } from "../program/program.js"
import { current as currentCommand } from "../program/running.js"
import * as coreutils from "../shell/coreutils.js"
import * as addresses from "./address.js"
import * as commands from "./commands.js"
import * as faults from "./faults.js"
import * as guardians from "./guardian.js"
import * as journals from "./journal.js"
import * as links from "./link.js"
import * as networks from "./network.js"
import * as processes from "./processes.js"
import * as runs from "./run.js"
import * as scripts from "./scripts.js"
import * as sftp from "./sftp.js"
import * as tools from "./tools.js"
import * as transports from "./transport.js"

/** @internal */
export interface Options<R> {
  readonly host: RemoteHost.Options
  readonly user: accounts.User
  readonly users: ReadonlyArray<accounts.User>
  readonly groups: ReadonlyArray<accounts.Group>
  readonly umask: number | undefined
  readonly seeds: seeds.Seeds
  readonly commands: ReadonlyArray<HostCommand<R>>
  readonly services: ReadonlyMap<string, HostService.Handler<R>>
  readonly environment: Readonly<Record<string, string>>
  /** Whether a program that the host lacks is a fault of the test. */
  readonly isLackAFault: boolean
  readonly keptEvents: number
  readonly maxHandles: number
  readonly maxSessions: number
  readonly quota: number | undefined
  readonly faults: ReadonlyArray<Fault.Fault>
  readonly local: FileSystem | undefined
}

/** @internal */
export interface Host {
  readonly transport: Transport
  readonly context: RemoteContext.RemoteContext
  readonly fileSystem: RemoteFileSystem.RemoteFileSystem
  readonly machine: NodeMachine.NodeMachine
  readonly memory: memories.Memory
  readonly journal: journals.Journal
  readonly faults: faults.Faults
  readonly administrator: FileSystem
  /** The files as the logged-in user sees them, past the connection. */
  readonly own: FileSystem
  readonly drop: (detail: string) => Effect.Effect<void>
  readonly connect: (address: RemoteAddress) => Effect.Effect<Duplex<never>, RemoteConnectionError, Scope.Scope>
  readonly counts: () => {
    readonly sessions: number
    readonly programs: number
    readonly handles: number
    readonly tunnels: number
    readonly listeners: number
  }
}

const seedError = (error: SeedError) =>
  new InMemoryHostError({ reason: "InvalidSeed", entry: error.entry, detail: error.message, cause: error })

const checkCommands = <R>(list: ReadonlyArray<HostCommand<R>>): Effect.Effect<void, InMemoryHostError> => {
  const known = new Set<string>()
  for (const { matches, name } of list) {
    const wrong = matches === undefined ? scripts.faultOf(name, known) : undefined
    if (wrong !== undefined) {
      return new InMemoryHostError({
        reason: "InvalidCommand",
        entry: name,
        detail: `command ${JSON.stringify(name)}: ${wrong}`
      })
    }
    if (matches === undefined) known.add(name)
  }
  return Effect.void
}

const checkServices = <R>(
  services: ReadonlyMap<string, HostService.Handler<R>>
): Effect.Effect<ReadonlyMap<string, HostService.Handler<R>>, InMemoryHostError> => {
  const found = new Map<string, HostService.Handler<R>>()
  for (const [text, handler] of services) {
    const address = addresses.parse(text)
    const wrong = typeof address === "string"
      ? address
      : found.has(addresses.keyOf(address))
      ? "there are two at that address"
      : undefined
    if (wrong !== undefined || typeof address === "string") {
      return new InMemoryHostError({
        reason: "InvalidService",
        entry: text,
        detail: `service ${JSON.stringify(text)}: ${wrong}`
      })
    }
    found.set(addresses.keyOf(address), handler)
  }
  return Effect.succeed(found)
}

const behind = new WeakMap<Transport, Host>()

/**
 * The host of a transport, for internal code that needs more than a test may see.
 *
 * @internal
 */
export const of = (transport: Transport): Host => {
  const host = behind.get(transport)
  if (host === undefined) throw new TypeError("the transport is not that of a host in memory")
  return host
}

const outcomeOf = ProgramExit.$match({
  Code: ({ code }) => Outcome.Exited({ code }),
  Signal: ({ signal }) => Outcome.Signalled({ signal })
})

/** @internal */
export const make = <R>(options: Options<R>): Effect.Effect<Host, InMemoryHostError, Scope.Scope | R> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const clock = yield* Effect.clock
    const surroundings = yield* Effect.context<R>()
    const remote = yield* Effect.mapError(
      RemoteHost.make(options.host),
      (cause) =>
        new InMemoryHostError({ reason: "InvalidOptions", entry: options.host.host, detail: cause.message, cause })
    )
    const name = String(remote)
    yield* checkCommands(options.commands)
    const services = yield* checkServices(options.services)

    const memory = yield* Effect.mapError(
      memories.make({
        now: () => clock.unsafeCurrentTimeMillis(),
        users: options.users,
        groups: options.groups,
        quota: options.quota
      }),
      seedError
    )
    yield* Effect.mapError(seeds.seed(memory, { directories: { "/tmp": { mode: 0o1777 } } }), seedError)
    yield* Effect.mapError(seeds.seed(memory, options.seeds), seedError)

    const journal = journals.make(options.keptEvents)
    const link = links.make()
    const wrong = faults.make(name, link, journal, memory.volume)
    options.faults.forEach(wrong.inject)
    memory.volume.fault = wrong.onVolume
    yield* Effect.addFinalizer((exit) =>
      Exit.isFailure(exit) && wrong.injected().length > 0
        ? Console.error(`faults of ${name}:\n${wrong.injected().map((fault) => `  ${Fault.show(fault)}`).join("\n")}`)
        : Effect.void
    )

    const files = memory.as(options.user, { umask: options.umask })
    const own = yield* sftp.direct(files, remote)
    const administrator = yield* sftp.direct(memory.as(accounts.root), remote)

    const running = processes.make(scope)
    let programs = 0

    // Records the start and the end of each program of a command, and of each scripted program.
    const seen = (program: Program): Program => (invocation) =>
      Effect.flatMap(FiberRef.get(currentCommand), ({ pid }) => {
        const observed = runs.make(invocation, pid)
        const ends = (how: Outcome) =>
          Effect.suspend(() => {
            programs--
            return observed.end(how)
          })
        programs++
        journal.add(HostEvent.Started({ run: observed.run }))
        const signal = wrong.killing(invocation.words[0])
        const ending = signal === undefined
          ? Effect.raceFirst(
            program(invocation),
            Effect.map(observed.killed, (signal) => ProgramExit.Signal({ signal }))
          )
          : Effect.succeed(ProgramExit.Signal({ signal }))
        return ending.pipe(
          Effect.onExit((exit) => ends(Exit.isSuccess(exit) ? outcomeOf(exit.value) : Outcome.Interrupted()))
        )
      })

    const find = scripts.finder(options.commands)
    const scripted: Lookup = ({ words }) =>
      Effect.sync(() =>
        Option.map(Option.fromNullable(find(words)), (found) => scripts.program(found, own, surroundings))
      )
    const lookup = tools.lookup({ scripted, seen, provided: coreutils.lookup })
    const lacking = lacks.make(name, options.commands.map(({ name }) => name), options.isLackAFault)
    yield* Effect.addFinalizer(lacking.verdict)

    const login = new Map(Object.entries({
      HOME: options.user.home,
      LOGNAME: options.user.name,
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      SHELL: "/bin/sh",
      USER: options.user.name,
      ...options.environment
    }))
    const network = networks.make(
      name,
      new Map([...services].map(([key, serve]) => [
        key,
        (connection: Duplex<never>) => Effect.provide(serve(connection), surroundings)
      ])),
      scope,
      (address) => journal.add(HostEvent.Listening({ address: addresses.show(address) }))
    )
    const opened = yield* transports.make({
      host: remote,
      maxSessions: options.maxSessions,
      link,
      journal,
      faults: wrong,
      network,
      commands: commands.make({
        processes: running,
        guardians: guardians.make(running, scope),
        lookup,
        lacks: lacking,
        files,
        environment: login,
        seen
      }),
      subsystems: { sftp: sftp.serve(files, wrong, options.maxHandles) }
    })

    const node = yield* NodeMachine.make
    const machine = options.local === undefined ? node : { ...node, fileSystem: options.local }
    const base = Context.make(Scope.Scope, scope).pipe(
      Context.add(Transport, opened.transport),
      Context.add(LocalMachine, machine)
    )
    const context = yield* Effect.mapInputContext(RemoteContext.make(), (_: Context.Context<never>) => base)
    const fileSystem = yield* Effect.mapInputContext(
      RemoteFileSystem.make,
      (_: Context.Context<never>) => Context.add(base, RemoteContext.RemoteContext, context)
    )
    const host: Host = {
      transport: opened.transport,
      context,
      fileSystem,
      machine,
      memory,
      journal,
      faults: wrong,
      administrator,
      own,
      drop: opened.drop,
      connect: network.connect,
      counts: () => ({
        sessions: opened.sessions(),
        programs,
        handles: memory.volume.openFiles.size + memory.volume.openDirectories.size,
        tunnels: opened.tunnels(),
        listeners: network.listeners()
      })
    }
    behind.set(host.transport, host)
    return host
  })
