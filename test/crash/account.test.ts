import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Loss } from '../../src/demo/load/stats.ts'
import { unexplained, type Window } from './account.ts'

/** The proxy was killed at 1000, and was back at 1500. */
const proxy: Window = { victim: 'proxy', from: 1000, sentBy: 1500 }
const replica: Window = { ...proxy, victim: 'replica' }

describe('a loss is explained', () => {
  const explained: readonly [what: string, window: Window, loss: Partial<Loss>][] = [
    ['in the hand of the proxy when that was killed', proxy, { sentAt: 900, lostAt: 1001, cause: 'reset' }],
    ['half answered by then', proxy, { sentAt: 900, lostAt: 1001, cause: 'truncated' }],
    ['refused before the proxy was back', proxy, { sentAt: 1499, lostAt: 1600, cause: 'refused' }],
    ['in the hand of the replica', replica, { sentAt: 900, cause: 'proxy', text: '502 by the proxy: broken' }],
    ['with no replica there', replica, { sentAt: 1400, cause: 'proxy', text: '503 by the proxy: no_replica' }],
  ]
  for (const [what, window, loss] of explained)
    test(what, () => assert.deepEqual(unexplained([lossOf(loss)], [window]), []))
})

describe('a loss is not explained', () => {
  const open: readonly [what: string, windows: Window[], loss: Partial<Loss>][] = [
    ['when nobody was killed who serves', [], { cause: 'refused' }],
    ['before the kill', [proxy], { sentAt: 900, lostAt: 999, cause: 'reset' }],
    ['sent after the proxy was back', [proxy], { sentAt: 1501, cause: 'refused' }],
    ['by a wrong body', [proxy, replica], { cause: 'wrong' }],
    ['by no answer for ten seconds', [proxy, replica], { cause: 'timeout' }],
    ['by a proxy that forgot its routes', [proxy, replica], { cause: 'proxy', text: '404 by the proxy: unknown_host' }],
    ['by a drain that cut it', [replica], { cause: 'proxy', text: '503 by the proxy: cut' }],
    ['by the death of a replica, refused', [replica], { cause: 'refused' }],
  ]
  for (const [what, windows, loss] of open)
    test(what, () => assert.deepEqual(unexplained([lossOf(loss)], windows), [lossOf(loss)]))
})

function lossOf(given: Partial<Loss>): Loss {
  return { what: 'request', cause: 'reset', text: '', sentAt: 1100, lostAt: 1200, ...given }
}
