import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isSlipwayError } from '../../src/errors.ts'
import type { Instance } from '../../src/instance/instance.ts'
import type { GroupName } from '../../src/provider/process/group.ts'
import { dataPaths } from '../../src/provider/process/paths.ts'
import { namesIn, readRecord } from '../../src/provider/process/record.ts'
import { type Task, taskLimits } from '../../src/task/task.ts'
import { startDoomed } from '../server/doomed.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { web, worker } from '../support/services.ts'

describe('a one-off task', () => {
  let machine: Machine
  let tenant: Tenant
  let shop: Instance
  before(async () => {
    machine = await startMachine()
    tenant = machine.tenant()
    await tenant.acting.secrets.store('key', 'hush-hush')
    const service = { env: { GREETING: 'hello' }, secrets: { API_KEY: 'key' }, graceMs: 300 }
    shop = await tenant.up([web(await machine.server('1'), service), worker(await machine.worker('1'))])
  })
  after(() => machine.dispose())

  const sh = async (script: string, more: { service?: string; timeoutSeconds?: number } = {}): Promise<Task> =>
    await tenant.acting.tasks.run(shop.id, { service: 'web', command: ['sh', '-c', script], ...more })
  const ran = async (script: string, more = {}): Promise<Task> =>
    await tenant.acting.tasks.finished((await sh(script, more)).id)
  const data = (service = 'web'): string => join(dataPaths(machine.dataDir).instance(shop.id).data, service)
  /** Waits for a file that a task makes. */
  const made = async (name: string): Promise<void> => {
    for (const end = performance.now() + 15_000; !existsSync(join(data(), name)); await delay(10))
      assert.ok(performance.now() < end, `${name} was never made`)
  }
  const events = async (task: Task): Promise<string[]> =>
    (await tenant.acting.events.read({ instanceId: shop.id, limit: 1000 }))
      .filter(event => event.data?.['taskId'] === task.id)
      .map(event => event.type)

  test("has its service's environment and secrets, and tells its exit code and its output without them", async () => {
    const task = await ran('echo "$GREETING $API_KEY from $SLIPWAY_SERVICE"; echo to stderr >&2')
    assert.deepEqual([task.state, task.exitCode, task.error], ['succeeded', 0, undefined])
    assert.match(task.output?.[0] ?? '', /^hello (?!hush)\S+ from/)
    assert.equal(task.output?.[1], 'to stderr')
    assert.equal(task.releaseId, shop.currentReleaseId)
    assert.deepEqual(await events(task), ['task.queued', 'task.started', 'task.succeeded'])
    assert.deepEqual(await tenant.acting.tasks.get(task.id), task)
  })

  test('that ends with another code than 0 has failed, and says with what', async () => {
    const task = await ran('echo "no such table"; exit 3')
    assert.deepEqual(
      [task.state, task.exitCode, task.errorCode, task.error],
      ['failed', 3, 'task_failed', 'It ended with 3: "no such table".'],
    )
  })

  test('whose program is not there has failed', async () => {
    const { id } = await tenant.acting.tasks.run(shop.id, { service: 'worker', command: ['no-such-program'] })
    const task = await tenant.acting.tasks.finished(id)
    assert.equal(task.state, 'failed')
    assert.match(task.error ?? '', /127|no-such-program/)
  })

  test('that takes longer than it may is stopped', async () => {
    const task = await ran('trap "" TERM; sleep 600 & wait; sleep 600', { timeoutSeconds: 1 })
    assert.deepEqual([task.state, task.errorCode], ['failed', 'task_timeout'])
    assert.deepEqual(running(), [])
  })

  test('is cancelled: asked to end first, and heard out until then', async () => {
    const task = await sh('trap "echo bye; exit 5" TERM; echo > "$DATA/traps"; while :; do sleep 0.05; done')
    await made('traps')
    const asked = await tenant.acting.tasks.cancel(task.id)
    assert.deepEqual([asked.state, asked.cancelledBy], ['running', 'ana'])
    assert.deepEqual(await tenant.acting.tasks.cancel(task.id), asked)
    const end = await tenant.acting.tasks.finished(task.id)
    assert.deepEqual([end.state, end.exitCode, end.output?.at(-1)], ['cancelled', 5, 'bye'])
    await assert.rejects(tenant.acting.tasks.cancel(task.id), error => isSlipwayError(error, 'already_ended'))
    assert.deepEqual(await events(end), ['task.queued', 'task.started', 'task.cancelled'])
  })

  test('changes nothing of a deployment, and no deployment waits for it', async () => {
    const task = await sh('until [ -e "$DATA/deployed" ]; do sleep 0.02; done; echo done')
    await tenant.done(
      await tenant.acting.deploy({
        instanceId: shop.id,
        services: [{ name: 'web', image: await machine.server('2') }],
      }),
    )
    assert.equal((await tenant.acting.tasks.get(task.id)).state, 'running')
    writeFileSync(join(data(), 'deployed'), '')
    assert.deepEqual((await tenant.acting.tasks.finished(task.id)).output, ['done'])
  })

  test('is stopped under the epoch of now, whatever was deployed since it began', async () => {
    const task = await sh('echo > "$DATA/stays"; exec sleep 600')
    await made('stays')
    for (const version of ['3', '4']) {
      const services = [{ name: 'web', image: await machine.server(version) }]
      await tenant.done(await tenant.acting.deploy({ instanceId: shop.id, services }))
    }
    await tenant.acting.tasks.cancel(task.id)
    assert.equal((await tenant.acting.tasks.finished(task.id, AbortSignal.timeout(20_000))).state, 'cancelled')
  })

  test('is refused before anything is written when it can not be run', async () => {
    const count = async () => (await tenant.acting.tasks.list(shop.id)).total
    const earlier = await count()
    const run = (request: object) => tenant.acting.tasks.run(shop.id, { service: 'web', command: ['true'], ...request })
    const refused = (code: string) => (error: unknown) => isSlipwayError(error) && error.code === code
    await assert.rejects(run({ service: 'wbe' }), refused('unknown_service'))
    await assert.rejects(run({ command: [] }), refused('invalid_request'))
    await assert.rejects(run({ timeoutSeconds: 0 }), refused('invalid_request'))
    await assert.rejects(
      tenant.acting.tasks.run(`inst_${'0'.repeat(26)}`, { service: 'web', command: ['true'] }),
      refused('not_found'),
    )
    assert.equal(await count(), earlier)
  })

  test('is one of at most ten of an instance', async () => {
    const many = await Promise.all(Array.from({ length: taskLimits.atOnce }, () => sh('exec sleep 600')))
    await assert.rejects(sh('true'), error => isSlipwayError(error, 'instance_busy'))
    await Promise.all(many.map(({ id }) => tenant.acting.tasks.cancel(id)))
    for (const { id } of many) assert.equal((await tenant.acting.tasks.finished(id)).state, 'cancelled')
    assert.equal((await ran('true')).state, 'succeeded')
  })

  test('survives the death of the control plane: it goes on, and ran once', async t => {
    const task = await sh('echo run >> "$DATA/runs"; until [ -e "$DATA/go" ]; do sleep 0.02; done; echo through')
    await made('runs')
    await machine.reopen(async () => {
      await (await startDoomed(t, machine)).end('SIGKILL')
      writeFileSync(join(data(), 'go'), '')
    })
    const end = await tenant.acting.tasks.finished(task.id)
    assert.deepEqual([end.state, end.output], ['succeeded', ['through']])
    assert.equal(readFileSync(join(data(), 'runs'), 'utf8'), 'run\n')
    assert.deepEqual(await events(end), ['task.queued', 'task.started', 'task.succeeded'])
  })

  test('that died with the machine is not run again, and says so', async t => {
    const task = await sh('echo run >> "$DATA/lives"; exec sleep 600')
    await made('lives')
    await machine.reopen(async () => {
      await (await startDoomed(t, machine)).end('SIGKILL')
      for (const { pid } of running()) process.kill(-pid, 'SIGKILL')
    })
    const end = await tenant.acting.tasks.finished(task.id)
    assert.deepEqual([end.state, end.errorCode, end.exitCode], ['failed', 'task_interrupted', undefined])
    assert.equal(readFileSync(join(data(), 'lives'), 'utf8'), 'run\n')
  })

  test('ends with its instance', async () => {
    await tenant.done(await tenant.acting.instances.stop(shop.id))
    await assert.rejects(sh('true'), error => isSlipwayError(error, 'instance_state'))
    await tenant.done(await tenant.acting.instances.start(shop.id))
    const task = await sh('echo > "$DATA/lasts"; exec sleep 600')
    await made('lasts')
    const groups = running()
    assert.equal(groups.length, 1)
    await tenant.done(await tenant.acting.instances.delete(shop.id))
    const end = await tenant.acting.tasks.finished(task.id)
    assert.equal(end.state, 'failed')
    for (const { pid } of groups)
      assert.ok(!existsSync(`/proc/${pid}`) || / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
  })

  /** The process groups of tasks that have not ended. */
  function running(): GroupName[] {
    const { tasks } = dataPaths(machine.dataDir).instance(shop.id)
    return namesIn(tasks)
      .filter(name => name.endsWith('.json'))
      .map(name => readRecord(join(tasks, name)) as GroupName & { result?: unknown })
      .filter(({ result }) => result === undefined)
  }
})
