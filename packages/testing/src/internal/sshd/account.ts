import * as Effect from "effect/Effect"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import { SshdError } from "../../SshdError.js"

/** @internal */
export interface Account {
  readonly username: string
  readonly home: string
  /** Undefined if the system does not keep one. */
  readonly shell: string | undefined
}

const unsupported = (detail: string, hint?: string, cause?: unknown) =>
  new SshdError({ reason: "Unsupported", detail, hint, cause })

/**
 * The current user.
 *
 * @internal
 */
export const current: Effect.Effect<Account, SshdError> = Effect.try({
  try: () => {
    const { homedir, shell, username } = os.userInfo()
    return { username, home: homedir, shell: shell ?? undefined }
  },
  catch: (cause) =>
    unsupported(
      "the current user has no entry in the system's list of users, and ssh refuses to work for such a user",
      undefined,
      cause
    )
})

const embedded = "use the embedded server: { kind: \"embedded\" } or EFFECT_REMOTE_SSHD=embedded"

/**
 * Fails where OpenSSH's `sshd` would let this user in by no means, or would run nothing for it, and say so nowhere but in
 * its log.
 *
 * @internal
 */
export const checkLogin = ({ shell, username }: Account): Effect.Effect<void, SshdError> =>
  Effect.gen(function*() {
    if (shell !== undefined && ["false", "nologin"].includes(path.basename(shell))) {
      return yield* unsupported(`sshd runs nothing for ${username}, whose login shell is ${shell}`, embedded)
    }
    // only root can read this file, and so only root's sshd heeds it
    const shadow = yield* Effect.promise(() => fs.readFile("/etc/shadow", "utf8").catch(() => ""))
    if (shadow.split("\n").some((line) => line.startsWith(`${username}:!`))) {
      return yield* unsupported(
        `sshd lets nobody in as ${username}: the account is locked, its password in /etc/shadow starts with "!"`,
        `usermod --password '*' ${username} unlocks it without a password; or ${embedded}`
      )
    }
  })
