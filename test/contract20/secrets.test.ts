import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { web } from '../support/services.ts'

const value = 'correct-horse-battery-staple'
/** What the value looks like elsewhere. */
const forms = [value, Buffer.from(value).toString('base64').slice(0, 32), Buffer.from(value).toString('hex')]

describe('18. Secrets', () => {
  let machine: Machine
  before(async () => {
    machine = await startMachine()
  })
  after(() => machine.dispose())

  test('reach the service and appear nowhere else: not in releases, events, logs, errors, the API or the database', async () => {
    const tenant = machine.tenant()
    const { acting } = tenant
    await acting.secrets.store('db-password', value)
    const prints = ['the password is $DB_PASSWORD']
    const shop = await tenant.up([
      web(await machine.server('1', { prints }), { secrets: { DB_PASSWORD: 'db-password' } }),
    ])
    assert.equal((await tenant.ask('/about')).told().env['DB_PASSWORD'], value)

    const broken = await acting.deploy({
      instanceId: shop.id,
      services: [{ name: 'web', image: await machine.server('2', { prints, exits: 1 }) }],
    })
    const failed = await tenant.end(broken)
    assert.equal(failed.state, 'failed')
    assert.match(failed.error ?? '', /the password is •••/)

    const lines: string[] = []
    for await (const line of acting.logs({ instanceId: shop.id })) lines.push(line.text)
    assert.ok(lines.includes('the password is •••'), lines.join('\n'))
    assert.deepEqual(hiddenIn(JSON.stringify([lines, await everythingTold(machine, tenant, shop.id, broken.id)])), [])
    for (const file of databaseFiles(machine)) assert.deepEqual(hiddenIn(readFileSync(file, 'latin1')), [], file)
  })

  test('are masked in lines that were written before this control plane began', async () => {
    const tenant = machine.tenant()
    await tenant.acting.secrets.store('key', value)
    const prints = ['the key is $KEY']
    const shop = await tenant.up([web(await machine.server('1', { prints }), { secrets: { KEY: 'key' } })])
    await machine.reopen()
    const lines: string[] = []
    for await (const line of tenant.acting.logs({ instanceId: shop.id })) lines.push(line.text)
    assert.deepEqual(lines, ['the key is •••'])
  })

  test('are not told by what refuses them', async () => {
    const tenant = machine.tenant()
    await tenant.acting.secrets.store('key', value)
    const again = await tenant.acting.secrets.store('key', value).catch((error: unknown) => error)
    const nul = await tenant.acting.secrets.rotate('key', `${value}\0`).catch((error: unknown) => error)
    for (const error of [again, nul]) {
      assert.ok(error instanceof Error)
      assert.deepEqual(hiddenIn(inspect(error, { depth: null })), [])
    }
  })
})

/** Every answer of the API about an instance, its events and its steps. */
async function everythingTold({ slipway }: Machine, { acting }: Tenant, instanceId: string, deploymentId: string) {
  const { store } = slipway
  return [
    await acting.instances.get(instanceId),
    await acting.instances.list(),
    await acting.status(instanceId),
    await acting.listDeployments(instanceId),
    await acting.listReleases(instanceId),
    await acting.secrets.list(),
    await acting.traffic(instanceId),
    await slipway.router.observe(instanceId),
    await store.work.run(deploymentId),
    await store.work.steps(deploymentId),
    await store.events.read({ after: 0, limit: 1000 }),
  ]
}

/** The forms of the value that are in a text. */
function hiddenIn(text: string): string[] {
  return forms.filter(form => text.includes(form))
}

/** The database with its side files, and every record that provider and proxy keep: all but images, $DATA and the replicas' raw output. */
function databaseFiles({ dataDir }: Machine): string[] {
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(file => !/\/(?:images|logs|data\/instances\/[^/]+\/data)\//.test(file))
  assert.ok(files.some(file => file.endsWith('slipway.db')))
  assert.ok(files.some(file => file.endsWith('slipway.db-wal')))
  assert.ok(files.some(file => file.includes('/proxy/')))
  return files
}
