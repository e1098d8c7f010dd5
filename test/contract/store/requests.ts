import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeptAnswer } from '../../../src/idempotency/requests.ts'
import { type MakeStore, someTime, world } from './fixtures.ts'

const later = '2026-11-24T00:00:00.000Z'
const answer: KeptAnswer = { kind: 'answer', status: 202, headers: { location: '/x' }, body: '{}' }

export function requestTests(makeStore: MakeStore): void {
  test('of many that begin the same request one is the first, and the others see it', async t => {
    const { store } = await world(t, makeStore)
    const all = await Promise.all(Array.from({ length: 8 }, () => store.requests.begin('k', 'd', someTime)))
    assert.equal(all.filter(kept => kept === undefined).length, 1)
    assert.deepEqual(
      all.find(kept => kept !== undefined),
      { digest: 'd', begunAt: someTime },
    )
  })

  test('the answer is kept with it', async t => {
    const { store } = await world(t, makeStore)
    await store.requests.begin('k', 'd', someTime)
    await store.requests.finish('k', answer)
    assert.deepEqual(await store.requests.begin('k', 'other', later), { digest: 'd', begunAt: someTime, answer })
  })

  test('one that was dropped, and one that is old, is as if never sent', async t => {
    const { store } = await world(t, makeStore)
    for (const id of ['dropped', 'old']) await store.requests.begin(id, 'd', someTime)
    await store.requests.begin('young', 'd', later)
    await store.requests.drop('dropped')
    await store.requests.forget(later)
    assert.equal(await store.requests.begin('dropped', 'd', later), undefined)
    assert.equal(await store.requests.begin('old', 'd', later), undefined)
    assert.notEqual(await store.requests.begin('young', 'd', later), undefined)
  })
}
