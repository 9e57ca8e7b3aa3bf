/**
 * A server on this machine, as the conformance suite looks at it.
 */
import { LocalAddress } from "@effect-remote/core/LocalNetwork"
import { RemoteAddress } from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import type { Sshd } from "../../Sshd.js"
import * as Processes from "../../unstable/Processes.js"

/** @internal */
export const remote: (address: LocalAddress) => RemoteAddress = LocalAddress.$match({
  Tcp: ({ port }) => RemoteAddress.Tcp({ host: "localhost", port }),
  Unix: ({ path }) => RemoteAddress.Unix({ path })
})

/** @internal */
export const local: (address: RemoteAddress) => LocalAddress = RemoteAddress.$match({
  Tcp: ({ host, port }) => LocalAddress.Tcp({ host: host === "localhost" ? "127.0.0.1" : host, port }),
  Unix: ({ path }) => LocalAddress.Unix({ path })
})

/** @internal */
export const portOf = (address: LocalAddress | RemoteAddress): number => address._tag === "Tcp" ? address.port : 0

/**
 * Capabilities of this machine and of a server on it.
 *
 * @internal
 */
export const capabilities = ({ kind }: Sshd) => ({
  pty: kind === "openssh" && Processes.hasTerminals(),
  jobs: true,
  specialFiles: ["/dev/full", "/dev/zero", "/proc/self"].every((path) => Fs.existsSync(path))
})

// Of a guardian, of a shell that waits for the next command, and of files.
const staying = new Set(["sh", "dash", "sftp-server", "sshd"])

/**
 * Programs, and open files below a directory.
 *
 * @internal
 */
export const leftOpen = (server: Sshd, directory: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(Processes.started(server), (started) => [
    ...started.filter((process) => !staying.has(process.name)).map(({ name }) => name),
    ...Processes.allDescriptors().filter((target) => target.startsWith(directory))
  ])
