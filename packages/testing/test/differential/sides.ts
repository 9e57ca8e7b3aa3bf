/**
 * The two hosts: the double, and this machine through `sshd`.
 */
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import { Transport } from "@effect-remote/core/Transport"
import { OpenSsh } from "@effect-remote/node"
import { InMemoryHost, Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { Context, Effect, Layer, type Scope } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import type { Side } from "./side.js"
import * as transfers from "./transfers.js"
import * as trees from "./trees.js"

/** Has the services of the double changed, for tests of the test. */
export type Defect = (side: Side) => Side

export interface Comparison {
  /** Runs something on both, in a directory that is new and empty, and is gone afterwards. */
  readonly both: <A>(
    run: (side: Side) => Effect.Effect<A>,
    defect?: Defect
  ) => Effect.Effect<readonly [real: A, double: A]>
}

// Deep enough that nothing that leads out of it by `..` leads out of what is private to the test.
const depth = "in/a/directory"

const made = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      fs.mkdirSync(path, { recursive: true })
      return path
    }),
    () => Effect.sync(() => trees.removeHere(path))
  )

export class Sides extends Context.Tag("@effect-remote/testing/test/Sides")<Sides, Comparison>() {}

/** A server, and a connection to it, for as many programs as are run. */
export const make: Effect.Effect<Comparison, never, Scope.Scope> = Effect.orDie(Effect.gen(function*() {
  const scratch = yield* Effect.acquireRelease(
    Effect.sync(() => fs.realpathSync(fs.mkdtempSync(`${os.tmpdir()}/effect-remote-differential-`))),
    (path) => Effect.sync(() => trees.removeHere(path))
  )
  const source = yield* made(`${scratch}/source`)
  transfers.prepare(source)

  // With this login shell, startup files of the account cannot affect the comparison, because they are not read.
  const sshd = yield* Sshd.make({ kind: "openssh", loginShell: "sh" })
  const services = yield* Layer.build(OpenSsh.layer(sshd.host))
  const context = Context.get(services, RemoteContext.RemoteContext)
  const account = os.userInfo()
  const user = {
    name: account.username,
    uid: account.uid,
    gid: account.gid,
    groups: process.getgroups?.() ?? [],
    home: account.homedir
  }
  const umask = parseInt(yield* context.string(Command.make("sh", "-c", "umask")), 8)

  const common = { context, transport: Context.get(services, Transport) }
  const real = (root: string, top: string): Side => ({
    ...common,
    name: "sshd",
    files: Context.get(services, RemoteFileSystem.RemoteFileSystem),
    root,
    local: { source, target: `${scratch}/target` },
    drop: sshd.dropConnections,
    wipe: (path) => Effect.sync(() => trees.wipeHere(path)),
    tree: Effect.sync(() => trees.ofThisMachine(top))
  })

  const double = (root: string, top: string) =>
    Effect.map(
      InMemoryHost.make({
        unknownCommands: "notFound",
        host: { ...sshd.host, hostKeys: undefined, knownHostsFile: undefined, keyFile: undefined },
        username: user.name,
        users: [user],
        umask,
        // made by the user, from the one that is private to the test on
        directories: Object.fromEntries(
          [scratch, top, ...["in", "in/a", depth].map((below) => `${top}/${below}`)].map((path) => [
            path,
            { owner: user.uid, group: user.gid, mode: 0o755 }
          ])
        )
      }),
      (host): Side => ({
        name: "InMemoryHost",
        transport: host.transport,
        context: host.context,
        files: host.fileSystem,
        root,
        local: { source, target: `${scratch}/target` },
        drop: host.dropConnection,
        wipe: (path) => Effect.ignore(host.files.remove(path, { recursive: true, force: true })),
        tree: trees.ofHost(host, top, user)
      })
    )

  let count = 0
  const both: Comparison["both"] = (run, defect = (side) => side) =>
    Effect.scoped(Effect.gen(function*() {
      const top = `${scratch}/${String(++count).padStart(6, "0")}`
      const root = `${yield* made(top)}/${depth}`
      fs.mkdirSync(root, { recursive: true })
      const inDouble = yield* run(defect(yield* Effect.orDie(double(root, top))))
      return [yield* run(real(root, top)), inDouble] as const
    }))
  return { both }
}))

export const layer: Layer.Layer<Sides> = Layer.scoped(Sides, make)
