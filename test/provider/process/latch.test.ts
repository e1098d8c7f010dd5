import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { newId } from '../../../src/id.ts'
import { processProvider } from '../../../src/provider/process/provider.ts'
import type { Fence } from '../../../src/provider/provider.ts'
import { httpServer, isRunning, processesWith, shell, until, writeFiles } from './world.ts'

const controlPlane = new URL('./control-plane.ts', import.meta.url).pathname

describe('a control plane that is killed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-latch-'))
  const storeId = newId('store')
  after(() => rmSync(folder, { recursive: true, force: true }))

  const fence = (instanceId: string): Fence => ({
    storeId,
    instanceId,
    epoch: 2,
    signal: new AbortController().signal,
    check: () => undefined,
  })

  /** Starts one that starts a replica, and says on stdout how far it is; it stops at `pauseAt`. */
  function begin(dataDir: string, image: string, instanceId: string, pauseAt: string): ChildProcess {
    return spawn(process.execPath, [controlPlane, dataDir, image, instanceId, storeId, pauseAt], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  async function killed(child: ChildProcess): Promise<void> {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Resolves with what the control plane says once it has come so far. */
  async function said(child: ChildProcess): Promise<string> {
    const [chunk] = (await once(child.stdout as NodeJS.EventEmitter, 'data')) as [Buffer]
    return chunk.toString().trim()
  }

  for (const point of ['spawned', 'recorded']) {
    test(`once the launcher is ${point}, and before it got the word, leaves no stray and no replica`, async () => {
      const dataDir = join(folder, `data-${point}`)
      const marker = join(folder, `ran-${point}`)
      const image = `file:${writeFiles(join(folder, `image-${point}`), shell(`touch ${marker}\nexec sleep 600 # ${point}`))}`
      const instanceId = newId('inst')
      const child = begin(dataDir, image, instanceId, point)
      const pid = Number(await said(child))
      assert.ok(isRunning(pid), 'the launcher waits behind the latch')
      await killed(child)
      await until('the launcher ended', () => !isRunning(pid))
      assert.deepEqual(processesWith(`${dataDir}/`), [])
      assert.equal(existsSync(marker), false)
      const provider = await processProvider({ dataDir })
      assert.deepEqual(await provider.observe(instanceId), [])
      assert.deepEqual(readdirSync(join(dataDir, 'instances', instanceId, 'replicas')), [])
      await provider.close()
    })
  }

  test('leaves its replicas running for the next one, which finds, probes and stops them', async () => {
    const dataDir = join(folder, 'data-lives')
    const image = `file:${writeFiles(join(folder, 'image-lives'), httpServer)}`
    const instanceId = newId('inst')
    const child = begin(dataDir, image, instanceId, 'started')
    const before = JSON.parse(await said(child)) as { id: string; addresses: { http: { host: string; port: number } } }
    await killed(child)
    const provider = await processProvider({ dataDir })
    const [replica, ...others] = await provider.observe(instanceId)
    assert.deepEqual(others, [])
    assert.deepEqual(replica, before)
    const { host, port } = before.addresses.http
    const answer = await until('it answers', () => fetch(`http://${host}:${port}`).catch(() => undefined))
    assert.equal(await answer.text(), 'ok')
    assert.ok(replica)
    assert.equal(await provider.owns?.(replica, port), true)
    const probe = ['sh', '-c', 'echo "$PORT $SECRET" $PORT']
    const { output } = (await provider.exec?.(replica, probe, 5000, new AbortController().signal)) ?? {}
    assert.deepEqual(output, [`${port} hidden ${port}`])
    const hints: string[] = []
    provider.watch?.(id => hints.push(id))
    const { pid } = JSON.parse(
      readFileSync(join(dataDir, 'instances', instanceId, 'replicas', `${replica.id}.json`), 'utf8'),
    ) as { pid: number }
    await provider.stop(instanceId, [replica.id], 5000, fence(instanceId))
    assert.equal(isRunning(pid), false)
    assert.deepEqual(await provider.observe(instanceId), [])
    await provider.close()
  })

  test('hears of the end of a replica that an earlier one started', async () => {
    const dataDir = join(folder, 'data-ends')
    const stop = join(folder, 'stop-now')
    const script = `while [ ! -e ${stop} ]; do sleep 0.02; done; exit 9`
    const image = `file:${writeFiles(join(folder, 'image-ends'), shell(script))}`
    const instanceId = newId('inst')
    const child = begin(dataDir, image, instanceId, 'started')
    await said(child)
    await killed(child)
    const provider = await processProvider({ dataDir })
    const hint = new Promise(resolve => provider.watch?.(resolve))
    writeFiles(folder, { 'stop-now': '' })
    assert.equal(await hint, instanceId)
    const [replica] = await provider.observe(instanceId)
    assert.equal(replica?.exitCode, 9)
    await provider.stop(instanceId, [replica?.id ?? ''], 0, fence(instanceId))
    await provider.close()
  })

  test('leaves a task running, which the next one waits for instead of running it again', async () => {
    const dataDir = join(folder, 'data-task')
    const go = join(folder, 'task-go')
    const script = `echo ran >>"$DATA/runs"; while [ ! -e ${go} ]; do sleep 0.02; done; echo done; exit 6`
    const image = `file:${writeFiles(join(folder, 'image-task'), shell(script))}`
    const instanceId = newId('inst')
    const child = begin(dataDir, image, instanceId, 'task')
    await said(child)
    await until('the task runs', () => existsSync(join(dataDir, 'instances', instanceId, 'data', 'web', 'runs')))
    await killed(child)
    const provider = await processProvider({ dataDir })
    const { digest } = await provider.resolve(image)
    const spec = {
      tenantId: 't',
      instanceId,
      service: 'web',
      revision: 'aa.1',
      image,
      digest,
      env: {},
      secrets: {},
      urls: {},
      ports: [],
    }
    const result = provider.runTask(spec, ['sh', './run'], 'before', fence(instanceId))
    writeFiles(folder, { 'task-go': '' })
    assert.deepEqual(await result, { exitCode: 6, output: ['done'] })
    assert.equal(readFileSync(join(dataDir, 'instances', instanceId, 'data', 'web', 'runs'), 'utf8'), 'ran\n')
    await provider.close()
  })

  test('frees the data folder, which another one could not use meanwhile', async () => {
    const dataDir = join(folder, 'data-held')
    const image = `file:${writeFiles(join(folder, 'image-held'), shell('exit 0'))}`
    const child = begin(dataDir, image, newId('inst'), 'started')
    await said(child)
    await assert.rejects(processProvider({ dataDir }), { code: 'unavailable' })
    await killed(child)
    await (await processProvider({ dataDir })).close()
  })
})
