import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { GroupName } from '../../src/provider/process/group.ts'
import { dataPaths } from '../../src/provider/process/paths.ts'
import { namesIn, readRecord } from '../../src/provider/process/record.ts'
import { type Stage, setStage } from './scenario.ts'
import { startSite } from './site.ts'

/** Notes in $DATA that it runs, and ends when it is let go. */
const script = 'echo run >>"$DATA/runs"; until [ -e "$DATA/go" ]; do sleep 0.02; done; echo "is done"'

describe('the control plane is killed in the middle of a task', () => {
  let stage: Stage
  before(async () => {
    stage = await setStage(await startSite())
  })
  after(() => stage.site.dispose())

  test('the task goes on, and counts: it ran once', async () => {
    const { id, data } = await inTask(stage, { command: ['sh', '-c', script] })
    await stage.site.plane.kill()
    writeFileSync(join(data, 'go'), '')
    await stage.site.restart()
    await assertEnds(stage, id, 'succeeded')
    assert.equal(runsIn(data), 1)
  })

  test('and the task with it, as when the machine stops: the deployment fails, what served serves, and it is not run again', async () => {
    const { id, data } = await inTask(stage, { command: ['sh', '-c', script] })
    await stopMachine(stage)
    writeFileSync(join(data, 'go'), '')
    await stage.site.restart()
    const { error, errorCode, restored } = await assertEnds(stage, id, 'failed')
    assert.deepEqual([errorCode, restored], ['task_interrupted', true])
    assert.match(error ?? '', /^The task before worker .* was interrupted and is not run again/)
    assert.equal(runsIn(data), 1)
  })

  test('and the task with it, which says it may be run again: it is, from its start', async () => {
    const { id, data } = await inTask(stage, { command: ['sh', '-c', script], rerun: true })
    await stopMachine(stage)
    writeFileSync(join(data, 'go'), '')
    await stage.site.restart()
    await assertEnds(stage, id, 'succeeded')
    assert.equal(runsIn(data), 2)
  })
})

/** A deploy of the worker whose task has begun. */
async function inTask(stage: Stage, task: { command: string[]; rerun?: boolean }) {
  const { site, shop, images } = stage
  const data = join(dataPaths(site.dataDir).instance(shop).data, 'worker')
  writeFileSync(join(data, 'runs'), '')
  rmSync(join(data, 'go'), { force: true })
  const [service] = (await site.books.record(shop))?.instance.services.filter(({ name }) => name === 'worker') ?? []
  const image = images.worker.find(candidate => candidate !== service?.image) ?? ''
  const request = { instanceId: shop, services: [{ name: 'worker', image, before: task }], strategy: 'rolling' }
  const id = await site.plane.order({ kind: 'deploy', request })
  for (const until = performance.now() + 30_000; runsIn(data) === 0; await delay(10))
    assert.ok(performance.now() < until, 'the task does not begin')
  return { id, data }
}

/** The control plane first, so that it sees nothing of the rest. */
async function stopMachine({ site, shop }: Stage): Promise<void> {
  await site.plane.kill()
  const { tasks } = dataPaths(site.dataDir).instance(shop)
  const records = namesIn(tasks)
    .filter(name => name.endsWith('.json'))
    .map(name => readRecord(join(tasks, name)) as GroupName & { readonly result?: unknown })
  const running = records.filter(({ result }) => result === undefined)
  assert.equal(running.length, 1)
  for (const { pid } of running) process.kill(-pid, 'SIGKILL')
}

async function assertEnds({ site, shop }: Stage, id: string, state: string) {
  const ended = await site.ended(id)
  assert.equal(ended.state, state, ended.error)
  assert.deepEqual(await site.violations([shop]), [])
  return ended
}

function runsIn(data: string): number {
  return readFileSync(join(data, 'runs'), 'latin1').split('\n').length - 1
}
