import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertNothingLost, loadOn } from '../support/load.ts'
import { startMachine } from '../support/machine.ts'
import { assertRefused } from '../support/refusal.ts'
import { web } from '../support/services.ts'

test('under load, deploy after deploy, the disk keeps what can be rolled back to, and says so of what can not', async t => {
  const machine = await startMachine({ retention: { keepReleases: 2, unusedImageMs: 0, keepPlans: 1 } })
  t.after(() => machine.dispose())
  const tenant = machine.tenant()
  const { acting } = tenant
  const { id: instanceId } = await tenant.up([web(await machine.server('1'), { replicas: 2 })])
  const load = await loadOn(t, machine, tenant)
  for (const version of ['2', '3', '4']) {
    const services = [{ name: 'web', image: await machine.server(version) }]
    const request = { instanceId, strategy: 'blue-green', options: { keepWarmSeconds: 600 }, services }
    await tenant.done(await acting.deploy(request))
    await machine.slipway.prune()
  }
  const copies = () => readdirSync(join(machine.dataDir, 'images')).filter(name => name.endsWith('.json')).length
  assert.equal(copies(), 2)
  const releases = await tenant.releases({ id: instanceId })
  assert.deepEqual(
    releases.map(({ version }) => version),
    [1, 2, 3, 4],
  )
  const [, second, third] = releases.map(({ id }) => id)
  const rollback = (releaseId = '') => acting.rollback({ instanceId, releaseId })
  await assertRefused(
    machine,
    'unrestorable',
    /^Release 2 needs the image file:.* for "web", and no copy of it is kept any more\.$/,
    () => rollback(second),
  )
  await tenant.done(await rollback(third))
  assert.equal((await tenant.ask()).told().version, '3')
  // As after a restart: what runs keeps its image, whoever started it.
  await machine.reopen()
  await machine.slipway.prune()
  assert.equal(copies(), 2)
  assertNothingLost(await load.stop())
})

test('an image that a deploy resolves while others are pruned is there when its turn comes', async t => {
  const machine = await startMachine({ retention: { keepReleases: 0, unusedImageMs: 60_000 } })
  t.after(() => machine.dispose())
  const tenant = machine.tenant()
  const { id: instanceId } = await tenant.up([web(await machine.server('1'))])
  const over = new AbortController()
  const pruning = (async () => {
    while (!over.signal.aborted) await machine.slipway.prune()
  })()
  for (const version of ['2', '3', '4', '5']) {
    const services = [{ name: 'web', image: await machine.server(version) }]
    await tenant.done(await tenant.acting.deploy({ instanceId, services }))
  }
  over.abort()
  await pruning
})
