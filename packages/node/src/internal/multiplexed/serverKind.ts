/**
 * The kind of a server, by its identification (RFC 4253, section 4.2). A server may send any text there, so this decides
 * only how requests are made, never what is reported.
 */

/** @internal */
export interface ServerKind {
  /** OpenSSH's server. It answers every request, and ignores input of a command that it refuses. */
  readonly isOpenSsh: boolean
  /** TinySSH's server. It refuses every session after the first of a connection, even if the first has ended. */
  readonly servesOneSession: boolean
  /** Whether it connects to addresses. mod_sftp of proftpd ends the whole connection if it is asked to. */
  readonly connects: boolean
}

/**
 * The kind of a server with this name and version. `undefined`: the identification is not known.
 *
 * @internal
 */
export const of = (server: string | undefined): ServerKind => ({
  isOpenSsh: server?.startsWith("OpenSSH") === true,
  servesOneSession: server?.startsWith("tinyssh") === true,
  connects: server?.startsWith("mod_sftp") !== true
})
