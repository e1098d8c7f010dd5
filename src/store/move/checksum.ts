import { createHash } from 'node:crypto'
import { bindable } from '../postgres/bindable.ts'

/** Says whether two tables hold the same rows, in whatever order they are read. */
export interface Checksum {
  add(row: readonly unknown[]): void
  /** Equal for equal rows. */
  readonly value: string
}

const modulus = 2n ** 256n

/** A checksum of no rows yet: the sum of the digests of all that are added. */
export function checksum(): Checksum {
  let [sum, rows] = [0n, 0]
  return {
    add(row) {
      const digest = createHash('sha256')
        .update(JSON.stringify(row.map(plain)))
        .digest('hex')
      sum = (sum + BigInt(`0x${digest}`)) % modulus
      rows += 1
    },
    get value() {
      return `${rows}:${sum.toString(16)}`
    },
  }
}

/** As it lies in both databases. */
function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('hex') } : bindable(value)
}
