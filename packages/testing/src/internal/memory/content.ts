/**
 * The content of files. Holes do not use memory.
 */
import { refuse } from "./refusal.js"

/**
 * The space that all files of a volume share.
 *
 * @internal
 */
export interface Space {
  /** In bytes. If it is less than `used`, the disk is full. */
  quota: number
  used: number
  /** A further, temporary limit in bytes. */
  cap: () => number
  /** Called when a write did not fit, or not completely. */
  onFull: () => void
}

/** @internal */
export const roomIn = ({ cap, quota, used }: Space): number => Math.max(0, Math.min(quota, cap()) - used)

const blockSize = 4096
const smallest = 64

/**
 * As ext4 has it.
 *
 * @internal
 */
export const largestFile = (2 ** 32 - 1) * blockSize

interface Block {
  bytes: Uint8Array
  /** As far as it was written; zeros follow. */
  used: number
}

/** @internal */
export class Content {
  size = 0
  readonly #blocks = new Map<number, Block>()
  readonly #space: Space

  constructor(space: Space) {
    this.#space = space
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)))
    for (let done = 0; done < bytes.length;) {
      const start = (offset + done) % blockSize
      const count = Math.min(blockSize - start, bytes.length - done)
      const block = this.#blocks.get(Math.floor((offset + done) / blockSize))
      if (block !== undefined) bytes.set(block.bytes.subarray(start, Math.min(start + count, block.used)), done)
      done += count
    }
    return bytes
  }

  /** As much as there is space for. */
  write(offset: number, bytes: Uint8Array): number {
    if (bytes.length === 0) return 0
    const room = largestFile - offset
    if (room <= 0) refuse("EFBIG")
    const wanted = Math.min(bytes.length, room)
    let done = 0
    while (done < wanted) {
      const start = (offset + done) % blockSize
      const count = Math.min(blockSize - start, wanted - done)
      const written = this.#fill(Math.floor((offset + done) / blockSize), start, bytes.subarray(done, done + count))
      done += written
      if (written < count) {
        this.#space.onFull()
        break
      }
    }
    if (done === 0) refuse("ENOSPC")
    this.size = Math.max(this.size, offset + done)
    return done
  }

  resize(size: number): void {
    if (size > largestFile) refuse("EFBIG")
    if (size < this.size) {
      const last = Math.floor(size / blockSize)
      for (const [index, block] of this.#blocks) {
        if (index > last) this.#drop(index, block)
        else if (index === last) this.#cut(index, block, size % blockSize)
      }
    }
    this.size = size
  }

  #fill(index: number, start: number, bytes: Uint8Array): number {
    const found = this.#blocks.get(index)
    const block = found ?? { bytes: new Uint8Array(0), used: 0 }
    const free = roomIn(this.#space)
    const count = Math.min(bytes.length, Math.max(0, block.used + free - start))
    if (count === 0) return 0
    const used = Math.max(block.used, start + count)
    if (used > block.bytes.length) {
      const grown = new Uint8Array(Math.min(blockSize, Math.max(used, 2 * block.bytes.length, smallest)))
      grown.set(block.bytes)
      block.bytes = grown
    }
    block.bytes.set(bytes.subarray(0, count), start)
    this.#space.used += used - block.used
    block.used = used
    if (found === undefined) this.#blocks.set(index, block)
    return count
  }

  #cut(index: number, block: Block, used: number): void {
    if (used === 0) return this.#drop(index, block)
    if (used >= block.used) return
    block.bytes.fill(0, used, block.used)
    this.#space.used -= block.used - used
    block.used = used
  }

  #drop(index: number, block: Block): void {
    this.#space.used -= block.used
    this.#blocks.delete(index)
  }
}
