import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { SlipwayError } from '../errors.ts'
import type { SealedSecret } from './vault.ts'

/** Length of a master key and of every data key, bytes. */
export const keyBytes = 32

const format = 1
const idBytes = 8
const ivBytes = 12
const tagBytes = 16
const wrappedBytes = ivBytes + keyBytes + tagBytes

/** What an envelope is bound to: opened in another row, it does not open. */
export type Binding = Pick<SealedSecret, 'id' | 'tenantId' | 'name' | 'version'>

/** A name for a master key that gives nothing of it away. */
export function keyId(masterKey: Buffer): string {
  return createHash('sha256')
    .update('slipway master key id\0')
    .update(masterKey)
    .digest('hex')
    .slice(0, idBytes * 2)
}

/**
 * Seals a value with a data key of its own, which the master key wraps: format (1 byte), master key's id (8), wrapped data key (60),
 * then the value as IV, AES-256-GCM ciphertext and tag.
 */
export function seal(value: string, binding: Binding, masterKey: Buffer): Buffer {
  const dataKey = randomBytes(keyBytes)
  const bound = associatedData(binding)
  try {
    return Buffer.concat([
      Buffer.of(format),
      Buffer.from(keyId(masterKey), 'hex'),
      encrypt(dataKey, masterKey, bound),
      encrypt(Buffer.from(value, 'utf8'), dataKey, bound),
    ])
  } finally {
    dataKey.fill(0)
  }
}

/** Opens what {@link seal} made. Throws `unavailable` for another master key, and for an envelope that was changed or moved. */
export function open(sealed: Uint8Array, binding: Binding, masterKey: Buffer): string {
  const envelope = Buffer.from(sealed)
  const body = 1 + idBytes
  if (envelope[0] !== format || envelope.length < body + wrappedBytes + ivBytes + tagBytes) throw damaged(binding)
  const sealedBy = envelope.subarray(1, body).toString('hex')
  if (sealedBy !== keyId(masterKey)) {
    const given = keyId(masterKey)
    throw new SlipwayError(
      'unavailable',
      `The secret "${binding.name}" was sealed with the master key ${sealedBy}, and this is ${given}.`,
      {
        next: 'Start with the SLIPWAY_MASTER_KEY, or the master.key file, that was in use when the secret was stored.',
      },
    )
  }
  const bound = associatedData(binding)
  try {
    const dataKey = decrypt(envelope.subarray(body, body + wrappedBytes), masterKey, bound)
    return decrypt(envelope.subarray(body + wrappedBytes), dataKey, bound).toString('utf8')
  } catch (error) {
    throw damaged(binding, error)
  }
}

function encrypt(plain: Buffer, key: Buffer, bound: Buffer): Buffer {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(bound)
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function decrypt(box: Buffer, key: Buffer, bound: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, ivBytes), { authTagLength: tagBytes })
  decipher.setAAD(bound).setAuthTag(box.subarray(box.length - tagBytes))
  return Buffer.concat([decipher.update(box.subarray(ivBytes, box.length - tagBytes)), decipher.final()])
}

function associatedData({ id, tenantId, name, version }: Binding): Buffer {
  return Buffer.from(JSON.stringify(['slipway secret', format, id, tenantId, name, version]))
}

function damaged({ name, version }: Binding, cause?: unknown): SlipwayError {
  return new SlipwayError(
    'unavailable',
    `Version ${version} of the secret "${name}" does not open: its row was changed.`,
    {
      next: 'Restore the row from a backup, or rotate the secret and deploy.',
      cause,
    },
  )
}
