import type { Sshd } from "@effect-remote/testing"
import { Effect } from "effect"
import { type BenchError, type Contender, type Files, incapable } from "../contender.js"
import { identity, run } from "./openSsh.js"
import { master } from "./sshMultiplexed.js"

const quote = (text: string): string => JSON.stringify(text)

type Copies = Pick<Files, "put" | "get" | "putTree" | "getTree">

// Each copy is a process that uses a running master, so connecting is not measured.
const program = (
  name: string,
  program: string,
  copies: (sshd: Sshd.Sshd, options: ReadonlyArray<string>) => Copies
): Contender => ({
  name,
  program,
  can: ["put", "get", "putTree", "getTree"],
  connect: (sshd) =>
    Effect.gen(function*() {
      const options = [...["-F", "none"], ...identity(sshd), ...(yield* master(sshd))]
      const port = ["-p", String(sshd.host.port), "-l", sshd.host.username ?? ""]
      yield* run(name, "ssh", [...options, ...port, "--", sshd.host.host, "true"])
      return { ...incapable, ...copies(sshd, options) }
    })
})

const address = ({ host }: Sshd.Sshd, path: string): string => `${host.username}@${host.host}:${path}`

export const viaScp = program("scp", "scp", (sshd, options) => {
  const scp = (...args: ReadonlyArray<string>): Effect.Effect<void, BenchError> =>
    Effect.asVoid(run("scp", "scp", ["-q", ...options, "-P", String(sshd.host.port), ...args]))
  return {
    put: (local, remote) => scp(local, address(sshd, remote)),
    get: (remote, local) => scp(address(sshd, remote), local),
    putTree: (local, remote) => scp("-r", local, address(sshd, remote)),
    getTree: (remote, local) => scp("-r", address(sshd, remote), local)
  }
})

export const viaSftp = program("sftp -b", "sftp", (sshd, options) => {
  const port = ["-P", String(sshd.host.port)]
  const sftp = (...lines: ReadonlyArray<string>): Effect.Effect<void, BenchError> =>
    Effect.asVoid(
      run("sftp -b", "sftp", ["-q", ...options, ...port, "-b", "-", address(sshd, "/").slice(0, -2)], lines.join("\n"))
    )
  return {
    put: (local, remote) => sftp(`put ${quote(local)} ${quote(remote)}`),
    get: (remote, local) => sftp(`get ${quote(remote)} ${quote(local)}`),
    putTree: (local, remote) => sftp(`mkdir ${quote(remote)}`, `put -R ${quote(`${local}/.`)} ${quote(remote)}`),
    getTree: (remote, local) => sftp(`get -R ${quote(remote)} ${quote(local)}`)
  }
})

// `-W`: whole files, as everybody else.
export const viaRsync = program("rsync -W", "rsync", (sshd, options) => {
  const shell = ["ssh", ...options, "-p", String(sshd.host.port)].join(" ")
  const rsync = (...args: ReadonlyArray<string>): Effect.Effect<void, BenchError> =>
    Effect.asVoid(run("rsync -W", "rsync", ["-W", "-e", shell, ...args]))
  return {
    put: (local, remote) => rsync(local, address(sshd, remote)),
    get: (remote, local) => rsync(address(sshd, remote), local),
    putTree: (local, remote) => rsync("-r", `${local}/`, address(sshd, remote)),
    getTree: (remote, local) => rsync("-r", `${address(sshd, remote)}/`, local)
  }
})
