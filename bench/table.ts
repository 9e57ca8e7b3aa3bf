/** The figures of one work item. */
export interface Row {
  readonly work: string
  readonly unit: string
  readonly better: "lower" | "higher"
  readonly ours: number
  readonly peers: Readonly<Record<string, number>>
}

export interface Measured extends Row {
  /** How far the rounds of one contender lay apart, at the most: half of them within this part of the median. */
  readonly noise: number
  readonly goal: string
}

/** How many times as good as the best peer ours is. */
const standing = ({ better, ours, peers }: Row): string => {
  const goodness = (figure: number) => better === "lower" ? 1 / figure : figure
  const ranked = Object.entries(peers).sort(([, a], [, b]) => goodness(b) - goodness(a))
  const [best] = ranked
  return best === undefined ? "" : `${(goodness(ours) / goodness(best[1])).toFixed(2)} × ${best[0]}`
}

const shown = (figure: number | undefined): string =>
  figure === undefined ? "-" : Number(figure.toPrecision(3)).toString()

/** The rows as text, the columns aligned. "Ours to the best" is above 1 where ours is better than the best peer. */
export const render = (rows: ReadonlyArray<Measured>): string => {
  const peers = [...new Set(rows.flatMap(({ peers }) => Object.keys(peers)))]
  const lines = [
    ["work", "unit", "better", "ours", ...peers, "ours to the best", "goal", "noise"],
    ...rows.map((row) => [
      row.work,
      row.unit,
      row.better,
      shown(row.ours),
      ...peers.map((peer) => shown(row.peers[peer])),
      standing(row),
      row.goal,
      `${(row.noise * 100).toFixed(0)} %`
    ])
  ]
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  const isText = (column: number) => column < 3 || (column >= lines[0]!.length - 3 && column < lines[0]!.length - 1)
  return lines.map((line) =>
    line.map((cell, column) => {
      const width = widths[column]!
      return isText(column) ? cell.padEnd(width) : cell.padStart(width)
    }).join("  ").trimEnd()
  ).join("\n")
}
