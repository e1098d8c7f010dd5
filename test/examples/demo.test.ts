import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertNothingLeft, type Line, processesOf, runExample } from './example.ts'

const succeeded = { state: 'succeeded' }
const expected = [
  { version: 1, strategy: 'initial', ...succeeded },
  { version: 2, strategy: 'rolling', ...succeeded },
  { version: 3, strategy: 'canary', ...succeeded },
  { version: 4, strategy: 'blue-green', ...succeeded },
  { version: 5, strategy: 'recreate', ...succeeded },
  { version: 6, strategy: 'rolling', state: 'failed', restored: true, error_code: 'crash_loop' },
  { version: 7, strategy: 'canary', state: 'failed', restored: true, error_code: 'check_failed' },
  { version: 8, strategy: 'blue-green', state: 'rolled_back' },
  { version: 5, strategy: 'blue-green', ...succeeded },
  { version: 9, strategy: 'canary', state: 'cancelled', restored: true, error_code: 'cancelled' },
]

describe('npm start', () => {
  test('ends each deployment as it has to, loses nothing, and removes everything it started', async t => {
    const { code, lines, story, folder } = await runExample(t, 'demo')
    const summary = lines.at(-1)?.summary
    assert.ok(summary, story)
    assert.equal(summary.lost, 0, story)
    const told = summary.deployments.map(({ version, strategy, state, restored, error_code }) =>
      JSON.stringify({ version, strategy, state, restored, error_code }),
    )
    assert.deepEqual(
      told,
      expected.map(each => JSON.stringify(each)),
      story,
    )
    assert.equal(code, 0, story)
    const seconds = summary.deployments.reduce((sum, { ms }) => sum + ms, 0) / 1000
    assert.ok(summary.requests > 200 * (seconds - (summary.deployments[0]?.ms ?? 0) / 1000), story)
    assert.ok(summary.rollback_ms < 1000, `the rollback took ${summary.rollback_ms} ms`)
    assert.match(story, /cannot read DATABASE_URL/, 'the broken release says why')
    assert.match(story, /error rate of the new revision/, 'so does the one that leaks errors')
    assert.match(story, /requests lost: 0/)

    const events = lines.slice(0, -1)
    assertOrder(events)
    for (const { id, state } of summary.deployments) assertCourse(id, state, events)
    assertNothingLeft(folder)
  })
})

describe('npm start that does not come to its end removes everything it started:', { concurrency: true }, () => {
  test('interrupted in the middle of a rollout it stops', async t => {
    let found = 0
    const { code, lines, story, folder } = await runExample(t, 'demo', (line, { signal, folder }) => {
      if (!isFirstRoute(line)) return
      found = processesOf(folder).length
      signal('SIGINT')
    })
    assert.equal(code, 130, story)
    assert.ok(found > 6, 'replicas of two releases, proxy and load ran')
    assert.match(story, /Interrupted by SIGINT/)
    assert.equal(lines.at(-1)?.type, 'instance.deleted')
    assertNothingLeft(folder)
  })

  test('when a part of it dies it says what went wrong', async t => {
    const { code, story, folder } = await runExample(t, 'demo', (line, { folder }) => {
      if (!isFirstRoute(line)) return
      const load = processesOf(folder).find(({ command }) => command.includes('load/process.ts'))
      assert.ok(load)
      process.kill(load.pid, 'SIGKILL')
    })
    assert.equal(code, 1, story)
    assert.match(story, /The load generator ended before it was stopped/)
    assertNothingLeft(folder)
  })
})

/** The first time the second release gets a share. */
function isFirstRoute({ type, data }: Line): boolean {
  return type === 'deploy.progress' && data?.['kind'] === 'route' && data['name'] !== undefined && shares(data) === 50
}

function shares(data: Readonly<Record<string, unknown>>): number {
  const table = data['table'] as readonly { readonly service: string; readonly weight: number }[]
  return Math.min(...table.filter(row => row.service === 'api').map(row => row.weight))
}

/** The log has one order, and its last word is that the instance is gone. */
function assertOrder(events: readonly Line[]): void {
  events.forEach((event, index) => assert.ok(index === 0 || event.seq > (events[index - 1]?.seq ?? 0)))
  assert.equal(events[0]?.type, 'instance.created')
  assert.equal(events.at(-1)?.type, 'instance.deleted')
}

const endings = ['deploy.succeeded', 'deploy.failed', 'deploy.cancelled']

/** A deployment is queued, starts, makes progress, perhaps is undone, and has exactly one end. */
function assertCourse(id: string, state: string, events: readonly Line[]): void {
  const types = events.filter(event => event.deployment_id === id).map(({ type }) => type)
  const course = types.filter((type, index) => type !== types[index - 1] && !type.startsWith('release.'))
  const begun = ['deploy.queued', 'deploy.started', 'deploy.progress']
  const courses: Record<string, readonly string[]> = {
    succeeded: [...begun, 'deploy.succeeded'],
    rolled_back: [...begun, 'deploy.succeeded', 'deploy.rolled_back'],
    failed: [...begun, 'deploy.undoing', 'deploy.progress', 'deploy.failed'],
    cancelled: [...begun, 'deploy.undoing', 'deploy.progress', 'deploy.cancelled'],
  }
  // The first one is recorded, not carried out.
  const wanted = types.includes('deploy.queued') ? courses[state] : ['deploy.succeeded']
  assert.deepEqual(course, wanted)
  assert.equal(types.filter(type => endings.includes(type)).length, 1)
}
