/**
 * A host without a network, a process or a real clock, for tests: where a program has `OpenSsh.layer`, its test has
 * `InMemoryHost.layer`. All that is above the wire is what production runs: the same client of SFTP, the same frames of
 * commands, the same atomic writes; behind it are a POSIX file system in memory, programs as the test scripts them, and
 * services for tunnels. Time is the Clock's, so that with a `TestClock` nothing waits.
 *
 * What it lacks: of a pseudo-terminal there is only that stderr goes to stdout and that lines end in CR LF; a command is one
 * process, so that any signal ends it at once, by interruption; its shell has no jobs; there are no devices, and no `/proc`;
 * nobody but the client notices that time passes on a link that is cut.
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
 * Whose a file is: names, or numbers. Left out: whose its directory is.
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
 * An account of the host. What is left out is given out: ids from 1001 on, and a home below `/home`.
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
  /** What the host is called, or all that a `RemoteHost` takes. Default: `"memory"`. */
  readonly host?: string | RemoteHost.Options | undefined
  /** Who is logged in. Default: that of `host`, else `"user"`, with the ids 1000. */
  readonly username?: string | undefined
  /** Further accounts; one of the name of who is logged in tells more of them. Root is always there. */
  readonly users?: ReadonlyArray<UserSeed> | undefined
  /** Groups by name; every user has one of their own besides. */
  readonly groups?: Readonly<Record<string, number>> | undefined
  /** Default: 022. */
  readonly umask?: number | undefined
  /** Files by absolute path; directories on the way are made. What lies in a home belongs to its user, else to root. */
  readonly files?: Readonly<Record<string, string | Uint8Array | FileSeed>> | undefined
  readonly directories?: ReadonlyArray<string> | Readonly<Record<string, DirectorySeed>> | undefined
  /** Symbolic links, to their targets. */
  readonly links?: Readonly<Record<string, string>> | undefined
  /** What programs do, by name or as a list, before those that every host has. */
  readonly commands?: HostCommand.Scripts<C> | ReadonlyArray<HostCommand.HostCommand<R>> | undefined
  /** What listens where tunnels lead. */
  readonly services?: HostService.Services<S> | undefined
  /** Variables of a login, besides HOME, PATH and the like. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /**
   * What becomes of a command that runs a program which is neither scripted nor one of the host's own tools, or uses a tool in
   * a way that it does not understand.
   *
   * - `"fail"` (default): the command ends and dies with a `NotScriptedError`, since it is a fault of the test and not of the
   *   program. If the program hides the defect, closing the host's scope dies with it. `command -v` reports the program as
   *   missing, without a defect.
   * - `"notFound"`: as on a host without it, where `sh` exits with 127, and `RemoteContext` fails with `ProgramNotFound`. What a
   *   tool does not understand it says on stderr, and exits with 2.
   */
  readonly unknownCommands?: "fail" | "notFound" | undefined
  /** How many commands and sessions of SFTP there may be at a time; more wait. Default: 10. */
  readonly maxSessions?: number | undefined
  /**
   * How many events are kept, and how many runs besides: the last ones. An expectation that would need dropped ones fails and
   * says so. Default: 10,000.
   */
  readonly keptEvents?: number | undefined
  /**
   * The most files and directories that one SFTP session holds open, as `limits@openssh.com` reports it. At the limit an open
   * fails with the status "Failure", as OpenSSH's does without a free descriptor. Default: 1000.
   */
  readonly maxHandles?: number | undefined
  /** How many bytes all files together may hold. */
  readonly quota?: number | undefined
  /** What goes wrong from the beginning; printed when the test fails. */
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
 * What is open.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counts {
  /** Commands, SFTP, and what the client holds ready: a guardian, a shell for the next command. */
  readonly sessions: number
  /** Programs that run, as `runs` has them. */
  readonly programs: number
  /** Files and directories that are open. */
  readonly handles: number
  /** Connections to services. */
  readonly tunnels: number
  /** What the host listens on for its client. */
  readonly listeners: number
}

