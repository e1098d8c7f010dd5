import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startControlPlane } from '../../examples/stage/remote.ts'
import type { Event } from '../../src/index.ts'
import { until } from '../support/until.ts'
import { processesOf } from './example.ts'

const image = `file:${fileURLToPath(new URL('../../examples/hello-1', import.meta.url))}`

async function remoteIn(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-remote-'))
  t.after(async () => {
    for (const { pid } of processesOf(folder)) process.kill(pid, 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  const remote = await startControlPlane(folder)
  return { folder, remote, control: processesOf(folder).find(({ command }) => command.includes('control-plane.ts')) }
}

// Each in a folder of its own. Mostly they wait for it.
describe('a control plane in a process of its own', { concurrency: true }, () => {
  test('that is killed is asked again by those who only read, and tells each event once', async t => {
    const { remote, folder } = await remoteIn(t)
    const events: Event[] = []
    const service = { name: 'web', image, ports: [{ name: 'http' }], expose: true }
    const { instance, deployment } = await remote.call('create', { name: 'shop', services: [service] })
    let killed = false
    for await (const event of remote.events(deployment.id, new AbortController().signal)) {
      events.push(event)
      if (killed) continue
      killed = true
      await remote.kill()
      const asked = remote.call('getDeployment', deployment.id)
      await remote.start()
      assert.equal((await asked).id, deployment.id)
    }
    assert.equal(events.at(-1)?.type, 'deploy.succeeded')
    assert.deepEqual(new Set(events.map(({ seq }) => seq)).size, events.length)
    const asked = remote.call('finished', (await remote.call('delete', instance.id)).id)
    assert.equal((await asked).state, 'succeeded')
    await assert.rejects(remote.call('getRelease', 'rel_none'), { code: 'not_found' })
    await remote.close()
    assert.deepEqual(processesOf(folder), [])
  })

  test('that was killed and not started again is started to be closed, and leaves nothing behind', async t => {
    const { remote, folder } = await remoteIn(t)
    await remote.kill()
    assert.notDeepEqual(processesOf(folder), [], 'the proxy goes on')
    await remote.close()
    assert.deepEqual(processesOf(folder), [])
  })

  test('that does not come up in time is ended, and that is said', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-remote-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await assert.rejects(startControlPlane(folder, 10), /did not come up within 0.01 s/)
    await until('it is gone', () => processesOf(folder).length === 0)
  })

  test('that dies by itself is not waited for', async t => {
    const { remote, control } = await remoteIn(t)
    const listening = remote.events(undefined, new AbortController().signal)[Symbol.asyncIterator]().next()
    assert.ok(control)
    process.kill(control.pid, 'SIGKILL')
    await assert.rejects(listening, /ended before it/)
    await assert.rejects(remote.call('getDeployment', 'dep_none'), /ended before it/)
    await assert.rejects(remote.close(), /could not be closed/)
  })
})
