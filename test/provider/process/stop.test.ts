import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Replica, RevisionSpec } from '../../../src/provider/provider.ts'
import { isRunning, type ProcessWorld, processWorld, shell, until } from './world.ts'

describe('the end of a process', () => {
  let world: ProcessWorld
  before(async () => {
    world = await processWorld()
  })
  after(() => world.dispose())

  async function ended(spec: RevisionSpec): Promise<Replica> {
    return until('it ended', async () =>
      (await world.provider.observe(spec.instanceId)).find(({ state }) => state === 'exited'),
    )
  }

  async function said(spec: RevisionSpec, pattern: RegExp): Promise<string> {
    return until(`it said ${pattern}`, async () => pattern.exec(await world.output(spec))?.[0])
  }

  const recordOf = (replica: Replica | undefined, { instanceId }: RevisionSpec) =>
    join(world.dataDir, 'instances', instanceId, 'replicas', `${replica?.id}.json`)

  const pidOf = (replica: Replica | undefined, spec: RevisionSpec): number =>
    (JSON.parse(readFileSync(recordOf(replica, spec), 'utf8')) as { pid: number }).pid

  function edit(replica: Replica | undefined, spec: RevisionSpec, change: (record: object) => object): void {
    const file = recordOf(replica, spec)
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')) as object)))
  }

  test('is told by its exit code, also when a signal was the cause', async () => {
    for (const [script, code] of [
      ['exit 0', 0],
      ['exit 255', 255],
      ['kill -SEGV $$', 139],
      ['kill -KILL $$', 137],
    ] as const) {
      const spec = await world.revision(world.image(shell(script)))
      await world.start(spec)
      assert.equal((await ended(spec)).exitCode, code, script)
    }
  })

  test('is known to be a violent one when even the launcher was killed, and takes the command with it', async () => {
    const spec = await world.revision(world.image(shell('echo $$; exec sleep 600')))
    const [replica] = await world.start(spec)
    const child = Number(await said(spec, /\d+/))
    process.kill(pidOf(replica, spec), 'SIGKILL')
    assert.equal((await ended(spec)).exitCode, -1)
    assert.equal(isRunning(child), false)
  })

  test('by SIGTERM lets it finish what it does, within its grace', async () => {
    const spec = await world.revision(
      world.image(
        shell('trap "echo finishing; sleep 0.1; echo finished; exit 0" TERM\necho ready\nwhile :; do sleep 0.01; done'),
      ),
    )
    await world.start(spec)
    await said(spec, /ready/)
    await world.stopAll(spec, 10_000)
    assert.match(await world.output(spec), /finishing\nfinished$/)
  })

  test('by SIGTERM reaches what it started, with the signal as by default', async () => {
    const spec = await world.revision(world.image(shell('sh -c "echo inner; sleep 600; true"; true')))
    await world.start(spec)
    await said(spec, /inner/)
    const began = performance.now()
    await world.stopAll(spec, 10_000)
    assert.ok(performance.now() - began < 5000)
  })

  test('asked for right after its start is not slept through', async () => {
    const spec = await world.revision(world.image(shell('exec sleep 600')))
    const began = performance.now()
    for (let round = 0; round < 10; round++) {
      await world.start(spec)
      await world.stopAll(spec, 30_000)
    }
    assert.ok(performance.now() - began < 15_000)
  })

  test('takes grandchildren along, whether it ends by itself or is stopped', async () => {
    const script = 'sleep 600 & echo $!; (trap "" TERM HUP; echo $(sh -c "echo \\$PPID"); sleep 600) & '
    for (const end of ['sleep 0.1; exit 0', 'trap "exit 0" TERM; while :; do sleep 0.01; done']) {
      const spec = await world.revision(world.image(shell(script + end)))
      await world.start(spec)
      const pids = (await said(spec, /\d+\n\d+/)).split('\n').map(Number)
      if (end.includes('trap')) await world.stopAll(spec, 200)
      else assert.equal((await ended(spec)).exitCode, 0)
      assert.deepEqual(pids.filter(isRunning), [])
    }
  })

  test('is not signalled twice when two ask for it, nor by the next control plane', async () => {
    const spec = await world.revision(
      world.image(shell('trap "echo term" TERM\necho ready\nwhile :; do sleep 0.01; done')),
    )
    const [replica] = await world.start(spec)
    await said(spec, /ready/)
    const lease = new AbortController()
    const stop = () =>
      world.provider.stop(spec.instanceId, [replica?.id ?? ''], 60_000, world.fence(spec, { signal: lease.signal }))
    const stops = Promise.allSettled([stop(), stop()])
    await said(spec, /term/)
    lease.abort(new Error('the lease is lost'))
    assert.deepEqual(
      (await stops).map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    await world.reopen()
    assert.equal((await world.provider.observe(spec.instanceId))[0]?.state, 'stopping')
    await world.stopAll(spec, 300)
    assert.equal((await world.output(spec)).match(/term/g)?.length, 1)
  })

  test("is not written down by a provider that was closed: the folder may be another one's by then", async () => {
    const spec = await world.revision(world.image(shell('exec sleep 600')))
    const [replica] = await world.start(spec)
    const closed = world.provider
    await world.reopen()
    await world.provider.close()
    const before = readFileSync(recordOf(replica, spec), 'utf8')
    process.kill(-pidOf(replica, spec), 'SIGKILL')
    // Ends later, so that we have heard of the other's end when we hear of its own.
    await once(spawn('sleep', ['0.1']), 'exit')
    assert.equal(readFileSync(recordOf(replica, spec), 'utf8'), before)
    await assert.rejects(closed.observe(spec.instanceId), { code: 'closed' })
    await world.reopen()
    assert.equal((await world.provider.observe(spec.instanceId))[0]?.state, 'exited')
  })

  test('counts its grace from the first SIGTERM, whoever waits for it later', async () => {
    const spec = await world.revision(world.image(shell('trap "" TERM\necho ready\nwhile :; do sleep 60; done')))
    const [replica] = await world.start(spec)
    await said(spec, /ready/)
    const lease = new AbortController()
    const stop = world.provider.stop(
      spec.instanceId,
      [replica?.id ?? ''],
      60_000,
      world.fence(spec, { signal: lease.signal }),
    )
    await until('it is stopping', async () => (await world.provider.observe(spec.instanceId))[0]?.state === 'stopping')
    lease.abort(new Error('the lease is lost'))
    await assert.rejects(stop, /lease is lost/)
    await world.provider.close()
    edit(replica, spec, record => ({ ...record, stoppingAt: new Date(Date.now() - 60_000).toISOString() }))
    await world.reopen()
    const began = performance.now()
    await world.stopAll(spec, 60_000)
    assert.ok(performance.now() - began < 30_000)
  })

  test('of a process that has the number of one of ours by chance is not our doing', async () => {
    const spec = await world.revision(world.image(shell('exec sleep 600')))
    const [replica] = await world.start(spec)
    const bystander = await world.revision(world.image(shell('echo up; exec sleep 600')))
    const [other] = await world.start(bystander)
    await said(bystander, /up/)
    process.kill(-pidOf(replica, spec), 'SIGKILL')
    await world.provider.close()
    edit(replica, spec, record => ({ ...record, pid: pidOf(other, bystander) }))
    await world.reopen()
    assert.equal((await world.provider.observe(spec.instanceId))[0]?.state, 'exited')
    await world.stopAll(spec, 0)
    assert.equal((await world.provider.observe(bystander.instanceId))[0]?.state, 'running')
    await world.stopAll(bystander)
  })

  test('of a probe that takes too long comes with all it started', async () => {
    const spec = await world.revision(world.image(shell('exec sleep 600')))
    const [replica] = await world.start(spec)
    assert.ok(replica)
    const { signal } = new AbortController()
    const began = performance.now()
    const result = await world.provider.exec?.(replica, ['sh', '-c', 'echo $$; sleep 600 & echo $!; wait'], 200, signal)
    assert.ok(performance.now() - began < 5000)
    assert.equal(result?.exitCode, 124)
    const [shellPid, sleepPid, words] = result?.output ?? []
    await until('all of it ended', () => [shellPid, sleepPid].map(Number).filter(isRunning).length === 0)
    assert.equal(words, 'not done after 200 ms')
    await world.stopAll(spec)
  })

  test('of a task gives the last twenty lines of both its streams', async () => {
    const script = 'i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; echo last >&2; exit 2'
    const spec = await world.revision(world.image(shell(script)))
    const result = await world.provider.runTask(spec, ['sh', './run'], 'dep_1/web', world.fence(spec))
    assert.equal(result.exitCode, 2)
    assert.deepEqual(result.output, [...Array.from({ length: 19 }, (_, index) => `line ${index + 12}`), 'last'])
  })
})
