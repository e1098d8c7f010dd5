import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const prefix = 'slip_'
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const keyLength = 43 // 256 bits in base 62
const checksumLength = 6 // 32 bits in base 62

/** What a token looks like, for those who scan for leaked ones: the prefix, 43 characters of key, 6 of checksum. */
export const secretPattern: RegExp = new RegExp(`^${prefix}[0-9A-Za-z]{${keyLength + checksumLength}}$`)

/** A new token: 256 random bits and a checksum, so that scanners and typing errors are told without a look into the store. */
export function newSecret(): string {
  const key = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), keyLength)
  return `${prefix}${key}${checksumOf(key)}`
}

/** Whether this can be one of our tokens at all. */
export function isWellFormed(secret: string): boolean {
  if (!secretPattern.test(secret)) return false
  const key = secret.slice(prefix.length, prefix.length + keyLength)
  return secret.endsWith(checksumOf(key))
}

/** What is kept of a token. Its key is random, so a plain hash can't be searched. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

function checksumOf(key: string): string {
  return base62(BigInt(crc32(key)), checksumLength)
}

function base62(value: bigint, length: number): string {
  let digits = ''
  for (let rest = value; digits.length < length; rest /= 62n) digits = alphabet.charAt(Number(rest % 62n)) + digits
  return digits
}
