import { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Command } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { FileSystem } from "@effect/platform/FileSystem"
import { Context, Effect, Layer } from "effect"
import { type BenchError, checkSize, command, type Contender, failed, type Files, type Repeated } from "./contender.js"

/** The subject that is measured against the peers. */
const subject = OpenSsh.layer

const fail = Effect.mapError(failed("ours"))

const repeatedly =
  ({ atOnce, times }: Repeated) => <E>(once: Effect.Effect<unknown, E>): Effect.Effect<void, BenchError> =>
    fail(Effect.replicateEffect(once, times, { concurrency: atOnce, discard: true }))

const files = (fs: RemoteFileSystem.RemoteFileSystem, local: FileSystem): Files => {
  const put = (from: string, to: string) => Effect.asVoid(fail(fs.put(from, to, { local })))
  const get = (from: string, to: string) => Effect.asVoid(fail(fs.get(from, to, { local })))
  return {
    exists: (path, repeated) =>
      repeatedly(repeated)(Effect.filterOrDieMessage(fs.exists(path), (found) => found, "not found")),
    read: (path, size, repeated) =>
      repeatedly(repeated)(Effect.map(fs.readFile(path), (bytes) => checkSize(bytes.length, size))),
    write: (path, content, repeated) => repeatedly(repeated)(fs.writeFile(path, content)),
    atomicWrite: (path, content, repeated) => repeatedly(repeated)(fs.atomicWrite(path, content)),
    put,
    get,
    putTree: put,
    getTree: get
  }
}

export const ours: Contender = {
  name: "ours",
  can: ["run", "forward", "exists", "read", "write", "atomicWrite", "put", "get", "putTree", "getTree"],
  connect: ({ host }) =>
    Effect.gen(function*() {
      const services = yield* fail(Layer.build(subject(host)))
      const context = Context.get(services, RemoteContext.RemoteContext)
      const local = Context.get(yield* Layer.build(NodeFileSystem.layer), FileSystem)
      return {
        run: fail(context.string(Command.make(command.program, command.argument))),
        forward: (port: number) =>
          fail(Effect.map(context.tunnel({ remoteHost: "127.0.0.1", remotePort: port }), ({ localPort }) => localPort)),
        ...files(Context.get(services, RemoteFileSystem.RemoteFileSystem), local)
      }
    })
}
