import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import { type FollowOptions, follow } from '../../../src/cli/watch/follow.ts'
import type { Output, World } from '../../../src/cli/world.ts'
import { type Client, createClient, type Event, type Watched } from '../../../src/client/index.ts'
import { startDoomed } from '../../server/doomed.ts'
import { startWorld } from '../../server/world.ts'
import { startMachine } from '../../support/machine.ts'
import { web } from '../../support/services.ts'

/** A terminal, or a pipe, with somebody before it. */
function seat({ terminal = false } = {}) {
  const written = { out: '', err: '' }
  const waiting = new Set<() => void>()
  const listeners = new Set<() => void>()
  const raw: boolean[] = []
  const output = (which: 'out' | 'err'): Output => {
    const stream = new Writable({
      decodeStrings: false,
      write(text: string, _, done) {
        written[which] += text
        for (const look of waiting) look()
        done()
      },
    })
    return { write: text => void stream.write(text), isTty: terminal, columns: 100, rows: 30, stream }
  }
  const keys = Object.assign(new PassThrough(), { setRawMode: (mode: boolean) => raw.push(mode) })
  const world: World = {
    stdout: output('out'),
    stderr: output('err'),
    stdin: { isTty: terminal, stream: keys },
    env: {},
    cwd: '/',
    home: '/',
    now: Date.now,
    leave: () => {},
    onInterrupt(listener) {
      const heard = (): void => listener('SIGINT')
      listeners.add(heard)
      return { dispose: () => void listeners.delete(heard) }
    },
    onClosed: () => ({ dispose: () => undefined }),
    onFailure: () => ({ dispose: () => undefined }),
  }
  return {
    world,
    written,
    raw,
    listeners,
    type: (text: string) => void keys.write(text),
    interrupt() {
      for (const listener of listeners) listener()
    },
    /** Resolves once this was written. */
    async told(text: string): Promise<void> {
      await new Promise<void>(resolve => {
        const look = (): void => {
          if (!(written.out + written.err).includes(text)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      })
    },
  }
}

/** A shop of a tenant of its own on one server, and its client. */
interface Shop {
  readonly client: Client
  deploy(image: string, pause?: string, first?: object, ...more: object[]): Promise<Watched & { id: string }>
}

test('a deployment that is followed', async t => {
  const machine = await startMachine()
  t.after(() => machine.dispose())
  const { url } = await startWorld(t, {}, machine)
  const [first, good, broken] = await Promise.all([
    machine.server('1'),
    machine.server('2'),
    machine.server('3', { exits: 1 }),
  ])
  const shop = async (): Promise<Shop> => {
    const { acting, ...tenant } = machine.tenant()
    const { secret: token } = await acting.tokens.create({ name: 'ana', scopes: ['deploy'] })
    const { id } = await tenant.up([web(first)])
    const client = createClient({ url, token })
    return {
      client,
      deploy: (image, pause, first = { holdSeconds: 0 }, ...more) =>
        client.deployments.create(id, {
          services: [{ name: 'web', image }],
          strategy: 'canary',
          options: { steps: [{ weight: 50, ...first, ...(pause ? { pause } : {}) }, ...more], keepWarmSeconds: 0 },
        }),
    }
  }
  const start = (client: Client, watched: Watched, options: FollowOptions = {}, terminal = false) => {
    const at = seat({ terminal })
    return { ...at, code: follow(client, watched, at.world, options) }
  }

  await t.test(
    'that succeeds is told in lines, and ends with 0; so does a look at it afterwards, and its events are those of the log',
    async () => {
      const { client, deploy } = await shop()
      const asked = await deploy(good)
      const { code, written } = start(client, asked)
      assert.equal(await code, 0)
      assert.match(written.err, /shop (?:v1 -> )?v2 canary/)
      assert.match(written.err, /SUCCEEDED: Done after \d+s: v2 serves\./)
      assert.equal(written.out, '')
      const later = start(client, asked.id)
      assert.equal(await later.code, 0)
      assert.match(later.written.err, /SUCCEEDED/)
      const events = start(client, asked.id, { json: true })
      assert.equal(await events.code, 0)
      const { items } = await client.events.page({ deployment_id: asked.id, after: '0', limit: 200 })
      const end = items.findIndex(({ type }) => type === 'deploy.succeeded')
      assert.deepEqual(linesOf(events.written.out), items.slice(0, end + 1))
    },
  )

  await t.test('that fails and is restored says why and ends with 8', async () => {
    const { client, deploy } = await shop()
    const { code, written } = start(client, await deploy(broken))
    assert.equal(await code, 8)
    assert.match(written.err, /UNDOING, because /)
    assert.match(written.err, /FAILED, RESTORED: Failed after \d+s, v1 serves again: /)
  })

  await t.test(
    'is paused, promoted, resumed and cancelled by keys on a terminal, which is left as it was; the one behind it says what it waits for',
    async () => {
      const { client, deploy } = await shop()
      const asked = await deploy(good, 'half')
      const one = start(client, asked, {}, true)
      await one.told('Waits for you at "half"')
      const queued = start(client, await deploy(first, 'half'), { timeoutMs: 60_000 })
      await queued.told(`because ${asked.id} comes first`)
      one.type(' ')
      await one.told('space resume')
      one.type('x')
      await one.told('Cancel it? Press x again.')
      one.type('p')
      one.type('p')
      await one.told('because somebody asked for it')
      one.type(' ')
      assert.equal(await one.code, 0)
      assert.deepEqual(one.raw, [true, false])
      assert.equal(one.listeners.size, 0)
      await queued.told('PAUSED')
      const id = (await client.deployments.list({ state: 'running' }).page()).items[0]?.id ?? ''
      const other = start(client, id, {}, true)
      await other.told('x cancel')
      other.type('x')
      other.type('x')
      assert.equal(await other.code, 7)
      assert.equal(await queued.code, 7)
    },
  )

  await t.test(
    'goes on when the waiting ends: 9 at a pause, 124 when it took too long, 130 at Ctrl-C and d; cancelOnInterrupt cancels, and ends with 7',
    async () => {
      const { client, deploy } = await shop()
      const asked = await deploy(good, 'half')
      assert.equal(await start(client, asked, { until: 'pause' }).code, 9)
      const late = start(client, asked.id, { timeoutMs: 1 })
      assert.equal(await late.code, 124)
      assert.match(late.written.err, /Waited 0s; the deployment goes on\. {2}Look again: slipway watch dep_/)
      const left = start(client, asked.id)
      await left.told('PAUSED')
      left.interrupt()
      assert.equal(await left.code, 130)
      assert.match(
        left.written.err,
        /Detached\. Still running: slipway watch dep_\w+ {3}Stop it: slipway cancel dep_\w+\n$/,
      )
      const keyed = start(client, asked.id, {}, true)
      await keyed.told('d detach')
      keyed.type('d')
      assert.equal(await keyed.code, 130)
      assert.deepEqual(keyed.raw, [true, false])
      assert.equal((await client.deployments.get(asked.id)).state, 'running')
      const last = start(client, asked.id, { cancelOnInterrupt: true })
      await last.told('PAUSED')
      last.interrupt()
      assert.equal(await last.code, 7)
      assert.match(last.written.err, /CANCELLED/)
    },
  )

  await t.test(
    'is told with what its checks find: in the frame, in a line and as an event, also when what they found over time cannot be read',
    async () => {
      const { client, deploy } = await shop()
      const asked = await deploy(good, undefined, { holdSeconds: 3, checks: [{ type: 'errors', maxRate: 0.01 }] })
      const began = performance.now()
      let reads = 0
      const deaf: Client = {
        ...client,
        deployments: {
          ...client.deployments,
          traffic: async () => {
            reads++
            throw new Error('no charts today')
          },
        },
      }
      const drawn = start(client, asked, {}, true)
      const blind = start(deaf, asked, {}, true)
      const lines = start(client, asked)
      const events = start(client, asked, { json: true })
      await drawn.told('next step in')
      await drawn.told('Too little traffic (the new revision got 0')
      drawn.type('l')
      await drawn.told(`slipway logs shop -f --deployment ${asked.id}`)
      assert.deepEqual(await Promise.all([drawn, blind, lines, events].map(({ code }) => code)), [0, 0, 0, 0])
      const seconds = (performance.now() - began) / 1000
      assert.ok(reads >= 1 && reads <= 1 + seconds / 2, `${reads} reads in ${seconds} s`)
      assert.doesNotMatch(blind.written.err, /charts/)
      assert.match(blind.written.err, /error rate/)
      assert.match(lines.written.err, /gate ok {2}error_rate: web: Too little traffic .* {2}samples=0\n/)
      const found = linesOf(events.written.out).filter(({ type }) => type === 'deploy.checked')
      assert.deepEqual(
        found.map(({ data }) => data?.['verdict']),
        ['pass'],
      )
    },
  )

  await t.test('goes past each pause of its plan once P is pressed', async () => {
    const { client, deploy } = await shop()
    const asked = await deploy(good, 'half', { holdSeconds: 0 }, { weight: 75, holdSeconds: 0, pause: 'most' })
    const one = start(client, asked, {}, true)
    await one.told('Waits for you at "half"')
    one.type('P')
    assert.equal(await one.code, 0)
    const { items } = await client.events.page({ deployment_id: asked.id, type: ['deploy.resumed'], after: '0' })
    assert.deepEqual(
      items.map(({ data }) => data?.['gate']),
      ['half', 'most'],
    )
  })

  await t.test('that is not there is refused, and the terminal is left as it was', async () => {
    const { client } = await shop()
    const one = start(client, 'dep_01kdxxq7v3e9tr6s1a2b3c4d5e', {}, true)
    await assert.rejects(one.code, /dep_01kdxxq7v3e9tr6s1a2b3c4d5e/)
    assert.deepEqual(one.raw, [true, false])
  })
})

test('a server killed with -9 and started again: events without gap or duplicate, a word when the connection is lost and when it is back, and the exit code of the deployment', async t => {
  const machine = await startMachine()
  t.after(() => machine.dispose())
  const { acting, ...tenant } = machine.tenant()
  const { secret: token } = await acting.tokens.create({ name: 'ana', scopes: ['deploy'] })
  const shop = await tenant.up([web(await machine.server('1'))])
  const image = await machine.server('2')
  await machine.reopen(async () => {
    const first = await startDoomed(t, machine)
    const client = createClient({ url: first.url, token, backoffMs: 50 })
    const asked = await client.deployments.create(shop.id, {
      services: [{ name: 'web', image }],
      strategy: 'canary',
      options: { steps: [{ weight: 50, holdSeconds: 0, pause: 'half' }], keepWarmSeconds: 0 },
    })
    const at = seat()
    const lines = seat()
    const codes = [
      follow(client, asked, at.world, { json: true }),
      follow(client, asked, lines.world, { progress: 'plain' }),
    ]
    await Promise.all([at.told('deploy.paused'), lines.told('PAUSED')])
    await first.end('SIGKILL')
    await Promise.all([at.told('Connection lost'), lines.told('Connection lost')])
    const second = await startDoomed(t, machine, new URL(first.url).port)
    await Promise.all([at.told('Connected again'), lines.told('Connected again')])
    await client.deployments.promote(asked.id)
    assert.deepEqual(await Promise.all(codes), [0, 0])
    const { items } = await client.events.page({ deployment_id: asked.id, after: asked.last_event_id, limit: 200 })
    assert.deepEqual(
      linesOf(at.written.out),
      items.slice(0, items.findIndex(({ type }) => type === 'deploy.succeeded') + 1),
    )
    for (const word of ['Connection lost', 'Connected again', 'PAUSED', 'SUCCEEDED']) {
      assert.equal(lines.written.err.split(word).length, 2, word)
    }
    await second.end('SIGKILL')
  })
})

function linesOf(text: string): Event[] {
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Event)
}
