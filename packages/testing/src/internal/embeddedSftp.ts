import * as Effect from "effect/Effect"
import type { Subsystems } from "./embeddedSession.js"
import * as realFileSystem from "./realFileSystem.js"
import * as sftpServer from "./sftpServer.js"

/**
 * SFTP with the files of this machine.
 *
 * @internal
 */
export const serve: Subsystems[string] = (channel, { directory }, { log }) =>
  realFileSystem.make(directory).pipe(
    Effect.flatMap((fileSystem) => sftpServer.serve(channel, fileSystem, { say: log.say })),
    Effect.scoped,
    Effect.catchTag("PosixError", (error) => {
      log.say(`error: SFTP cannot begin in ${directory}: ${error.message}`)
      return Effect.succeed(1)
    })
  )