/**
 * What a test asks and does to the host behind the back of the program. Expectations fail with a `HostAssertionError` that
 * tells what happened instead.
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
  /** The host's files with the rights of root, past the connection and its faults. */
  readonly files: FileSystem
  /** All that is at a path and below it, by path. Default: `/`. */
  readonly tree: (path?: string) => Effect.Effect<ReadonlyMap<string, Entry>>
  /** The same as text, an entry a line, with short contents: made to be compared. */
  readonly snapshot: (path?: string) => Effect.Effect<string>
  /** What happened, in order: the last `keptEvents` of it. */
  readonly events: Effect.Effect<ReadonlyArray<HostEvent.HostEvent>>
  /** How many events came before those of `events`. */
  readonly dropped: Effect.Effect<number>
  /** The programs that were started, in order: the last `keptEvents` of them. */
  readonly runs: Effect.Effect<ReadonlyArray<HostEvent.Run>>
  /** Waits until a program has been started with these words first; the `nth` of them. Dies if earlier runs were dropped. */
  readonly awaitRun: (words: string | ReadonlyArray<string>, nth?: number) => Effect.Effect<HostEvent.Run>
  readonly counts: Effect.Effect<Counts>
  readonly inject: (fault: Fault.Fault) => Effect.Effect<void>
  readonly clearFaults: Effect.Effect<void>
  /** The connection is lost now; the next use connects again. */
  readonly dropConnection: Effect.Effect<void>
  /**
   * A socket to an address as the host sees it, for what would connect to the port of a tunnel: a service, or what the host
   * listens on for its client. It is what `NodeSocket.makeNet` gives, but nothing of this machine's network is used: each
   * `run` connects, and closes the connection when it is over; it fails with the reason `Open` where nobody listens.
   */
  readonly connect: (address: string) => Effect.Effect<Socket>
  /** A program was run with these words first, so many times or at all. */
  readonly expectRan: (
    words: string | ReadonlyArray<string>,
    options?: { readonly times?: number | undefined }
  ) => Effect.Effect<void, HostAssertionError>
  /** Programs were run with these words first, each after the one before. */
  readonly expectOrder: (
    ...lines: ReadonlyArray<string | ReadonlyArray<string>>
  ) => Effect.Effect<void, HostAssertionError>
  /** A file holds that text. */
  readonly expectFile: (path: string, content: string) => Effect.Effect<void, HostAssertionError>
  readonly expectMissing: (path: string) => Effect.Effect<void, HostAssertionError>
  /** Nothing runs, no file is open, and nobody is connected or listens. */
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
  if (name !== undefined) return invalid(name, `${JSON.stringify(name)} is no name for an environment variable`)
  if (!Number.isInteger(maxSessions) || maxSessions < 0) {
    return invalid("maxSessions", `maxSessions cannot be ${maxSessions}`)
  }
  if (!Number.isInteger(keptEvents) || keptEvents < 0) {
    return invalid("keptEvents", `\`keptEvents\` must be a non-negative integer, got ${keptEvents}`)
  }
  if (!Number.isInteger(maxHandles) || maxHandles < 1) {
    return invalid("maxHandles", `\`maxHandles\` must be a positive integer, got ${maxHandles}`)
  }
  if (quota !== undefined && !(quota >= 0)) return invalid("quota", `quota cannot be ${quota}`)
  return umask !== undefined && !(Number.isInteger(umask) && umask >= 0 && umask <= 0o777)
    ? invalid("umask", `umask cannot be ${umask}`)
    : Effect.void
}

type Needs<C, R, S> = HostCommand.Requirements<C> | HostCommand.Requirements<S> | R

// What all of them together need is what the types of each say, which the compiler does not see by itself.
const programsOf = <C, R, S>({ commands = [], services }: Options<C, R, S>) => ({
  commands: scripts.list(
    commands as Readonly<Record<string, HostCommand.Script<Needs<C, R, S>>>> | ReadonlyArray<HostCommand.HostCommand<R>>
  ),
  services: new Map(Object.entries((services ?? {}) as Readonly<Record<string, HostService.Handler<Needs<C, R, S>>>>))
})

/**
 * A host, for programs that have more than one, or that want values rather than tags.
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
    const textOf = (path: string): string | undefined => {
      const entry = entries(memory, path).get(path)
      return entry?.type === "file" ? new TextDecoder().decode(entry.content) : undefined
    }

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
      expectRan: (words, { times } = {}) => Effect.suspend(() => assertions.ran(journal.runs(), wordsOf(words), times)),
      expectOrder: (...lines) => Effect.suspend(() => assertions.ranInOrder(journal.runs(), lines.map(wordsOf))),
      expectFile: (path, content) => Effect.suspend(() => assertions.same(path, content, textOf(path))),
      expectMissing: (path) =>
        Effect.suspend(() =>
          entries(memory, path).size === 0
            ? Effect.void
            : new HostAssertionError({ detail: `expected nothing at ${path}, but there is\n${snapshot(memory, path)}` })
        ),
      expectIdle: Effect.suspend(() => {
        const { sessions: _, ...open } = host.counts()
        return Object.values(open).every((count) => count === 0)
          ? Effect.void
          : assertions.fail(
            "nothing to be open",
            Object.entries(open).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`),
            "there are"
          )
      })
    })
  })

/**
 * What the layer provides.
 *
 * @since 0.1.0
 * @category models
 */
export type Provided = InMemoryHost | LocalMachine | RemoteContext | RemoteFileSystem | Transport

/**
 * A host in place of `OpenSsh.layer`.
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
