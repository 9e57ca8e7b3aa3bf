/**
 * Requests with a path. Their errors are those of the platform.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Sftp from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import * as answers from "./answers.js"
import type { CallContext } from "./callContext.js"
import * as checkPath from "./checkPath.js"
import type { Undo } from "./conversation.js"
import * as errors from "./errors.js"
import type * as explain from "./explain.js"
import * as found from "./found.js"
import * as listDirectory from "./listDirectory.js"
import * as names from "./names.js"
import * as newMode from "./newMode.js"
import * as openFile from "./openFile.js"
import type { Session } from "./session.js"
import * as smallFiles from "./smallFiles.js"
import * as sftpWithClient from "./withClient.js"

/**
 * Options for creating an entry.
 *
 * @internal
 */
export interface Creation {
  /**
   * Whether the name is known only to this client. If the request succeeds after it was abandoned, the new file or directory
   * is then removed. Default: false.
   */
  readonly isTemporary?: boolean
}

/** @internal */
export interface Operations {
  /** For messages. */
  readonly host: string
  readonly stat: (call: CallContext) => Fx<found.Found>
  readonly lstat: (call: CallContext) => Fx<found.Found>
  /** Follows links. */
  readonly setAttributes: (call: CallContext, attributes: Sftp.Attributes) => Fx<void>
  /** Does not follow a link. */
  readonly setLinkAttributes: (call: CallContext, attributes: Sftp.Attributes) => Fx<void>
  /** Resolves links, `.` and `..`. The last part of the path need not exist. */
  readonly realPath: (call: CallContext) => Fx<string>
  /** Like `realPath`, but expands a leading `~` or `~user`. */
  readonly expandPath: (call: CallContext) => Fx<string>
  readonly readLink: (call: CallContext) => Fx<string>
  /** Creates a link at the call's path. */
  readonly symlink: (call: CallContext, target: string) => Fx<void>
  /** Creates a hard link to the call's file. */
  readonly link: (call: CallContext, to: string) => Fx<void>
  readonly space: (call: CallContext) => Fx<Sftp.FileSystemInfo>
  readonly offers: (call: CallContext, extension: keyof typeof Sftp.extensions) => Fx<boolean>
  readonly makeDirectory: (call: CallContext, attributes: Sftp.Attributes, creation?: Creation) => Fx<void>
  readonly removeDirectory: (call: CallContext) => Fx<void>
  readonly removeFile: (call: CallContext) => Fx<void>
  /** Replaces an existing file in one step. */
  readonly rename: (call: CallContext, to: string) => Fx<void>
  /**
   * Renames in one step, and fails with `AlreadyExists` if the new name exists. Of two concurrent callers, one succeeds.
   * Returns whether the old name is removed, which needs a second step on some servers.
   */
  readonly renameIfAbsent: (call: CallContext, to: string) => Fx<boolean>
  /** Checks whether a directory can be listed. */
  readonly openDirectory: (call: CallContext) => Effect.Effect<void, PlatformError, Scope.Scope>
  readonly list: (call: CallContext, options?: listDirectory.ListOptions) => Fx<ReadonlyArray<Sftp.Entry>>
  readonly open: (
    call: CallContext,
    flags: number,
    attributes: Sftp.Attributes,
    creation?: Creation
  ) => Effect.Effect<openFile.OpenFile, PlatformError, Scope.Scope>
  /** Reads a file of up to `size` bytes, and its attributes after that: two round trips. */
  readonly readSmallFile: (
    call: CallContext,
    size: number
  ) => Fx<readonly [bytes: Uint8Array, attributes: found.Found]>
  /** Creates a file that must not exist, and returns its attributes: two round trips. */
  readonly writeSmallFile: (call: CallContext, file: smallFiles.NewFile) => Fx<found.Written>
}

const change = (
  withClient: sftpWithClient.WithClient,
  call: CallContext,
  intent: explain.Intent,
  request: Sftp.Request,
  undo?: Undo
): Fx<void> =>
  withClient(
    call,
    (client) =>
      Effect.flatMap(
        sftpWithClient.ask(client, call, request, undo),
        (answer) => answers.expectOk(client, call, intent, answer)
      )
  )

const look = (
  withClient: sftpWithClient.WithClient,
  call: CallContext,
  request: Extract<Sftp.Request, { readonly _tag: "Stat" | "Lstat" }>
): Fx<found.Found> =>
  withClient(call, (client) =>
    sftpWithClient.ask(client, call, request).pipe(
      Effect.flatMap((answer) => answers.expectAttributes(client, call, answer)),
      Effect.flatMap((attributes) => found.ofPath(client, call, attributes, request._tag === "Stat"))
    ))

