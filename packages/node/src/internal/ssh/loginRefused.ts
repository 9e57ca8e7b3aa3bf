/**
 * Explains why a server refused a login, from the prompts that it asked and the keys that were given.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import type { Askpass, Endpoint } from "./askpass.js"
import { isLocked } from "./privateKey.js"
import * as prompts from "./prompts.js"

/** @internal */
export interface Attempt {
  /** The host or jump host, as `user@host:port`. */
  readonly name: string
  readonly asked: prompts.State
  /** The given key is locked, and a passphrase is not given. */
  readonly lockedKey: string | undefined
  /** The key that a given passphrase is for. */
  readonly key: string | undefined
}

interface Reason {
  readonly detail: string
  readonly hint: string
}

const passwordSent = ({ password, passwordRefused }: prompts.State): boolean =>
  passwordRefused || password === "Sent" || password === "Guessed"

// Prompts of the server that `answer` has answered, if the others have their own reasons.
const answered = ({ asked }: prompts.State): ReadonlyArray<string> =>
  [...new Set(asked.filter((text) => prompts.parse(text)._tag !== "Passphrase"))].slice(-5)

const reasonsOf = ({ asked, key, lockedKey }: Attempt): ReadonlyArray<Reason> => [
  ...(lockedKey === undefined ? [] : [{
    detail: `the key ${lockedKey} is locked by a passphrase`,
    hint: "Pass `passphrase`, or add the key to an agent with ssh-add."
  }]),
  ...(asked.passphraseRefused
    ? [{
      detail: `the passphrase does not unlock the key${key === undefined ? "" : ` ${key}`}`,
      hint: "Check `passphrase`."
    }]
    : []),
  ...(asked.unanswered.length > 0
    ? [{
      detail: `no option answers its prompt ${asked.unanswered.map(prompts.show).join(", ")}`,
      hint: "Pass `answer`, which answers prompts, or `password` for a prompt that asks for one."
    }]
    : passwordSent(asked)
    ? [{ detail: "the server refused the password", hint: "Check `username` and `password`." }]
    : answered(asked).length > 0
    ? [{
      detail: `the server refused what \`answer\` returned for ${answered(asked).map(prompts.show).join(", ")}`,
      hint: "Check `username` and `answer`."
    }]
    : [])
]

/**
 * Adds the reasons to an `AuthenticationFailed`. Other errors stay as they are.
 *
 * @internal
 */
export const explain = (error: RemoteConnectionError, attempts: ReadonlyArray<Attempt>): RemoteConnectionError => {
  if (error.reason !== "AuthenticationFailed") return error
  const found = attempts.flatMap((attempt) =>
    reasonsOf(attempt).map(({ detail, hint }) => ({
      detail: attempt.name === error.host ? detail : `${detail} (${attempt.name})`,
      hint
    }))
  )
  if (found.length === 0) return error
  const { cause, detail, host, output, reason } = error
  return new RemoteConnectionError({
    reason,
    host,
    output,
    cause,
    detail: [detail, ...found.map((reason) => reason.detail)].join("; "),
    hint: [...new Set(found.map((reason) => reason.hint))].join(" ")
  })
}

const lockedKeyOf = ({ key, keyName, passphrase }: Endpoint): Effect.Effect<string | undefined> =>
  key === undefined || passphrase !== undefined ?
    Effect.succeed(undefined) :
    Effect.tryPromise(() => Fs.readFile(key, "latin1")).pipe(
      Effect.map((text) => isLocked(text) ? keyName : undefined),
      // an agent or a token holds it
      Effect.orElseSucceed(() => undefined)
    )

/**
 * `explain` for a login along a route.
 *
 * @internal
 */
export const diagnosed = (
  error: RemoteConnectionError,
  route: ReadonlyArray<Endpoint>,
  askpass: Askpass
): Effect.Effect<RemoteConnectionError> =>
  Effect.map(
    Effect.forEach(route, (endpoint) =>
      Effect.map(lockedKeyOf(endpoint), (lockedKey): Attempt => ({
        name: endpoint.name,
        asked: askpass.asked(endpoint.index),
        lockedKey,
        key: endpoint.keyName
      }))),
    (attempts) => explain(error, attempts)
  )
