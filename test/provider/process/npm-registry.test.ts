import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { isRequired } from '../../support/part.ts'
import { type ProcessWorld, processWorld, until } from './world.ts'

let world: ProcessWorld
before(async () => {
  world = await processWorld()
})
after(() => world.dispose())

test('a package of the registry that npm is configured with is an image that runs', async t => {
  const image = 'npm:semver@7.7.2'
  const resolved = await world.provider.resolve(image).catch((error: unknown) => {
    const away = isSlipwayError(error, 'image_unavailable') && error.message.includes('does not answer')
    if (!away || isRequired('registry')) throw error
    t.skip(error.message)
  })
  if (!resolved) return
  // It has no dependencies, so it is made of the same wherever and whenever it is looked up.
  assert.deepEqual(resolved, {
    image,
    digest: 'sha256:122e623f78b0e2f002154c5342a3f88be04259e305eea0b4a1c13057639737a9',
  })
  const spec = await world.revision(image, { args: ['1.2.3', '-i', 'minor'] })
  await world.provider.prepare(spec, () => undefined, new AbortController().signal)
  await world.start(spec)
  await until('it said', async () => (await world.output(spec)) === '1.3.0')
  await world.stopAll(spec)
})
