import { Effect } from "effect"
import * as Path from "node:path"
import { cannot, command, type Contender } from "../contender.js"
import { login, ssh } from "./openSsh.js"

const name = "ssh -S"

let made = 0

/**
 * OpenSSH's client with `ControlMaster auto`, as in many an `ssh_config`: the first command starts the master, which is
 * quicker than starting it alone, and each later one is a process that asks the master. The master is told to go in the
 * end; should nobody come to that, it goes with the server.
 */
export const viaMultiplexedSsh: Contender = {
  name,
  can: ["run"],
  connect: (sshd) =>
    Effect.gen(function*() {
      const control = ["-S", Path.join(sshd.directory, `master-${++made}`)]
      const master = [...control, "-o", "ControlMaster=auto", "-o", "ControlPersist=yes"]
      yield* Effect.addFinalizer(() =>
        Effect.ignore(ssh(name, ["-F", "none", ...control, "-O", "exit", "--", sshd.host.host]))
      )
      return {
        run: ssh(name, [...login(sshd), ...master, "--", sshd.host.host, command.line]),
        forward: () => cannot
      }
    })
}
