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
 * What `sh` takes between its words: text and numbers become one word each, an array a word for each of its elements,
 * a `Redacted` a word that no error, log or span shows.
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
 * One word for a POSIX shell that stands for exactly this text.
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
 * A line of shell, run by `/bin/sh`, in which every interpolation is quoted, also where it stands within quotes. Where
 * no quoting would hold (backquotes, comments, `${...}`, `$((...))`, behind `<<` and behind what not every shell reads
 * alike: `$'...'`, `((`, a `case` in `$(...)`) only numbers may stand; anything else makes a command that fails with
 * `InvalidCommand` and is never sent.
 *
 * The exit code of a line with pipes is that of its last program: `sh` fails for `pg_dump | gzip` only if gzip does. Use
 * `Command.pipeTo`, of which every program counts (`StartOptions.pipefail`), or begin the line with `set -o pipefail` if the
 * host's `/bin/sh` has it: bash, busybox, mksh and newer versions of dash do, dash in Debian 12 does not.
 *
 * It holds for one reading. What reads the word as shell once more (`eval`, `sh -c "... ${x}"`, an arithmetic `$((name))` with
 * a variable that holds it) undoes it: hand such values over as arguments, `sh -c '...' sh ${x}`.
 *
 * The text is taken raw: a backslash is the shell's. Only `` \` `` and `\${`, which a template cannot do without, lose
 * theirs. The result is a platform `Command`: `Command.env`, `Command.workingDirectory`, `Command.feed` and
 * `Command.pipeTo` compose, and it runs locally unchanged. A `Redacted` that is interpolated is masked in errors, spans
 * and in the command's own `toString`; the host's process list shows it, as any argument.
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
        // Nothing takes the place of no word, unless what is around it would grow together.
        const isEnd = next === "" ? index + 1 === interpolations.length : /^[ \t\n;&|()<>]/.test(next)
        if (values.length === 0) script += isEnd && /(^|[ \t\n;&|()])$/.test(script) ? " " : "''"
        // A digit before a redirection would name a descriptor, behind a tilde a directory.
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
          problem ??= "an interpolation stands where no quoting holds (backquotes, a here-document, a comment, " +
            "${...} or $((...))): assign it to a variable first, as in name=${value}, and use \"$name\" there"
        }
        script += words.join(" ")
      }
    }
  })

  return annotations.set(Command.make("/bin/sh", "-c", script) as Command.StandardCommand, { secrets, problem })
}
