import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createClient, type Event } from '../../src/client/index.ts'
import { startControlPlane } from '../../src/demo/stage/control-plane.ts'
import { until } from '../support/until.ts'
import { processesOf } from './example.ts'

const image = `file:${fileURLToPath(new URL('../../examples/hello-1', import.meta.url))}`

async function controlPlaneIn(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-remote-'))
  t.after(async () => {
    for (const { pid } of processesOf(folder)) process.kill(pid, 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  const plane = await startControlPlane(folder)
  return { folder, plane, server: processesOf(folder).find(({ command }) => command.includes('stage/server.ts')) }
}

// Each in a folder of its own. Mostly they wait for it.
describe('the server of a stage, in a process of its own,', { concurrency: true }, () => {
  test('that is killed and started again has its old address, and a client that watches is told each event once', async t => {
    const { plane, folder } = await controlPlaneIn(t)
    const client = createClient({ url: plane.url, token: plane.token, tenant: 'acme', retries: 100, backoffMs: 50 })
    const service = { name: 'web', image, ports: [{ name: 'http' }], expose: true }
    const created = await client.instances.create({ name: 'shop', services: [service] })
    const events: Event[] = []
    let killed = false
    for await (const event of client.deployments.watch({ id: created.deployment.id, last_event_id: '0' })) {
      if (event.type === 'reset') assert.fail('nothing of the log is gone')
      events.push(event)
      if (killed) continue
      killed = true
      await plane.kill()
      const asked = client.deployments.get(created.deployment.id)
      await plane.start()
      assert.equal((await asked).id, created.deployment.id)
    }
    assert.equal(events.at(-1)?.type, 'deploy.succeeded')
    assert.equal(new Set(events.map(({ seq }) => seq)).size, events.length)
    assert.equal(plane.death.aborted, false, 'it ended because it was asked to')
    const deleting = await client.instances.delete(created.instance.id, 'shop', { ifMatch: '*' })
    assert.equal((await client.deployments.finished(deleting)).state, 'succeeded')
    await plane.close()
    assert.deepEqual(processesOf(folder), [])
  })

  test('that was killed and not started again leaves nothing behind when it is closed', async t => {
    const { plane, folder } = await controlPlaneIn(t)
    await plane.kill()
    assert.notDeepEqual(processesOf(folder), [], 'the proxy goes on')
    await plane.close()
    assert.deepEqual(processesOf(folder), [])
  })

  test('that does not come up in time is ended, and that is said', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-remote-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await assert.rejects(startControlPlane(folder, 10), /did not come up within 0.01 s/)
    await until('it is gone', () => processesOf(folder).length === 0)
  })

  test('that dies by itself is not waited for', async t => {
    const { plane, server } = await controlPlaneIn(t)
    assert.ok(server)
    process.kill(server.pid, 'SIGKILL')
    if (!plane.death.aborted)
      await new Promise(resolve => plane.death.addEventListener('abort', resolve, { once: true }))
    assert.match(String(plane.death.reason), /The control plane ended \(SIGKILL\)/)
    await plane.close()
  })
})
