import type { Sshd } from "@effect-remote/testing"
import * as Processes from "@effect-remote/testing/unstable/Processes"
import { existsSync } from "node:fs"

const installed = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/lib/ssh/sshd"].some((path) => existsSync(path))

/** Whether everything is tested (`npm run test:full`). */
export const full = process.env.EFFECT_REMOTE_FULL === "1"

const chosen = process.env.EFFECT_REMOTE_SSHD

const usable: ReadonlyArray<Sshd.Kind> = chosen === "embedded"
  ? ["embedded"]
  : chosen !== undefined
  ? ["openssh"]
  : installed || process.env.EFFECT_REMOTE_REQUIRE_SSHD === "1"
  ? ["openssh", "embedded"]
  : ["embedded"]

/**
 * The servers to test against: OpenSSH's, and in a full run the embedded one too. `EFFECT_REMOTE_SSHD` names one of them, or
 * has the path of an `sshd`.
 * Without an `sshd` on the machine it is the embedded one, unless `EFFECT_REMOTE_REQUIRE_SSHD` is set: then the tests fail.
 */
export const servers: ReadonlyArray<Sshd.Kind> = full ? usable : usable.slice(0, 1)

/**
 * The server of the files named `*.long.test.ts`. They repeat hundreds of times what shorter files test with every server,
 * and the embedded server is slow at it.
 */
export const longServers: ReadonlyArray<Sshd.Kind> = usable.slice(0, 1)

/** The server for what only OpenSSH's can show. */
export const openssh = servers.includes("openssh")

/** Whether a shell is on this machine. */
export const hasShell = (shell: string): boolean =>
  (process.env.PATH ?? "").split(":").some((directory) => existsSync(`${directory}/${shell}`))

/** Whether OpenSSH's server is tested and can open pseudo-terminals. CI also runs the tests as root, where it always can. */
export const terminals = openssh && Processes.hasTerminals()
