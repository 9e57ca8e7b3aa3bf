import type * as Transfer from "@effect-remote/core/Transfer"
import * as Duration from "effect/Duration"

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]

const bytes = (size: number): string => {
  let value = size
  let unit = 0
  // A value that rounds to 1024.0 is shown in the next unit.
  while (unit < units.length - 1 && value >= (unit === 0 ? 1024 : 1023.95)) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

// A time of a thousand days or more is unknown.
const time = (duration: Duration.Duration): string => {
  const seconds = Math.ceil(Duration.toSeconds(duration))
  const two = (part: number) => String(part).padStart(2, "0")
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  if (hours >= 24_000) return ""
  if (hours >= 100) return `${Math.floor(hours / 24)} days left`
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)} left`
}

const shareOf = ({ bytes, files, isDone, totalBytes, totalFiles }: Transfer.Progress): number => {
  if (isDone) return 1
  const share = totalBytes > 0n ? Number(bytes) / Number(totalBytes) : totalFiles > 0 ? files / totalFiles : 0
  return Math.min(1, share)
}

const bar = (share: number, width: number): string => {
  const filled = Math.floor(share * (width - 2))
  return `[${"=".repeat(filled)}${" ".repeat(width - 2 - filled)}]`
}

const gap = "  "
const bars = { least: 12, most: 32 } as const

interface Column {
  readonly text: string
  /** The width of the longest text. */
  readonly width: number
  readonly isNumber?: boolean
}

// The columns by their place. `bar` is drawn by `make`.
const columnsOf = (progress: Transfer.Progress, isStalled: boolean) => {
  const { files, isCounted, isDone, rate, timeLeft, totalBytes, totalFiles } = progress
  const isFinal = isCounted || isDone
  const atLeast = isFinal ? "" : "+"
  return {
    percent: { text: isFinal ? `${Math.floor(shareOf(progress) * 100)}%` : "? ", width: 4, isNumber: true },
    bytes: { text: `${bytes(Number(progress.bytes))} of ${bytes(Number(totalBytes))}${atLeast}`, width: 25 },
    files: { text: `${files} of ${totalFiles}${atLeast} files`, width: 23 },
    rate: { text: isStalled ? "stalled" : `${bytes(rate)}/s`, width: 12, isNumber: true },
    time: {
      text: timeLeft === undefined || isDone || !Duration.isFinite(timeLeft) ? "" : time(timeLeft),
      width: 13,
      isNumber: true
    }
  } satisfies Record<string, Column>
}

const places = ["percent", "bytes", "files", "rate", "time"] as const

// The most important column first. Only the width of the terminal decides which ones fit, so that none comes and goes.
const ranks = ["percent", "bytes", "time", "rate", "bar", "files"] as const

const padded = ({ isNumber, text, width }: Column): string => isNumber ? text.padStart(width) : text.padEnd(width)

/**
 * Formats a line for an output that is not a terminal.
 *
 * @internal
 */
export const plain = (progress: Transfer.Progress, isStalled = false): string => {
  const columns = columnsOf(progress, isStalled)
  return places.map((place) => columns[place].text.trim()).filter((text) => text !== "").join(gap)
}

/**
 * Formats a line of at most `width` characters for a terminal. Each column has a fixed width. Columns that do not fit are left
 * out, the least important first.
 *
 * @internal
 */
export const make = (progress: Transfer.Progress, width: number, isStalled = false): string => {
  const columns = columnsOf(progress, isStalled)
  const shown = new Set<string>()
  let used = -gap.length
  for (const rank of ranks) {
    const next = used + gap.length + (rank === "bar" ? bars.least : columns[rank].width)
    if (next > width) break
    used = next
    shown.add(rank)
  }
  const isFinal = progress.isCounted || progress.isDone
  const room = Math.min(bars.most, bars.least + width - used)
  const parts = [
    ...shown.has("bar") ? [bar(isFinal ? shareOf(progress) : 0, room)] : [],
    ...places.filter((place) => shown.has(place)).map((place) => padded(columns[place]))
  ]
  return parts.join(gap).trimEnd().slice(0, Math.max(0, width))
}
