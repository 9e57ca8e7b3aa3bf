import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import * as fs from "node:fs/promises"
import { SshdError } from "../../SshdError.js"
import * as executables from "./executables.js"

/** @internal */
export interface KeyPair {
  readonly privateKeyFile: string
  /** `ssh-ed25519 AAAA...` */
  readonly publicKey: string
  /** `SHA256:...`, as OpenSSH writes it. */
  readonly fingerprint: string
}

/**
 * The fingerprint of a public key in one line, as OpenSSH writes it.
 *
 * @internal
 */
export const fingerprint = (publicKey: string): string =>
  `SHA256:${createHash("sha256").update(publicKey.split(" ")[1] ?? "", "base64").digest("base64").replace(/=+$/, "")}`

/**
 * A new ed25519 key without a passphrase.
 *
 * @internal
 */
export const generate = (sshKeygen: string, privateKeyFile: string): Effect.Effect<KeyPair, SshdError> =>
  Effect.gen(function*() {
    const made = yield* executables.run(sshKeygen, ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", privateKeyFile])
    if (!made.ok) {
      return yield* new SshdError({
        reason: "StartFailed",
        detail: `${sshKeygen} could not make a key`,
        log: made.output
      })
    }
    const line = yield* Effect.tryPromise(() => fs.readFile(`${privateKeyFile}.pub`, "utf8"))
    const publicKey = line.trim().split(" ").slice(0, 2).join(" ")
    return { privateKeyFile, publicKey, fingerprint: fingerprint(publicKey) }
  }).pipe(
    Effect.mapError((cause) =>
      cause instanceof SshdError
        ? cause
        : new SshdError({ reason: "StartFailed", detail: `${sshKeygen} could not make a key`, cause })
    )
  )

/**
 * A known_hosts file for a server on this machine.
 *
 * @internal
 */
export const writeKnownHosts = (file: string, port: number, { publicKey }: KeyPair): Effect.Effect<string, SshdError> =>
  Effect.tryPromise({
    try: () => fs.writeFile(file, `[127.0.0.1]:${port} ${publicKey}\n`),
    catch: (cause) => new SshdError({ reason: "StartFailed", detail: `${file} could not be written`, cause })
  }).pipe(Effect.as(file))
