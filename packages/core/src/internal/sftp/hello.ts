/**
 * The beginning of an SFTP session: version, extensions and limits of the server.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Sftp from "../../protocol/Sftp.js"
import type * as Wire from "../../protocol/Wire.js"
import type { RemoteConnectionError } from "../../RemoteError.js"
import * as text from "../lib/text.js"
import type { MakeError } from "./conversation.js"

/** @internal */
export const version = 3

// Every server accepts packets of 34000 bytes (draft-ietf-secsh-filexfer-02, section 3).
const sizeWithoutLimits = 32768

// The most data that OpenSSH's server accepts in one packet.
const largestSize = 261120

// A smaller limit is ignored, because the overhead of a request would exceed its data.
const smallestSize = 1024

// Limit for a server that reports none. It has at least 256 file descriptors in total.
const handlesWithoutLimit = 128
const mostHandles = 1_000_000

/**
 * Whether the server offers an extension.
 *
 * @internal
 */
export type Has = (extension: keyof typeof Sftp.extensions) => boolean

/**
 * The hint for a server that does not begin in time.
 *
 * @internal
 */
export const slow = "Check that no startup file of the login shell waits, and that `sftpServer` is an SFTP server. " +
  "A slow host needs a larger connectTimeout."

/**
 * The error of a session that the host ended. `hasBegun`: whether it had sent its first packet.
 *
 * @internal
 */
export const ended = (error: MakeError, hasBegun: boolean): RemoteConnectionError =>
  error("ConnectionLost", "the SFTP server ended the session", {
    ...(!hasBegun && {
      hint: "Check that the program of the subsystem sftp in sshd_config, or `sftpServer`, exists on the host."
    })
  })

// As a packet, the output of a shell has an impossible length.
const notSftp = (error: MakeError, beginning: Uint8Array, message: string): RemoteConnectionError => {
  const printed = text.display(beginning).split("\0")[0] ?? ""
  return printed.trim().length === 0
    ? error("Protocol", `the host did not start an SFTP server: ${message}`, {
      hint: "Check that the subsystem sftp in sshd_config, or `sftpServer`, is an SFTP server."
    })
    : error("Protocol", "the host printed something before SFTP began", {
      output: printed,
      hint: "A startup file of the login shell prints this: it must not, if the shell is not interactive. " +
        "Or the account does not allow SFTP: its login shell or a ForceCommand prints this instead."
    })
}

/**
 * The extensions that the first packet offers. `beginning` is the first output of the host, for the error.
 *
 * @internal
 */
export const decode = (
  packet: Either.Either<Uint8Array, Wire.MalformedError>,
  beginning: Uint8Array,
  error: MakeError
): Effect.Effect<Has, RemoteConnectionError> => {
  const hello = Either.flatMap(packet, (packet) => Sftp.decodeHello("server", packet))
  if (Either.isLeft(hello)) return Effect.fail(notSftp(error, beginning, hello.left.message))
  if (hello.right.version !== version) {
    return Effect.fail(error("Protocol", `the SFTP server speaks version ${hello.right.version}, not ${version}`))
  }
  const offered = new Map(hello.right.extensions)
  return Effect.succeed((extension) => {
    const [name, version] = Sftp.extensions[extension]
    return offered.get(name) === version
  })
}

/** @internal */
export interface Limits {
  /** Maximum number of bytes to read in one request. */
  readonly readSize: number
  /** Maximum number of bytes to write in one request. */
  readonly writeSize: number
  /** Maximum number of open handles. */
  readonly handles: number
}

const sizeOf = (limit: bigint): number =>
  limit === 0n ? largestSize : Math.max(smallestSize, Math.min(largestSize, Number(limit)))

/**
 * The limits in the answer to `limits@openssh.com`, `undefined` for a server without it.
 *
 * @internal
 */
export const limitsOf = (
  answer: Sftp.Response | undefined,
  error: MakeError
): Effect.Effect<Limits, RemoteConnectionError> => {
  if (answer?._tag !== "ExtendedReply") {
    return Effect.succeed({
      readSize: sizeWithoutLimits,
      writeSize: sizeWithoutLimits,
      handles: handlesWithoutLimit
    })
  }
  return Effect.mapBoth(Sftp.decodeLimits(answer.data), {
    onFailure: ({ message }) => error("Protocol", message),
    onSuccess: ({ handles, read, write }) => ({
      readSize: sizeOf(read),
      writeSize: sizeOf(write),
      handles: handles === 0n ? handlesWithoutLimit : Math.min(mostHandles, Number(handles))
    })
  })
}
