import assert from 'node:assert/strict'
import { readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../../src/clock.ts'
import { usedImages } from '../../../src/provider/process/image-uses.ts'
import { imageCopies } from '../../../src/provider/process/images.ts'
import { logFiles, streamFiles } from '../../../src/provider/process/log-files.ts'
import { readIndex, thinned } from '../../../src/provider/process/log-index.ts'
import { dataPaths } from '../../../src/provider/process/paths.ts'
import { pruneTasks } from '../../../src/provider/process/task-records.ts'
import { diskRoom } from '../../../src/room.ts'
import { type ProcessWorld, processWorld, shell } from './world.ts'

describe('pruning what the process provider keeps', () => {
  let world: ProcessWorld
  beforeEach(async () => {
    world = await processWorld()
  })
  afterEach(() => world.dispose())

  const hourMs = 3_600_000
  const below = (...names: string[]) => join(world.dataDir, ...names)
  const prepare = (spec: Parameters<ProcessWorld['provider']['prepare']>[0]) =>
    world.provider.prepare(spec, () => undefined, new AbortController().signal)

  test('an image that is resolved while it is pruned is there afterwards, whoever came first', async () => {
    const image = world.image({ ...shell('exec sleep 600'), ...many(40) })
    const spec = await world.revision(image)
    const removed: number[] = []
    for (let round = 0; round < 30; round++) {
      // Nobody used it in the life of this provider yet.
      await world.reopen()
      const later = async () => {
        await delay(round % 10)
        return await world.provider.prune?.(new Set(), hourMs)
      }
      const [pruned] = await Promise.all([later(), world.provider.resolve(image)])
      removed.push(pruned?.length ?? 0)
      await prepare(spec)
    }
    assert.ok(removed.includes(1), 'it was pruned in time')
  })

  test('a prune that is aborted ends with the image it is at, and the others stay', async () => {
    const digests: string[] = []
    for (const size of [1, 2, 3]) digests.push((await world.revision(world.image(many(size)))).digest)
    await world.reopen()
    const end = new AbortController()
    const pruning = world.provider.prune?.(new Set(), 0, end.signal)
    end.abort(new Error('it is over'))
    await assert.rejects(pruning ?? Promise.resolve(), /it is over/)
    const left = readdirSync(below('images')).filter(name => name.endsWith('.json'))
    assert.equal(left.length, digests.length - 1)
  })

  test('an image whose copy is taken away right after it was looked at is copied again, for whoever resolves it', async () => {
    const folder = world.image(shell('exec sleep 600'))
    const paths = dataPaths(world.dataDir)
    const copies = imageCopies(paths, diskRoom(world.dataDir, 0), process.env)
    let looks = 0
    const used = usedImages({ ...copies, resolve: lookAndLose }, paths, systemClock)
    async function lookAndLose(image: string) {
      const resolved = await copies.resolve(image)
      if (looks++ === 0) assert.deepEqual(await used.prune(new Set(), hourMs), [resolved.digest])
      return resolved
    }
    const { digest } = await used.resolve(folder)
    assert.equal(looks, 2)
    await used.prepare(folder, digest, () => undefined, new AbortController().signal)
    assert.deepEqual(await used.prune(new Set(), hourMs), [])
  })

  test('an image whose folder is taken away just before it is noted as whole is copied again', async () => {
    const folder = world.image(shell('exec sleep 600'))
    const paths = dataPaths(world.dataDir)
    const copies = imageCopies(paths, diskRoom(world.dataDir, 0), process.env)
    let looks = 0
    const used = usedImages({ ...copies, resolve: copyAndLose }, paths, systemClock)
    async function copyAndLose(image: string) {
      const resolved = await copies.resolve(image)
      // What a prune leaves that came between the folder and its note.
      if (looks++ === 0) rmSync(copies.folderOf(resolved.digest), { recursive: true })
      return resolved
    }
    const { digest } = await used.resolve(folder)
    assert.equal(looks, 2)
    await used.prepare(folder, digest, () => undefined, new AbortController().signal)
  })

  test('a replica that an earlier control plane started keeps its image, whatever the caller says', async () => {
    const spec = await world.revision(world.image(shell('exec sleep 600')))
    await world.start(spec)
    await world.reopen()
    assert.deepEqual(await world.provider.prune?.(new Set(), 0), [])
    await prepare(spec)
    await world.stopAll(spec)
    assert.deepEqual(await world.provider.prune?.(new Set(), 0), [spec.digest])
  })

  test('a prune that was killed half way leaves a folder that is no copy, goes at the next, and is in nobody’s way', async () => {
    const image = world.image(shell('exec sleep 600'))
    const spec = await world.revision(image)
    const hex = spec.digest.slice('sha256:'.length)
    rmSync(below('images', `${hex}.json`))
    assert.equal(await world.provider.has?.(spec.digest), false)
    assert.deepEqual(await world.provider.prune?.(new Set(), 0), [spec.digest])
    assert.deepEqual(readdirSync(below('images')), [])
    await world.provider.resolve(image)
    rmSync(below('images', `${hex}.json`))
    await world.provider.resolve(image)
    await prepare(spec)
    assert.deepEqual(readdirSync(below('tmp')), [])
  })

  test('ended tasks are remembered for the newest few, and one whose end nobody saw stays', async () => {
    const spec = await world.revision(world.image({ ...shell('exec sleep 600'), task: 'exit 0' }))
    for (let n = 0; n < 4; n++) await world.provider.runTask(spec, ['sh', './task'], `task ${n}`, world.fence(spec))
    const folder = below('instances', spec.instanceId, 'tasks')
    writeFileSync(join(folder, 'unseen.json'), JSON.stringify({ name: 'unseen' }))
    for (const name of readdirSync(folder)) utimesSync(join(folder, name), 100, /task_3/.test(name) ? 200 : 100)
    utimesSync(join(folder, 'unseen.json'), 50, 50)
    pruneTasks(folder, 1)
    const left = readdirSync(folder).map(name => /task_\d|unseen/.exec(name)?.[0])
    assert.deepEqual(new Set(left), new Set(['task_3', 'unseen']))
  })

  test('logs of replicas that are gone take up no more than they may, the last one’s excepted', () => {
    const folder = below('logs-test')
    const files = logFiles({ keepEnded: 10, maxEndedBytes: 2500 })
    const write = (id: string, bytes: number, seconds: number) => {
      files.open(folder, id).close()
      writeFileSync(streamFiles(folder, id).stdout, 'x'.repeat(bytes))
      files.finish(folder, id)
      utimesSync(streamFiles(folder, id).stdout, seconds, seconds)
    }
    write('a-1', 1000, 100)
    write('b-2', 1000, 200)
    write('c-3', 9000, 300)
    files.prune(folder)
    assert.deepEqual(kept(folder), ['c-3'])
    write('c-3', 100, 300)
    write('d-4', 1000, 400)
    write('e-5', 1000, 500)
    files.prune(folder)
    assert.deepEqual(kept(folder), ['c-3', 'd-4', 'e-5'])
  })

  test('the notes of when a log was written grow no larger than a log may, and lose precision instead', () => {
    const folder = below('index-test')
    const files = logFiles({})
    files.open(folder, 'a-1').close()
    const { stdout } = streamFiles(folder, 'a-1')
    for (let size = 1; size <= 50_010; size++) {
      writeFileSync(stdout, 'x', { flag: 'a' })
      files.sample()
    }
    const { sizes } = readIndex(stdout)
    assert.ok(sizes.length < 26_000 && sizes.length > 24_000, String(sizes.length))
    assert.equal(sizes.at(-1), 50_010)
    assert.deepEqual(thinned({ sizes: [1, 2, 3, 4], times: [5, 6, 7, 8] }), { sizes: [2, 4], times: [6, 8] })
  })

  const kept = (folder: string) =>
    [...new Set(readdirSync(folder).flatMap(name => /^\w-\d/.exec(name)?.[0] ?? []))].toSorted()
})

function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`lib/${index}`, String(index)]))
}
