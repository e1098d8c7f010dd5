import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { blueGreen } from '../../src/deploy/strategies/blue-green.ts'
import { canary } from '../../src/deploy/strategies/canary.ts'
import { recreate } from '../../src/deploy/strategies/recreate.ts'
import { rolling } from '../../src/deploy/strategies/rolling.ts'
import type { Strategy } from '../../src/deploy/strategy.ts'
import { checkDefaults } from '../../src/health/check.ts'
import { checkTimeoutMs } from '../../src/health/checks.ts'
import { defaultMinRequests } from '../../src/health/judge.ts'
import { policyDefaults } from '../../src/instance/instance.ts'
import { drawingOf } from './drawing.ts'
import { blocksOf, rowsIn, sectionOf, textOf } from './markdown.ts'

const text = textOf('docs/strategies.md')
const strategies: readonly Strategy[] = [rolling, blueGreen, canary, recreate]

describe('docs/strategies.md', () => {
  for (const strategy of strategies) {
    const section = sectionOf(text, strategy.name)

    test(`draws the plan of ${strategy.name} as the planner makes it`, () => {
      const [drawing] = blocksOf(section)
      assert.equal(drawing?.code, drawingOf(strategy))
    })

    test(`names every option of ${strategy.name} with its default`, () => {
      const given = tableUnder(section, 'option')
      const defaults = strategy.options?.({}) ?? {}
      assert.deepEqual(Object.keys(given).toSorted(), Object.keys(defaults).toSorted())
      assert.deepEqual(strategy.options?.(given), defaults)
    })
  }

  test('names the settings that a step of a canary takes, and none that it does not', () => {
    const settings = rowsUnder(text, 'of a step').map(([name = '']) => name.replaceAll('`', ''))
    const all = { weight: 10, holdSeconds: 5, checks: [], pause: 'look', pauseSeconds: 60 }
    assert.deepEqual(settings.toSorted(), Object.keys(all).toSorted())
    const steps = canary.options?.({ steps: [all] })?.['steps']
    assert.deepEqual(steps, [all, { weight: 100, holdSeconds: 0, checks: [] }])
  })

  test('names the defaults of checks, policies and health checks', () => {
    assert.deepEqual(tableUnder(text, 'of a check'), {
      minRequests: defaultMinRequests,
      wait: false,
      timeoutMs: checkTimeoutMs,
    })
    assert.deepEqual(tableUnder(text, 'policy'), policyDefaults)
    assert.deepEqual(tableUnder(text, 'setting'), checkDefaults)
  })

  test('names every type of check', () => {
    const types = rowsUnder(text, '`type`').map(([name = '']) => name.replaceAll('`', ''))
    const fields = {
      errors: { maxRate: 0.1, maxRateAboveOld: 0.1 },
      latency: { maxP95Ms: 10, maxP95Ratio: 2 },
      http: { url: 'http://localhost/' },
      function: { name: 'fine' },
    }
    assert.deepEqual(types, Object.keys(fields))
    const checks = Object.entries(fields).map(([type, more]) => ({ type, ...more }))
    assert.deepEqual(canary.options?.({ checks })?.['checks'], checks)
  })
})

/** The rows of the table whose first column has this head. */
function rowsUnder(within: string, head: string): string[][] {
  const [, after] = within.split(`\n| ${head} |`)
  return after === undefined ? [] : rowsIn(`| ${head} |${after.split('\n\n')[0] ?? ''}`)
}

/** What a table of names and defaults says, as values. */
function tableUnder(within: string, head: string): Record<string, unknown> {
  return Object.fromEntries(
    rowsUnder(within, head).map(([name = '', value = '']) => [
      name.replaceAll('`', ''),
      JSON.parse(value.replaceAll('`', '')) as unknown,
    ]),
  )
}
