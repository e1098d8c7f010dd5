import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { noSmallDisk, type SmallDisk, smallDisk } from '../../support/small-disk.ts'
import { type NpmWorld, npmWorld } from './npm-world.ts'

const MiB = 1024 * 1024
const reserveBytes = 4 * MiB
const full = (pattern: RegExp) => (error: unknown) =>
  isSlipwayError(error, 'disk_full') && /Make room/.test(error.next ?? '') && pattern.test(error.message)
    ? true
    : assert.fail(error as Error)

describe('images from npm on a full disk', { skip: noSmallDisk ?? false }, () => {
  let disk: SmallDisk
  let world: NpmWorld
  before(async () => {
    disk = smallDisk(16 * MiB)
    world = await npmWorld({}, { dataDir: join(disk.folder, 'data'), reserveBytes })
    const files = { 'cli.js': '', 'big.txt': randomBytes(3 * MiB).toString('hex') }
    world.registry.publish({ name: 'big', version: '1.2.3', manifest: { bin: 'cli.js' }, files })
  })
  after(async () => {
    disk.empty()
    await world.dispose().finally(() => disk.dispose())
  })
  afterEach(() => disk.empty())

  const never = new AbortController().signal
  const below = (name: string) => readdirSync(join(world.dataDir, name))

  test('leave the reserve alone: they are neither looked up nor installed, and are when there is room', async () => {
    disk.fill(reserveBytes - MiB)
    await assert.rejects(
      world.provider.resolve('npm:big@1.2.3'),
      full(/npm:big@1\.2\.3 is not looked up: 3\.\d MB are free/),
    )
    disk.empty()
    const spec = await world.revision('npm:big@1.2.3')
    disk.fill(reserveBytes - MiB)
    const prepare = () => world.provider.prepare(spec, () => undefined, never)
    await assert.rejects(prepare, full(/npm:big@1\.2\.3 is not installed: 3\.\d MB are free/))
    assert.deepEqual(below('tmp'), [])
    disk.empty()
    await prepare()
    disk.fill(reserveBytes - MiB)
    await prepare()
  })

  test('that turn out to be larger than what is left are not half installed, and say why', async () => {
    const spec = await world.revision('npm:big@1.2.3')
    await world.provider.prune?.(new Set(), 0)
    assert.equal((await world.provider.resolve('npm:big@1.2.3')).digest, spec.digest)
    disk.fill(reserveBytes + MiB)
    const prepare = () => world.provider.prepare(spec, () => undefined, never)
    await assert.rejects(prepare, full(/npm:big@1\.2\.3 cannot be had: the disk is full/))
    assert.deepEqual(below('tmp'), [])
    const copy = join(world.dataDir, 'images', spec.digest.slice('sha256:'.length))
    assert.equal(existsSync(`${copy}.json`), false)
    disk.empty()
    await prepare()
    assert.ok(existsSync(join(copy, 'node_modules/big/big.txt')))
  })
})
