import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRequired } from '../support/part.ts'
import { assertNothingLeft, runExample } from './example.ts'

test('npm run example:real moves http-server and Node-RED from one published version to the next and back, the control plane killed in the middle, and loses nothing', async t => {
  const { code, lines, story, folder } = await runExample(t, 'real.ts')
  const away = /image_unavailable: .*registry does not answer.*/.exec(story)?.[0]
  if (away !== undefined && !isRequired('registry')) return t.skip(away)
  const [httpServer, nodeRed, ...others] = lines.flatMap(({ summary }) => summary ?? [])
  assert.ok(httpServer && nodeRed, story)
  assert.deepEqual(others, [])
  for (const [summary, strategy] of [[httpServer, 'canary'] as const, [nodeRed, 'blue-green'] as const]) {
    assert.equal(summary.lost, 0, story)
    assert.ok(summary.requests > 1000, story)
    assert.deepEqual(
      summary.deployments.map(({ version, strategy, state }) => ({ version, strategy, state })),
      [
        { version: 1, strategy: 'initial', state: 'succeeded' },
        { version: 2, strategy, state: 'rolled_back' },
        { version: 1, strategy: 'blue-green', state: 'succeeded' },
      ],
    )
  }
  const outages = nodeRed.deployments.map(({ outage }) => outage)
  assert.deepEqual(
    outages.map(outage => outage !== undefined),
    [false, true, false],
  )
  assert.ok((outages[1]?.answered ?? 0) >= 250, 'requests were answered while there was no control plane')
  // Each event once, though two processes told them.
  const seqs = lines.filter(({ summary }) => !summary).map(({ seq }) => seq)
  const second = seqs.indexOf(1, 1)
  for (const log of [seqs.slice(0, second), seqs.slice(second)]) {
    assert.deepEqual(
      log,
      log.map((_, index) => index + 1),
    )
  }
  assert.equal(code, 0, story)
  assertNothingLeft(folder)
})
