/**
 * Quotes a word for a POSIX shell, at any position. Without quotes, a `2` before `>` would be a file descriptor, and `if` a
 * keyword.
 *
 * @internal
 */
export const posix = (word: string): string => `'${word.replace(/'/g, `'\\''`)}'`

const bare = /^[A-Za-z0-9_@+:,./-][A-Za-z0-9_@%+=:,./-]*$/

const assignment = /^[A-Za-z_][A-Za-z0-9_]*\+?=/

const keyword = /^(if|then|elif|else|fi|do|done|case|esac|while|until|for|in|select|function|time|coproc)$/

/**
 * Formats a command as a line for a POSIX shell, with quotes only where they are needed.
 *
 * @internal
 */
export const line = (words: ReadonlyArray<string>): string =>
  words.map((word, index) =>
    bare.test(word) && (index > 0 || !(keyword.test(word) || assignment.test(word))) ? word : posix(word)
  ).join(" ")

/**
 * Quotes a word without line ends for any login shell (`sh`, `bash`, `zsh`, `fish`, `tcsh`). Backslashes, quotes and
 * exclamation marks are outside of the quotes, because `fish` and `tcsh` interpret them even within.
 *
 * @internal
 */
export const loginShell = (word: string): string => `'${word.replace(/['\\!]/g, (char) => `'\\${char}'`)}'`
