import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type ErrorCode, isSlipwayError, type SlipwayError } from '../../src/errors.ts'
import type { Machine } from './machine.ts'

/** Columns that a worker changes while nothing is asked of it. */
const restless = new Set(['owner', 'epoch', 'wake_at', 'beat_at'])

/** Asks for something, and expects a refusal with this code, a sentence, a next step, and not one row written. */
export async function assertRefused(
  machine: Machine,
  code: ErrorCode,
  sentence: RegExp,
  ask: () => unknown,
): Promise<void> {
  const before = everyRow(machine)
  const refusal = await refusalOf(ask)
  assert.equal(refusal.code, code, refusal.message)
  assert.match(refusal.message, sentence)
  assert.match(refusal.message, /^[A-Z$"].*\.$/s)
  assert.match(refusal.next ?? '', /^[A-Z].*[.?]$/s, `${refusal.message} says what to do next`)
  assert.deepEqual(everyRow(machine), before)
}

/** What was thrown; fails when nothing was. */
export async function refusalOf(ask: () => unknown): Promise<SlipwayError> {
  try {
    await ask()
  } catch (error) {
    if (isSlipwayError(error)) return error
    throw error
  }
  return assert.fail('it was accepted')
}

/** Tables in which a control plane notes what it sees by itself. */
const watching = new Set(['health_spans', 'watches', 'samples'])

/** Everything in the database that somebody asked for, read from beside it. */
export function everyRow({ dataDir }: Pick<Machine, 'dataDir'>): Record<string, unknown[]> {
  const database = new DatabaseSync(join(dataDir, 'slipway.db'), { readOnly: true })
  try {
    const tables = database.prepare("select name from sqlite_master where type = 'table' order by name").all()
    return Object.fromEntries(
      tables
        .filter(({ name }) => !watching.has(String(name)))
        .map(({ name }) => [
          String(name),
          database
            .prepare(`select * from "${String(name)}"`)
            .all()
            .map(row => Object.fromEntries(Object.entries(row).filter(([column]) => !restless.has(column)))),
        ]),
    )
  } finally {
    database.close()
  }
}
