/**
 * How a password reaches `ssh`: it runs the program that SSH_ASKPASS names, which reads one line of a FIFO. So the
 * password is in no argument, no environment and no file; it waits in the pipe until it is asked for.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

/**
 * The variable by which `ssh` passes on to the script where the FIFO of this channel is.
 *
 * @internal
 */
export const directoryVariable = "EFFECT_REMOTE_ASKPASS"

const fifoName = (index: number) => `password-${index}`

// Which `ssh` may ask: the one of this channel. Its children inherit the variable, and a ProxyCommand or a jump host of the
// user's configuration that asks for a password means another one.
const askerName = "asker"

/**
 * The script for the `index`th password. Who asks for anything but that (to accept a host key, for the passphrase of a
 * key, for a new password) gets no answer, and neither does a second question: the first answer was wrong.
 *
 * @internal
 */
export const script = (index: number, options: { readonly onlyForAsker: boolean }): string =>
  `#!/bin/sh
case $1 in
  *"
"*) exit 1 ;;
  *@*"'s password: " | "("*@*") Password: " | "("*@*") Password:") ;;
  *) exit 1 ;;
esac
${
    options.onlyForAsker
      ? `IFS= read -r asker <"$${directoryVariable}/${askerName}" && [ "$asker" = "$PPID" ] || exit 1\n`
      : ""
  }IFS= read -r password <"$${directoryVariable}/${fifoName(index)}" && [ -n "$password" ] && printf '%s\\n' "$password"
`

/**
 * Tells which process may ask. It must be said before that process has logged in; its first question comes far later than
 * its start.
 *
 * @internal
 */
export const allow = (directory: string, pid: number) =>
  Effect.try(() => Fs.writeFileSync(Path.join(directory, askerName), `${pid}\n`, { mode: 0o600 }))

const makeFifo = (path: string) =>
  Effect.async<void, Error>((resume) => {
    execFile("mkfifo", ["-m", "600", path], (error) => resume(error === null ? Effect.void : Effect.fail(error)))
  })

/**
 * Makes passwords available in a channel's directory until the scope closes.
 *
 * @internal
 */
export const offer = (
  directory: string,
  passwords: ReadonlyArray<readonly [index: number, password: Redacted.Redacted<string>]>
) =>
  Effect.forEach(passwords, ([index, password]) => {
    const path = Path.join(directory, fifoName(index))
    return Effect.zipRight(
      makeFifo(path),
      Effect.acquireRelease(
        // Opened for both ways, so that neither opening nor writing waits for the script.
        Effect.try(() => {
          const fd = Fs.openSync(path, Fs.constants.O_RDWR | Fs.constants.O_NONBLOCK)
          // Empty lines answer those who ask again.
          Fs.writeSync(fd, `${Redacted.value(password)}${"\n".repeat(16)}`)
          return fd
        }),
        (fd) => Effect.sync(() => Fs.closeSync(fd))
      )
    )
  }, { discard: true })