const makeDirectory = (
  withClient: sftpWithClient.WithClient,
  call: CallContext,
  attributes: Sftp.Attributes,
  { isTemporary = false }: Creation = {}
): Fx<void> => {
  const { path } = call
  const undo = isTemporary ? Sftp.Request.Rmdir({ path }) : undefined
  const mode = attributes.permissions
  return Effect.zipRight(
    change(withClient, call, "create", Sftp.Request.Mkdir({ path, attributes }), undo),
    mode === undefined
      ? Effect.void
      : withClient(call, (client) =>
        newMode.isInDoubt(client, mode)
          ? newMode.ensure(
            path,
            mode,
            look(withClient, call, Sftp.Request.Lstat({ path })),
            (attributes) => change(withClient, call, "change", Sftp.Request.Setstat({ path, attributes }))
          )
          : Effect.void)
  )
}

const statvfs = (withClient: sftpWithClient.WithClient, call: CallContext): Fx<Sftp.FileSystemInfo> =>
  withClient(
    call,
    (client) =>
      client.has("statvfs")
        ? Effect.flatMap(sftpWithClient.ask(client, call, Sftp.Request.Statvfs({ path: call.path })), (answer) =>
          answer._tag === "ExtendedReply"
            ? Effect.mapError(
              Sftp.decodeFileSystem(answer.data),
              ({ message }) => errors.system(call, "Unknown", undefined, message)
            )
            : answers.refused(client, call, "look", answer))
        : sftpWithClient.unsupported(call, "report the space on a disk (statvfs@openssh.com)")
  )

/** @internal */
export const make = (session: Session, host: string): Operations => {
  const withClient = sftpWithClient.make(session)
  const offers: Operations["offers"] = (call, extension) => sftpWithClient.offers(withClient, call, extension)
  const removeFile: Operations["removeFile"] = (call) =>
    change(withClient, call, "remove", Sftp.Request.Remove({ path: call.path }))
  return {
    host,
    offers,
    stat: (call) => look(withClient, call, Sftp.Request.Stat({ path: call.path })),
    lstat: (call) => look(withClient, call, Sftp.Request.Lstat({ path: call.path })),
    setAttributes: (call, attributes) =>
      change(
        withClient,
        call,
        attributes.size === undefined ? "change" : "openToWrite",
        Sftp.Request.Setstat({ path: call.path, attributes })
      ),
    setLinkAttributes: (call, attributes) =>
      Effect.flatMap(offers(call, "lsetstat"), (offered) =>
        offered
          ? change(withClient, call, "change", Sftp.Request.Lsetstat({ path: call.path, attributes }))
          : sftpWithClient.unsupported(call, "change a link")),
    realPath: (call) => names.realPath(withClient, call),
    expandPath: (call) => names.expandPath(withClient, call),
    readLink: (call) => names.readLink(withClient, call),
    symlink: (call, target) =>
      Effect.zipRight(
        checkPath.checkName({ method: call.method, path: target }),
        change(withClient, call, "create", Sftp.Request.Symlink({ target, path: call.path }))
      ),
    link: (call, to) => names.link(withClient, call, to),
    space: (call) => statvfs(withClient, call),
    makeDirectory: (call, attributes, creation) => makeDirectory(withClient, call, attributes, creation),
    removeDirectory: (call) => change(withClient, call, "removeDirectory", Sftp.Request.Rmdir({ path: call.path })),
    removeFile,
    rename: (call, to) => names.rename(withClient, call, to),
    renameIfAbsent: (call, to) => names.renameIfAbsent(withClient, call, to, removeFile),
    openDirectory: (call) => withClient(call, (client) => Effect.asVoid(listDirectory.openDirectory(client, call))),
    list: (call, options) => listDirectory.list(withClient, call, options),
    open: (call, flags, attributes, { isTemporary = false } = {}) =>
      withClient(call, (client) =>
        openFile.open(
          client,
          call,
          Sftp.Request.Open({ path: call.path, flags, attributes }),
          isTemporary ? Sftp.Request.Remove({ path: call.path }) : undefined
        )),
    readSmallFile: (call, size) => smallFiles.read(withClient, call, size),
    writeSmallFile: (call, file) => smallFiles.write(withClient, call, file)
  }
}
