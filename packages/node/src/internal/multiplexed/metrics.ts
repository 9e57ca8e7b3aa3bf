/**
 * What can be watched of connections, as Effect's metrics. Each has the tag `server.address`.
 */
import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"

// They go up and down, and so add up over the connections of a program.
const channelsOpen = Metric.counter("effect_remote_channels_open", {
  description: "Channels that are open on connections, half-open ones included"
})
const sessionsWaiting = Metric.counter("effect_remote_sessions_waiting", {
  description: "Commands and SFTP sessions that wait until the server allows one more"
})
const bytesSent = Metric.counter("effect_remote_sent_bytes", {
  description: "Bytes of the connection protocol sent, before encryption",
  incremental: true
})
const bytesReceived = Metric.counter("effect_remote_received_bytes", {
  description: "Bytes of the connection protocol received, after decryption",
  incremental: true
})
const reconnects = Metric.counter("effect_remote_reconnects", {
  description: "Connections made again after one was lost",
  incremental: true
})

/** @internal */
export interface Metrics {
  readonly channels: (change: number) => void
  readonly waiting: (change: number) => void
  readonly sent: (bytes: number) => void
  readonly received: (bytes: number) => void
  readonly reconnected: () => void
}

/** @internal */
export const make = (address: string): Metrics => {
  // The same list each time, by which a metric finds its hook at once: `Metric.tagged` has a new one for each update.
  const labels = [MetricLabel.make("server.address", address)]
  const of = (metric: Metric.Metric.Counter<number>) => (change: number) => {
    if (change !== 0) metric.unsafeUpdate(change, labels)
  }
  const reconnected = of(reconnects)
  return {
    channels: of(channelsOpen),
    waiting: of(sessionsWaiting),
    sent: of(bytesSent),
    received: of(bytesReceived),
    reconnected: () => reconnected(1)
  }
}
