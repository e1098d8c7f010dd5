import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { type ProcessWorld, processWorld, shell, until, writeFiles } from './world.ts'

describe('images', () => {
  let world: ProcessWorld
  before(async () => {
    world = await processWorld()
  })
  after(() => world.dispose())

  const folderOf = (image: string) => image.slice('file:'.length)
  const digestOf = async (image: string) => (await world.provider.resolve(image)).digest
  const copyOf = (digest: string) => join(world.dataDir, 'images', digest.slice('sha256:'.length))
  const refused = (pattern: RegExp) => (error: unknown) =>
    isSlipwayError(error, 'image_unavailable') && pattern.test(error.message) && error.next !== undefined

  test('count as gone when nothing but what was noted of their copy is left', async () => {
    const digest = await digestOf(world.image({ 'a.txt': 'kept' }))
    assert.equal(await world.provider.has?.(digest), true)
    rmSync(copyOf(digest), { recursive: true })
    assert.equal(await world.provider.has?.(digest), false)
  })

  test('have the digest of their content: names, bytes, executable bits, links and empty folders; not of times', async () => {
    const files = { 'a.txt': 'a', 'bin/run': { program: '#!/bin/sh\n' } }
    const [one, two] = [world.image(files), world.image(files)]
    const digest = await digestOf(one)
    utimesSync(join(folderOf(two), 'a.txt'), 1, 1)
    chmodSync(join(folderOf(two), 'a.txt'), 0o600)
    assert.equal(await digestOf(two), digest)
    const changes: Record<string, (folder: string) => void> = {
      content: folder => writeFileSync(join(folder, 'a.txt'), 'b'),
      name: folder => writeFileSync(join(folder, 'b.txt'), ''),
      'executable bit': folder => chmodSync(join(folder, 'a.txt'), 0o755),
      link: folder => symlinkSync('a.txt', join(folder, 'link')),
      folder: folder => mkdirSync(join(folder, 'empty')),
    }
    const digests = new Set([digest])
    for (const [what, change] of Object.entries(changes)) {
      const image = world.image(files)
      change(folderOf(image))
      const changed = await digestOf(image)
      assert.ok(!digests.has(changed), what)
      digests.add(changed)
    }
  })

  test('stay what they were when the folder is edited or deleted', async () => {
    const image = world.image(shell('echo first; exec sleep 600'))
    const spec = await world.revision(image)
    writeFiles(folderOf(image), shell('echo second; exec sleep 600'))
    assert.notEqual(await digestOf(image), spec.digest)
    rmSync(folderOf(image), { recursive: true })
    await world.provider.prepare(spec, () => undefined, new AbortController().signal)
    await world.start(spec)
    await until('it wrote', async () => (await world.output(spec)) === 'first')
    await world.stopAll(spec)
  })

  test('keep programs executable, links as links, and everything read-only', async () => {
    const image = world.image({ 'bin/run': { program: '#!/bin/sh\necho ok\n' }, 'a.txt': 'a' })
    symlinkSync('bin/run', join(folderOf(image), 'start'))
    const copy = copyOf(await digestOf(image))
    const listing = execFileSync('find', [copy, '-type', 'f', '-printf', '%m %f\n'], { encoding: 'utf8' })
    assert.deepEqual(listing.trim().split('\n').toSorted(), ['444 a.txt', '555 run'])
    assert.equal(execFileSync(join(copy, 'start'), { encoding: 'utf8' }), 'ok\n')
  })

  test('are copied once by many who resolve the same at once, and leave nothing half-made', async () => {
    const image = world.image(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, `${index}`])))
    const digests = new Set(await Promise.all(Array.from({ length: 10 }, () => digestOf(image))))
    assert.equal(digests.size, 1)
    assert.deepEqual(await readdir(join(world.dataDir, 'tmp')), [])
  })

  test('are refused with where they should be when they are not there or are no folder', async () => {
    const name = relative(process.cwd(), join(world.folder, 'not-there'))
    await assert.rejects(
      world.provider.resolve(`file:${name}`),
      refused(new RegExp(`${join(world.folder, 'not-there')}\\.$`)),
    )
    writeFileSync(join(world.folder, 'a-file'), '')
    await assert.rejects(world.provider.resolve(`file:${join(world.folder, 'a-file')}`), refused(/not a folder/))
    await assert.rejects(world.provider.resolve('ghcr.io/shop/api:1'), refused(/names neither a folder nor a package/))
    await assert.rejects(world.provider.resolve('file:'), refused(/names neither a folder nor a package/))
    await assert.rejects(world.provider.resolve('file:a\0b'), refused(/names neither a folder nor a package/))
    await assert.rejects(world.provider.resolve(`file:/${'x'.repeat(5000)}`), refused(/not there/))
  })

  test('are refused when a link leads out of the folder, however it gets there', async () => {
    writeFileSync(join(world.folder, 'images', 'outside'), '')
    const targets = ['../outside', '/etc/hostname', 'inner/../../x', 'deep/up/../../outside']
    for (const target of targets) {
      const image = world.image({ 'inner/a': 'a', 'deep/b': 'b' })
      symlinkSync('../inner', join(folderOf(image), 'deep/up'))
      symlinkSync(target, join(folderOf(image), 'link'))
      await assert.rejects(world.provider.resolve(image), refused(/leads out of the image/), target)
    }
  })

  test('are refused when something in them is neither file nor folder', async () => {
    const image = world.image({ a: 'a' })
    execFileSync('mkfifo', [join(folderOf(image), 'pipe')])
    await assert.rejects(world.provider.resolve(image), refused(/neither a file nor a folder/))
  })

  test('that lost a file are gone, until they are resolved again', async () => {
    const image = world.image(shell('exec sleep 600'))
    const spec = await world.revision(image)
    const prepare = () => world.provider.prepare(spec, () => undefined, new AbortController().signal)
    await prepare()
    rmSync(join(copyOf(spec.digest), 'run'))
    await assert.rejects(prepare(), { code: 'image_gone' })
    await world.provider.resolve(image)
    await prepare()
    rmSync(copyOf(spec.digest), { recursive: true })
    await assert.rejects(prepare(), { code: 'image_gone' })
    await assert.rejects(world.start(spec), { code: 'image_gone' })
    assert.deepEqual(await world.provider.observe(spec.instanceId), [])
  })

  test('a resolve that is given up stops', async () => {
    const gone = new AbortController()
    gone.abort(new Error('nobody waits'))
    await assert.rejects(world.provider.resolve(world.image({ a: 'a' }), gone.signal), /nobody waits/)
  })

  test('half-made copies of a control plane that died are removed by the next', async t => {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-half-'))
    writeFiles(join(dataDir, 'tmp', 'image-half'), { a: 'a' })
    const next = await processWorld({ dataDir })
    t.after(async () => {
      await next.dispose()
      rmSync(dataDir, { recursive: true })
    })
    assert.deepEqual(await readdir(join(dataDir, 'tmp')), [])
    assert.equal(readFileSync(join(folderOf(next.image({ b: 'b' })), 'b'), 'utf8'), 'b')
  })
})
