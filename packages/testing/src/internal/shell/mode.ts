import * as fileMode from "./fileMode.js"

/**
 * The mode that a text, of octal digits or symbols, makes of another; `undefined`: it is none.
 *
 * @internal
 */
export const changeMode = (text: string, before: number, isDirectory: boolean, umask = 0o022): number | undefined => {
  if (/^[0-7]{1,5}$/.test(text)) {
    const mode = Number.parseInt(text, 8)
    if (mode > fileMode.permissionBits) return undefined
    // a directory keeps the bits that are not named
    return isDirectory && text.length < 5 ? mode | before & (fileMode.setUserId | fileMode.setGroupId) : mode
  }
  let mode = before
  for (const clause of text.split(",")) {
    const match = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause)
    if (match === null) return undefined
    const [, who = "", actions = ""] = match
    const everyone = who === "" || who.includes("a")
    const groups = [
      { letter: "u", shift: 6, special: fileMode.setUserId },
      { letter: "g", shift: 3, special: fileMode.setGroupId },
      { letter: "o", shift: 0, special: 0 }
    ].filter(({ letter }) => everyone || who.includes(letter))
    const ceiling = who === "" ? ~umask : ~0
    for (const [, operator, rights = ""] of actions.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)) {
      let bits = 0
      let cleared = 0
      for (const { letter, shift, special } of groups) {
        const copied = rights === "u" ? mode >> 6 & 7 : rights === "g" ? mode >> 3 & 7 : rights === "o" ? mode & 7 : 0
        const executes = rights.includes("x") ||
          rights.includes("X") && (isDirectory || (mode & fileMode.executeBits) !== 0)
        const named = /^[ugo]$/.test(rights)
          ? copied
          : (rights.includes("r") ? 4 : 0) | (rights.includes("w") ? 2 : 0) | (executes ? 1 : 0)
        bits |= named << shift | (rights.includes("s") && letter !== "o" ? special : 0)
        cleared |= 7 << shift | (isDirectory ? 0 : special)
      }
      if (rights.includes("t") && (everyone || who.includes("o"))) bits |= fileMode.sticky
      bits &= ceiling
      if (operator === "+") mode |= bits
      else if (operator === "-") mode &= ~bits
      else mode = mode & ~cleared | bits
    }
  }
  return mode
}
