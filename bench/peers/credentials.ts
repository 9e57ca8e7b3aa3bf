import type { Sshd } from "@effect-remote/testing"
import { Effect } from "effect"
import * as Fs from "node:fs/promises"
import * as Net from "node:net"
import { type BenchError, failed } from "../contender.js"

/**
 * How the packages `ssh2` and `node-ssh` get in. The socket is made here, without Nagle's algorithm, which costs either
 * 40 ms a command, and which neither turns off by itself. They check the host's key, as OpenSSH does.
 */
export const credentials = (sshd: Sshd.Sshd) =>
  Effect.map(
    Effect.tryPromise({
      try: () => Fs.readFile(sshd.host.keyFile ?? "", "utf8"),
      catch: (cause): BenchError => failed("the key")(cause)
    }),
    (privateKey) => ({
      sock: Net.connect({ host: sshd.host.host, port: sshd.host.port ?? 22, noDelay: true }),
      username: sshd.host.username ?? "",
      privateKey,
      hostVerifier: (key: Buffer) => key.toString("base64") === sshd.hostKey.split(" ")[1]
    })
  )
