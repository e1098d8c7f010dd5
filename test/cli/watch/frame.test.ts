import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import * as fc from 'fast-check'
import { widthOf } from '../../../src/cli/shown.ts'
import { plainLines } from '../../../src/cli/watch/plain.ts'
import { type Story, tell } from '../../../src/cli/watch/story.ts'
import { frameOf } from '../../../src/cli/watch/tty-frame.ts'
import type { Event, OneDeployment } from '../../../src/client/index.ts'
import { chart, checked, checks, climbing, deployment, event, ladder, now, story, style } from './stories.ts'

const hostile = '\x1b[2J\x1b]0;owned\x07\u202eevil\u2066\r\n\t👩‍👩‍👧‍👦漢字\u0301\u0301\u0301\u0301\u0301\u200b\ud800'

const many = Object.fromEntries(
  Array.from({ length: 220 }, (_, at) => [`s${at}`, at === 7 ? 'failed' : at === 9 ? 'running' : 'succeeded'] as const),
)

/** The hold at 25 % is over, and its pause waits. */
const pausing: Partial<OneDeployment> = {
  ...climbing,
  reason: { code: 'awaiting_promote', text: 'waits for promote of 25%', since: '2026-11-23T12:04:50Z' },
  step: 6,
  allowed_actions: [
    { action: 'promote', allowed: true, gate: '25%' },
    { action: 'pause', allowed: true },
    { action: 'cancel', allowed: true },
  ],
  steps: ladder().map((record): OneDeployment['steps'][number] => {
    const { position, step } = record
    if (position === 5) return { ...record, state: 'done', ended_at: '2026-11-23T12:04:50Z' }
    if (position !== 6) return record
    const pause = { kind: 'pause' as const, name: 'pause at 25%', gate: '25%', table: step.table }
    return { ...record, state: 'begun', step: pause, began_at: '2026-11-23T12:04:50Z' }
  }),
}

const scenes: Readonly<Record<string, Story>> = {
  'a canary moves': story(),
  'it waits for a person': story({
    reason: { code: 'awaiting_promote', text: 'waits for promote of half', since: '2026-11-23T12:01:00Z' },
    allowed_actions: [
      { action: 'promote', allowed: true, gate: 'half' },
      { action: 'cancel', allowed: true },
    ],
  }),
  'it waits for its turn': story(
    {
      state: 'pending',
      started_at: undefined,
      steps: [],
      step_count: undefined,
      eta: undefined,
      replicas: undefined,
      traffic: undefined,
      service_progress: undefined,
    },
    { ahead: ['dep_before', 'dep_between'] },
  ),
  'it goes back': tell(
    tell(
      story(),
      event(11, 'deploy.undoing', { because: 'api answered 503 three times', steps: ['route api 0%', 'retire api'] }),
    ),
    event(12, 'deploy.progress', { undo: true, step: 1, name: 'route api 0%', kind: 'route' }),
  ),
  'it failed and was restored': tell(
    story({ service_progress: { api: 'failed', cron: 'failed' } }),
    event(11, 'deploy.failed', {
      error: 'api answered 503 three times.',
      restored: true,
      evidence: ['GET /healthz: 503', 'db pool exhausted'],
    }),
  ),
  'it was not restored': tell(story(), event(11, 'deploy.failed', { error: 'api is gone', restored: false })),
  'it succeeded': tell(
    story({ service_progress: { api: 'succeeded', cron: 'succeeded' } }),
    event(11, 'deploy.succeeded'),
  ),
  'it was cancelled': tell(story(), event(11, 'deploy.cancelled', { error: 'cancelled by ana', restored: true })),
  'a share is held': story(climbing),
  'the checks of a share are measured': tell(story(climbing), {
    type: 'chart',
    chart: chart([0.1, 0.3, 0.2, 0.4, 0.3], [0.7, 0.72, 0.69, 0.8, 0.75]),
  }),
  'a check fails': tell(
    tell(
      tell(story(climbing), { type: 'chart', chart: chart([0.1, 0.6, 2.4], [0.7, 0.72, 0.69]) }),
      checked(11, 0.024, 208),
    ),
    event(12, 'deploy.undoing', { because: 'A check failed: api: …', steps: ['route api 0 %', 'retire api'] }),
  ),
  'a pause comes after its checks': tell(tell(story(pausing), checked(11, 0.003, 208)), {
    type: 'chart',
    chart: chart([0.1, 0.3, 0.3], [0.7, 0.72, 0.69]),
  }),
  'two hundred services': story({ service_progress: many, replicas: undefined, traffic: undefined }),
  'names of an enemy': story(
    { strategy: hostile, service_progress: { [hostile]: 'running', ['n'.repeat(200)]: 'failed' }, replicas: undefined },
    { instance: hostile },
  ),
}

