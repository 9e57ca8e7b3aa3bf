/**
 * Words for tests of quoting.
 *
 * Unstable: shared by the tests of this repository, and may change in any release.
 *
 * @since 0.1.0
 */

/**
 * Words that shells, codecs and line readers trip over.
 *
 * @since 0.1.0
 * @category constants
 */
export const words: ReadonlyArray<string> = [
  "",
  " ",
  "two words",
  "it's",
  "\"quoted\"",
  "line\nend",
  "\n",
  "trailing\n",
  "tab\tand\rreturn",
  "$HOME ${HOME} $(id) `id`",
  "*",
  "~",
  "~root",
  "-",
  "-n",
  "--",
  "!",
  "!!",
  "a!b",
  "\\",
  "back\\slash",
  "%s %d %%",
  "a;b&c|d<e>f(g){h}[i]#j",
  "ünïcödé 漢字 🚀",
  "not UTF-8: \udcff\udc80\udcfe",
  "\u0001\u001b\u007f",
  "\"$er_nl\""
]
