import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FakeProvider, fakeClock, fakeProvider } from '../../../src/provider/fake/index.ts'
import { house, web } from '../../engine/harness.ts'

/** One whose `fake:web-latest` is `fake:web-2` right now, and whose `fake:tools` do not say what to run. */
function provider(): Parameters<typeof house>[1] & {} {
  const clock = fakeClock()
  const fake = fakeProvider({ clock })
  const resolve: FakeProvider['resolve'] = async (image, signal) => {
    const found = await fake.resolve(image === 'fake:web-latest' ? 'fake:web-2' : image, signal)
    const needsCommand = { why: 'The tools are many.', next: 'Say which.' }
    return image === 'fake:tools' ? { ...found, needsCommand } : found
  }
  return { clock, provider: { ...fake, resolve } }
}

test('a release says what the name of an image meant when it was made', async t => {
  const { acme, end } = await house(t, provider())
  const created = await acme.instances.create({ name: 'shop', services: [web('fake:web-latest')] })
  const first = await end(created.deployment)
  assert.equal((await acme.getRelease(first.releaseId)).services[0]?.image, 'fake:web-2')
  const services = [{ name: 'web', image: 'fake:web-latest', env: { NEW: '1' } }]
  const second = await end(await acme.deploy({ instanceId: created.instance.id, services }))
  assert.equal(second.services[0]?.image, 'fake:web-2')
  assert.equal((await acme.getRelease(second.releaseId)).services[0]?.image, 'fake:web-2')
})

test('an image that does not say what to run is refused, unless the service does or did before', async t => {
  const { acme, end, shop } = await house(t, provider())
  const tools = web('fake:tools')
  const refused = { code: 'image_unavailable', message: 'The tools are many.', next: 'Say which.' }
  await assert.rejects(acme.instances.create({ name: 'none', services: [tools] }), refused)
  const instance = await shop()
  const deploy = (more: object) =>
    acme.deploy({ instanceId: instance.id, services: [{ name: 'web', image: 'fake:tools', ...more }] })
  await assert.rejects(deploy({}), refused)
  assert.equal((await acme.listReleases(instance.id)).total, 1)
  assert.equal((await end(await deploy({ command: ['one'] }))).state, 'succeeded')
  assert.equal((await end(await deploy({ env: { A: '1' } }))).state, 'succeeded')
})
