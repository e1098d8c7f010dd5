import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSlipwayError } from '../../src/errors.ts'
import { observedStore } from '../../src/observe/store.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

test('each kind of write that a lost lease refuses is told', async t => {
  const clock = fakeClock()
  const refused: string[] = []
  const store = observedStore(await sqliteStore({ path: ':memory:', clock }), {
    committed: () => {},
    refused: by => void refused.push(by),
  })
  t.after(() => store.close())
  const claim = { instanceId: 'inst_1', tenantId: 'acme', owner: 'wrk_1', epoch: 1 }
  for (const [count, act] of [
    () => store.work.fence(claim),
    () => store.work.advance(claim),
    () => store.work.raise(claim, 7),
    () => store.transaction(tx => tx.work.advance(claim)),
  ].entries()) {
    await assert.rejects(act, error => isSlipwayError(error, 'lease_lost'))
    assert.equal(refused.length, count + 1)
  }
})
