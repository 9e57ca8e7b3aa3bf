import { type Errno, PosixError } from "../sftp/sftpFileSystem.js"

/**
 * The tree is synchronous: a call that is refused throws, and `attempt` of the adapter makes it a failure.
 *
 * @internal
 */
export const refuse: (errno: Errno) => never = (errno) => {
  throw new PosixError({ errno })
}
