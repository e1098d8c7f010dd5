import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { emptyStats, startTally } from '../../src/demo/load/stats.ts'
import { blockLines } from '../../src/demo/screen/block.ts'
import { changeLines } from '../../src/demo/screen/changes.ts'
import { finalTable, lastLines } from '../../src/demo/screen/finish.ts'
import { bar, duration, type Line, paint, span } from '../../src/demo/screen/line.ts'
import { createScreen } from '../../src/demo/screen/screen.ts'
import type { DemoState, FinishedDeployment } from '../../src/demo/screen/state.ts'
import { sharesBetween, trafficBetween } from '../../src/demo/screen/traffic.ts'

const finished: readonly FinishedDeployment[] = [
  {
    act: 1,
    what: 'api 1 → 2',
    strategy: 'rolling',
    state: 'succeeded',
    expected: 'succeeded',
    ms: 5231,
    sent: 1046,
    lost: 0,
  },
  {
    act: 2,
    what: 'api 2 → broken',
    strategy: 'blue-green',
    state: 'failed',
    expected: 'failed',
    restored: true,
    ms: 820,
    sent: 164,
    lost: 0,
    cause: 'crash_loop',
    expectedCause: 'crash_loop',
    error: 'api exited 3 times: "cannot read DATABASE_URL".',
  },
  {
    act: 3,
    what: 'web 1 → 2',
    strategy: 'canary',
    state: 'failed',
    expected: 'succeeded',
    restored: false,
    ms: 125_000,
    sent: 12_640,
    lost: 3,
  },
]

const state: DemoState = {
  title: 'Slipway: a shop under load',
  elapsedMs: 42_300,
  acts: 9,
  services: [
    {
      name: 'web',
      routed: true,
      revisions: [
        { version: '1', ready: 3, wanted: 3, weight: 95, share: 0.948 },
        { version: 'leaky', ready: 0, wanted: 1, weight: 5, share: 0.052 },
      ],
    },
    {
      name: 'api',
      routed: true,
      revisions: [
        { version: '1', ready: 2, wanted: 2, weight: 0, warm: true },
        { version: '2', ready: 2, wanted: 2, weight: 100 },
      ],
    },
    { name: 'worker', routed: false, revisions: [{ version: '1', ready: 1, wanted: 1, weight: 0 }] },
  ],
  current: {
    act: 3,
    what: 'web 1 → leaky',
    strategy: 'canary',
    step: 'route web to 5 %',
    stepNumber: 2,
    stepCount: 11,
    percent: 18,
    detail: 'baking: 1.2 s to go',
  },
  traffic: { sent: 12_345, lost: 0, appErrors: 3, perSecond: 203.4, p50Ms: 3.07, p95Ms: 8.1, webSockets: 10 },
  finished: [],
}

function text(lines: readonly Line[], width = 80): string {
  return lines.map(line => paint(line, width, false)).join('\n')
}

/** A screen that writes into a string. */
function record(
  isTty: boolean,
  env: Record<string, string> = {},
  size: { columns: number; rows: number } = { columns: 81, rows: 40 },
) {
  let written = ''
  const output = {
    isTty,
    ...size,
    write(chunk: string) {
      written += chunk
    },
  }
  const taken = (): string => {
    const now = written
    written = ''
    return now
  }
  return { screen: createScreen(output, env), taken, output }
}

