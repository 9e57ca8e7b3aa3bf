/**
 * Shell lines whose interpolations are always quoted.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/platform/Command"
import * as Redacted from "effect/Redacted"
import * as annotations from "./internal/command/annotations.js"
import { tracker } from "./internal/command/template.js"
import { posix } from "./internal/scripts/quote.js"

/**
 * A value in a template of `sh`. A string or number becomes one word. An array becomes one word for each element. A
 * `Redacted` becomes a word that errors, logs and spans mask.
 *
 * @since 0.1.0
 * @category models
 */
export type Interpolation =
  | string
  | number
  | bigint
  | Redacted.Redacted<string>
  | ReadonlyArray<string | number | bigint | Redacted.Redacted<string>>

/**
 * Quotes a text as one word for a POSIX shell.
 *
 * @since 0.1.0
 * @category combinators
 * @example
 * ```ts
 * import { RemoteCommand } from "@effect-remote/core"
 *
 * RemoteCommand.quote("it's") // 'it'\''s'
 * ```
 */
export const quote: (word: string) => string = posix

/**
 * Makes a command that runs a shell line with `/bin/sh`. Every interpolation is quoted, also within quotes.
 *
 * Some positions cannot be quoted: backquotes, comments, `${...}`, `$((...))` and the rest of the line after `<<`. The same
 * holds after syntax that shells read differently: `$'...'`, `((`, a `case` in `$(...)`. Only numbers are allowed there. With
 * any other value, the command fails with `InvalidCommand` and is never sent.
 *
 * The exit code of a line with pipes is that of its last program: `pg_dump | gzip` fails only if gzip fails. To detect a
 * failure of any program, use `Command.pipeTo` (see `StartOptions.pipefail`). Or begin the line with `set -o pipefail`, if
 * the host's `/bin/sh` supports it: bash, busybox, mksh and newer versions of dash do, dash in Debian 12 does not.
 *
 * A word is quoted once. Code that evaluates it again removes this quoting: `eval`, `sh -c "... ${x}"`, or an arithmetic
 * `$((name))` if the variable contains it. Pass such values as arguments: `sh -c '...' sh ${x}`.
 *
 * The template is read raw: the shell receives its backslashes. Only `` \` `` and `\${` lose theirs, because a template
 * needs them. The result is a platform `Command`: it composes with `Command.env`, `Command.workingDirectory`, `Command.feed`
 * and `Command.pipeTo`, and runs locally unchanged. An interpolated `Redacted` is masked in errors, spans and the command's
 * `toString`. The host's process list shows it, as any argument.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { RemoteContext, sh } from "@effect-remote/core"
 *
 * const sizes = (directory: string) => RemoteContext.lines(sh`du -s ${directory}/*`)
 *
 * const archive = (files: ReadonlyArray<string>) => RemoteContext.string(sh`tar -cf backup.tar -- ${files}`)
 * ```
 */
export const sh = (
  template: TemplateStringsArray,
  ...interpolations: ReadonlyArray<Interpolation>
): Command.Command => {
  const contextAfter = tracker()
  const secrets: Array<Redacted.Redacted<string>> = []
  let problem: string | undefined
  let script = ""

  const word = (value: Exclude<Interpolation, ReadonlyArray<unknown>>, isBare: boolean): string => {
    if (typeof value === "number" || typeof value === "bigint") return isBare ? String(value) : posix(String(value))
    if (typeof value === "string") return posix(value)
    if (Redacted.isRedacted(value)) {
      secrets.push(value)
      return posix(Redacted.value(value))
    }
    problem ??= `an interpolation is ${value === null ? "null" : typeof value}, not text`
    return "''"
  }

  const pieces = template.raw.map((raw) => raw.replace(/\\(`|\$\{)/g, "$1"))
  pieces.forEach((piece, index) => {
    script += piece
    const context = contextAfter(piece)
    if (index === interpolations.length) return
    const value = interpolations[index] as Interpolation
    const values = Array.isArray(value) ? value : [value]
    switch (context) {
      case "plain": {
        const next = pieces[index + 1] ?? ""
        // An empty array adds no word. If text touches it, it becomes an empty word, so that the texts are not joined.
        const isEnd = next === "" ? index + 1 === interpolations.length : /^[ \t\n;&|()<>]/.test(next)
        if (values.length === 0) script += isEnd && /(^|[ \t\n;&|()])$/.test(script) ? " " : "''"
        // A bare digit before a redirection would be a file descriptor, and after a tilde a user's home.
        const isBare = !/^\d*[<>]/.test(next) && !script.endsWith("~")
        script += values.map((each) => word(each, isBare && /^\d+$/.test(String(each)))).join(" ")
        break
      }
      case "single":
        script += `'${values.map((each) => word(each, false)).join(" ")}'`
        break
      case "double":
        script += `"${values.map((each) => word(each, false)).join(" ")}"`
        break
      case "unquotable": {
        const words = values.map((each) => word(each, true))
        if (words.length === 0 || !words.every((each) => /^-?\d+(\.\d+)?$/.test(each))) {
          problem ??=
            "an interpolation is in a position that cannot be quoted (backquotes, a here-document, a comment, " +
            "${...} or $((...))): assign it to a variable first, as in name=${value}, and use \"$name\" there"
        }
        script += words.join(" ")
      }
    }
  })

  return annotations.set(Command.make("/bin/sh", "-c", script) as Command.StandardCommand, { secrets, problem })
}
