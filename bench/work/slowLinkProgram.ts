// The program of a slow link, a separate process: it forwards all bytes in both directions after a delay.
import * as Net from "node:net"
import { performance } from "node:perf_hooks"

const [target = "", delay = ""] = process.argv.slice(2)

const forward = (from: Net.Socket, to: Net.Socket): void => {
  const waiting: Array<{ readonly at: number; readonly bytes: Buffer | undefined }> = []
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    timer = undefined
    to.cork()
    while (waiting[0] !== undefined && waiting[0].at <= performance.now()) {
      const { bytes } = waiting.shift()!
      if (bytes === undefined) to.end()
      else to.write(bytes)
    }
    to.uncork()
    if (waiting[0] !== undefined) timer = setTimeout(flush, Math.max(1, waiting[0].at - performance.now()))
  }
  const take = (bytes: Buffer | undefined) => {
    waiting.push({ at: performance.now() + Number(delay), bytes })
    timer ??= setTimeout(flush, Number(delay))
  }
  from.on("data", take)
  from.on("end", () => take(undefined))
  from.on("error", () => to.destroy())
  from.on("close", () => setTimeout(() => to.destroy(), 2 * Number(delay)))
}

const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = Net.connect({ host: "127.0.0.1", port: Number(target), allowHalfOpen: true, noDelay: true })
  forward(near, far)
  forward(far, near)
})
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as Net.AddressInfo).port))
process.on("disconnect", () => process.exit())
