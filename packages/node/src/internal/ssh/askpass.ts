/**
 * Answers the prompts of `ssh`. For each one `ssh` runs the program that SSH_ASKPASS names. That program passes the prompt to
 * this one and reads the answer from a FIFO: no secret appears in an argument, in the environment or in a file.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Answer } from "@effect-remote/core/RemoteHost"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import * as prompts from "./prompts.js"

/**
 * A host or jump host of a route, with what it takes to log in.
 *
 * @internal
 */
export interface Endpoint {
  readonly index: number
  /** As `user@host:port`. */
  readonly name: string
  readonly password: Redacted.Redacted<string> | undefined
  readonly passphrase: Redacted.Redacted<string> | undefined
  readonly answer: Answer | undefined
  /** Path of the given key. */
  readonly key: string | undefined
  /** The given key for messages: its path, or `key`. */
  readonly keyName: string | undefined
}

/**
 * Whether prompts of this login can be answered.
 *
 * @internal
 */
export const answers = (
  endpoint: { readonly password?: unknown; readonly passphrase?: unknown; readonly answer?: unknown }
): boolean => [endpoint.password, endpoint.passphrase, endpoint.answer].some((option) => option !== undefined)

/**
 * Environment variable with the directory of the channel's FIFOs. The script inherits it from `ssh`.
 *
 * @internal
 */
export const directoryVariable = "EFFECT_REMOTE_ASKPASS"

/**
 * Environment variable with the process id of the `ssh` that may ask. A ProxyCommand or a jump host from the user's
 * configuration inherits the variables too, but asks for another password.
 *
 * @internal
 */
export const askerVariable = "EFFECT_REMOTE_ASKER"

/**
 * Shell text before `exec ssh`, which keeps the process id.
 *
 * @internal
 */
export const exportAsker = `export ${askerVariable}=$$;`

const questionsName = "questions"
const answersName = (index: number) => `answers-${index}`
const promptName = (index: number) => `prompt-${index}`

/**
 * The script that asks this program for the answers of an endpoint. It reads the end of input when this program is gone:
 * opening the FIFO for both directions first keeps the second opening from waiting for a writer.
 *
 * @internal
 */
export const script = (index: number): string =>
  `#!/bin/sh
case $SSH_ASKPASS_PROMPT in
  none) exit 0 ;;
  confirm) exit 1 ;;
esac
[ "$PPID" = "$${askerVariable}" ] && cd "$${directoryVariable}" || exit 1
umask 077
exec 3<>${answersName(index)} 4<${answersName(index)} 3<&-
printf %s "$1" >${promptName(index)} && echo ${index} 1<>${questionsName} || exit 1
IFS= read -r answer <&4 || exit 1
case $answer in
  +*) printf '%s\\n' "\${answer#+}" ;;
  *) exit 1 ;;
esac
`

const makeFifos = (directory: string, names: ReadonlyArray<string>) =>
  Effect.async<void, Error>((resume) => {
    execFile(
      "mkfifo",
      ["-m", "600", ...names.map((name) => Path.join(directory, name))],
      (error) => resume(error === null ? Effect.void : Effect.fail(error))
    )
  })

// Open for both directions, so that opening does not wait and no end of input comes.
const openFifo = (path: string) => Effect.try(() => Fs.openSync(path, Fs.constants.O_RDWR | Fs.constants.O_NONBLOCK))

const openAnswers = (directory: string, index: number) =>
  Effect.acquireRelease(
    openFifo(Path.join(directory, answersName(index))),
    (fd) => Effect.sync(() => Fs.closeSync(fd))
  )

