import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { house, web } from './harness.ts'
import { running } from './look.ts'

describe('a task that was interrupted', () => {
  test('fails the deployment, and is not run again', async t => {
    const { ended, runs, images } = await deployed(t, ['migrate'], 1)
    assert.deepEqual([ended.state, ended.errorCode, ended.restored], ['failed', 'task_interrupted', true])
    assert.match(
      ended.error ?? '',
      /^The task before web \(migrate\) was interrupted and is not run again, .* \("half done"\)\.$/,
    )
    assert.equal(runs, 1)
    assert.deepEqual(images, ['fake:web-1'])
  })

  test('is run again where the service says that it may be', async t => {
    const { ended, runs, images } = await deployed(t, { command: ['migrate'], rerun: true }, 2)
    assert.equal(ended.state, 'succeeded')
    assert.equal(runs, 3)
    assert.deepEqual(images, ['fake:web-2'])
  })

  test('fails the deployment all the same when it is interrupted again and again', async t => {
    const { ended, runs } = await deployed(t, { command: ['migrate'], rerun: true }, 10)
    assert.deepEqual([ended.state, ended.errorCode, ended.restored], ['failed', 'task_interrupted', true])
    assert.match(ended.error ?? '', /was interrupted 3 times/)
    assert.equal(runs, 3)
  })
})

type Before = readonly string[] | { command: string[]; rerun: boolean }

/** A deploy whose task is cut off so many times. */
async function deployed(t: TestContext, before: Before, interrupted: number) {
  const h = await house(t)
  const shop = await h.shop({ services: [web('fake:web-1')] })
  h.world.script({ image: 'fake:web-2' }, { task: { interrupted, output: ['half done'] } })
  const services = [{ name: 'web', image: 'fake:web-2', before: Array.isArray(before) ? [...before] : before }]
  const ended = await h.end(await h.acme.deploy({ instanceId: shop.id, services: services as never }))
  return { ended, runs: h.world.tasks.length, images: running(h, shop.id).web }
}
