import type { Sshd } from "@effect-remote/testing"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { type BenchError, failed } from "../contender.js"

/** The options of OpenSSH's client that get it in. */
export const login = (sshd: Sshd.Sshd): ReadonlyArray<string> => [
  ...["-F", "none", "-T", "-x", "-a"],
  ...identity(sshd),
  ...["-p", String(sshd.host.port), "-l", sshd.host.username ?? ""]
]

/** The options that `scp` and `sftp` take as well. */
export const identity = ({ host }: Sshd.Sshd): ReadonlyArray<string> => [
  ...["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"],
  ...["-o", `UserKnownHostsFile=${host.knownHostsFile}`, "-o", "GlobalKnownHostsFile=/dev/null"],
  ...["-o", "IdentitiesOnly=yes", "-i", host.keyFile ?? ""]
]

/** Runs `ssh` to its end: what it printed, if it exited with 0. */
export const ssh = (who: string, args: ReadonlyArray<string>): Effect.Effect<string, BenchError> =>
  run(who, "ssh", args)

/** Runs a program to its end: what it printed, if it exited with 0. */
export const run = (
  who: string,
  program: string,
  args: ReadonlyArray<string>,
  input = ""
): Effect.Effect<string, BenchError> =>
  Effect.async((resume) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] })
    child.stdin.on("error", () => {})
    child.stdin.end(input)
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
