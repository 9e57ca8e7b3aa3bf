import { Effect } from "effect"
import { Ends } from "./ends.js"
import type { Work } from "./work.js"

const mebibytes = 192
const megabytes = mebibytes * 1.048576
const connections = 50

/** From a service on the other side to a client on this one, through one connection. */
export const tunnelThroughput: Work<Ends> = {
  name: "tunnel-throughput",
  unit: "MB/s",
  better: "higher",
  needs: "forward",
  prepare: (contender, sshd) =>
    Effect.gen(function*() {
      const ends = yield* Ends
      const connection = yield* contender.connect(sshd)
      const port = yield* connection.forward(ends.port)
      return Effect.map(ends.ask({ _tag: "Download", port, mebibytes }), (time) => megabytes / (time / 1000))
    })
}

/** Connections one after the other: opened, one byte each way, closed on both sides. */
export const tunnelOpen: Work<Ends> = {
  name: "tunnel-open",
  unit: "ms/connection",
  better: "lower",
  needs: "forward",
  prepare: (contender, sshd) =>
    Effect.gen(function*() {
      const ends = yield* Ends
      const connection = yield* contender.connect(sshd)
      const port = yield* connection.forward(ends.port)
      return Effect.map(ends.ask({ _tag: "Touch", port, times: connections }), (time) => time / connections)
    })
}
