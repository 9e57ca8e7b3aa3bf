/**
 * Headers of ustar, with pax extensions for values that do not fit. Texts are byte strings, as in `bytes.ts`.
 */
import * as bytes from "../bytes.js"
import * as fileMode from "../fileMode.js"

/** @internal */
export const blockSize = 512

/** @internal */
export interface Member {
  readonly name: string
  /** The letter of its type: `0` file, `1` hard link, `2` symbolic link, `5` directory, and those of extensions. */
  readonly type: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: number
  readonly target: string
  readonly user: string
  readonly group: string
}

/** @internal */
export const padding = (size: number): number => (blockSize - size % blockSize) % blockSize

const sumOf = (block: Uint8Array): number =>
  block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0)

/** Splits a long name at a slash into prefix and name. `undefined` without a suitable slash. */
const split = (name: string): readonly [string, string] | undefined => {
  if (name.length <= 100) return ["", name]
  const at = name.slice(0, 156).lastIndexOf("/", name.length - 2)
  return at > 0 && name.length - at - 1 <= 100 ? [name.slice(0, at), name.slice(at + 1)] : undefined
}

const fits = (value: number, digits: number): boolean => value >= 0 && value < 8 ** digits

const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`
  let size = rest.length
  while (`${size}`.length + rest.length !== size) size = `${size}`.length + rest.length
  return `${size}${rest}`
}

const plain = (member: Member, [prefix, name]: readonly [string, string]): Uint8Array => {
  const block = new Uint8Array(blockSize)
  const text = (at: number, length: number, value: string) => block.set(bytes.encode(value.slice(0, length)), at)
  const number = (at: number, digits: number, value: number) =>
    text(at, digits, (fits(value, digits) ? value : 0).toString(8).padStart(digits, "0"))
  text(0, 100, name)
  number(100, 7, member.mode)
  number(108, 7, member.uid)
  number(116, 7, member.gid)
  number(124, 11, member.size)
  number(136, 11, member.mtime)
  text(156, 1, member.type)
  text(157, 100, member.target)
  text(257, 8, "ustar\x0000")
  text(265, 31, member.user)
  text(297, 31, member.group)
  text(345, 155, prefix)
  text(148, 8, `${sumOf(block).toString(8).padStart(6, "0")}\0 `)
  return block
}

/**
 * The blocks before the content of a member.
 *
 * @internal
 */
export const encode = (member: Member): Uint8Array => {
  const parts = split(member.name)
  const records = [
    parts === undefined ? record("path", member.name) : "",
    member.target.length > 100 ? record("linkpath", member.target) : "",
    fits(member.uid, 7) ? "" : record("uid", `${member.uid}`),
    fits(member.gid, 7) ? "" : record("gid", `${member.gid}`),
    fits(member.size, 11) ? "" : record("size", `${member.size}`),
    fits(member.mtime, 11) ? "" : record("mtime", `${member.mtime}`)
  ].join("")
  const header = plain(member, parts ?? ["", member.name.slice(0, 100)])
  if (records === "") return header
  const extension = { ...member, name: "", type: "x", size: records.length, target: "", mtime: 0 }
  return Buffer.concat([
    plain(extension, ["", "PaxHeaders/extended"]),
    bytes.encode(records),
    new Uint8Array(padding(records.length)),
    header
  ])
}

const numberAt = (block: Uint8Array, at: number, length: number): number | undefined => {
  if ((block[at] ?? 0) >= 0x80) {
    const bits = length * 8
    const hex = Buffer.from(block.subarray(at, at + length)).toString("hex")
    // the highest bit says that the number is binary
    return Number(BigInt.asIntN(bits - 1, BigInt(`0x${hex}`)))
  }
  const digits = /^ *([0-7]*)[ \0]*$/.exec(bytes.decode(block.subarray(at, at + length)))?.[1]
  return digits === undefined ? undefined : digits === "" ? 0 : parseInt(digits, 8)
}

/**
 * The member of a header. `undefined`: it is damaged.
 *
 * @internal
 */
export const decode = (block: Uint8Array): Member | undefined => {
  const text = (at: number, length: number) => bytes.decode(block.subarray(at, at + length)).replace(/\0[^]*$/, "")
  const mode = numberAt(block, 100, 8)
  const uid = numberAt(block, 108, 8)
  const gid = numberAt(block, 116, 8)
  const size = numberAt(block, 124, 12)
  const mtime = numberAt(block, 136, 12)
  if (numberAt(block, 148, 8) !== sumOf(block)) return undefined
  if (mode === undefined || uid === undefined || gid === undefined || size === undefined || mtime === undefined) {
    return undefined
  }
  if (!Number.isSafeInteger(size) || size < 0) return undefined
  const magic = bytes.decode(block.subarray(257, 263))
  const prefix = magic === "ustar\0" ? text(345, 155) : ""
  const name = prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`
  const letter = text(156, 1) || "0"
  const type = letter === "7" ? "0" : letter
  return {
    name,
    type: type === "0" && name.endsWith("/") ? "5" : type,
    mode: mode & fileMode.permissionBits,
    uid,
    gid,
    size,
    mtime,
    target: text(157, 100),
    user: text(265, 32),
    group: text(297, 32)
  }
}

/**
 * The records of a pax extension. `undefined`: it is damaged.
 *
 * @internal
 */
export const records = (text: string): ReadonlyMap<string, string> | undefined => {
  const found = new Map<string, string>()
  for (let rest = text; rest !== "";) {
    const size = Number(/^([0-9]{1,7}) /.exec(rest)?.[1])
    const one = rest.slice(0, size)
    const match = /^[0-9]+ ([^=]+)=([^]*)\n$/.exec(one)
    if (one.length !== size || match === null) return undefined
    found.set(match[1] ?? "", match[2] ?? "")
    rest = rest.slice(size)
  }
  return found
}
