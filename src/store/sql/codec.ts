import { type Timestamp, timestamp } from '../../clock.ts'

/** What every database here binds and returns alike: no booleans, Dates or objects. */
export type Bound = string | number | Uint8Array | null

/** How a value of an entity lies in a column. Never asked about absent values: those are NULL. */
export interface Codec<V> {
  encode(value: V): Bound
  decode(bound: Exclude<Bound, null>): V
}

/** A string as it is. */
export function text<V extends string>(): Codec<V> {
  return { encode: value => value, decode: bound => bound as V }
}

/** A number without a fraction. */
export function whole(): Codec<number> {
  return { encode: value => value, decode: bound => bound as number }
}

/** A boolean as 0 or 1. */
export function flag(): Codec<boolean> {
  return { encode: value => (value ? 1 : 0), decode: bound => bound === 1 }
}

/** A moment as milliseconds since 1970. */
export function time(): Codec<Timestamp> {
  return {
    encode: value => {
      const ms = Date.parse(value)
      if (Number.isNaN(ms)) throw new TypeError(`"${value}" is not a time`)
      return ms
    },
    decode: bound => timestamp(bound as number),
  }
}

/** Anything JSON can say, as text. */
export function json<V>(): Codec<V> {
  return { encode: value => JSON.stringify(value), decode: bound => JSON.parse(bound as string) as V }
}

/** Raw bytes. */
export function bytes(): Codec<Uint8Array> {
  return { encode: value => value, decode: bound => bound as Uint8Array }
}
