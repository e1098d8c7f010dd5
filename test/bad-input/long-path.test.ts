import assert from 'node:assert/strict'
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startMachine } from '../support/machine.ts'
import { web } from '../support/services.ts'

test('A checkout under a 150-character path works: sockets, images and logs included', async t => {
  const short = await realpath(await mkdtemp(join(tmpdir(), 'slipway-long-')))
  const long = join(short, `${'a'.repeat(60)} b`, 'ü'.repeat(40), 'c'.repeat(50))
  assert.ok(long.length >= 150, `${long.length} characters`)
  await mkdir(long, { recursive: true })
  const machine = await startMachine({}, long)
  t.after(async () => {
    await machine.dispose()
    await rm(short, { recursive: true })
  })
  const tenant = machine.tenant()
  const shop = await tenant.up([web(await machine.server('1', { prints: ['from afar'] }))])
  assert.equal((await tenant.ask()).told().version, '1')
  const image = await machine.server('2')
  await tenant.done(await tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'web', image }] }))
  assert.equal((await tenant.ask()).told().version, '2')
  const lines: string[] = []
  for await (const line of tenant.acting.logs({ instanceId: shop.id })) lines.push(line.text)
  assert.ok(lines.includes('from afar'))
})
