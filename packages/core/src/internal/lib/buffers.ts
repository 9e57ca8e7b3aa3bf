/**
 * Memory of one size that is used again: large pieces that are thrown away cost more than what is done with them.
 *
 * @internal
 */
export interface Buffers {
  readonly size: number
  readonly take: () => Uint8Array
  /** Nobody uses the memory that these bytes are in any more. Memory of another size is left to the garbage collector. */
  readonly give: (bytes: Uint8Array) => void
}

/**
 * Keeps at most `most` that are unused.
 *
 * @internal
 */
export const make = (size: number, most: number): Buffers => {
  const free: Array<ArrayBufferLike> = []
  return {
    size,
    take: () => new Uint8Array(free.pop() ?? new ArrayBuffer(size)),
    give: ({ buffer }) => {
      if (buffer.byteLength === size && free.length < most) free.push(buffer)
    }
  }
}
