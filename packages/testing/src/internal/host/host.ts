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
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Fault from "../../Fault.js"
import type { HostCommand } from "../../HostCommand.js"
import { HostEvent } from "../../HostEvent.js"
import type * as HostService from "../../HostService.js"
import { InMemoryHostError } from "../../InMemoryHostError.js"
import * as accounts from "../memory/accounts.js"
import * as memories from "../memory/memory.js"
import * as seeds from "../memory/seed.js"
import type { SeedError } from "../memory/seedError.js"
import * as lacks from "../program/lacks.js"
import type { Lookup } from "../program/program.js"
import * as coreutils from "../shell/coreutils.js"
import * as addresses from "./address.js"
import * as commands from "./commands.js"
import * as declared from "./declared.js"
import * as faults from "./faults.js"
import * as guardians from "./guardian.js"
import * as journals from "./journal.js"
import * as links from "./link.js"
import * as networks from "./network.js"
import * as processes from "./processes.js"
import * as programRecorder from "./programRecorder.js"
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

const remoteOf = (options: RemoteHost.Options) =>
  Effect.mapError(
    RemoteHost.make(options),
    (cause) => new InMemoryHostError({ reason: "InvalidOptions", entry: options.host, detail: cause.message, cause })
  )

const makeMemory = (
  { groups, quota, seeds: own, users }: Pick<Options<never>, "groups" | "quota" | "seeds" | "users">
): Effect.Effect<memories.Memory, InMemoryHostError> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const memory = yield* memories.make({ now: () => clock.unsafeCurrentTimeMillis(), users, groups, quota })
    yield* seeds.seed(memory, { directories: { "/tmp": { mode: 0o1777 } } })
    yield* seeds.seed(memory, own)
    return memory
  }).pipe(Effect.mapError(seedError))

// If the scope fails, it prints the faults that were injected.
const makeFaults = (
  name: string,
  link: links.Link,
  journal: journals.Journal,
  { volume }: memories.Memory,
  injected: ReadonlyArray<Fault.Fault>
) =>
  Effect.gen(function*() {
    const made = faults.make(name, link, journal, volume)
    injected.forEach(made.inject)
    volume.fault = made.onVolume
    yield* Effect.addFinalizer((exit) =>
      Exit.isFailure(exit) && made.injected().length > 0
        ? Console.error(`faults of ${name}:\n${made.injected().map((fault) => `  ${Fault.show(fault)}`).join("\n")}`)
        : Effect.void
    )
    return made
  })

const scriptedPrograms = <R>(
  commands: ReadonlyArray<HostCommand<R>>,
  files: FileSystem,
  surroundings: Context.Context<R>
): Lookup => {
  const find = scripts.finder(commands)
  return ({ words }) =>
    Effect.sync(() =>
      Option.map(Option.fromNullable(find(words)), (found) => scripts.program(found, files, surroundings))
    )
}

const loginEnvironment = (
  { home, name }: accounts.User,
  environment: Readonly<Record<string, string>>
): ReadonlyMap<string, string> =>
  new Map(Object.entries({
    HOME: home,
    LOGNAME: name,
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    SHELL: "/bin/sh",
    USER: name,
    ...environment
  }))

const provided = <R>(
  services: ReadonlyMap<string, HostService.Handler<R>>,
  surroundings: Context.Context<R>
): ReadonlyMap<string, networks.Serve> =>
  new Map([...services].map(([key, serve]) => [
    key,
    (connection: Duplex<never>) => Effect.provide(serve(connection), surroundings)
  ]))

// The client must not use any other service of the caller's context.
const clientOf = (transport: Transport, machine: NodeMachine.NodeMachine, scope: Scope.Scope) =>
  Effect.gen(function*() {
    const base = Context.make(Scope.Scope, scope).pipe(
      Context.add(Transport, transport),
      Context.add(LocalMachine, machine)
    )
    const context = yield* Effect.mapInputContext(RemoteContext.make(), (_: Context.Context<never>) => base)
    const fileSystem = yield* Effect.mapInputContext(
      RemoteFileSystem.make,
      (_: Context.Context<never>) => Context.add(base, RemoteContext.RemoteContext, context)
    )
    return { context, fileSystem }
  })

/** @internal */
export const make = <R>(options: Options<R>): Effect.Effect<Host, InMemoryHostError, Scope.Scope | R> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const surroundings = yield* Effect.context<R>()
    const remote = yield* remoteOf(options.host)
    const name = String(remote)
    yield* declared.checkCommands(options.commands)
    const services = yield* declared.services(options.services)

    const memory = yield* makeMemory(options)
    const journal = journals.make(options.keptEvents)
    const link = links.make()
    const active = yield* makeFaults(name, link, journal, memory, options.faults)
    const files = memory.as(options.user, { umask: options.umask })
    const own = yield* sftp.direct(files, remote)
    const administrator = yield* sftp.direct(memory.as(accounts.root), remote)

    const running = processes.make(scope)
    const recorder = programRecorder.make(journal, active)
    const scripted = scriptedPrograms(options.commands, own, surroundings)
    const lacking = lacks.make(name, options.commands.map(({ name }) => name), options.isLackAFault)
    yield* Effect.addFinalizer(lacking.verdict)
    const network = networks.make(
      name,
      provided(services, surroundings),
      scope,
      (address) => journal.add(HostEvent.Listening({ address: addresses.show(address) }))
    )
    const opened = yield* transports.make({
      host: remote,
      maxSessions: options.maxSessions,
      link,
      journal,
      faults: active,
      network,
      commands: commands.make({
        processes: running,
        guardians: guardians.make(running, scope),
        lookup: tools.lookup({ scripted, seen: recorder.record, provided: coreutils.lookup }),
        lacks: lacking,
        files,
        environment: loginEnvironment(options.user, options.environment),
        seen: recorder.record
      }),
      subsystems: { sftp: sftp.serve(files, active, options.maxHandles) }
    })

    const node = yield* NodeMachine.make
    const machine = options.local === undefined ? node : { ...node, fileSystem: options.local }
    const { context, fileSystem } = yield* clientOf(opened.transport, machine, scope)
    const host: Host = {
      transport: opened.transport,
      context,
      fileSystem,
      machine,
      memory,
      journal,
      faults: active,
      administrator,
      own,
      drop: opened.drop,
      connect: network.connect,
      counts: () => ({
        sessions: opened.sessions(),
        programs: recorder.running(),
        handles: memory.volume.openFiles.size + memory.volume.openDirectories.size,
        tunnels: opened.tunnels(),
        listeners: network.listeners()
      })
    }
    behind.set(host.transport, host)
    return host
  })
