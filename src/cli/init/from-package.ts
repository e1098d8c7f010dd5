import { basename, dirname, resolve } from 'node:path'
import { messageOf } from '../../errors.ts'
import { commandFrom } from '../../provider/process/command-line.ts'
import { exit } from '../exit.ts'
import { Refusal } from '../refusal.ts'
import { type Draft, nameFrom } from './draft.ts'
import { lookInto, placeOf } from './folder.ts'

/** A project of one service that does what `npm start` does in this folder. */
export function fromPackage(text: string, file: string, folder: string): Draft {
  const read = parsed(text, file)
  const scripts = field(read, 'scripts')
  const start = field(scripts, 'start')
  if (typeof start !== 'string' || start.trim() === '') {
    throw new Refusal(
      exit.usage,
      'nothing_to_start',
      `${file} has no script "start", so it does not say what to run.`,
      `Add one, or say it here:  slipway init --name ${nameFrom(basename(folder))} --image file:. --command "node server.js"`,
    )
  }
  const own = dirname(resolve(folder, file))
  const where = placeOf(folder, own)
  const called = field(read, 'name')
  const name = nameFrom(typeof called === 'string' ? (called.split('/').at(-1) ?? '') : basename(folder))
  return {
    project: {
      name,
      services: [{ name: 'web', image: `file:${where}`, ...startOf(start), ports: [{ name: 'http' }], expose: true }],
    },
    from: file,
    notes: [
      'web is told the port to listen on in $PORT. If it listens on none, take `ports` and `expose` out.',
      ...(field(scripts, 'prestart') === undefined
        ? []
        : ['Its script "prestart" is not run: do it before you deploy.']),
      ...lookInto(own, where).notes,
      ...(field(scripts, 'build') === undefined ? [] : ['What is deployed is this folder as it is: build it first.']),
    ],
  }
}

/** `node server.js` is named as it is; anything else may be a program of the packages, which the script itself finds. */
function startOf(script: string): { command?: string[] } {
  const command = commandFrom(script)
  return command[0] === 'node' && !script.includes('$') ? { command } : {}
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Refusal(exit.usage, 'unreadable', `${file} is not JSON: ${messageOf(error)}.`, 'Mend it first.')
  }
}

function field(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined
}