// Each line is the index of the endpoint that asks.
const openQuestions = Effect.fnUntraced(function*(directory: string) {
  const questions = yield* Queue.unbounded<number>()
  yield* Effect.acquireRelease(
    Effect.map(openFifo(Path.join(directory, questionsName)), (fd) => {
      const socket = new Net.Socket({ fd, readable: true, writable: false })
      socket.on("error", () => {})
      socket.on("data", (bytes) => {
        for (const line of bytes.toString("latin1").split("\n")) {
          if (line !== "") Queue.unsafeOffer(questions, Number(line))
        }
      })
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
  return questions
})

const longestPrompt = 4096

const readPrompt = (directory: string, index: number) => {
  const path = Path.join(directory, promptName(index))
  return Effect.try(() => {
    const text = Fs.readFileSync(path, "utf8")
    Fs.rmSync(path)
    return text.slice(0, longestPrompt)
  })
}

const longestAnswer = 1023

// `ssh` reads one line, and cuts it.
const checkAnswer = (answer: Redacted.Redacted<string>): Effect.Effect<string, Cause.IllegalArgumentException> =>
  Effect.suspend(() => {
    const text = Redacted.value(answer)
    if (/[\0\r\n]/.test(text)) return new Cause.IllegalArgumentException("the answer contains a line end or a NUL")
    return Buffer.byteLength(text) > longestAnswer
      ? new Cause.IllegalArgumentException(`the answer has more than ${longestAnswer} bytes`)
      : Effect.succeed(text)
  })

/** @internal */
export interface Askpass {
  /** Fails if an answer fails. */
  readonly failed: Effect.Effect<never, RemoteConnectionError>
  /** The prompts of an endpoint's login so far. */
  readonly asked: (index: number) => prompts.State
}

const silent: Askpass = { failed: Effect.never, asked: () => prompts.initial }

/**
 * Answers in a channel's directory until the scope closes.
 *
 * @internal
 */
export const serve = Effect.fnUntraced(function*(
  host: string,
  directory: string,
  endpoints: ReadonlyArray<Endpoint>
) {
  const answering = endpoints.filter(answers)
  if (answering.length === 0) return silent
  yield* makeFifos(directory, [questionsName, ...answering.map(({ index }) => answersName(index))])
  const questions = yield* openQuestions(directory)
  const states = new Map<number, prompts.State>()
  const asked = (index: number) => states.get(index) ?? prompts.initial
  const failed = yield* Deferred.make<never, RemoteConnectionError>()

  const secretOf = (endpoint: Endpoint, reply: Exclude<prompts.Reply, { _tag: "Decline" }>) => {
    switch (reply._tag) {
      case "Password":
        return Effect.succeed(endpoint.password!)
      case "Passphrase":
        return Effect.succeed(endpoint.passphrase!)
      case "Ask":
        return endpoint.answer!({ host: endpoint.name, text: reply.text, attempt: reply.attempt })
    }
  }
  const fail = (endpoint: Endpoint, text: string) => (cause: Cause.Cause<unknown>) =>
    Deferred.fail(
      failed,
      new RemoteConnectionError({
        reason: "AuthenticationFailed",
        host,
        cause: Cause.squash(cause),
        detail: `\`answer\` failed for the prompt ${prompts.show(text)} of ${endpoint.name}`
      })
    )

  const answerPrompt = Effect.fnUntraced(function*(endpoint: Endpoint, send: (line: string) => Effect.Effect<void>) {
    const prompt = prompts.parse(yield* readPrompt(directory, endpoint.index))
    const { reply, state } = prompts.step(
      {
        password: endpoint.password !== undefined,
        passphrase: endpoint.passphrase !== undefined,
        answer: endpoint.answer !== undefined,
        key: endpoint.key
      },
      asked(endpoint.index),
      prompt
    )
    states.set(endpoint.index, state)
    if (reply._tag === "Decline") return yield* send("-")
    yield* Effect.matchCauseEffect(Effect.flatMap(secretOf(endpoint, reply), checkAnswer), {
      onFailure: fail(endpoint, prompt.text),
      onSuccess: (secret) => send(`+${secret}`)
    })
  })

  const byIndex = new Map<number, Effect.Effect<unknown>>()
  for (const endpoint of answering) {
    const fd = yield* openAnswers(directory, endpoint.index)
    const send = (line: string) => Effect.sync(() => void Fs.writeSync(fd, `${line}\n`))
    byIndex.set(endpoint.index, Effect.orElse(answerPrompt(endpoint, send), () => send("-")))
  }
  yield* Queue.take(questions).pipe(
    Effect.flatMap((index) => byIndex.get(index) ?? Effect.void),
    Effect.forever,
    Effect.interruptible,
    Effect.forkScoped
  )
  const askpass: Askpass = { failed: Deferred.await(failed), asked }
  return askpass
})
