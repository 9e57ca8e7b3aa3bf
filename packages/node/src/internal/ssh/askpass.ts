/**
 * Passes passwords to `ssh`. For a password `ssh` runs the program that SSH_ASKPASS names, and that program reads one line
 * of a FIFO. The password waits in the pipe: it never appears in an argument, in the environment or in a file.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

/**
 * Environment variable with the directory of the channel's FIFOs. The script inherits it from `ssh`.
 *
 * @internal
 */
export const directoryVariable = "EFFECT_REMOTE_ASKPASS"

const fifoName = (index: number) => `password-${index}`

// File with the process id of the channel's `ssh`: only that process gets the password. A ProxyCommand or a jump host from
// the user's configuration inherits the variable too, but asks for another password.
const askerName = "asker"

/**
 * The script that answers with the password number `index`. It refuses every other question: whether to accept a host key,
 * the passphrase of a key, a new password. It also refuses a second question, because the first answer was wrong.
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
 * Names the process that may ask for a password. To be called right after its start: its first question comes much later.
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
        // Opened for reading and writing, so that neither opening nor writing waits for the script.
        Effect.try(() => {
          const fd = Fs.openSync(path, Fs.constants.O_RDWR | Fs.constants.O_NONBLOCK)
          // Further questions read an empty line.
          Fs.writeSync(fd, `${Redacted.value(password)}${"\n".repeat(16)}`)
          return fd
        }),
        (fd) => Effect.sync(() => Fs.closeSync(fd))
      )
    )
  }, { discard: true })
