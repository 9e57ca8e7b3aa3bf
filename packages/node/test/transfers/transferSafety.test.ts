/** Transfers among files of other users, and with another process that changes names meanwhile. */
import { LocalMachine, RemoteFileSystem, Transfer } from "@effect-remote/core"
import type { LocalHash } from "@effect-remote/core/LocalHash"
import { NodeMachine, OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { partialName } from "../../../core/src/internal/transfer/names.js"
import { openssh, servers } from "../suites/servers.js"

const isRoot = process.getuid?.() === 0
const another = { uid: 12345, gid: 54321 }

const content = new Uint8Array(900_003).map((_, at) => (at * 7919 + (at >> 8)) % 251)

const known = (path: string) => {
  const { gid, mode, uid } = Fs.lstatSync(path)
  return [uid, gid, (mode & 0o7777).toString(8)]
}

const outcome = ({ entries }: Transfer.Result) => entries[0]!.outcome

const fromStart = Transfer.Outcome.Copied({ resumedAt: 0n })

const writeOld = (path: string, bytes: Uint8Array) => {
  Fs.writeFileSync(path, bytes)
  Fs.utimesSync(path, 1e9, 1e9)
}

/** Makes a partial file of `source` with its first `size` bytes, and returns its path. */
const makePartial = (source: string, target: string, size: number): string => {
  const { mtimeMs } = Fs.statSync(source)
  const at = target.lastIndexOf("/")
  const name = partialName(target.slice(at + 1), { size: BigInt(content.length), mtime: mtimeMs })
  const path = `${target.slice(0, at)}/${name}`
  Fs.writeFileSync(path, content.subarray(0, size))
  return path
}

for (const kind of servers) {
  describe(`transfers among others, ${kind} server`, () => {
    const onServer = <A, E>(use: (fs: RemoteFileSystem.RemoteFileSystem, directory: string) => Effect.Effect<A, E>) =>
      Effect.gen(function*() {
        const { directory, host } = yield* Sshd.make({ kind, loginShell: "sh" })
        yield* Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) => use(fs, directory)).pipe(
          Effect.provide(OpenSsh.layer(host))
        )
      })

    // FOUND E9
    it.scopedLive("resumes its own closed partial file, and neither an open one nor another user's", () =>
      onServer((fs, directory) =>
        Effect.gen(function*() {
          const [source, target, kept] = ["from", "to", "kept"].map((name) => `${directory}/${name}`) as [
            string,
            string,
            string
          ]
          writeOld(source, content)
          Fs.chmodSync(source, 0o600)
          const cases: ReadonlyArray<readonly [resumedAt: bigint, change: (path: string) => void]> = [
            [400_000n, (path) => Fs.chmodSync(path, 0o600)],
            [0n, (path) => Fs.chmodSync(path, 0o666)],
            [0n, (path) => Fs.chmodSync(path, 0o620)],
            ...isRoot
              ? [
                [0n, (path: string) => {
                  Fs.chmodSync(path, 0o600)
                  Fs.chownSync(path, another.uid, another.gid)
                }] as const
              ]
              : []
          ]
          for (const transfer of [fs.put, fs.get]) {
            for (const [resumedAt, change] of cases) {
              const partial = makePartial(source, target, 400_000)
              change(partial)
              Fs.linkSync(partial, kept)
              const before = known(kept)
              const result = yield* transfer(source, target, { resume: true })
              assert.deepStrictEqual(outcome(result), Transfer.Outcome.Copied({ resumedAt }))
              assert.isTrue(Fs.readFileSync(target).equals(content))
              if (resumedAt === 0n) {
                assert.strictEqual(Fs.statSync(kept).size, 400_000)
                assert.deepStrictEqual(known(kept), before)
              }
              assert.deepStrictEqual(Fs.readdirSync(directory).filter((name) => name.startsWith(".effect")), [])
              Fs.rmSync(kept)
              Fs.rmSync(target)
            }
          }
        })
      ))

    // FOUND E10
    it.scopedLive("get sets modes and times by the handle, and renames what it has written alone", () =>
      Effect.gen(function*() {
        const { directory, host } = yield* Sshd.make({ kind, loginShell: "sh" })
        const to = `${directory}/to`
        const precious = `${directory}/precious`
        writeOld(`${directory}/from`, content)
        writeOld(precious, content)
        Fs.chmodSync(precious, 0o600)
        Fs.mkdirSync(to)
        let isSwapped = false
        const swap = () => {
          if (isSwapped) return
          isSwapped = true
          const name = Fs.readdirSync(to).find((name) => name.startsWith(".effect-remote-"))!
          Fs.renameSync(`${to}/${name}`, `${directory}/away`)
          Fs.symlinkSync(precious, `${to}/${name}`)
        }
        // Called for each piece that has come. The digests are equal: only the file shows the change.
        const hash: LocalHash = { make: () => Effect.succeed({ update: swap, hex: () => "the same for all" }) }
        const error = yield* RemoteFileSystem.make.pipe(
          Effect.flatMap((fs) =>
            Effect.flip(
              fs.get(`${directory}/from`, `${to}/file`, {
                verify: "digest",
                preserve: { mode: true, timestamps: true }
              })
            )
          ),
          Effect.provideService(LocalMachine.LocalMachine, { ...yield* NodeMachine.make, hash }),
          Effect.provide(OpenSsh.layer(host))
        )
        assert(error._tag === "TransferError")
        const failed = error.entries[0]?.outcome
        assert(failed?._tag === "Failed" && failed.error._tag === "SystemError")
        assert.strictEqual(failed.error.reason, "InvalidData")
        assert.match(failed.error.message, /not the file that was written/)
        assert.isTrue(isSwapped)
        assert.strictEqual(known(precious)[2], "600")
        assert.deepStrictEqual(Fs.readdirSync(to), [])
      }))

    // FOUND A7, and the siblings of E8
    it.scopedLive.skipIf(!isRoot)(
      "put and get as root leave a service its file, and give nobody a secret in /tmp",
      () =>
        onServer((fs, directory) =>
          Effect.gen(function*() {
            for (const [index, transfer] of [fs.put, fs.get].entries()) {
              const at = `${directory}/${index}`
              Fs.mkdirSync(at)
              Fs.writeFileSync(`${at}/source`, "secret=2", { mode: 0o644 })
              Fs.writeFileSync(`${at}/.env`, "secret=1", { mode: 0o600 })
              Fs.chownSync(`${at}/.env`, 33, 33)
              yield* transfer(`${at}/source`, `${at}/.env`)
              assert.deepStrictEqual(known(`${at}/.env`), [33, 33, "600"])
              assert.strictEqual(Fs.readFileSync(`${at}/.env`, "utf8"), "secret=2")
              // Any user who may write there can have made it to receive our data.
              Fs.mkdirSync(`${at}/shared`)
              Fs.chmodSync(`${at}/shared`, 0o1777)
              Fs.chmodSync(`${at}/source`, 0o600)
              Fs.writeFileSync(`${at}/shared/report`, "")
              Fs.chmodSync(`${at}/shared/report`, 0o666)
              Fs.chownSync(`${at}/shared/report`, another.uid, another.gid)
              yield* transfer(`${at}/source`, `${at}/shared/report`)
              assert.deepStrictEqual(known(`${at}/shared/report`), [0, Fs.statSync(`${at}/source`).gid, "600"])
            }
          })
        )
    )
  })
}

