import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { WebhookService } from '../../src/event/webhook-service.ts'
import { fakeProvider, fakeRouter } from '../../src/provider/fake/index.ts'
import { createSlipway, type Slipway } from '../../src/slipway.ts'
import { until } from '../support/until.ts'
import { aReceiver, verified } from './receiver.ts'

/** Most of what a start costs is to compile. */
const env = {
  ...process.env,
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url)),
}

// Where the control plane is killed with -9, and how often the event that was under way is sent.
const moments = [
  ['before commit[webhooks.reached', 1],
  ['after commit[webhooks.reached', 1],
  ['before commit[webhooks.attempted', 2],
  ['after commit[webhooks.attempted', 1],
] as const

describe('a control plane that is killed while it delivers loses no event, and keeps the order of an instance:', {
  concurrency: true,
}, () => {
  for (const [moment, times] of moments) {
    test(`${moment}…]`, async t => {
      const dataDir = await mkdtemp(join(tmpdir(), 'slipway-hooks-'))
      t.after(() => rm(dataDir, { recursive: true, force: true }))
      const receiver = await aReceiver(t)
      const recorder = await open(dataDir, false)
      const { webhook, secret } = await hooksOf(recorder).create({ url: receiver.url, types: ['deploy.*'] })
      const before = await happen(recorder)
      await recorder.close()

      const child = fork(new URL('./webhook-kill.ts', import.meta.url), [dataDir, moment], { execArgv: [], env })
      t.after(() => child.kill('SIGKILL'))
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
      assert.equal(signal, 'SIGKILL')

      const next = await open(dataDir, true)
      t.after(() => next.close())
      const after = await happen(next)
      await until('all is delivered', async () => {
        const { items } = await hooksOf(next).deliveries(webhook.id, { limit: 200 })
        return items.length === 6 && items.every(({ state }) => state === 'delivered')
      })
      for (const received of receiver.received) verified(secret, received)
      const [first = '', ...more] = before
      const ids = receiver.received.map(({ id }) => id)
      assert.deepEqual(ids, [...Array.from({ length: times }, () => first), ...more, ...after])
    })
  }
})

function open(dataDir: string, worker: boolean): Promise<Slipway> {
  const log = { info: () => {}, warn: () => {} }
  const webhooks = { allowAddresses: ['127.0.0.1'], allowHttp: true }
  return createSlipway({ dataDir, log, webhooks, worker, providers: [fakeProvider()], router: fakeRouter() })
}

function hooksOf(slipway: Slipway): WebhookService {
  return slipway.as({ tenantId: 'acme', subject: 'ana' }).webhooks
}

async function happen({ bus }: Slipway): Promise<string[]> {
  const ids: string[] = []
  for (const type of ['deploy.queued', 'deploy.started', 'deploy.succeeded'] as const) {
    ids.push((await bus.publish({ type, tenantId: 'acme', instanceId: 'inst_1' })).id)
  }
  return ids
}
