/**
 * The `st_mode` of POSIX: a type and permission bits.
 */

/** The permission bits, with set-user-id, set-group-id and sticky. @internal */
export const permissionBits = 0o7777

/** The permission bits of owner, group and others. @internal */
export const accessBits = 0o777

/** Set-user-id, set-group-id and sticky. @internal */
export const specialBits = 0o7000

/** @internal */
export const setUserId = 0o4000

/** @internal */
export const setGroupId = 0o2000

/** @internal */
export const sticky = 0o1000

/** @internal */
export const executeBits = 0o111

const typeBits = 0o170000

const types: Readonly<Record<number, string>> = {
  0o010000: "p",
  0o020000: "c",
  0o040000: "d",
  0o060000: "b",
  0o100000: "f",
  0o120000: "l",
  0o140000: "s"
}

/** The letter of the type, as in `find -type`. `?` for an unknown one. @internal */
export const typeOf = (mode: number): string => types[mode & typeBits] ?? "?"
