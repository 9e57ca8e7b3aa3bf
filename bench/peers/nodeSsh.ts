import { Effect } from "effect"
import { NodeSSH } from "node-ssh"
import * as Fs from "node:fs/promises"
import { command, type Contender, failed, incapable } from "../contender.js"
import { credentials } from "./credentials.js"

const fail = failed("node-ssh")

export const viaNodeSsh: Contender = {
  name: "node-ssh",
  can: ["run", "put", "get", "putTree", "getTree"],
  connect: (sshd) =>
    Effect.gen(function*() {
      const config = yield* credentials(sshd)
      const ssh = yield* Effect.acquireRelease(
        Effect.tryPromise({ try: () => new NodeSSH().connect(config), catch: fail }),
        (ssh) => Effect.sync(() => ssh.dispose())
      )
      const execute = () => ssh.execCommand(command.line, { noTrim: true })
      const attempt = (call: () => Promise<unknown>) => Effect.asVoid(Effect.tryPromise({ try: call, catch: fail }))
      // By default `putDirectory` copies one file after the other. Here it copies as many at once as ours.
      const trees = { recursive: true, concurrency: 16 }
      return {
        ...incapable,
        put: (local, remote) => attempt(() => ssh.putFile(local, remote)),
        get: (remote, local) => attempt(() => ssh.getFile(local, remote)),
        putTree: (local, remote) => attempt(() => ssh.putDirectory(local, remote, trees)),
        getTree: (remote, local) =>
          attempt(async () => {
            await Fs.mkdir(local)
            await ssh.getDirectory(local, remote, trees)
          }),
        run: Effect.flatMap(
          Effect.tryPromise({ try: execute, catch: fail }),
          ({ code, stdout }) => code === 0 ? Effect.succeed(stdout) : Effect.fail(fail(`exit status ${code}`))
        )
      }
    })
}
