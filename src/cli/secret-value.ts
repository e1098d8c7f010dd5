import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { messageOf } from '../errors.ts'
import { askHidden, canAsk } from './ask.ts'
import type { Cli } from './cli.ts'
import { exit } from './exit.ts'
import { piped } from './piped.ts'
import { Refusal } from './refusal.ts'

/** The value of a secret: from a file, from a pipe, or typed unseen. Never from the command line, which everybody on the machine can read. */
export async function secretValue(cli: Cli, file: string | undefined): Promise<string> {
  const value = await read(cli, file)
  if (value !== '') return value
  throw new Refusal(
    exit.usage,
    'empty_value',
    'The value is empty.',
    'Pipe it in, or name a file that holds it:  --file FILE',
  )
}

async function read(cli: Cli, file: string | undefined): Promise<string> {
  if (file !== undefined) return textOf(await bytesOf(resolve(cli.world.cwd, file)))
  if (canAsk(cli)) return await askHidden(cli, 'Value (not shown):')
  // `echo value |` ends it with a line break that nobody means.
  return textOf(await piped(cli)).replace(/\r?\n$/, '')
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    // The path stands before it already.
    const why = messageOf(error).replace(/, (?:open|read)( '.*')?$/s, '')
    throw new Refusal(exit.usage, 'file_unreadable', `${file} can't be read: ${why}.`, 'Name another one:  --file FILE')
  }
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    void error // because the sentence below says all there is to say
    throw new Refusal(
      exit.usage,
      'not_text',
      'The value is not text (UTF-8).',
      'Encode it first:  base64 FILE | slipway secrets set NAME',
    )
  }
}
