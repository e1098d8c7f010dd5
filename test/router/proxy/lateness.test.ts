import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isSlipwayError } from '../../../src/errors.ts'
import { callMs } from '../../../src/provider/provider.ts'
import { proxyRouter } from '../../../src/router/proxy/router.ts'
import { openFence } from '../../contract/router.ts'
import { lanePorts } from '../../support/ports.ts'

test('a change that the proxy does not answer is given up before it could outlive the lease under which it began', async t => {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-proxy-'))
  const router = await proxyRouter({ dataDir, portRange: lanePorts().routes })
  const pid = await router.pid()
  t.after(async () => {
    process.kill(pid, 'SIGCONT')
    await router.shutdown()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const table = { storeId: 'store', instanceId: 'inst_late', epoch: 1, version: 1, services: {} }
  const fence = openFence(table.storeId, table.instanceId, table.epoch)
  process.kill(pid, 'SIGSTOP')
  for (const outcome of await Promise.allSettled([router.apply(table, fence), router.forget('inst_late', fence)])) {
    const error: unknown = outcome.status === 'rejected' ? outcome.reason : undefined
    assert.ok(isSlipwayError(error, 'unavailable'), String(error))
    const [, waitedMs] = /within ([\d.]+) ms/.exec(error.message) ?? assert.fail(error.message)
    assert.ok(Number(waitedMs) <= callMs, error.message)
  }
})
