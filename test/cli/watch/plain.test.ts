import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exit } from '../../../src/cli/exit.ts'
import { Refusal } from '../../../src/cli/refusal.ts'
import { chooseProgress } from '../../../src/cli/watch/choose.ts'
import { heartbeat, plainLines } from '../../../src/cli/watch/plain.ts'
import { type Story, type Telling, tell } from '../../../src/cli/watch/story.ts'
import { checked, climbing, deployment, event, now, story } from './stories.ts'

const look = { ascii: false, github: false }

/** All that is said of a story. */
function said(first: Story, tellings: readonly Telling[], github = false): string[] {
  let told = first
  const lines = plainLines(undefined, told, now, { ascii: false, github })
  for (const telling of tellings) {
    const before = told
    told = tell(told, telling)
    lines.push(...plainLines(before, told, now, { ascii: false, github }))
  }
  return lines
}

test('lines say what changed with the time, and nothing when nothing did', () => {
  const paused = event(12, 'deploy.paused', { step: 4, name: 'pause half', kind: 'pause', gate: 'half' })
  const tellings = [
    event(11, 'deploy.progress', { service: 'api', state: 'succeeded' }),
    event(11, 'deploy.progress', { service: 'api', state: 'failed' }),
    paused,
    paused,
    event(13, 'deploy.resumed', { by: 'ana', gate: 'half' }),
    event(14, 'deploy.succeeded'),
    event(14, 'deploy.succeeded'),
  ]
  assert.deepEqual(said(story(), tellings), [
    '12:05:00 dep_01kdxxq7v3e9tr6s1a2b3c4d5e checkout v18 -> v19 canary running',
    '12:05:00 step 3/4 run 2 of api (25%)',
    '12:05:00   cron through',
    '12:05:00   api 1/2 ready',
    '12:05:00   cron 1/1 ready',
    '12:05:00   api through',
    '12:05:00 step 4/4 route api 25%',
    '12:05:00 PAUSED: waits for promote of half',
    '12:05:00 goes on, says ana',
    '12:05:00 SUCCEEDED: Done after 4m12s: v19 serves.',
  ])
})

test('what waits for somebody is told of once, also when a server that was just started does not know yet that it waits', () => {
  const first = story()
  const read = (reason: Story['deployment']['reason']): Telling => {
    return { type: 'read', deployment: deployment({ step: 3, last_event_id: '12', ...(reason ? { reason } : {}) }) }
  }
  const tellings: Telling[] = [
    event(12, 'deploy.paused', { step: 4, name: 'pause half', kind: 'pause', gate: 'half' }),
    read({ code: 'running', text: 'goes on', since: '2026-01-01T12:00:00.000Z' }),
    read({ code: 'awaiting_promote', text: 'waits for promote of half', since: '2026-01-01T12:00:00.000Z' }),
  ]
  assert.equal(said(first, tellings).filter(line => line.includes('PAUSED')).length, 1)
})

test('the end of a hold says what its checks found and what they allow, and the step that fails by them which one it was', () => {
  const sentence = {
    type: 'latency',
    verdict: 'pass',
    text: 'Too little traffic, so it passes on health alone.',
    samples: 3,
  }
  const tellings = [
    checked(11, 0.003, 208),
    checked(11, 0.003, 208),
    event(12, 'deploy.progress', { step: 7, name: 'run 3 of api', kind: 'run' }),
    event(13, 'deploy.checked', { step: 9, name: 'hold', verdict: 'pass', checks: [sentence, null, 7] }),
    event(14, 'deploy.checked', { verdict: 'fail' }),
    checked(15, 0.12, 208),
    event(16, 'deploy.undoing', { because: 'api: too many errors', steps: [] }),
  ]
  assert.deepEqual(said(story(climbing), tellings).slice(-5), [
    '12:05:00 gate ok  error_rate=0.3% (<=1%)  p95=208ms (<=300ms)  samples=500',
    '12:05:00 step 7/12 run 1 of api to 50',
    '12:05:00 gate ok  latency: Too little traffic, so it passes on health alone.  samples=3',
    '12:05:00 gate FAILED  error_rate=12% (<=1%) FAILED  p95=208ms (<=300ms)  samples=500',
    '12:05:00 UNDOING, because api: too many errors',
  ])
})

