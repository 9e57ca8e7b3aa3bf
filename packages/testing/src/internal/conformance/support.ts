/**
 * Helpers of the cases of the conformance suite.
 */
import type { LocalNetwork } from "@effect-remote/core/LocalNetwork"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import * as RemoteError from "@effect-remote/core/RemoteError"
import type { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
import type { Transport } from "@effect-remote/core/Transport"
import * as NodeMachine from "@effect-remote/node/NodeMachine"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Command from "@effect/platform/Command"
import { isPlatformError, type PlatformError } from "@effect/platform/Error"
import { FileSystem, type WriteFileOptions } from "@effect/platform/FileSystem"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { ConformanceHost } from "../../ConformanceHost.js"
import { eventually } from "../../unstable/Eventually.js"

/** @internal */
export type Services = RemoteContext.RemoteContext | RemoteFileSystem | Transport | ConformanceHost

/** @internal */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/**
 * Encodes a name. The library carries bytes that are not UTF-8 as lone surrogates.
 *
 * @internal
 */
export const nameBytes = (text: string): Buffer =>
  Buffer.concat(
    text.split(/([\udc80-\udcff]+)/u).map((part, index) =>
      index % 2 === 0 ? Buffer.from(part) : Buffer.from([...part].map((char) => char.charCodeAt(0) - 0xdc00))
    )
  )

/** @internal */
export const isUtf8 = (text: string): boolean => !/\p{Surrogate}/u.test(text)

/**
 * Bytes that look like chance, the same for the same seed.
 *
 * @internal
 */
export const pseudoRandom = (size: number, seed = 1): Buffer => {
  const bytes = Buffer.alloc(size)
  let state = seed
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

/** @internal */
export const reasonOf = (error: unknown): string =>
  isPlatformError(error) ? error._tag === "SystemError" ? error.reason : error._tag : String(error)

/** @internal */
export const failsWith = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<string, A, R> =>
  Effect.map(Effect.flip(effect), reasonOf)

/**
 * The reason of the connection's loss, if the error has one.
 *
 * @internal
 */
export const lostBy = (error: unknown): string | undefined =>
  Option.getOrUndefined(RemoteError.findConnectionError(error))?.reason

/**
 * A fresh directory on the host.
 *
 * @internal
 */
export const directory: Effect.Effect<string, never, ConformanceHost> = Effect.flatMap(
  ConformanceHost,
  ({ directory }) => directory
)

/**
 * Loses the connection, as a link that is cut.
 *
 * @internal
 */
export const dropConnections: Effect.Effect<void, never, ConformanceHost> = Effect.flatMap(
  ConformanceHost,
  ({ dropConnections }) => dropConnections
)

/**
 * How many programs of that name run on the host for the client.
 *
 * @internal
 */
export const running = (name: string): Effect.Effect<number, never, ConformanceHost> =>
  Effect.flatMap(ConformanceHost, ({ running }) => running(name))

/** @internal */
export const untilRunning = (name: string, count: number): Effect.Effect<number, never, ConformanceHost> =>
  eventually(running(name), (found) => found === count)

/**
 * Waits until the client has closed everything.
 *
 * @internal
 */
export const untilNothingIsOpen: Effect.Effect<unknown, never, ConformanceHost> = Effect.flatMap(
  ConformanceHost,
  ({ leftOpen }) => eventually(leftOpen, Array.isEmptyReadonlyArray)
)

/**
 * Whether the user that is logged in is one whom permissions do not bind.
 *
 * @internal
 */
export const isRoot = Effect.map(RemoteContext.string(Command.make("id", "-u")), (id) => id === "0\n")

/**
 * Writes a file of the host, or of this machine.
 *
 * @internal
 */
export const write = (
  files: FileSystem,
  path: string,
  content: string | Uint8Array = "",
  options?: WriteFileOptions
): Effect.Effect<void, PlatformError> =>
  files.writeFile(path, typeof content === "string" ? bytes(content) : content, options)

/**
 * The files of this machine, which transfers have on their other side.
 *
 * @internal
 */
export const localFiles: Effect.Effect<FileSystem> = Effect.provide(FileSystem, NodeFileSystem.layer)

/**
 * A fresh directory of this machine, which goes with the case.
 *
 * @internal
 */
export const localDirectory: Effect.Effect<string, PlatformError, Scope.Scope> = Effect.flatMap(
  localFiles,
  (files) => files.makeTempDirectoryScoped({ prefix: "conformance-" })
)

/** @internal */
export const makePipe = (path: string) => RemoteContext.exitCode(Command.make("mkfifo", path))

/**
 * The network of this machine, where tunnels have their other end.
 *
 * @internal
 */
export const localNetwork: Effect.Effect<LocalNetwork> = Effect.map(NodeMachine.make, ({ network }) => network)
