/**
 * An in-memory host for tests, without a network, a process or a real clock. A test provides `InMemoryHost.layer` in place
 * of `OpenSsh.layer`. Everything above the transport is production code: the SFTP client, the launch of commands, atomic
 * writes. The host has a POSIX file system in memory, programs that the test scripts, and services for tunnels. It reads the
 * time from the Clock, so with a `TestClock` nothing waits.
 *
 * Limits of the host:
 *
 * - A pseudo-terminal only sends stderr to stdout and ends lines in CR LF.
 * - A command is one process, so any signal ends it at once, by interruption.
 * - The shell has no jobs.
 * - The host lacks devices and `/proc`.
 * - Both sides notice a cut link at once. A silent link cannot be simulated.
 *
 * @since 0.1.0
 */
import { LocalMachine } from "@effect-remote/core/LocalMachine"
import { RemoteContext } from "@effect-remote/core/RemoteContext"
import { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
import type * as RemoteHost from "@effect-remote/core/RemoteHost"
import { Transport } from "@effect-remote/core/Transport"
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Socket } from "@effect/platform/Socket"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Fault from "./Fault.js"
import type * as HostCommand from "./HostCommand.js"
import type * as HostEvent from "./HostEvent.js"
import type * as HostService from "./HostService.js"
import { HostAssertionError, InMemoryHostError } from "./InMemoryHostError.js"
import * as addresses from "./internal/host/address.js"
import * as assertions from "./internal/host/assertions.js"
import * as hosts from "./internal/host/host.js"
import * as scripts from "./internal/host/scripts.js"
import * as sockets from "./internal/host/socket.js"
import { entries } from "./internal/memory/entries.js"
import { snapshot } from "./internal/memory/snapshot.js"

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  HostAssertionError,
  /**
   * @since 0.1.0
   * @category errors
   */
  InMemoryHostError,
  /**
   * @since 0.1.0
   * @category models
   */
  InMemoryHostReason,
  /**
   * @since 0.1.0
   * @category errors
   */
  NotScriptedError
} from "./InMemoryHostError.js"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-remote/testing/InMemoryHost")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * The owner and the group of a file, as names or numbers. Default: those of its directory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ownership {
  readonly owner?: string | number | undefined
  readonly group?: string | number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface FileSeed extends Ownership {
  readonly content: string | Uint8Array
  /** Default: 0644. */
  readonly mode?: number | undefined
  /** In milliseconds since 1970, or a date. Default: now. */
  readonly mtime?: number | Date | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface DirectorySeed extends Ownership {
  /** Default: 0755. */
  readonly mode?: number | undefined
}

/**
 * An account of the host. Default: the next free id from 1000 on, a group with the same id, and a home below `/home`.
 *
 * @since 0.1.0
 * @category models
 */
export interface UserSeed {
  readonly name: string
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** The ids of further groups. */
  readonly groups?: ReadonlyArray<number> | undefined
  readonly home?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<C = {}, R = never, S = {}> {
  /** The name of the host, or the options of `RemoteHost.make`. Default: `"memory"`. */
  readonly host?: string | RemoteHost.Options | undefined
  /** The name of the logged-in user. Default: the `username` of `host`, else `"user"` with the ids 1000. */
  readonly username?: string | undefined
  /** Further accounts. An account named `username` describes the logged-in user. Root always exists. */
  readonly users?: ReadonlyArray<UserSeed> | undefined
  /** The ids of groups by name. In addition, every user has a group of their own. */
  readonly groups?: Readonly<Record<string, number>> | undefined
  /** Default: 022. */
  readonly umask?: number | undefined
  /** Files by absolute path. Missing directories are created. Files in a home belong to its user, all others to root. */
  readonly files?: Readonly<Record<string, string | Uint8Array | FileSeed>> | undefined
  readonly directories?: ReadonlyArray<string> | Readonly<Record<string, DirectorySeed>> | undefined
  /** Symbolic links, to their targets. */
  readonly links?: Readonly<Record<string, string>> | undefined
  /** Scripted programs, by name or as a list. They take precedence over the host's own tools. */
  readonly commands?: HostCommand.Scripts<C> | ReadonlyArray<HostCommand.HostCommand<R>> | undefined
  /** The services that tunnels connect to, by address. */
  readonly services?: HostService.Services<S> | undefined
  /** Variables of the login's environment, in addition to HOME, PATH and the like. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /**
   * How a command ends if its program is neither scripted nor one of the host's own tools. Applies also to an option or a
   * construct that a tool of the host does not understand.
   *
   * - `"fail"` (default): the command ends and dies with a `NotScriptedError`, because the test is at fault and not the program.
   *   If the program hides the defect, closing the host's scope dies with it. `command -v` reports the program as missing,
   *   without a defect.
   * - `"notFound"`: the command ends as on a host that lacks the program. `sh` exits with 127, and `RemoteContext` fails with
   *   `ProgramNotFound`. If a tool does not understand its arguments, it says so on stderr and exits with 2.
   */
  readonly unknownCommands?: "fail" | "notFound" | undefined
  /** The limit of simultaneous commands and SFTP sessions. Further ones wait. Default: 10. */
  readonly maxSessions?: number | undefined
  /**
   * How many events are kept, and how many runs. Older ones are dropped. An expectation that depends on dropped ones fails and
   * says so. Default: 10,000.
   */
  readonly keptEvents?: number | undefined
  /**
   * The most files and directories that one SFTP session holds open, as `limits@openssh.com` reports it. At the limit an open
   * fails with the status "Failure", as OpenSSH's does without a free descriptor. Default: 1000.
   */
  readonly maxHandles?: number | undefined
  /** The size limit of all files together, in bytes. Default: none. */
  readonly quota?: number | undefined
  /** Faults that apply from the beginning. They are printed when the test fails. */
  readonly faults?: ReadonlyArray<Fault.Fault> | undefined
  /** The local side of transfers. Default: the files of this machine. */
  readonly local?: FileSystem | undefined
}

/**
 * One file, directory or other entry of the host.
 *
 * @since 0.1.0
 * @category models
 */
export type Entry =
  & {
    /** The permissions, without the bits of the type. */
    readonly mode: number
    readonly owner: string
    readonly group: string
    /** In milliseconds since 1970. */
    readonly mtime: number
  }
  & (
    | { readonly type: "file"; readonly size: number; readonly content: Uint8Array }
    | { readonly type: "directory" }
    | { readonly type: "link"; readonly target: string }
    | { readonly type: "pipe" }
  )

/**
 * Counts of open resources.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counts {
  /** Commands, SFTP sessions, and sessions that the client holds ready: a guardian, a shell for the next command. */
  readonly sessions: number
  /** Running programs of `runs`. */
  readonly programs: number
  /** Open files and directories. */
  readonly handles: number
  /** Connections to services. */
  readonly tunnels: number
  /** Addresses on which the host listens for its client. */
  readonly listeners: number
}

/**
 * The test's direct access to the host. A failed expectation is a `HostAssertionError` that describes the actual state.
 *
 * @since 0.1.0
 * @category models
 */
export interface InMemoryHost {
  readonly [TypeId]: TypeId
  readonly transport: Transport
  readonly context: RemoteContext
  readonly fileSystem: RemoteFileSystem
  readonly localMachine: LocalMachine
  /** The host's files with the rights of root. Faults of the connection do not apply. */
  readonly files: FileSystem
  /** The entries at a path and below it, by path. Default: `/`. */
  readonly tree: (path?: string) => Effect.Effect<ReadonlyMap<string, Entry>>
  /** The entries as text, one entry a line, with short contents. Made for comparisons. */
  readonly snapshot: (path?: string) => Effect.Effect<string>
  /** The last `keptEvents` events, in order. */
  readonly events: Effect.Effect<ReadonlyArray<HostEvent.HostEvent>>
  /** The number of events dropped before those of `events`. */
  readonly dropped: Effect.Effect<number>
  /** The last `keptEvents` programs that were started, in order. */
  readonly runs: Effect.Effect<ReadonlyArray<HostEvent.Run>>
  /** Waits for the `nth` start of a program whose first words are `words`. Dies if earlier runs were dropped. */
  readonly awaitRun: (words: string | ReadonlyArray<string>, nth?: number) => Effect.Effect<HostEvent.Run>
  readonly counts: Effect.Effect<Counts>
  readonly inject: (fault: Fault.Fault) => Effect.Effect<void>
  readonly clearFaults: Effect.Effect<void>
  /** Drops the connection. The next use connects again. */
  readonly dropConnection: Effect.Effect<void>
  /**
   * A socket to an address of the host: a service, or an address on which the host listens for its client. Replaces a socket to
   * the port of a tunnel, as made by `NodeSocket.makeNet`, without a network. Each `run` connects, and closes the connection at
   * its end. If nobody listens at the address, `run` fails with the reason `Open`.
   */
  readonly connect: (address: string) => Effect.Effect<Socket>
  /** Expects that a program was run whose first words are `words`: exactly `times` times, or at least once. */
  readonly expectRan: (
    words: string | ReadonlyArray<string>,
    options?: { readonly times?: number | undefined }
  ) => Effect.Effect<void, HostAssertionError>
  /** Expects that programs with these first words were run in this order. */
  readonly expectOrder: (
    ...lines: ReadonlyArray<string | ReadonlyArray<string>>
  ) => Effect.Effect<void, HostAssertionError>
  /** Expects that the file's content is this text. */
  readonly expectFile: (path: string, content: string) => Effect.Effect<void, HostAssertionError>
  readonly expectMissing: (path: string) => Effect.Effect<void, HostAssertionError>
  /** Expects that no program runs, no file is open, no tunnel is connected, and nobody listens. */
  readonly expectIdle: Effect.Effect<void, HostAssertionError>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const InMemoryHost: Context.Tag<InMemoryHost, InMemoryHost> = Context.GenericTag<InMemoryHost>(
  "@effect-remote/testing/InMemoryHost"
)

const invalid = (entry: string, detail: string) => new InMemoryHostError({ reason: "InvalidOptions", entry, detail })

const wordsOf = (words: string | ReadonlyArray<string>): ReadonlyArray<string> =>
  typeof words === "string" ? words.split(" ") : words

const firstId = 1000

const accountsOf = (username: string, listed: ReadonlyArray<UserSeed>) => {
  const seeds = listed.some(({ name }) => name === username) ? listed : [{ name: username }, ...listed]
  const used = new Set(seeds.map(({ uid }) => uid))
  let next = firstId
  const users = seeds.map(({ gid, groups = [], home, name, uid }: UserSeed) => {
    if (name === "root") return { name, uid: 0, gid: 0, groups, home: home ?? "/root" }
    while (uid === undefined && used.has(next)) next++
    const id = uid ?? next++
    return { name, uid: id, gid: gid ?? id, groups, home: home ?? `/home/${name}` }
  })
  const user = users.find(({ name }) => name === username) ??
    { name: username, uid: 0, gid: 0, groups: [], home: "/root" }
  return { user, users }
}

const keptByDefault = 10_000

const checked = (
  { environment = {}, keptEvents = keptByDefault, maxHandles = 1000, maxSessions = 10, quota, umask }: Omit<
    Options,
    "commands" | "services"
  >
): Effect.Effect<void, InMemoryHostError> => {
  const name = Object.keys(environment).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
  if (name !== undefined) return invalid(name, `${JSON.stringify(name)} is not a valid name of an environment variable`)
  if (!Number.isInteger(maxSessions) || maxSessions < 0) {
    return invalid("maxSessions", `\`maxSessions\` must be a non-negative integer, got ${maxSessions}`)
  }
  if (!Number.isInteger(keptEvents) || keptEvents < 0) {
    return invalid("keptEvents", `\`keptEvents\` must be a non-negative integer, got ${keptEvents}`)
  }
  if (!Number.isInteger(maxHandles) || maxHandles < 1) {
    return invalid("maxHandles", `\`maxHandles\` must be a positive integer, got ${maxHandles}`)
  }
  if (quota !== undefined && !(quota >= 0)) {
    return invalid("quota", `\`quota\` must be a non-negative number of bytes, got ${quota}`)
  }
  return umask !== undefined && !(Number.isInteger(umask) && umask >= 0 && umask <= 0o777)
    ? invalid("umask", `\`umask\` must be an integer from 0 to 0o777, got ${umask}`)
    : Effect.void
}

type Needs<C, R, S> = HostCommand.Requirements<C> | HostCommand.Requirements<S> | R

// The compiler cannot derive the requirements of all scripts together from the types of each, so they are stated here.
const programsOf = <C, R, S>({ commands = [], services }: Options<C, R, S>) => ({
  commands: scripts.list(
    commands as Readonly<Record<string, HostCommand.Script<Needs<C, R, S>>>> | ReadonlyArray<HostCommand.HostCommand<R>>
  ),
  services: new Map(Object.entries((services ?? {}) as Readonly<Record<string, HostService.Handler<Needs<C, R, S>>>>))
})

const expectations = (
  { counts, journal, memory }: hosts.Host
): Pick<InMemoryHost, "expectFile" | "expectIdle" | "expectMissing" | "expectOrder" | "expectRan"> => ({
  expectRan: (words, { times } = {}) => Effect.suspend(() => assertions.ran(journal.runs(), wordsOf(words), times)),
  expectOrder: (...lines) => Effect.suspend(() => assertions.ranInOrder(journal.runs(), lines.map(wordsOf))),
  expectFile: (path, content) =>
    Effect.suspend(() => {
      const entry = entries(memory, path).get(path)
      const found = entry?.type === "file" ? new TextDecoder().decode(entry.content) : undefined
      return assertions.same(path, content, found)
    }),
  expectMissing: (path) =>
    Effect.suspend(() =>
      entries(memory, path).size === 0
        ? Effect.void
        : new HostAssertionError({ detail: `expected nothing at ${path}, but there is\n${snapshot(memory, path)}` })
    ),
  expectIdle: Effect.suspend(() => {
    const { sessions: _, ...open } = counts()
    return Object.values(open).every((count) => count === 0)
      ? Effect.void
      : assertions.fail(
        "nothing to be open",
        Object.entries(open).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`),
        "there are"
      )
  })
})

/**
 * Makes a host as a value, for programs that use several hosts or prefer values to tags. Fails with an `InMemoryHostError` if an
 * option is invalid.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { InMemoryHost } from "@effect-remote/testing"
 * import { Effect } from "effect"
 *
 * const copies = Effect.gen(function*() {
 *   const from = yield* InMemoryHost.make({ host: "old", files: { "/data/a.csv": "1\n" } })
 *   const to = yield* InMemoryHost.make({ host: "new", directories: { "/data": { mode: 0o777 } }, local: from.files })
 *   yield* to.fileSystem.put("/data/a.csv", "/data/a.csv")
 *   yield* to.expectFile("/data/a.csv", "1\n")
 * }).pipe(Effect.scoped)
 * ```
 */
export const make = <C = {}, R = never, S = {}>(
  options: Options<C, R, S> = {}
): Effect.Effect<InMemoryHost, InMemoryHostError, Scope.Scope | Needs<C, R, S>> =>
  Effect.gen(function*() {
    yield* checked(options)
    const {
      environment = {},
      faults = [],
      groups = {},
      keptEvents = keptByDefault,
      local,
      maxHandles = 1000,
      maxSessions = 10,
      quota,
      umask,
      unknownCommands = "fail"
    } = options
    const given = typeof options.host === "object" ? options.host : { host: options.host ?? "memory" }
    const username = options.username ?? given.username ?? "user"
    const { user, users } = accountsOf(username, options.users ?? [])
    const host = yield* hosts.make({
      host: { ...given, username },
      user,
      users,
      groups: Object.entries(groups).map(([name, gid]) => ({ name, gid })),
      umask,
      seeds: { files: options.files, directories: options.directories, links: options.links },
      ...programsOf(options),
      environment,
      isLackAFault: unknownCommands === "fail",
      keptEvents,
      maxHandles,
      maxSessions,
      quota,
      faults,
      local
    })
    const { journal, memory } = host

    return InMemoryHost.of({
      [TypeId]: TypeId,
      transport: host.transport,
      context: host.context,
      fileSystem: host.fileSystem,
      localMachine: host.machine,
      files: host.administrator,
      tree: (path = "/") => Effect.sync(() => entries(memory, path)),
      snapshot: (path = "/") => Effect.sync(() => snapshot(memory, path)),
      events: Effect.sync(() => journal.events().kept),
      dropped: Effect.sync(() => journal.events().dropped),
      runs: Effect.sync(() => journal.runs().kept),
      awaitRun: (words, nth = 1) => {
        const wanted = wordsOf(words)
        return journal.awaitRun(({ argv }) => assertions.startsWith(argv, wanted), nth)
      },
      counts: Effect.sync(host.counts),
      inject: (fault) => Effect.sync(() => host.faults.inject(fault)),
      clearFaults: Effect.sync(host.faults.clear),
      dropConnection: host.drop("the test has dropped it"),
      connect: (text) => {
        const address = addresses.parse(text)
        return typeof address === "string"
          ? Effect.dieMessage(`${JSON.stringify(text)}: ${address}`)
          : Effect.sync(() => sockets.make(host.connect(address)))
      },
      ...expectations(host)
    })
  })

/**
 * The services of `layer`.
 *
 * @since 0.1.0
 * @category models
 */
export type Provided = InMemoryHost | LocalMachine | RemoteContext | RemoteFileSystem | Transport

/**
 * Provides an in-memory host in place of `OpenSsh.layer`. Fails with an `InMemoryHostError` if an option is invalid.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { RemoteContext } from "@effect-remote/core"
 * import { InMemoryHost } from "@effect-remote/testing"
 * import { Command } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const restart = RemoteContext.string(Command.make("restart", "web"))
 *
 * const test = Effect.gen(function*() {
 *   yield* restart
 *   const host = yield* InMemoryHost.InMemoryHost
 *   yield* host.expectRan("restart web")
 * }).pipe(Effect.provide(InMemoryHost.layer({ commands: { restart: "restarted\n" } })))
 * ```
 */
export const layer = <C = {}, R = never, S = {}>(
  options: Options<C, R, S> = {}
): Layer.Layer<Provided, InMemoryHostError, Needs<C, R, S>> =>
  Layer.scopedContext(Effect.map(make(options), (host) =>
    Context.make(InMemoryHost, host).pipe(
      Context.add(Transport, host.transport),
      Context.add(RemoteContext, host.context),
      Context.add(RemoteFileSystem, host.fileSystem),
      Context.add(LocalMachine, host.localMachine)
    )))
