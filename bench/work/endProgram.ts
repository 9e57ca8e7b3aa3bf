// The program of the two ends of a tunnel. Each is a process of its own, so that what is measured is the tunnel and not
// who uses it: `service` on the other side, `client` on this one.
import * as Net from "node:net"
import { performance } from "node:perf_hooks"

const mebibyte = 1024 * 1024

/** A request to the client: work through a port of 127.0.0.1. */
export type Request =
  | { readonly _tag: "Download"; readonly port: number; readonly mebibytes: number }
  | { readonly _tag: "Touch"; readonly port: number; readonly times: number }

/** The client's answer, or the service's message that it listens. */
export type Answer =
  | { readonly _tag: "Done"; readonly milliseconds: number }
  | { readonly _tag: "Failed"; readonly message: string }
  | { readonly _tag: "Listening"; readonly port: number }

const answer = (answer: Answer) => process.send?.(answer)

// == the service: the byte that a connection begins with is how many MiB it wants; for 0 it gets one byte

const block = Buffer.alloc(mebibyte / 4, "x")

const sendBlocks = (socket: Net.Socket, count: number): void => {
  if (count === 0) socket.end()
  else if (socket.write(block)) sendBlocks(socket, count - 1)
  else socket.once("drain", () => sendBlocks(socket, count - 1))
}

const serve = () => {
  const server = Net.createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => {})
    socket.once("data", ([mebibytes = 0]: Buffer) => {
      if (mebibytes === 0) socket.write("x")
      else sendBlocks(socket, mebibytes * 4)
    })
  })
  server.listen(0, "127.0.0.1", () => answer({ _tag: "Listening", port: (server.address() as Net.AddressInfo).port }))
}

// == the client

const buffer = Buffer.alloc(mebibyte / 4)

/** One connection, from opening it to the end of both directions. Closes when it has got what it wants. */
const connection = (port: number, mebibytes: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const wanted = mebibytes === 0 ? 1 : mebibytes * mebibyte
    let got = 0
    const onBytes = (count: number) => {
      got += count
      if (got === wanted) socket.end()
      return true
    }
    const socket = Net.connect({ host: "127.0.0.1", port, noDelay: true, onread: { buffer, callback: onBytes } })
    socket.on("error", reject)
    socket.on("close", () => got === wanted ? resolve() : reject(new Error(`${got} bytes came instead of ${wanted}`)))
    socket.write(Buffer.of(mebibytes))
  })

const fulfil = async (request: Request): Promise<void> => {
  if (request._tag === "Download") return connection(request.port, request.mebibytes)
  for (let time = 0; time < request.times; time++) await connection(request.port, 0)
}

const ask = (request: Request) => {
  const start = performance.now()
  fulfil(request).then(
    () => answer({ _tag: "Done", milliseconds: performance.now() - start }),
    (cause: unknown) => answer({ _tag: "Failed", message: String(cause) })
  )
}

// == which of them

if (process.argv[2] === "service") serve()
else process.on("message", ask)
process.on("disconnect", () => process.exit())
