import * as Effect from "effect/Effect"
import * as realFileSystem from "../../sftp/realFileSystem.js"
import * as sftpServer from "../../sftp/sftpServer.js"
import type { Subsystems } from "./session.js"

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
