import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from '../../src/deploy/store.ts'
import { type Machine, startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'

describe('13. Cursors', () => {
  let machine: Machine
  before(async () => {
    machine = await startMachine()
  })
  after(() => machine.dispose())

  test('page through everything once, in order, while rows are being added; page 2 is not page 1', async () => {
    const tenant = machine.tenant()
    const image = await machine.worker('1')
    const shop = await tenant.up([worker(image)])
    const deploy = async () =>
      await tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'worker', image }] })
    for (let n = 0; n < 10; n++) await deploy()

    const newest = <T>(page: Page<T>) => page.items[0]
    const deployments = await walk(cursor => tenant.acting.listDeployments(shop.id, { limit: 3, ...cursor }), deploy)
    assert.deepEqual([deployments.pages, deployments.total], [4, 11])
    const releases = await walk(cursor => tenant.acting.listReleases(shop.id, { limit: 3, ...cursor }), deploy)
    assert.deepEqual(
      releases.items.map(({ version }) => version),
      Array.from({ length: releases.total }, (_, n) => releases.total - n),
    )
    const instances = await walk(
      cursor => tenant.acting.instances.list({ limit: 1, ...cursor }),
      () => tenant.acting.instances.create({ name: `shop-${++added}`, services: [worker(image)] }),
    )
    assert.deepEqual(
      instances.items.map(({ id }) => id),
      [shop.id],
    )
    assert.equal(newest(await tenant.acting.instances.list({ limit: 1 }))?.name, `shop-${added}`)
  })

  test('of nothing: items is [], never null, and no page follows', async () => {
    const tenant = machine.tenant()
    assert.deepEqual(await tenant.acting.instances.list(), { items: [], total: 0 })
    const { instance } = await tenant.acting.instances.create({
      name: 'shop',
      services: [{ ...worker(await machine.worker('1')), healthCheck: { type: 'command', command: ['false'] } }],
    })
    assert.deepEqual(await tenant.acting.listDeployments(instance.id), { items: [], total: 0 })
    assert.deepEqual(await tenant.acting.listReleases(instance.id), { items: [], total: 0 })
  })
})

let added = 0

/** Every page to the last, with something added after each. Asserts that nothing is told twice, and that order and links hold. */
async function walk<T extends { readonly id: string; readonly createdAt: string }>(
  list: (options: { cursor?: string }) => Promise<Page<T>>,
  add: () => Promise<unknown>,
): Promise<{ items: T[]; pages: number; total: number }> {
  const items: T[] = []
  let page = await list({})
  const { total } = page
  for (let pages = 1; ; pages++) {
    items.push(...page.items)
    await add()
    if (page.nextCursor === undefined) {
      assert.equal(new Set(items.map(({ id }) => id)).size, items.length)
      assert.equal(items.length, total)
      assert.deepEqual(
        items.map(({ createdAt }) => createdAt),
        items.map(({ createdAt }) => createdAt).toSorted((a, b) => (a < b ? 1 : a > b ? -1 : 0)),
      )
      return { items, pages, total }
    }
    const following = await list({ cursor: page.nextCursor })
    assert.notDeepEqual(following.items, page.items)
    page = following
  }
}
