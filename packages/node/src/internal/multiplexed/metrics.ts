/**
 * Metrics of connections. Each has the tag `server.address`.
 */
import * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"

// Counters that also decrease, so that the values of all connections add up.
const channelsOpen = Metric.counter("effect_remote_channels_open", {
  description: "Open channels on connections, including half-open ones"
})
const sessionsWaiting = Metric.counter("effect_remote_sessions_waiting", {
  description: "Commands and SFTP sessions that wait for a free session"
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
  description: "Reconnections after a connection was lost",
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
  // The array must be the same for each update, because a metric uses it as a key. `Metric.tagged` would make a new one each
  // time.
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
