/**
 * Servers that report less about a file than OpenSSH's does.
 */
import * as LocalMachine from "@effect-remote/core/LocalMachine"
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import * as Wire from "@effect-remote/core/protocol/Wire"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import { type Channel, Transport } from "@effect-remote/core/Transport"
import * as NodeMachine from "@effect-remote/node/NodeMachine"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { ConformanceHost } from "../../../ConformanceHost.js"
import type { Group } from "../cases.js"
import { directory, failsWith, localDirectory, localFiles, write } from "../support.js"

type Change = (attributes: Sftp.Attributes) => Sftp.Attributes

const changed = (response: Sftp.Response, change: Change): Sftp.Response =>
  response._tag === "Attrs"
    ? Sftp.Response.Attrs({ attributes: change(response.attributes) })
    : response._tag === "Name"
    ? Sftp.Response.Name({
      entries: response.entries.map((entry) => ({ ...entry, attributes: change(entry.attributes) }))
    })
    : response

// The answers of a server, with other attributes.
const through = ({ consume: _, ...channel }: Channel, change: Change): Channel => {
  const split = Wire.splitter(Sftp.longestPacket)
  let isHello = true
  const rewrite = (packet: Uint8Array): Uint8Array => {
    if (isHello) {
      isHello = false
      return Sftp.encodeHello("server", Either.getOrThrow(Sftp.decodeHello("server", packet)))
    }
    const { id, packet: response } = Either.getOrThrow(Sftp.decodeResponse(packet))
    return Sftp.encodeResponse(id, changed(response, change))
  }
  const read: Channel["read"] = Effect.flatMap(
    channel.read,
    Option.match({
      onNone: () => Effect.succeedNone,
      onSome: (bytes) => {
        const packets = Array.from(split(bytes), (packet) => rewrite(Either.getOrThrow(packet)))
        return packets.length === 0 ? read : Effect.succeedSome(new Uint8Array(Buffer.concat(packets)))
      }
    })
  )
  return { ...channel, read }
}

// The files of the host, by a server that changes attributes.
const over = (change: Change) =>
  Effect.gen(function*() {
    const transport = yield* Transport
    const lesser: typeof transport = {
      ...transport,
      subsystem: (name, options) =>
        Effect.map(transport.subsystem(name, options), (channel) => through(channel, change))
    }
    return yield* RemoteFileSystem.make.pipe(
      Effect.provideService(Transport, lesser),
      Effect.provideServiceEffect(LocalMachine.LocalMachine, NodeMachine.make)
    )
  })

const kinds: ReadonlyArray<readonly [what: string, change: Change]> = [
  ["mode but 0", (found) => ({ ...found, permissions: 0 })],
  ["types in its modes", (found) => ({ ...found, permissions: (found.permissions ?? 0) & 0o7777 })],
  ["sizes", ({ size: _, ...others }) => others],
  ["attributes", () => ({})]
]

/** @internal */
export const lesserServers: Group = (test) => {
  for (const [what, change] of kinds) {
    // B16, D10
    test(`a server that reports no ${what} has whole files, trees and reasons`, () =>
      Effect.gen(function*() {
        const { files } = yield* ConformanceHost
        const fs = yield* over(change)
        const path = yield* directory
        const at = (name: string) => `${path}/${name}`
        const large = "x".repeat(70_000)
        const local = yield* localFiles
        const here = yield* localDirectory
        yield* local.makeDirectory(`${here}/tree/below`, { recursive: true })
        yield* write(local, `${here}/tree/small`, "small")
        yield* write(local, `${here}/tree/below/large`, large)
        for (const content of ["text", large, "again"]) {
          yield* fs.atomicWrite(at("file"), content)
          assert.strictEqual(yield* files.readFileString(at("file")), content)
        }
        assert.strictEqual((yield* files.stat(at("file"))).mode & 0o600, 0o600)
        yield* files.symlink("file", at("link"))
        yield* fs.atomicWrite(at("link"), "by a link")
        assert.strictEqual(yield* files.readFileString(at("file")), "by a link")
        // The second transfer replaces every file.
        for (const options of [{}, { resume: true }]) {
          yield* fs.put(`${here}/tree`, at("tree"), options)
          assert.strictEqual(yield* files.readFileString(at("tree/small")), "small")
          assert.strictEqual(yield* files.readFileString(at("tree/below/large")), large)
          yield* fs.get(at("tree"), `${here}/back`, options)
          assert.strictEqual(yield* local.readFileString(`${here}/back/below/large`), large)
        }
        assert.deepStrictEqual(yield* fs.listFiles(at("tree")), [at("tree/below/large"), at("tree/small")])
        assert.strictEqual(yield* fs.isDirectory(at("tree")), true)
        assert.strictEqual((yield* fs.lstat(at("link"))).type, "SymbolicLink")
        yield* fs.access(at("tree/small"), { readable: true, writable: true })
        assert.strictEqual(yield* failsWith(fs.access(at("no"), { writable: true })), "NotFound")
        assert.strictEqual(yield* failsWith(fs.atomicWrite(at("tree"), "x")), "BadResource")
        assert.strictEqual(yield* failsWith(fs.readDirectory(at("file"))), "BadResource")
        assert.strictEqual(yield* failsWith(fs.readFile(at("file/below"))), "BadResource")
        yield* fs.remove(at("tree"), { recursive: true })
        assert.sameMembers(yield* files.readDirectory(path), ["file", "link"])
      }))
  }
}
