import { internalSftp, type Settings } from "./server.js"

/** @internal */
export const quote = (text: string): string => `'${text.replace(/'/g, "'\\''")}'`

/**
 * Whether sessions are to differ from those of the account, so that they need a script of their own.
 *
 * @internal
 */
export const replacesLogin = (
  { environment = {}, forceCommand, home, loginShell }: {
    readonly environment?: Readonly<Record<string, string>> | undefined
    readonly forceCommand?: string | undefined
    readonly home?: string | undefined
    readonly loginShell?: string | undefined
  }
): boolean =>
  forceCommand !== internalSftp &&
  (loginShell !== undefined || home !== undefined || Object.keys(environment).length > 0)

/**
 * The program of a `ForceCommand` that makes a session look as if `loginShell`, `home` and `environment` were the
 * account's own.
 *
 * SHLVL is unset because bash reads `~/.bashrc` only where it believes that it was started by sshd itself.
 *
 * @internal
 */
export const loginScript = ({ account, environment, forceCommand, home, loginShell }: Settings): string => {
  const variables = {
    HOME: home ?? account.home,
    ...(loginShell === undefined ? {} : { SHELL: loginShell }),
    ...environment
  }
  const shell = loginShell === undefined ? "\"$SHELL\"" : quote(loginShell)
  return [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`),
    ...(home === undefined ? [] : [`cd ${quote(home)}`]),
    "unset SHLVL OLDPWD",
    ...(forceCommand === undefined
      ? [
        "if [ -z \"${SSH_ORIGINAL_COMMAND+set}\" ]; then",
        `  exec ${shell} -l`,
        "fi",
        "command=$SSH_ORIGINAL_COMMAND",
        "unset SSH_ORIGINAL_COMMAND"
      ]
      : [`command=${quote(forceCommand)}`]),
    `exec ${shell} -c "$command"`,
    ""
  ].join("\n")
}