test('a failure says why it goes back, how it ended and what was seen; in GitHub Actions as an error, each %, CR and LF escaped', () => {
  const tellings = [
    event(11, 'deploy.undoing', { because: 'api answered 503', steps: ['route api 0%', 'retire api'] }),
    event(12, 'deploy.progress', { undo: true, step: 1, name: 'route api 0%', kind: 'route' }),
    event(13, 'deploy.failed', {
      error: '100% of\r\n::error::api: "gone"',
      restored: true,
      evidence: ['GET /: 503\x1b[2J'],
    }),
  ]
  assert.deepEqual(said(story(), tellings, true).slice(-5), [
    '12:05:00 UNDOING, because api answered 503',
    '12:05:00 back 1/2 route api 0%',
    '12:05:00 FAILED, RESTORED: Failed after 4m12s, v18 serves again: 100% of  ::error::api: "gone".',
    '12:05:00   GET /: 503',
    '::error title=checkout v19 failed%2C restored::100%25 of%0D%0A::error::api: "gone"',
  ])
})

test('a deployment that waits for its turn says what comes first, again only when that changes', () => {
  const pending = story(
    { state: 'pending', steps: [], replicas: undefined, service_progress: undefined },
    { ahead: ['dep_a', 'dep_b'] },
  )
  const names = { instance: 'checkout', from: 18, to: 19 }
  assert.deepEqual(
    said(pending, [
      { type: 'names', names: { ...names, ahead: ['dep_a', 'dep_b'] } },
      { type: 'names', names: { ...names, ahead: ['dep_b'] } },
    ]).slice(1),
    [
      '12:05:00 Waits for its turn, because dep_a and 1 more come first.',
      '12:05:00 Waits for its turn, because dep_b comes first.',
    ],
  )
})

test('the heartbeat says where it still is, and which replicas are waited for', () => {
  assert.equal(heartbeat(story(), now, look), '12:05:00   still at step 3/4 run 2 of api (25%), api 1/2 ready, 4m12s')
})

test('what was read before the last event, and events that come late or twice, take nothing back', () => {
  const undone = tell(story(), event(20, 'deploy.undoing', { because: 'it failed', steps: [] }))
  assert.equal(undone.stale, true)
  for (const late of [
    event(15, 'deploy.progress', { step: 4, name: 'late', kind: 'route' }),
    event(21, 'deploy.progress', { step: 4, name: 'after the undo began', kind: 'route' }),
    { type: 'read' as const, deployment: deployment({ last_event_id: '19' }) },
  ]) {
    assert.deepEqual(tell(undone, late).deployment, undone.deployment)
  }
  const read = tell(undone, {
    type: 'read',
    deployment: deployment({ last_event_id: '21', state: 'failed', restored: true }),
  })
  assert.equal(read.deployment.state, 'failed')
  assert.equal(read.stale, false)
})

test('drawn in place on a terminal, as lines in CI, on TERM=dumb and in pipes, as events with --json', () => {
  const choose = (asked: Parameters<typeof chooseProgress>[0], isTty: boolean, env = {}, json = false) =>
    chooseProgress(asked, {
      json,
      env,
      stderr: { isTty, write: () => {}, columns: 80, rows: 24, stream: process.stderr },
    })
  assert.equal(choose(undefined, true), 'tty')
  assert.equal(choose('auto', true, { NO_COLOR: '1' }), 'tty')
  assert.equal(choose('auto', true, { CI: 'true' }), 'plain')
  assert.equal(choose('auto', true, { TERM: 'dumb' }), 'plain')
  assert.equal(choose('auto', false), 'plain')
  assert.equal(choose('tty', true, { CI: 'true' }), 'tty')
  assert.equal(choose('plain', true), 'plain')
  assert.equal(choose(undefined, true, {}, true), 'json')
  const usage = (error: unknown): boolean => error instanceof Refusal && error.exitCode === exit.usage
  assert.throws(() => choose('tty', false), usage)
  assert.throws(() => choose('plain', true, {}, true), usage)
})