const looks = [
  { columns: 40, rows: 10 },
  { columns: 60, rows: 24 },
  { columns: 80, rows: 24 },
  { columns: 80, rows: 24, ascii: true },
  { columns: 80, rows: 24, colour: true },
  { columns: 120, rows: 24 },
  { columns: 200, rows: 50 },
  { columns: 80, rows: 4 },
]

for (const [name, told] of Object.entries(scenes)) {
  test(`the frame when ${name}, on terminals of several sizes, is as drawn in frames/`, async () => {
    const file = new URL(`frames/${name.replaceAll(' ', '-')}.txt`, import.meta.url)
    const drawn = looks
      .map(({ columns, rows, ...set }) => {
        const frame = frameOf(told, now, { columns, rows, style: style(set), keys: true })
        const title = [`${columns}x${rows}`, ...Object.keys(set)].join(' ')
        return `== ${title}\n${frame.map(line => `${line.replaceAll('\x1b', '␛')}\n`).join('')}`
      })
      .join('')
    if (process.env['SLIPWAY_GOLDEN'] === 'write') await writeFile(file, drawn)
    assert.equal(drawn, await readFile(file, 'utf8'))
  })
}

test('what does not fit is left out: failures stay, then what moves, then a count of the healthy', () => {
  const frame = frameOf(scenes['two hundred services'] ?? story(), now, {
    columns: 80,
    rows: 9,
    style: style(),
    keys: true,
  })
  assert.equal(frame.length, 8)
  assert.match(frame[3] ?? '', /s7 .*failed/)
  assert.match(frame[4] ?? '', /s9 .*running/)
  assert.match(frame[6] ?? '', /… 217 more healthy/)
})

