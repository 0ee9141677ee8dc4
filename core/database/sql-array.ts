/** Element types, with their ids in PostgreSQL (pg_type.dat). */
const typeIds = { bigint: 20, smallint: 21, text: 25 } as const

type ElementType = keyof typeof typeIds

/** Dimensions, flags, element type, length, lower bound. */
const headBytes = 20

/**
 * An array parameter. To PostgreSQL it goes in its binary form, as `array_recv` reads it: quoting each element of a
 * text form costs more than all else of a statement of many rows. The embedded database gets the plain array.
 */
export class SqlArray {
  readonly values: readonly (number | string | null)[]
  readonly #type: ElementType

  constructor(type: ElementType, values: readonly (number | string | null)[]) {
    this.#type = type
    this.values = values
  }

  /** Called by pg, which sends a Buffer as a binary parameter. */
  toPostgres(): Buffer {
    const { values } = this
    const sizes = values.map((value) => this.#sizeOf(value))
    const bytes = sizes.reduce((sum, size) => sum + 4 + Math.max(0, size), headBytes)
    const buffer = Buffer.allocUnsafe(bytes)
    buffer.writeInt32BE(1, 0)
    buffer.writeInt32BE(values.includes(null) ? 1 : 0, 4)
    buffer.writeInt32BE(typeIds[this.#type], 8)
    buffer.writeInt32BE(values.length, 12)
    buffer.writeInt32BE(1, 16)
    let at = headBytes
    values.forEach((value, index) => {
      const size = sizes[index] ?? 0
      buffer.writeInt32BE(size, at)
      this.#write(buffer, value, at + 4)
      at += 4 + Math.max(0, size)
    })
    return buffer
  }

  /** -1 stands for null. */
  #sizeOf(value: number | string | null): number {
    if (value === null) return -1
    if (this.#type === 'bigint') return 8
    return this.#type === 'smallint' ? 2 : Buffer.byteLength(String(value))
  }

  #write(buffer: Buffer, value: number | string | null, at: number): void {
    if (value === null) return
    if (this.#type === 'text') buffer.write(String(value), at)
    else if (this.#type === 'smallint') buffer.writeInt16BE(Number(value), at)
    else {
      const high = Math.floor(Number(value) / 2 ** 32)
      buffer.writeInt32BE(high, at)
      buffer.writeUInt32BE(Number(value) - high * 2 ** 32, at + 4)
    }
  }
}
