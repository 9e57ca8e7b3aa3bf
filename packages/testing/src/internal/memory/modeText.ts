import { bits } from "./permissions.js"

const special = [
  { shift: 6, bit: bits.setuid, letter: "s" },
  { shift: 3, bit: bits.setgid, letter: "s" },
  { shift: 0, bit: bits.sticky, letter: "t" }
] as const

/**
 * Permissions as `ls -l` has them.
 *
 * @internal
 */
export const modeText = (mode: number): string =>
  special.map(({ bit, letter, shift }) => {
    const executes = (mode >> shift & 1) !== 0
    const last = (mode & bit) === 0 ? executes ? "x" : "-" : executes ? letter : letter.toUpperCase()
    return ((mode >> shift & 4) === 0 ? "-" : "r") + ((mode >> shift & 2) === 0 ? "-" : "w") + last
  }).join("")
