import type { Sshd } from "@effect-remote/testing"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { type BenchError, failed } from "../contender.js"

/** The options of OpenSSH's client that get it in. */
export const login = ({ host }: Sshd.Sshd): ReadonlyArray<string> => [
  ...["-F", "none", "-T", "-x", "-a"],
  ...["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"],
  ...["-o", `UserKnownHostsFile=${host.knownHostsFile}`, "-o", "GlobalKnownHostsFile=/dev/null"],
  ...["-o", "IdentitiesOnly=yes", "-i", host.keyFile ?? ""],
  ...["-p", String(host.port), "-l", host.username ?? ""]
]

/** Runs `ssh` to its end: what it printed, if it exited with 0. */
export const ssh = (who: string, args: ReadonlyArray<string>): Effect.Effect<string, BenchError> =>
  Effect.async((resume) => {
    const child = spawn("ssh", args, { stdio: ["ignore", "pipe", "pipe"] })
    const output: Array<Buffer> = []
    const errors: Array<Buffer> = []
    child.stdout.on("data", (bytes: Buffer) => output.push(bytes))
    child.stderr.on("data", (bytes: Buffer) => errors.push(bytes))
    child.on("error", (cause) => resume(Effect.fail(failed(who)(cause))))
    child.on("close", (code) =>
      resume(
        code === 0
          ? Effect.succeed(Buffer.concat(output).toString())
          : Effect.fail(failed(who)(`exit status ${code}: ${Buffer.concat(errors).toString().trim()}`))
      ))
    return Effect.sync(() => child.kill())
  })