const sftpServer = ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/libexec/openssh/sftp-server"]
  .find((path) => Fs.existsSync(path))

/** An ordinary user of this machine. */
const ordinary = (() => {
  try {
    const id = (what: string) =>
      Number(execFileSync("id", [what, "remote-test"], { stdio: ["ignore", "pipe", "ignore"] }))
    return { name: "remote-test", uid: id("-u"), gid: id("-g") }
  } catch {
    return undefined
  }
})()

// Only root can serve another user.
describe.skipIf(!openssh || !isRoot || ordinary === undefined || sftpServer === undefined)(
  "transfers of an ordinary user among others, whom only root can serve",
  () => {
    const { gid, name, uid } = ordinary ?? { ...another, name: "" }

    const asOrdinary = <A, E>(use: (fs: RemoteFileSystem.RemoteFileSystem, at: string) => Effect.Effect<A, E>) =>
      Effect.gen(function*() {
        const forceCommand = `exec runuser -u ${name} -- ${sftpServer}`
        const { host } = yield* Sshd.make({ kind: "openssh", loginShell: "sh", forceCommand })
        const at = yield* Effect.acquireRelease(
          Effect.sync(() => Fs.mkdtempSync("/tmp/effect-remote-shared-")),
          (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
        )
        Fs.chmodSync(at, 0o777)
        yield* Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) => use(fs, at)).pipe(
          Effect.provide(OpenSsh.layer(host))
        )
      })

    // FOUND A7
    it.scopedLive("a member keeps the group and its rights, and others get no more than the source gives", () =>
      asOrdinary((fs, at) =>
        Effect.gen(function*() {
          const cases = [
            [0o600, gid, 0o644, [uid, gid, "600"]],
            [0o640, gid, 0o600, [uid, gid, "640"]],
            [0o666, gid, 0o600, [uid, gid, "660"]],
            [0o666, gid, 0o644, [uid, gid, "664"]],
            [0o664, another.gid, 0o644, [uid, gid, "644"]],
            [0o664, another.gid, 0o600, [uid, gid, "600"]]
          ] as const
          for (const size of [100, content.length]) {
            for (const [before, group, mode, expected] of cases) {
              Fs.writeFileSync(`${at}/source`, content.subarray(0, size))
              Fs.chmodSync(`${at}/source`, mode)
              Fs.writeFileSync(`${at}/target`, "before")
              Fs.chmodSync(`${at}/target`, before)
              Fs.chownSync(`${at}/target`, another.uid, group)
              yield* fs.put(`${at}/source`, `${at}/target`)
              assert.deepStrictEqual(known(`${at}/target`), [...expected], `${before.toString(8)} ${group} ${size}`)
            }
          }
        })
      ))

    // FOUND E9
    it.scopedLive("another user's partial file that cannot be removed is left alone", () =>
      asOrdinary((fs, at) =>
        Effect.gen(function*() {
          Fs.chmodSync(at, 0o1777)
          writeOld(`${at}/source`, content)
          Fs.chmodSync(`${at}/source`, 0o600)
          const partial = makePartial(`${at}/source`, `${at}/target`, 1)
          Fs.chmodSync(partial, 0o666)
          Fs.chownSync(partial, another.uid, another.gid)
          const result = yield* fs.put(`${at}/source`, `${at}/target`, { resume: true })
          assert.deepStrictEqual(outcome(result), fromStart)
          assert.strictEqual(Fs.statSync(partial).size, 1)
          assert.deepStrictEqual(known(`${at}/target`), [uid, gid, "600"])
          assert.isTrue(Fs.readFileSync(`${at}/target`).equals(content))
        })
      ))
  }
)