describe('the demo draws', () => {
  test('who serves, what runs and what the load sees', () => {
    assert.equal(
      text(blockLines(state)),
      `Slipway: a shop under load  42.3 s

 3/9  web 1 → leaky by canary
      █████░░░░░░░░░░░░░░░░░░░░░░░░░  18 %  step 2/11: route web to 5 %
      baking: 1.2 s to go

 web     1      ●●●   3/3    95 %  ███████████████████░  seen  94.8 %
         leaky  ○     0/1     5 %  █░░░░░░░░░░░░░░░░░░░  seen   5.2 %
 api     1      ●●    2/2    warm, ready for a rollback
         2      ●●    2/2   100 %  ████████████████████
 worker  1      ●     1/1   no port: takes no traffic

 12,345 sent  0 lost  203/s  p50 3.1, p95 8.1 ms  10 WebSockets  3 app errors`,
    )
  })

  test('an undo as one, and a note when nothing is deployed', () => {
    assert.ok(state.current)
    const undoing = text(blockLines({ ...state, current: { ...state.current, undoing: true } }))
    assert.match(undoing, /^ 3\/9 {2}web 1 → leaky by canary {2}undoing$/m)
    assert.match(undoing, /step back 2\/11: route web to 5 %$/m)
    const { current: _, ...idle } = state
    assert.match(
      text(blockLines({ ...idle, note: 'load goes on, Ctrl-C ends it' })),
      /^ load goes on, Ctrl-C ends it$/m,
    )
  })

  test('the table at the end, with what went wrong under it', () => {
    const end = {
      finished,
      sent: 13_850,
      lost: 3,
      appErrors: 7,
      losses: ['12.345 s: request: reset: socket hang up'],
      rollbackMs: 42,
    }
    assert.equal(
      text(finalTable(end), 200),
      `      deployment      strategy    state                      took  requests  lost
 ✔ 1  api 1 → 2       rolling     succeeded                 5.2 s     1,046     0
 ✔ 2  api 2 → broken  blue-green  failed, restored         820 ms       164     0
 ✘ 3  web 1 → 2       canary      failed, not restored  2 min 5 s    12,640     3

 requests sent: 13,850, requests lost: 3, errors the application answered itself: 7
 warm rollback: 42 ms to the last request on the old release
 3 ended failed, not restored, expected was succeeded
 lost at 12.345 s: request: reset: socket hang up`,
    )
  })

  test('what was lost since the table, above the last line', () => {
    const end = { finished, sent: 13_850, lost: 1, appErrors: 0, losses: ['80.002 s: WebSocket: timeout: no echo'] }
    assert.equal(
      text(lastLines(end), 200),
      ` lost at 80.002 s: WebSocket: timeout: no echo
 13,850 requests sent, 1 lost; everything that was started is removed`,
    )
  })

  test('what changed, line by line, where nothing can be drawn over', () => {
    assert.ok(state.current)
    const next = { ...state, current: { ...state.current, step: 'hold 2 s', stepNumber: 3 } }
    const undoing = { ...next, current: { ...next.current, undoing: true, detail: 'errors: 2.1 % of 96' } }
    const { current: _, ...after } = { ...state, finished: finished.slice(1, 2), note: 'a moment of quiet' }
    assert.equal(
      text(changeLines(undefined, state)),
      'Slipway: a shop under load\n 3/9  web 1 → leaky by canary\n      step 2/11: route web to 5 %',
    )
    assert.equal(text(changeLines(state, { ...state, elapsedMs: 43_000 })), '')
    assert.equal(text(changeLines(state, next)), '      step 3/11: hold 2 s')
    assert.equal(
      text(changeLines(next, undoing)),
      ' 3/9  web 1 → leaky by canary  undoing\n      errors: 2.1 % of 96\n      step back 3/11: hold 2 s',
    )
    assert.equal(
      text(changeLines(undoing, after), 200),
      ` ✔ 2/9  api 2 → broken by blue-green: failed, restored in 820 ms, 164 requests, 0 lost
        api exited 3 times: "cannot read DATABASE_URL".
 a moment of quiet`,
    )
  })

  test('plain lines without a single escape when the output is no terminal', () => {
    const { screen, taken } = record(false)
    screen.show(state)
    screen.show(state)
    screen.end({ finished: finished.slice(0, 1), sent: 1, lost: 0, appErrors: 0, losses: [] })
    screen.close()
    const written = taken()
    assert.ok(!written.includes('\u001B'))
    assert.equal(written.split('Slipway: a shop under load').length, 2)
    assert.match(written, /requests sent: 1, requests lost: 0\n$/)
  })

  test('over the last block on a terminal, with finished deployments left above it', () => {
    const { screen, taken } = record(true, { NO_COLOR: '1' })
    const rows = blockLines(state).length
    screen.show(state)
    assert.ok(taken().startsWith('\u001B[?25lSlipway'))
    screen.show({ ...state, finished })
    const second = taken()
    assert.ok(second.startsWith(`\u001B[${rows}A\r\u001B[J ✔ 1/9  api 1 → 2 by rolling`))
    assert.equal(second.split('\n').length - 1, rows + 4)
    screen.show({ ...state, finished })
    assert.ok(taken().startsWith(`\u001B[${rows}A\r\u001B[JSlipway`), 'a finished deployment is told once')
    screen.end({ finished, sent: 1, lost: 0, appErrors: 0, losses: [] })
    assert.ok(taken().startsWith(`\u001B[${rows}A\r\u001B[J      deployment`))
    screen.close()
    assert.equal(taken(), '\u001B[?25h')
  })

  test('no line wider and no block higher than the terminal, and erases what a narrower one wrapped', () => {
    const { screen, taken, output } = record(true, { NO_COLOR: '1' }, { columns: 60, rows: 8 })
    screen.show(state)
    const lines = taken().replace('\u001B[?25l', '').trimEnd().split('\n')
    assert.equal(lines.length, 7)
    assert.ok(lines.every(line => line.length < 60))
    assert.ok(lines.some(line => line.endsWith('…')))
    output.columns = 30
    screen.show(state)
    assert.match(taken(), /^\u001B\[10A/) // oxlint-disable-line no-control-regex -- three of the seven lines were longer than 30
  })

  test('in colours on a terminal, unless NO_COLOR is set or it is a dumb one', () => {
    const colored = record(true)
    colored.screen.show(state)
    assert.ok(colored.taken().includes('\u001B[32m0 lost\u001B[0m'))
    const bare = record(true, { NO_COLOR: '1' })
    bare.screen.show(state)
    assert.ok(!bare.taken().includes('\u001B[32m'))
    const dumb = record(true, { TERM: 'dumb' })
    dumb.screen.show(state)
    assert.ok(!dumb.taken().includes('\u001B'))
  })

  test('bars that never hide the first nor pretend the last bit', () => {
    assert.deepEqual(bar(0.001, 4), { full: '█', empty: '░░░' })
    assert.deepEqual(bar(0.999, 4), { full: '███', empty: '░' })
    assert.deepEqual([bar(0, 2).full, bar(1, 2).full, bar(1.2, 2).full], ['', '██', '██'])
    assert.equal(paint([span('abcdef', 'good')], 4, true), '\u001B[32mabc\u001B[0m\u001B[2m…\u001B[0m')
    assert.deepEqual([850, 12_340, 59_990, 125_400].map(duration), ['850 ms', '12.3 s', '60.0 s', '2 min 5 s'])
  })

  test('rates, shares and latency of the last moments, totals of all', () => {
    const tally = startTally()
    const answer = (version: string, ms: number, times: number): void => {
      for (let i = 0; i < times; i++) {
        tally.sent()
        tally.ended('plain', { type: 'right', answerers: [{ service: 'web', version }] }, ms)
      }
    }
    answer('1', 500, 100)
    const before = tally.stats(1000)
    answer('1', 2, 30)
    answer('2', 2, 10)
    const now = tally.stats(1500)
    assert.deepEqual(sharesBetween(before, now, 'web'), { 1: 0.75, 2: 0.25 })
    assert.deepEqual(sharesBetween(now, now, 'web'), {})
    const traffic = trafficBetween(before, now)
    assert.equal(traffic.sent, 140)
    assert.equal(traffic.perSecond, 80)
    assert.ok(traffic.p95Ms !== undefined && traffic.p95Ms < 3)
    assert.equal(trafficBetween(emptyStats(), emptyStats()).p50Ms, undefined)
  })
})
