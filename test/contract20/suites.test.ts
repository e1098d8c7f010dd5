import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { providerContract } from '../contract/provider.ts'
import { routerContract } from '../contract/router.ts'
import { storeContract } from '../contract/store.ts'
import { startMachine } from '../support/machine.ts'
import { everyRow } from '../support/refusal.ts'

const src = fileURLToPath(new URL('../../src', import.meta.url))
const tests = fileURLToPath(new URL('..', import.meta.url))

/** What each suite has to be run on, by a file that npm test runs. */
const suites = [
  {
    suite: storeContract,
    on: {
      'store/sqlite.test.ts': [/path: ':memory:'/, /path: join\(folder\(t\), 'slipway\.db'\)/],
      'store/postgres.test.ts': [/postgresStore\(\{ url: await postgresDatabase\(t\)/],
    },
  },
  {
    suite: providerContract,
    on: {
      'provider/fake/contract.test.ts': [/\bfakeProvider\(/],
      'provider/process/contract.test.ts': [/\bprocessWorld\(/],
    },
  },
  {
    suite: routerContract,
    on: {
      'router/fake/contract.test.ts': [/\bfakeRouter\(/],
      'router/proxy/contract.test.ts': [/\bproxyWorld\(/],
    },
  },
]

describe('20. One contract test suite runs against every implementation of a port:', () => {
  for (const { suite, on } of suites) {
    for (const [file, parts] of Object.entries(on)) {
      test(`${suite.name} in test/${file}`, () => {
        const text = readFileSync(join(tests, file), 'utf8')
        assert.match(text, new RegExp(`^ *(?:onPostgres\\(\\(\\) => *)?${suite.name}\\(`, 'm'))
        for (const part of parts) assert.match(text, part)
        assert.doesNotMatch(text, /\b(?:skip|todo|only)\b/)
      })
    }
  }

  test('none is left out: each folder of src/provider and src/router has its run', () => {
    const implemented = ['provider', 'router'].flatMap(port =>
      readdirSync(join(src, port), { withFileTypes: true })
        .filter(entry => entry.isDirectory())
        .map(entry => `${port}/${entry.name}/contract.test.ts`),
    )
    const run = suites.flatMap(({ on }) => Object.keys(on)).filter(file => !file.startsWith('store/'))
    assert.deepEqual(implemented.toSorted(), run.toSorted())
  })

  test('a new database is migrated to the last step there is', async t => {
    const machine = await startMachine()
    t.after(() => machine.dispose())
    const steps = readdirSync(join(src, 'store/sql/migrations')).map(file => file.replace('.ts', ''))
    const done = everyRow(machine)['kysely_migration'] as { name: string }[]
    assert.deepEqual(
      done.map(({ name }) => name),
      steps.toSorted(),
    )
  })
})
