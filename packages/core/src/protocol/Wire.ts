/**
 * The data types of the SSH protocols (RFC 4251, section 5): bytes, 32 and 64 bit numbers in network order, and strings,
 * which are a length and their bytes.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"

/**
 * The bytes are not a valid packet of the protocol.
 *
 * @since 0.1.0
 * @category errors
 */
export class MalformedError extends Data.TaggedError("MalformedError")<{ readonly message: string }> {}

// Small packets share one buffer, because allocating each costs more than filling it.
const slabSize = 16 * 1024
let slab = new Uint8Array(slabSize)
let slabUsed = 0

const allocate = (capacity: number): Uint8Array => {
  if (capacity > 512) return new Uint8Array(capacity)
  if (slabUsed + capacity > slabSize) {
    slab = new Uint8Array(slabSize)
    slabUsed = 0
  }
  return slab.subarray(slabUsed, slabUsed += capacity)
}

/**
 * Builds a packet.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import * as Wire from "@effect-remote/core/protocol/Wire"
 *
 * new Wire.Writer().uint32(1).string(new Uint8Array([7])).bytes() // 00 00 00 01 00 00 00 01 07
 * ```
 */
export class Writer {
  private buffer: Uint8Array
  private view: DataView
  private size = 0

  constructor(capacity = 64) {
    this.buffer = allocate(capacity)
    this.view = new DataView(this.buffer.buffer, this.buffer.byteOffset, capacity)
  }

  // Returns the offset of the next bytes. Call it before using the buffer, which it may replace.
  private room(count: number): number {
    const at = this.size
    this.size += count
    if (this.size > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.size, this.buffer.length * 2))
      grown.set(this.buffer.subarray(0, at))
      this.buffer = grown
      this.view = new DataView(grown.buffer)
    }
    return at
  }

  byte(value: number): this {
    const at = this.room(1)
    this.view.setUint8(at, value)
    return this
  }

  uint32(value: number): this {
    const at = this.room(4)
    this.view.setUint32(at, value)
    return this
  }

  uint64(value: bigint): this {
    const at = this.room(8)
    this.view.setBigUint64(at, value)
    return this
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): this {
    const at = this.room(value.length)
    this.buffer.set(value, at)
    return this
  }

  /** A length and that many bytes. */
  string(value: Uint8Array): this {
    return this.uint32(value.length).raw(value)
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.size)
  }
}

/**
 * Reads the fields of a packet. Reading past its end throws a `MalformedError`, which `read` catches.
 *
 * @since 0.1.0
 * @category models
 */
export class Reader {
  private readonly view: DataView
  private at = 0

  constructor(private readonly buffer: Uint8Array) {
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  }

  private take(count: number): number {
    const at = this.at
    if (count > this.buffer.length - at) {
      throw new MalformedError({ message: `a packet of ${this.buffer.length} bytes ends within a field` })
    }
    this.at += count
    return at
  }

  byte(): number {
    return this.view.getUint8(this.take(1))
  }

  uint32(): number {
    return this.view.getUint32(this.take(4))
  }

  uint64(): bigint {
    return this.view.getBigUint64(this.take(8))
  }

  /** A length and that many bytes, which are a part of the packet and no copy. */
  string(): Uint8Array {
    const length = this.uint32()
    const at = this.take(length)
    return this.buffer.subarray(at, at + length)
  }

  /** The remaining bytes, without a copy. */
  rest(): Uint8Array {
    const at = this.take(this.buffer.length - this.at)
    return this.buffer.subarray(at)
  }

  get remaining(): number {
    return this.buffer.length - this.at
  }
}

/**
 * Reads a whole packet. Fails with a `MalformedError` if bytes are missing, or if `body` leaves some unread. Use
 * `reader.rest` to read the remaining bytes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const read = <A>(bytes: Uint8Array, body: (reader: Reader) => A): Either.Either<A, MalformedError> => {
  const reader = new Reader(bytes)
  try {
    const value = body(reader)
    return reader.remaining === 0
      ? Either.right(value)
      : Either.left(
        new MalformedError({ message: `a packet of ${bytes.length} bytes has ${reader.remaining} too many` })
      )
  } catch (error) {
    if (error instanceof MalformedError) return Either.left(error)
    throw error
  }
}

/**
 * Splits a stream into packets, each preceded by its length. A packet inside one piece is a view of that piece. An incomplete
 * packet is copied, into memory from `allocate` of exactly its length. A packet longer than `longest` ends the stream with an
 * error, because the rest cannot be understood.
 *
 * @since 0.1.0
 * @category constructors
 */
export const splitter = (
  longest: number,
  allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length)
): (bytes: Uint8Array) => ReadonlyArray<Either.Either<Uint8Array, MalformedError>> => {
  // The incomplete packet: its length, and its bytes once the length is known.
  const head = new Uint8Array(4)
  let packet: Uint8Array | undefined
  let have = 0
  let broken: Either.Either<never, MalformedError> | undefined

  const lengthAt = (bytes: Uint8Array, at: number): number =>
    new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0)

  return (bytes) => {
    if (broken !== undefined) return [broken]
    const packets: Array<Either.Either<Uint8Array, MalformedError>> = []
    let at = 0
    const fill = (target: Uint8Array): boolean => {
      const piece = bytes.subarray(at, at + target.length - have)
      target.set(piece, have)
      have += piece.length
      at += piece.length
      return have === target.length
    }
    const isTooLong = (length: number): boolean => {
      if (length <= longest) return false
      broken = Either.left(new MalformedError({ message: `a packet claims to have ${length} bytes` }))
      packets.push(broken)
      return true
    }

    while (at < bytes.length || packet?.length === 0) {
      if (packet !== undefined) {
        if (!fill(packet)) break
        packets.push(Either.right(packet))
        packet = undefined
        have = 0
      } else if (have > 0 || bytes.length - at < 4) {
        if (!fill(head)) break
        const length = lengthAt(head, 0)
        if (isTooLong(length)) break
        packet = allocate(length)
        have = 0
      } else {
        const length = lengthAt(bytes, at)
        if (isTooLong(length)) break
        at += 4
        if (bytes.length - at >= length) {
          packets.push(Either.right(bytes.subarray(at, at + length)))
          at += length
        } else packet = allocate(length)
      }
    }
    return packets
  }
}
