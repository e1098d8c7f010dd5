import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blueGreen } from '../../../src/deploy/strategies/blue-green.ts'
import { canary } from '../../../src/deploy/strategies/canary.ts'
import { recreate } from '../../../src/deploy/strategies/recreate.ts'
import { rolling } from '../../../src/deploy/strategies/rolling.ts'
import type { Strategy } from '../../../src/deploy/strategy.ts'
import { isSlipwayError } from '../../../src/errors.ts'

test('options left out get their defaults, and filled in ones stay as they are', () => {
  const defaults = [rolling, blueGreen, canary, recreate].map(strategy => strategy.options?.({}))
  assert.deepEqual(defaults, [
    { maxSurge: 1, maxUnavailable: 0 },
    { keepWarmSeconds: 300, preview: false },
    {
      steps: [
        { weight: 5, holdSeconds: 60, checks: [] },
        { weight: 25, holdSeconds: 60, checks: [] },
        { weight: 50, holdSeconds: 60, checks: [] },
        { weight: 100, holdSeconds: 0, checks: [] },
      ],
      holdSeconds: 60,
      checks: [],
      keepWarmSeconds: 300,
    },
    {},
  ])
  const given = {
    steps: [10, { weight: 40, pause: true, pauseSeconds: 9 }, { weight: 60, pause: 'go', checks: [] }],
    checks: [{ type: 'latency', maxP95Ms: 250, wait: true }],
  }
  const filled = canary.options?.(given) ?? {}
  assert.deepEqual(canary.options?.(filled), filled)
  assert.deepEqual(filled.steps, [
    { weight: 10, holdSeconds: 60, checks: given.checks },
    { weight: 40, holdSeconds: 60, checks: given.checks, pause: '40%', pauseSeconds: 9 },
    { weight: 60, holdSeconds: 60, checks: [], pause: 'go' },
    { weight: 100, holdSeconds: 0, checks: [] },
  ])
})

const refused: [Strategy, Record<string, unknown>, RegExp][] = [
  [rolling, { maxSurge: 0 }, /no replica could ever be replaced/],
  [rolling, { maxSurge: -1 }, /"maxSurge" of rolling .* 0 or more/],
  [rolling, { maxUnavailable: 0.5 }, /"maxUnavailable" of rolling .* whole number/],
  [rolling, { maxSruge: 1 }, /no option "maxSruge".*Did you mean "maxSurge"/],
  [rolling, { keepWarmSeconds: 60 }, /keeps nothing warm/],
  [recreate, { keepWarmSeconds: 60 }, /keeps nothing warm/],
  [recreate, { anything: 1 }, /no option "anything".*takes no options/],
  [blueGreen, { preview: 'yes' }, /"preview" of blue-green/],
  [blueGreen, { keepWarmSeconds: -1 }, /"keepWarmSeconds" of blue-green/],
  [canary, { steps: [50, 20] }, /20 % comes after one of 50 %/],
  [canary, { steps: [20, 20] }, /20 % comes after one of 20 %/],
  [canary, { steps: [0] }, /"steps\[0\]" of canary .* 1 to 100/],
  [canary, { steps: [2.5] }, /"steps\[0\]" of canary .* whole percent/],
  [canary, { steps: ['half'] }, /"steps\[0\]" of canary .* whole percent/],
  [canary, { steps: [{ weight: 100, holdSeconds: 5 }] }, /100 % cannot hold/],
  [canary, { steps: [{ weight: 100, pause: true }] }, /100 % cannot hold/],
  [canary, { steps: [{ weight: 5, pauseSeconds: 5 }] }, /pauseSeconds but no pause/],
  [
    canary,
    {
      steps: [
        { weight: 5, pause: 'go' },
        { weight: 9, pause: 'go' },
      ],
    },
    /two pauses have the gate "go"/,
  ],
  [canary, { steps: [{ wieght: 5 }] }, /"steps\[0\]\.wieght".*Did you mean "weight"/],
  [canary, { checks: [{ type: 'errors' }] }, /"checks\[0\]" of canary .* needs maxRate/],
  [canary, { steps: [{ weight: 5, checks: [{ type: 'errors', maxRate: 2 }] }] }, /"steps\[0\]\.checks\[0\]\.maxRate"/],
  [canary, { checks: [{ type: 'http', url: 'nowhere' }] }, /"checks\[0\]\.url"/],
]

for (const [strategy, given, why] of refused) {
  test(`${strategy.name} refuses ${JSON.stringify(given)} and says why`, () => {
    assert.throws(
      () => strategy.options?.(given),
      (error: unknown) => {
        assert.ok(isSlipwayError(error, 'bad_options'))
        assert.match(`${error.message} ${error.next}`, why)
        return true
      },
    )
  })
}
