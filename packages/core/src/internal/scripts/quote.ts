/**
 * A word for a POSIX shell, any text, in any place: bare, a `2` before `>` would be a descriptor and an `if` a keyword.
 *
 * @internal
 */
export const posix = (word: string): string => `'${word.replace(/'/g, `'\\''`)}'`

const bare = /^[A-Za-z0-9_@+:,./-][A-Za-z0-9_@%+=:,./-]*$/

const assignment = /^[A-Za-z_][A-Za-z0-9_]*\+?=/

const keyword = /^(if|then|elif|else|fi|do|done|case|esac|while|until|for|in|select|function|time|coproc)$/

/**
 * A command as a line for a POSIX shell, with no more quotes than it needs.
 *
 * @internal
 */
export const line = (words: ReadonlyArray<string>): string =>
  words.map((word, index) =>
    bare.test(word) && (index > 0 || !(keyword.test(word) || assignment.test(word))) ? word : posix(word)
  ).join(" ")

/**
 * A word for any login shell (`sh`, `bash`, `zsh`, `fish`, `tcsh`), for text without line ends: backslashes, quotes and
 * exclamation marks leave the quotes, since `fish` and `tcsh` see them even there.
 *
 * @internal
 */
export const loginShell = (word: string): string => `'${word.replace(/['\\!]/g, (char) => `'\\${char}'`)}'`
