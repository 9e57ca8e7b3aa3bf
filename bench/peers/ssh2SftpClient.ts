import { Effect } from "effect"
import type { EventEmitter } from "node:events"
import SftpClient from "ssh2-sftp-client"
import { checkSize, type Contender, failed, incapable, repeat } from "../contender.js"
import { credentials } from "./credentials.js"

const name = "ssh2-sftp-client"
const fail = failed(name)

export const viaSsh2SftpClient: Contender = {
  name,
  can: ["exists", "read", "write", "put", "get", "putTree", "getTree"],
  connect: (sshd) =>
    Effect.gen(function*() {
      const config = yield* credentials(sshd)
      const client = yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: async () => {
            const client = new SftpClient()
            // The client adds listeners for each concurrent request, and Node.js warns of many.
            const { client: inner } = client as unknown as { readonly client: EventEmitter }
            inner.setMaxListeners(0)
            await client.connect(config)
            return client
          },
          catch: fail
        }),
        (client) => Effect.promise(() => client.end())
      )
      const attempt = (call: () => Promise<unknown>) => Effect.asVoid(Effect.tryPromise({ try: call, catch: fail }))
      return {
        ...incapable,
        exists: (path, repeated) =>
          repeat(name, repeated, async () => {
            if (await client.exists(path) !== "-") throw new Error("not found")
          }),
        read: (path, size, repeated) =>
          repeat(name, repeated, async () => checkSize((await client.get(path) as Buffer).length, size)),
        write: (path, content, repeated) =>
          repeat(name, repeated, async () => {
            await client.put(Buffer.from(content), path)
          }),
        put: (local, remote) => attempt(() => client.fastPut(local, remote)),
        get: (remote, local) => attempt(() => client.fastGet(remote, local)),
        putTree: (local, remote) => attempt(() => client.uploadDir(local, remote)),
        getTree: (remote, local) => attempt(() => client.downloadDir(remote, local))
      }
    })
}
