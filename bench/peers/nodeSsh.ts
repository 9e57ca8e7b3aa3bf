import { Effect } from "effect"
import { NodeSSH } from "node-ssh"
import { cannot, command, type Contender, failed } from "../contender.js"
import { credentials } from "./credentials.js"

const fail = failed("node-ssh")

export const viaNodeSsh: Contender = {
  name: "node-ssh",
  can: ["run"],
  connect: (sshd) =>
    Effect.gen(function*() {
      const config = yield* credentials(sshd)
      const ssh = yield* Effect.acquireRelease(
        Effect.tryPromise({ try: () => new NodeSSH().connect(config), catch: fail }),
        (ssh) => Effect.sync(() => ssh.dispose())
      )
      const execute = () => ssh.execCommand(command.line, { noTrim: true })
      return {
        run: Effect.flatMap(
          Effect.tryPromise({ try: execute, catch: fail }),
          ({ code, stdout }) => code === 0 ? Effect.succeed(stdout) : Effect.fail(fail(`exit status ${code}`))
        ),
        forward: () => cannot
      }
    })
}
