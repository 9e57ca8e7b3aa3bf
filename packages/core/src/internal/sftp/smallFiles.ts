/**
 * Reads and writes whole small files in two round trips.
 */
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import * as text from "../lib/text.js"
import * as answers from "./answers.js"
import type { CallContext } from "./callContext.js"
import { type Exchange, pipelined } from "./exchange.js"
import * as found from "./found.js"
import * as newMode from "./newMode.js"
import type { WithClient } from "./withClient.js"

const cut = (length: number, size: number): ReadonlyArray<readonly [from: number, to: number]> =>
  Array.from({ length: Math.ceil(length / size) }, (_, index) => [
    index * size,
    Math.min(length, (index + 1) * size)
  ])

/**
 * Reads a file of up to `size` bytes, and its attributes after that.
 *
 * @internal
 */
export const read = (
  withClient: WithClient,
  call: CallContext,
  size: number
): Fx<readonly [bytes: Uint8Array, attributes: found.Found]> =>
  pipelined(
    withClient,
    {
      call,
      intent: "open",
      request: Sftp.Request.Open({ path: call.path, flags: Sftp.OpenFlags.read, attributes: {} })
    },
    ({ ask, client, close, end, handle, isOk }) => {
      // One more byte detects a file that has grown, or whose size is unknown.
      const ranges = cut(size + 1, client.readSize)
      const parts: Array<Uint8Array> = ranges.map(() => new Uint8Array())
      let attributes: found.Found | undefined
      let left = ranges.length + 2
      const done = () => {
        if (--left === 0) end(Effect.succeed([parts.length === 1 ? parts[0]! : text.concat(parts), attributes!]))
      }
      ranges.forEach(([from, to], index) =>
        ask(Sftp.Request.Read({ handle, offset: BigInt(from), length: to - from }), (answer) => {
          if (answer._tag === "Data" && answer.data.length <= to - from) parts[index] = answer.data
          else if (answer._tag !== "Status" || answer.code !== Sftp.StatusCode.eof) {
            return end(answers.refused(client, call, "read", answer))
          }
          done()
        })
      )
      ask(Sftp.Request.Fstat({ handle }), (answer) => {
        if (answer._tag !== "Attrs") return end(answers.refused(client, call, "look", answer))
        attributes = found.ofHandle(answer.attributes)
        done()
      })
      close((answer) => isOk(answer, "read") ? done() : undefined)
    }
  )

/** @internal */
export interface NewFile {
  readonly bytes: Uint8Array
  /** Attributes to set on the open file. */
  readonly attributes: Sftp.Attributes | undefined
  /** Accepts that the server refuses to set the mode, if the file grants no more than that. Default: false. */
  readonly isOptional?: boolean | undefined
  /** The mode to create it with, which the umask reduces. Default: that of `attributes`. */
  readonly created?: number | undefined
  readonly sync?: boolean
  /** See `Creation` of the requests. */
  readonly isTemporary?: boolean
  /** Called after the file was created. */
  readonly onCreated?: () => void
}

// Sends all requests after OPEN before the first answer arrives. The exchange ends with the final attributes.
const sendContent = (
  call: CallContext,
  { attributes, bytes, created = attributes?.permissions, isOptional = false, sync = false }: NewFile,
  { ask, client, close, end, handle, isOk }: Exchange<found.Written>
): void => {
  let own: found.Written | undefined
  let refusal: Sftp.Response | undefined
  let left = 1
  const done = () => {
    if (--left === 0) end(Effect.succeed(own!))
  }
  const expect = (answer: Sftp.Response) => isOk(answer, "write") ? done() : undefined
  const refused = (answer: Sftp.Response) =>
    end(answers.refused(client, { ...call, step: "setAttributes" }, "write", answer))
  const each = (request: Sftp.Request, then = expect) => {
    left++
    ask(request, then)
  }
  const settle = () => {
    // The umask may have reduced the mode at creation. The mode is set through the handle, because another file may have taken
    // the name. A server without modes may refuse this.
    if (attributes !== undefined) {
      each(Sftp.Request.Fsetstat({ handle, attributes }), (answer) => {
        if (answers.isOk(answer)) done()
        else if (answer._tag === "Status" && attributes.mtime === undefined) {
          refusal = answer
          done()
        } else refused(answer)
      })
    }
    if (sync && client.has("fsync")) each(Sftp.Request.Fsync({ handle }))
    each(Sftp.Request.Fstat({ handle }), (answer) => {
      if (answer._tag !== "Attrs") return end(answers.refused(client, call, "look", answer))
      own = found.ofHandle(answer.attributes)
      const given = own.permissions
      const isRefused = refusal !== undefined &&
        (given === undefined || (given & fileMode.permissionBits) !== attributes?.permissions)
      if (isRefused && isOptional && found.grantsNoMore(own, attributes?.permissions)) {
        own = { ...own, lacksMode: true }
        done()
      } else if (isRefused) refused(refusal!)
      else done()
    })
    close(expect)
  }
  const write = () => {
    // Some servers, such as Go's, take other requests ahead of earlier writes. Servers with fsync keep the order.
    const isOrdered = client.has("fsync")
    const pieces = cut(bytes.length, client.writeSize)
    let unwritten = pieces.length
    for (const [from, to] of pieces) {
      each(Sftp.Request.Write({ handle, offset: BigInt(from), data: bytes.subarray(from, to) }), (answer) => {
        if (!isOk(answer, "write")) return
        if (--unwritten === 0 && !isOrdered) settle()
        done()
      })
    }
    if (isOrdered || pieces.length === 0) settle()
  }
  if (!newMode.isInDoubt(client, created)) return write()
  // The content is written after the mode is right. A refusal shows in the final attributes.
  each(Sftp.Request.Fstat({ handle }), (answer) => {
    const permissions = answer._tag === "Attrs" ? newMode.missing(answer.attributes, created) : undefined
    if (permissions === undefined) write()
    else {
      each(Sftp.Request.Fsetstat({ handle, attributes: { permissions } }), () => {
        write()
        done()
      })
    }
    done()
  })
}

/**
 * Creates a file that must not exist. Returns its attributes.
 *
 * @internal
 */
export const write = (withClient: WithClient, call: CallContext, file: NewFile): Fx<found.Written> => {
  const { create, exclusive, write } = Sftp.OpenFlags
  const mode = file.created ?? file.attributes?.permissions
  const request = Sftp.Request.Open({
    path: call.path,
    flags: write | create | exclusive,
    attributes: mode === undefined ? {} : { permissions: mode }
  })
  return pipelined<found.Written>(
    withClient,
    {
      call,
      intent: "create",
      request,
      undo: file.isTemporary === true ? Sftp.Request.Remove({ path: call.path }) : undefined
    },
    (exchange) => {
      file.onCreated?.()
      sendContent(call, file, exchange)
    }
  )
}