test('whatever is told in whatever order, no frame is wider or taller than the terminal, and neither frames nor lines hold a control character', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 250 }),
    fc.string({ unit: 'grapheme', maxLength: 250 }),
    fc.constantFrom(hostile, 'web', '', 'x'.repeat(200), '::error::oops'),
  )
  const data = fc.record(
    {
      step: fc.integer({ min: 0, max: 6 }),
      steps: fc.oneof(fc.array(text, { maxLength: 8 }), fc.nat()),
      name: text,
      kind: fc.constantFrom('run', 'route', 'hold', 'pause', 'nonsense'),
      gate: text,
      undo: fc.boolean(),
      service: text,
      state: fc.constantFrom('pending', 'running', 'succeeded', 'failed', 'odd'),
      error: text,
      because: text,
      by: text,
      restored: fc.boolean(),
      evidence: fc.array(text, { maxLength: 20 }),
      verdict: fc.constantFrom('pass', 'fail', 'odd'),
      checks: fc.oneof(
        text,
        fc.array(
          fc.oneof(
            fc.nat(),
            fc.record(
              {
                type: text,
                check: text,
                service: text,
                measure: fc.oneof(text, fc.constantFrom('error_rate', 'p95_ms', 'p95_ratio', 'error_rate_above_old')),
                verdict: fc.constantFrom('pass', 'fail', 'wait', 'odd'),
                text,
                value: fc.double(),
                threshold: fc.double(),
                samples: fc.nat(),
              },
              { requiredKeys: [] },
            ),
          ),
          { maxLength: 5 },
        ),
      ),
    },
    { requiredKeys: [] },
  )
  const types: readonly Event['type'][] = [
    'deploy.queued',
    'deploy.started',
    'deploy.progress',
    'deploy.paused',
    'deploy.checked',
    'deploy.resumed',
    'deploy.undoing',
    'deploy.succeeded',
    'deploy.failed',
    'deploy.cancelled',
    'deploy.rolled_back',
    'release.activated',
  ]
  const side = fc.record({ ready: fc.nat(40), want: fc.nat(40) })
  const read: fc.Arbitrary<Partial<OneDeployment>> = fc.record({
    last_event_id: fc.nat(30).map(String),
    strategy: text,
    service_progress: fc.dictionary(text, fc.constantFrom('pending', 'running', 'succeeded', 'failed')),
    replicas: fc.dictionary(text, fc.record({ old: side, new: side })),
    traffic: fc.dictionary(text, fc.record({ set: fc.nat(100), actual: fc.float({ min: 0, max: 100, noNaN: true }) })),
  })
  const number = fc.double({ noDefaultInfinity: false })
  const charts = fc
    .record({ errors: fc.array(number, { maxLength: 30 }), latencies: fc.array(number, { maxLength: 30 }), name: text })
    .map(({ errors, latencies, name }) => {
      const drawn = chart(errors, latencies, [{ type: 'function', name }, ...checks])
      return { ...drawn, checks: drawn.checks.map(one => ({ ...one, position: 5 })) }
    })
  const telling = fc.oneof(
    fc
      .record({ seq: fc.nat(30), type: fc.constantFrom(...types), data })
      .map(one => event(one.seq, one.type, one.data)),
    read.map(more => ({ type: 'read' as const, deployment: deployment(more) })),
    read.map(more => ({ type: 'reset' as const, last_event_id: '5', deployment: deployment(more) })),
    fc
      .record({ chart: charts, last_event_id: fc.nat(30).map(String), climbs: fc.boolean() })
      .chain(({ chart: drawn, last_event_id, climbs }) =>
        fc.constantFrom(
          { type: 'chart' as const, chart: drawn },
          {
            type: 'read' as const,
            deployment: deployment(climbs ? { ...climbing, last_event_id } : { last_event_id }),
          },
        ),
      ),
    text.map(instance => ({ type: 'names' as const, names: { instance, ahead: [instance] } })),
  )
  const look = fc.record({ columns: fc.integer({ min: 1, max: 220 }), rows: fc.integer({ min: 1, max: 60 }) })
  const set = fc.record({ ascii: fc.boolean(), colour: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(telling, { maxLength: 12 }),
      look,
      set,
      text,
      fc.boolean(),
      (tellings, size, set, note, help) => {
        let told = story()
        for (const one of tellings) {
          const before = told
          told = tell(told, one)
          for (const line of plainLines(before, told, now, { ascii: set.ascii, github: true }))
            assert.doesNotMatch(line, /[\p{Cc}\p{Bidi_Control}]/u)
          const frame = frameOf(told, now, { ...size, style: style(set), keys: true, note, help })
          assert.ok(frame.length < size.rows, `${frame.length} lines`)
          for (const line of frame) {
            assert.ok(widthOf(line) <= size.columns, line)
            assert.doesNotMatch(stripVTControlCharacters(line), /[\p{Cc}\p{Bidi_Control}]/u)
            if (set.ascii) assert.doesNotMatch(stripVTControlCharacters(line), /[^\p{ASCII}]/u)
            if (!set.colour) assert.equal(line, stripVTControlCharacters(line))
          }
          assert.equal(tell(told, one).deployment.state, told.deployment.state, 'told twice is told once')
        }
      },
    ),
    { numRuns: 300 },
  )
})
