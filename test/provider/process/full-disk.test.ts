import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { noSmallDisk, type SmallDisk, smallDisk } from '../../support/small-disk.ts'
import { type ProcessWorld, processWorld, shell, until } from './world.ts'

const MiB = 1024 * 1024
const full = (error: unknown) => isSlipwayError(error, 'disk_full') && /Make room/.test(error.next ?? '')

describe('the process provider on a full disk', { skip: noSmallDisk ?? false }, () => {
  let disk: SmallDisk
  let world: ProcessWorld
  before(async () => {
    disk = smallDisk(16 * MiB)
    const logs = { maxBytes: 256 * 1024 }
    world = await processWorld({ dataDir: join(disk.folder, 'data'), reserveBytes: 4 * MiB, logs })
  })
  after(async () => {
    disk.empty()
    await world.dispose().finally(() => disk.dispose())
  })

  afterEach(() => disk.empty())

  const below = (...names: string[]) => join(world.dataDir, ...names)

  test('does not copy an image that would eat into the reserve, says what is free, and leaves nothing behind', async () => {
    const image = world.image({ ...shell('exec sleep 600'), big: 'x'.repeat(13 * MiB) })
    await assert.rejects(world.provider.resolve(image), error => {
      assert.ok(full(error))
      assert.match((error as Error).message, /is not copied: 1\d\.\d MB are free at .*data, and 13\.\d MB more would/)
      return true
    })
    assert.deepEqual([readdirSync(below('images')), readdirSync(below('tmp'))], [[], []])
  })

  test('starts nothing, leaves nothing of the attempt behind, and starts it when there is room', async () => {
    const spec = await world.revision(world.image(shell('exec sleep 600')))
    disk.fill()
    for (let attempt = 0; attempt < 20; attempt++) await assert.rejects(world.start(spec), full)
    assert.deepEqual(await world.provider.observe(spec.instanceId), [])
    assert.deepEqual(readdirSync(below('instances', spec.instanceId, 'replicas')), [])
    assert.deepEqual(readdirSync(below('instances', spec.instanceId, 'logs', 'web')), [])
    disk.empty()
    assert.equal((await world.start(spec)).length, 1)
    await world.stopAll(spec)
  })

  test('sees a replica end, removes it, and has room then to start it again', async () => {
    const spec = await world.revision(world.image(shell('echo "$$" > "$DATA/pid"; exec sleep 600')))
    const [first] = await world.start(spec)
    const pid = await until('it said its pid', () => readPid(spec.instanceId))
    disk.fill()
    process.kill(pid, 'SIGKILL')
    const ended = await until('it was seen to end', async () => {
      const [replica] = await world.provider.observe(spec.instanceId)
      return replica?.state === 'exited' && replica
    })
    assert.equal(ended.id, first?.id)
    await world.stopAll(spec)
    assert.deepEqual(await world.provider.observe(spec.instanceId), [])
    const [second] = await world.start(spec)
    assert.notEqual(second?.id, first?.id)
    assert.equal(second?.state, 'running')
    disk.empty()
    await world.stopAll(spec)
  })

  test('writes down how a replica ended once there is room', async () => {
    const spec = await world.revision(world.image(shell('while [ ! -e "$DATA/go" ]; do sleep 0.01; done; exit 7')))
    await world.start(spec)
    disk.fill()
    // An empty file takes no room.
    writeFileSync(below('instances', spec.instanceId, 'data', 'web', 'go'), '')
    await until(
      'it was seen to end',
      async () => (await world.provider.observe(spec.instanceId))[0]?.state === 'exited',
    )
    const record = () => {
      const folder = below('instances', spec.instanceId, 'replicas')
      const [name = ''] = readdirSync(folder).filter(file => file.endsWith('.json'))
      return JSON.parse(readFileSync(join(folder, name), 'utf8')) as { exitCode?: number }
    }
    assert.equal(record().exitCode, undefined)
    disk.empty()
    await until('it is written', () => record().exitCode === 7)
    await world.stopAll(spec)
  })

  test('drops the log of a program that outgrows its cap, since there is no room to keep it, and goes on with a new one', async () => {
    const pad = (bytes: number) => `head -c ${bytes} /dev/zero | tr "\\0" x; echo;`
    const go = 'while [ ! -e "$DATA/go" ]; do sleep 0.01; done;'
    const spec = await world.revision(
      world.image(shell(`${pad(200_000)} ${go} ${pad(120_000)} echo end; exec sleep 600`)),
    )
    await world.start(spec)
    const folder = below('instances', spec.instanceId, 'logs', 'web')
    const log = () => join(folder, readdirSync(folder).find(name => name.endsWith('.out')) ?? 'none')
    const size = () => statSync(log(), { throwIfNoEntry: false })?.size ?? 0
    await until('it wrote', () => size() > 200_000)
    disk.fill(160 * 1024)
    writeFileSync(below('instances', spec.instanceId, 'data', 'web', 'go'), '')
    await until('the log was dropped', () => size() === 0)
    assert.equal(existsSync(`${log()}.1`), false)
    assert.ok(disk.free() > 256 * 1024)
    assert.equal((await world.provider.observe(spec.instanceId))[0]?.state, 'running')
    assert.equal((await world.provider.check()).ok, true)
    await world.stopAll(spec)
  })

  test('runs a task to its end, and tells how it ended', async () => {
    const spec = await world.revision(
      world.image({ ...shell('exec sleep 600'), task: 'while [ ! -e "$DATA/go" ]; do sleep 0.01; done; exit 3' }),
    )
    const result = world.provider.runTask(spec, ['sh', './task'], 'once', world.fence(spec))
    await until('it runs', () => existsSync(below('instances', spec.instanceId, 'data', 'web')))
    await until('it is recorded', () =>
      readdirSync(below('instances', spec.instanceId, 'tasks')).some(name => name.endsWith('.json')),
    )
    disk.fill()
    writeFileSync(below('instances', spec.instanceId, 'data', 'web', 'go'), '')
    const { exitCode } = await result
    assert.equal(exitCode, 3)
    await assert.rejects(world.provider.runTask(spec, ['sh', './task'], 'twice', world.fence(spec)), full)
    disk.empty()
    assert.equal((await world.provider.runTask(spec, ['sh', './task'], 'twice', world.fence(spec))).exitCode, 3)
  })

  function readPid(instanceId: string): number | undefined {
    const file = below('instances', instanceId, 'data', 'web', 'pid')
    return (existsSync(file) && Number(readFileSync(file, 'utf8'))) || undefined
  }
})
