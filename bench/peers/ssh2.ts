import { Effect } from "effect"
import * as Net from "node:net"
import ssh2 from "ssh2"
import { checkSize, command, type Contender, failed, type Files, incapable, repeat } from "../contender.js"
import { credentials } from "./credentials.js"

const fail = failed("ssh2")

const connect = (config: ssh2.ConnectConfig) =>
  Effect.acquireRelease(
    Effect.async<ssh2.Client, ReturnType<typeof fail>>((resume) => {
      const client = new ssh2.Client()
      client.on("error", (cause) => resume(Effect.fail(fail(cause))))
      client.on("ready", () => resume(Effect.succeed(client)))
      client.connect(config)
    }),
    (client) =>
      Effect.async<void>((resume) => {
        client.on("close", () => resume(Effect.void))
        client.end()
      })
  )

const run = (client: ssh2.Client) =>
  Effect.async<string, ReturnType<typeof fail>>((resume) => {
    client.exec(command.line, (error, channel) => {
      if (error) return resume(Effect.fail(fail(error)))
      const output: Array<Buffer> = []
      let status: unknown
      channel.on("data", (bytes: Buffer) => output.push(bytes))
      channel.stderr.resume()
      channel.on("exit", (code) => {
        status = code
      })
      channel.on("close", () =>
        resume(
          status === 0 ? Effect.succeed(Buffer.concat(output).toString()) : Effect.fail(fail(`exit status ${status}`))
        ))
    })
  })

const forward = (client: ssh2.Client, port: number) =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket> }>((resume) => {
      const sockets = new Set<Net.Socket>()
      const server = Net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
        sockets.add(socket)
        socket.on("close", () => sockets.delete(socket))
        socket.on("error", () => {})
        client.forwardOut("127.0.0.1", socket.remotePort ?? 0, "127.0.0.1", port, (error, channel) => {
          if (error) return socket.destroy()
          channel.on("error", () => socket.destroy())
          socket.pipe(channel).pipe(socket)
        })
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
    }),
    ({ server, sockets }) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  ).pipe(Effect.map(({ server }) => (server.address() as Net.AddressInfo).port))

const called = <A>(call: (done: (error: unknown, value: A) => void) => void) =>
  new Promise<A>((resolve, reject) => call((error, value) => error ? reject(error as Error) : resolve(value)))

const files = (client: ssh2.Client): Omit<Files, "atomicWrite" | "putTree" | "getTree"> => {
  let opened: Promise<ssh2.SFTPWrapper> | undefined
  const sftp = () => opened ??= called<ssh2.SFTPWrapper>((done) => client.sftp(done))
  const once = { times: 1, atOnce: 1 }
  return {
    exists: (path, repeated) =>
      repeat("ssh2", repeated, async () => {
        const session = await sftp()
        await called((done) => session.stat(path, done))
      }),
    read: (path, size, repeated) =>
      repeat("ssh2", repeated, async () => {
        const session = await sftp()
        checkSize((await called<Buffer>((done) => session.readFile(path, done))).length, size)
      }),
    write: (path, content, repeated) =>
      repeat("ssh2", repeated, async () => {
        const session = await sftp()
        await called((done) => session.writeFile(path, content as Buffer, (error) => done(error, undefined)))
      }),
    put: (local, remote) =>
      repeat("ssh2", once, async () => {
        const session = await sftp()
        await called((done) => session.fastPut(local, remote, (error) => done(error, undefined)))
      }),
    get: (remote, local) =>
      repeat("ssh2", once, async () => {
        const session = await sftp()
        await called((done) => session.fastGet(remote, local, (error) => done(error, undefined)))
      })
  }
}

export const viaSsh2: Contender = {
  name: "ssh2",
  can: ["run", "forward", "exists", "read", "write", "put", "get"],
  connect: (sshd) =>
    credentials(sshd).pipe(
      Effect.flatMap(connect),
      Effect.map((client) => ({
        ...incapable,
        run: run(client),
        forward: (port) => forward(client, port),
        ...files(client)
      }))
    )
}
