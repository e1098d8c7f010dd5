import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type House, house, web } from '../../engine/harness.ts'
import { started } from '../../engine/look.ts'
import { allDeployments } from '../../engine/sound.ts'

const value = 'correct-horse-battery'
const newer = 'staple-troubador-3000'

describe('a secret', () => {
  test('reaches the service and is found nowhere else', async t => {
    const h = await house(t)
    const shop = await secretive(h)
    assert.equal(started(h, shop.id)[0]?.secrets.TOKEN, value)
    h.world.write(shop.id, h.world.replicas(shop.id)[0]?.name ?? '', `connecting with ${value}`)
    h.world.script(
      { image: 'fake:web-2' },
      { exit: { afterMs: 10, code: 1 }, readyMs: 'never', logs: [`cannot log in with ${value}`] },
    )
    const failed = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }),
    )
    assert.equal(failed.errorCode, 'crash_loop')
    assert.match(failed.error ?? '', /cannot log in with •••/u)
    h.world.fault({ method: 'start', times: 9, error: new Error(`exec failed: TOKEN=${value}`) })
    const refused = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-3' }] }),
    )
    assert.equal(refused.state, 'failed')
    h.world.script({ image: 'fake:web-4' }, { task: { exitCode: 1, output: [`psql ${value}`] } })
    const services = [{ name: 'web', image: 'fake:web-4', before: ['migrate'] }]
    assert.equal((await h.end(await h.acme.deploy({ instanceId: shop.id, services }))).errorCode, 'task_failed')

    const lines: string[] = []
    for await (const line of h.acme.logs({ instanceId: shop.id })) lines.push(line.text)
    assert.ok(lines.includes('connecting with •••'))
    for (const [where, text] of Object.entries(await everything(h, shop.id)))
      assert.ok(
        !text.includes(value),
        `${where} tells it: ${text.slice(Math.max(0, text.indexOf(value) - 200), text.indexOf(value) + 60)}`,
      )
    assert.ok(!lines.join('\n').includes(value))
  })

  test('that was rotated is taken by the next deploy that names the service, not by a scale or a crash', async t => {
    const h = await house(t)
    const shop = await secretive(h)
    await h.acme.secrets.rotate('DB_PASSWORD', newer)
    await h.end(await h.acme.instances.scale(shop.id, { web: 2 }))
    await h.end(await h.acme.instances.restart(shop.id))
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'worker', image: 'fake:worker-2' }] }))
    assert.ok(started(h, shop.id).every(spec => spec.service !== 'web' || spec.secrets.TOKEN === value))
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-1' }] }),
    )
    assert.equal(end.state, 'succeeded')
    assert.equal(started(h, shop.id).at(-1)?.secrets.TOKEN, newer)
    const back = await h.end(await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }))
    assert.equal(back.state, 'succeeded')
    assert.equal(started(h, shop.id).findLast(spec => spec.service === 'web')?.secrets.TOKEN, value)
  })

  test('that was revoked makes the releases that need it unrestorable, and says so', async t => {
    const h = await house(t)
    const shop = await secretive(h)
    await h.acme.secrets.rotate('DB_PASSWORD', newer)
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-1' }] }))
    await h.acme.secrets.revoke('DB_PASSWORD', 1)
    await assert.rejects(h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '' }), {
      code: 'unrestorable',
      message: /needs version 1 of the secret "DB_PASSWORD"/u,
    })
    const end = await h.end(
      await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-2' }] }),
    )
    assert.equal(end.state, 'succeeded')
  })

  test('revoked while its deploy waits fails that at its turn, with nothing touched', async t => {
    const h = await house(t)
    const shop = await secretive(h)
    await h.acme.secrets.rotate('DB_PASSWORD', newer)
    await h.end(await h.acme.deploy({ instanceId: shop.id, services: [{ name: 'web', image: 'fake:web-1' }] }))
    const stop = await h.acme.instances.restart(shop.id, ['worker'])
    const back = await h.acme.rollback({ instanceId: shop.id, releaseId: shop.currentReleaseId ?? '', ifBusy: 'queue' })
    await h.acme.secrets.revoke('DB_PASSWORD', 1)
    await h.end(stop)
    const end = await h.end(back)
    assert.ok(end.state === 'failed' || end.state === 'cancelled', end.state)
    assert.equal(end.errorCode, 'unrestorable')
    assert.equal(started(h, shop.id).findLast(spec => spec.service === 'web')?.secrets.TOKEN, newer)
  })
})

async function secretive(h: House) {
  await h.acme.secrets.store('DB_PASSWORD', value)
  return await h.shop({
    services: [
      { ...web('fake:web-1'), secrets: { TOKEN: 'DB_PASSWORD' } },
      { name: 'worker', image: 'fake:worker' },
    ],
  })
}

/** All that is kept or told, as text. */
async function everything(h: House, instanceId: string): Promise<Record<string, string>> {
  const deployments = await allDeployments(h, instanceId)
  const runs = await Promise.all(
    deployments.map(async ({ id }) => [
      await h.store.work.run(id),
      await h.store.work.steps(id),
      await h.store.work.signals(id),
    ]),
  )
  return {
    instance: JSON.stringify(await h.store.work.load(instanceId)),
    deployments: JSON.stringify(deployments),
    runs: JSON.stringify(runs),
    releases: JSON.stringify(await h.acme.listReleases(instanceId, { limit: 100 })),
    events: JSON.stringify(await h.store.events.read({ after: 0, limit: 1000 })),
    status: JSON.stringify(await h.acme.status(instanceId)),
    warnings: JSON.stringify(h.warnings),
    secrets: JSON.stringify(await h.acme.secrets.list()),
    sealed: Buffer.concat((await h.store.secrets.list('acme')).map(row => Buffer.from(row.sealed ?? []))).toString(
      'latin1',
    ),
  }
}
