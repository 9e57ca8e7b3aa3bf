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

const time = (duration: Duration.Duration): string => {
  const seconds = Math.ceil(Duration.toSeconds(duration))
  const two = (part: number) => String(part).padStart(2, "0")
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
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

/**
 * Formats a line of at most `width` characters. Parts that do not fit are left out, the least important first. Without
 * `width`, the line is plain and has all parts.
 *
 * @internal
 */
export const make = (progress: Transfer.Progress, width?: number): string => {
  const { files, isCounted, isDone, rate, timeLeft, totalBytes, totalFiles } = progress
  const isFinal = isCounted || isDone
  const share = shareOf(progress)
  const atLeast = isFinal ? "" : "+"
  const parts = [
    { text: isFinal ? `${Math.floor(share * 100)}%`.padStart(4) : "  ? ", rank: 0 },
    { text: `${bytes(Number(progress.bytes))} of ${bytes(Number(totalBytes))}${atLeast}`, rank: 1 },
    { text: `${files} of ${totalFiles}${atLeast} files`, rank: 4 },
    { text: `${bytes(rate)}/s`, rank: 3 },
    ...timeLeft === undefined || isDone || !Duration.isFinite(timeLeft)
      ? []
      : [{ text: `${time(timeLeft)} left`, rank: 2 }]
  ]
  const textOf = (ranks: number) => parts.filter(({ rank }) => rank <= ranks).map(({ text }) => text).join(gap)
  if (width === undefined) return textOf(parts.length).trim()
  let ranks = parts.length
  while (ranks > 0 && textOf(ranks).length > width) ranks--
  const text = textOf(ranks)
  const room = Math.min(bars.most, width - text.length - gap.length)
  return room < bars.least ? text.slice(0, Math.max(0, width)) : `${bar(isFinal ? share : 0, room)}${gap}${text}`
}
