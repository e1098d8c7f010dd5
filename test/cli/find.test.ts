import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { findDeployment, findInstance, findRelease } from '../../src/cli/find.ts'
import { type Refusal } from '../../src/cli/refusal.ts'
import { createClient } from '../../src/client/index.ts'
import { wire } from '../../src/wire.ts'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { worker } from '../support/services.ts'

describe('what a word means:', () => {
  const over: (() => unknown)[] = []
  let world: World
  let [ana, bo]: Customer[] = []
  const made: { id: string; deployment: string; release: string }[] = []
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
    ;[ana, bo] = [await world.tenant(), await world.tenant()]
    const image = await world.machine.worker('1')
    for (const [customer, name] of [
      [ana, 'shop'],
      [bo, 'shop'],
      [bo, 'kiosk'],
    ] as const) {
      const { body } = await customer.send('POST', '/v1/instances', {
        body: { name, services: [wire(worker(image))] },
      })
      made.push({ id: body.instance.id, deployment: body.deployment.id, release: body.deployment.release_id })
    }
  })
  after(async () => {
    for (const end of over.reverse()) await end()
  })
  const as = (token: string) => createClient({ url: world.url, token })
  const refused = (code: string, text: RegExp) => (error: Refusal) =>
    error.code === code && text.test([error.message, ...error.next].join('\n'))

  test('an instance is found by its name, its id and the end of its id', async () => {
    const client = as(bo!.token)
    const { id } = made[1]!
    for (const text of ['shop', `${bo!.id}/shop`, id, id.slice(-8)]) {
      assert.equal((await findInstance(client, text)).id, id, text)
    }
  })

  test('an operator finds it without a tenant, and says which when several have the name', async () => {
    const client = as(world.operator)
    assert.equal((await findInstance(client, 'kiosk')).id, made[2]!.id)
    assert.equal((await findInstance(client, `${ana!.id}/shop`)).id, made[0]!.id)
    const which = new RegExp(`Several tenants .*\\n.*${bo!.id}/shop, ${ana!.id}/shop`)
    await assert.rejects(findInstance(client, 'shop'), refused('ambiguous', which))
  })

  test('a name that nothing has is not found', async () => {
    for (const text of ['nothing', 'No Name', 'kio']) {
      await assert.rejects(findInstance(as(bo!.token), text), refused('not_found', /slipway ps/), text)
    }
  })

  test('a deployment is found by its id and the end of it', async () => {
    const { deployment } = made[0]!
    for (const text of [deployment, deployment.slice(-10)]) {
      assert.equal(await findDeployment(as(ana!.token), text), deployment)
    }
    await assert.rejects(findDeployment(as(ana!.token), 'zzzzzzzz'), refused('not_found', /ends in "zzzzzzzz"/))
  })

  test('a release is found by its version as it is told', async () => {
    const instance = { id: made[0]!.id, name: 'shop' }
    for (const text of ['v1', '1', made[0]!.release]) {
      assert.equal(await findRelease(as(ana!.token), instance, text), made[0]!.release)
    }
    await assert.rejects(findRelease(as(ana!.token), instance, 'v9'), refused('not_found', /slipway releases shop/))
  })
})
