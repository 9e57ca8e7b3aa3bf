/**
 * Requests for names: resolving paths, links, and renaming.
 */
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import * as answers from "./answers.js"
import type { CallContext } from "./callContext.js"
import * as checkPath from "./checkPath.js"
import type { Client } from "./client.js"
import * as errors from "./errors.js"
import * as explainNaming from "./explainNaming.js"
import * as linkedPath from "./linkedPath.js"
import { ask, offers, unsupported, type WithClient } from "./withClient.js"

const nameIn = (client: Client, call: CallContext, request: Sftp.Request): Fx<string> =>
  Effect.flatMap(ask(client, call, request), (answer) =>
    answer._tag === "Name" && answer.entries[0] !== undefined
      ? Effect.succeed(answer.entries[0].filename)
      : answers.refused(client, call, "look", answer))

const askName = (
  withClient: WithClient,
  call: CallContext,
  request: Sftp.Request,
  check?: (call: CallContext) => Fx<void>
): Fx<string> =>
  withClient(
    call,
    (client) => nameIn(client, call, request),
    check
  )

/**
 * The real path. OpenSSH's server resolves links, and is known by its `lsetstat`. Others may only make the path absolute.
 *
 * @internal
 */
export const realPath = (withClient: WithClient, call: CallContext): Fx<string> =>
  withClient(call, (client) => {
    const real = (path: string) => nameIn(client, call, Sftp.Request.Realpath({ path }))
    if (client.has("lsetstat")) return real(call.path)
    const directory = call.path.startsWith("/") ? Effect.succeed("/") : real(".")
    return Effect.flatMap(Effect.flatMap(directory, (path) => linkedPath.resolve(client, call, path)), real)
  })

/** @internal */
export const readLink = (withClient: WithClient, call: CallContext): Fx<string> =>
  askName(withClient, call, Sftp.Request.Readlink({ path: call.path }))

/** @internal */
export const expandPath = (withClient: WithClient, call: CallContext): Fx<string> =>
  Effect.gen(function*() {
    const { path } = call
    if (yield* offers(withClient, call, "expandPath")) {
      return yield* askName(withClient, call, Sftp.Request.ExpandPath({ path }), checkPath.checkName)
    }
    if (path === "~") return yield* realPath(withClient, { ...call, path: "." })
    if (path.startsWith("~/")) return yield* realPath(withClient, { ...call, path: `./${path.slice(2)}` })
    return yield* path.startsWith("~")
      ? unsupported(call, "expand `~user` (expand-path@openssh.com)")
      : realPath(withClient, call)
  })

const changeNames = (
  withClient: WithClient,
  call: CallContext,
  to: string,
  choose: (client: Client) => Renaming
): Fx<void> =>
  Effect.zipRight(
    checkPath.checkPath({ method: call.method, path: to }),
    withClient(call, (client) => {
      const [intent, request] = choose(client)
      return Effect.flatMap(ask(client, call, request), (answer) => expectNamed(client, call, to, intent, answer))
    })
  )

// A request that renames a file, and the fate of an existing file.
type Renaming = readonly [intent: explainNaming.NamingIntent, request: Sftp.Request]

// Replaces an existing file if the server offers `posix-rename@openssh.com`. The draft's own rename fails if it exists.
const renaming = (client: Client, from: string, to: string): Renaming =>
  client.has("posixRename")
    ? ["replace", Sftp.Request.PosixRename({ from, to })]
    : ["rename", Sftp.Request.Rename({ from, to })]

const expectNamed = (
  client: Client,
  call: CallContext,
  to: string,
  intent: Renaming[0],
  answer: Sftp.Response
): Fx<void> =>
  answers.isOk(answer)
    ? Effect.void
    : answer._tag === "Status"
    ? explainNaming.status(client, call, to, intent, answer)
    : answers.unexpected(call, answer)

/** @internal */
export const rename = (withClient: WithClient, call: CallContext, to: string): Fx<void> =>
  changeNames(withClient, call, to, (client) => renaming(client, call.path, to))

const hardLink = (withClient: WithClient, call: CallContext, to: string): Fx<void> =>
  changeNames(withClient, call, to, () => ["create", Sftp.Request.Hardlink({ from: call.path, to })])

/** @internal */
export const link = (withClient: WithClient, call: CallContext, to: string): Fx<void> =>
  Effect.zipRight(
    checkPath.checkPath({ method: call.method, path: to }),
    Effect.flatMap(
      offers(withClient, call, "hardlink"),
      (offered) => offered ? hardLink(withClient, call, to) : unsupported(call, "make hard links")
    )
  )

// A rename of a name to itself changes nothing. It succeeds only if the server's rename replaces what exists.
const checkRename = (withClient: WithClient, call: CallContext, to: string): Fx<void> =>
  withClient(
    call,
    (client) =>
      Effect.flatMap(ask(client, call, Sftp.Request.Rename({ from: call.path, to: call.path })), (answer) =>
        answers.isOk(answer)
          ? unsupported(
            { ...call, path: to },
            "write a file only if it is absent: its rename replaces files, and hard links are missing"
          )
          : Effect.void)
  )

/**
 * Fails if the new name exists, in one step. Returns whether the old name is gone.
 *
 * @internal
 */
export const renameIfAbsent = (
  withClient: WithClient,
  call: CallContext,
  to: string,
  removeFile: (call: CallContext) => Fx<void>
): Fx<boolean> =>
  Effect.flatMap(offers(withClient, call, "hardlink"), (offered) =>
    offered
      ? Effect.zipRight(
        hardLink(withClient, call, to),
        // The file already has its new name, so a failure to remove the old one is only reported.
        Effect.match(removeFile(call), { onFailure: errors.isNotFound, onSuccess: () => true })
      )
      // OpenSSH's own rename uses a hard link if it can. Otherwise it checks and then renames, which is not one step.
      : Effect.zipRight(
        checkRename(withClient, call, to),
        Effect.as(
          changeNames(withClient, call, to, () => ["create", Sftp.Request.Rename({ from: call.path, to })]),
          true
        )
      ))
