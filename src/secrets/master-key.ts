import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { SlipwayError } from '../errors.ts'
import { keyBytes } from './envelope.ts'

/** The environment variable that a master key may be given in, 32 bytes as hex or base64. */
export const masterKeyVariable = 'SLIPWAY_MASTER_KEY'

/** The file in the data folder that it is kept in otherwise. */
export const masterKeyFile = 'master.key'

/**
 * The key that all secrets are sealed with: from {@link masterKeyVariable} when that is set, else from {@link masterKeyFile} in the data
 * folder, made on first use and readable by its owner alone. Throws `invalid_request` for a key that is none, and for a file that others
 * can read.
 */
export function masterKey({ folder, env = process.env }: { folder: string; env?: NodeJS.ProcessEnv }): Buffer {
  const given = env[masterKeyVariable]
  if (given !== undefined && given.trim() !== '') return decoded(given, masterKeyVariable)
  const path = join(folder, masterKeyFile)
  return readKey(path) ?? makeKey(folder, path)
}

function readKey(path: string): Buffer | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new SlipwayError('unavailable', `The master key in ${path} can't be read.`, {
      next: 'Let the user that runs Slipway own the file.',
      cause: error,
    })
  }
  try {
    const mode = fstatSync(file).mode & 0o777
    // Windows has no such bits.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new SlipwayError(
        'invalid_request',
        `The master key in ${path} can be read by others (mode ${mode.toString(8)}).`,
        {
          next: `Run: chmod 600 ${path}. If others had access, rotate your secrets.`,
        },
      )
    }
    return decoded(readFileSync(file, 'utf8'), path)
  } finally {
    closeSync(file)
  }
}

function makeKey(folder: string, path: string): Buffer {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`
  const key = randomBytes(keyBytes)
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(file, `${key.toString('hex')}\n`)
    fsyncSync(file)
    // Whole or not at all, and never over a key that somebody else made meanwhile: their secrets need it.
    linkSync(temporary, path)
  } catch (error) {
    const theirs = codeOf(error) === 'EEXIST' ? readKey(path) : undefined
    if (!theirs) throw error
    return theirs
  } finally {
    closeSync(file)
    unlinkSync(temporary)
  }
  persistName(folder)
  return key
}

/** A file's name is on disk once its folder is. */
function persistName(folder: string): void {
  if (process.platform === 'win32') return // where a folder can't be opened
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function decoded(text: string, from: string): Buffer {
  const trimmed = text.trim()
  const isHex = /^[0-9a-f]{64}$/iu.test(trimmed)
  const isBase64 = /^[A-Za-z0-9+/_-]{43}=?$/u.test(trimmed)
  if (isHex) return Buffer.from(trimmed, 'hex')
  if (isBase64) return Buffer.from(trimmed, 'base64')
  throw new SlipwayError(
    'invalid_request',
    `What ${from} holds is no master key: ${keyBytes} bytes as hex or base64.`,
    {
      next: 'Put back the key that was there; only for a new installation, make one with: openssl rand -base64 32',
    },
  )
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
