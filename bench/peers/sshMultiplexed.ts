import type { Sshd } from "@effect-remote/testing"
import { Effect } from "effect"
import * as Path from "node:path"
import { command, type Contender, incapable } from "../contender.js"
import { login, ssh } from "./openSsh.js"

const name = "ssh -S"

let made = 0

/**
 * The options for a master that its first user starts. The end of the scope ends the master. If that does not happen, the
 * master ends with the server.
 */
export const master = (sshd: Sshd.Sshd) => {
  const control = ["-S", Path.join(sshd.directory, `master-${++made}`)]
  return Effect.as(
    Effect.addFinalizer(() => Effect.ignore(ssh(name, ["-F", "none", ...control, "-O", "exit", "--", sshd.host.host]))),
    ["-o", `ControlPath=${control[1]}`, "-o", "ControlMaster=auto", "-o", "ControlPersist=yes"]
  )
}

/**
 * OpenSSH's client with `ControlMaster auto`, as in many an `ssh_config`: the first command starts the master, which is
 * quicker than starting it alone, and each later one is a process that asks the master.
 */
export const viaMultiplexedSsh: Contender = {
  name,
  can: ["run"],
  connect: (sshd) =>
    Effect.map(master(sshd), (options) => ({
      ...incapable,
      run: ssh(name, [...login(sshd), ...options, "--", sshd.host.host, command.line])
    }))
}
