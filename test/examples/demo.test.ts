import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { assertNothingLeft, type Line, processesOf, root, runExample } from './example.ts'

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

/** A terminal of a test is made by Python. */
const noTerminal = spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not installed'

describe('npm start', () => {
  test('on a terminal ends each deployment as it has to, loses nothing, stays up for what it says to paste, and removes everything it started on Ctrl-C', {
    skip: noTerminal,
  }, async t => {
    let pasting: Promise<readonly Pasted[]> | undefined
    const { code, lines, story, folder } = await runExample(t, 'demo', {
      shown(story, { type }) {
        const lines = invitedTo(story)
        if (!lines || pasting) return
        pasting = paste(lines)
        void pasting.finally(() => type('\u0003')).catch((error: unknown) => void error) // because it is awaited below
      },
    })
    assert.ok(pasting, story)
    assertPasted(await pasting)
    assert.doesNotMatch(story, /slip_/, 'no token is shown')
    assert.ok(story.includes('\u001B[?25l') && story.trimEnd().includes('\u001B[?25h'), 'the cursor is given back')
    const summary = lines.at(-1)?.summary
    assert.ok(summary, story)
    assert.deepEqual(story.match(/lost at .*/g) ?? [], [], 'no loss has a reason')
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
    const { code, lines, story, folder } = await runExample(t, 'demo', {
      told(line, { signal, folder }) {
        if (!isFirstRoute(line)) return
        found = processesOf(folder).length
        signal('SIGINT')
      },
    })
    assert.equal(code, 130, story)
    assert.ok(found > 6, 'replicas of two releases, proxy and load ran')
    assert.match(story, /Interrupted by SIGINT/)
    assert.equal(lines.at(-1)?.type, 'instance.deleted')
    assertNothingLeft(folder)
  })

  test('when a part of it dies it says what went wrong', async t => {
    const { code, story, folder } = await runExample(t, 'demo', {
      told(line, { folder }) {
        if (!isFirstRoute(line)) return
        const load = processesOf(folder).find(({ command }) => command.includes('load/process.ts'))
        assert.ok(load)
        process.kill(load.pid, 'SIGKILL')
      },
    })
    assert.equal(code, 1, story)
    assert.match(story, /The load generator ended before it was stopped/)
    assertNothingLeft(folder)
  })
})

/** What became of a line that was pasted. */
interface Pasted {
  readonly line: string
  readonly code: number
  readonly said: string
}

/** The lines it says to paste, as they are on the terminal. */
function invitedTo(story: string): readonly string[] | undefined {
  const [, block] = /Paste into another terminal:\r\n\r\n((?: {2}.*\r\n)+)\r\n/.exec(story) ?? []
  return block
    ?.trimEnd()
    .split('\r\n')
    .map(line => line.trim())
}

/** As a person would: each line into the same shell. `npx` finds this checkout. */
async function paste(lines: readonly string[]): Promise<readonly Pasted[]> {
  const end = '---pasted'
  const script = lines.map(line => `${line}\necho "${end} $?"`).join('\n')
  const shell = spawn('sh', ['-c', `exec 2>&1\n${script}`], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const said = (await text(shell.stdout)).split(new RegExp(`${end} (\\d+)\\n`))
  return lines.map((line, index) => ({ line, code: Number(said[2 * index + 1]), said: said[2 * index] ?? '' }))
}

/** How each line that can be pasted ends, by its command. */
const pastedEnds: readonly (readonly [RegExp, number, RegExp])[] = [
  [/^export SLIPWAY_CONFIG=/, 0, /^$/],
  [/ ps$/, 0, /shop/],
  [/ deploy .*web-4.*canary/, 9, /paus/i],
  [/ promote$/, 0, /SUCCEEDED/],
  [/ rollback /, 0, /SUCCEEDED/],
  [/ deploy .*api-broken/, 8, /DATABASE_URL|crash_loop/],
  [/ logs /, 0, /\S/],
]

function assertPasted(pasted: readonly Pasted[]): void {
  const told = pasted.map(({ line, code, said }) => `$ ${line}\n${said}(${code})`).join('\n')
  assert.equal(pasted.length, pastedEnds.length, told)
  for (const [index, [line, code, said]] of pastedEnds.entries()) {
    const one = pasted[index]
    assert.match(one?.line ?? '', line)
    assert.equal(one?.code, code, told)
    assert.match(one?.said ?? '', said, told)
  }
}

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
  const own = events.filter(event => event.deployment_id === id).map(({ type }) => type)
  // What checks of holds found is told among the steps.
  const types = own.filter(type => type !== 'deploy.checked')
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
