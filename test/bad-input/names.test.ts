import { after, before, describe, test } from 'node:test'
import type { ErrorCode } from '../../src/errors.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertRefused } from '../support/refusal.ts'
import { worker } from '../support/services.ts'

const names = ['../shop', '..', 'a/b', 'shop\0', '🚀', 'Shop', 'shop ', '-shop', 'x'.repeat(41), ''] as const

describe('names that cannot be', () => {
  let machine: Machine
  let tenant: Tenant
  let shop: Instance
  let image: string
  before(async () => {
    machine = await startMachine()
    tenant = machine.tenant()
    image = await machine.worker('1')
    shop = await tenant.up([worker(image)])
  })
  after(() => machine.dispose())

  /** What carries a name, and what its refusal is about. */
  const places: Record<string, [code: ErrorCode, sentence: RegExp, ask: (name: string) => unknown]> = {
    'an instance': [
      'invalid_request',
      /\/name/,
      name => tenant.acting.instances.create({ name, services: [worker(image)] }),
    ],
    'an instance, renamed': ['invalid_request', /\/name/, name => tenant.acting.instances.update(shop.id, { name })],
    'a service': [
      'invalid_request',
      /\/services\/0\/name/,
      name => tenant.acting.instances.create({ name: 'other', services: [{ ...worker(image), name }] }),
    ],
    'a deployed service': [
      'invalid_request',
      /\/services\/0\/name/,
      name => tenant.acting.deploy({ instanceId: shop.id, services: [{ name, image }] }),
    ],
    'a port': [
      'invalid_request',
      /\/ports\/0\/name/,
      name => tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'worker', image, ports: [{ name }] }] }),
    ],
    'a dependency': [
      'invalid_request',
      /\/dependsOn\/0/,
      name => tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'worker', image, dependsOn: [name] }] }),
    ],
    'a tenant': [
      'invalid_request',
      /cannot be a tenant/,
      name => machine.slipway.as({ tenantId: name, subject: 'ana' }),
    ],
  }
  for (const [place, [code, sentence, ask]] of Object.entries(places)) {
    test(`of ${place}`, async () => {
      for (const name of names) await assertRefused(machine, code, sentence, () => ask(name))
    })
  }

  test('of a secret', async () => {
    for (const name of ['../key', 'key\0', '🚀', '']) {
      await assertRefused(machine, 'invalid_request', /./, () => tenant.acting.secrets.store(name, 'value'))
    }
  })

  test('of a host', async () => {
    for (const host of ['../shop', 'shop\0.example', '🚀.example', 'Shop.example', 'shop.example:80', '']) {
      await assertRefused(machine, 'invalid_request', /\/hosts\/0/, () =>
        tenant.acting.instances.update(shop.id, { hosts: [host] }),
      )
    }
  })

  test('of a strategy', async () => {
    const deploy = (strategy: string) => () =>
      tenant.acting.deploy({ instanceId: shop.id, services: [{ name: 'worker', image }], strategy })
    for (const name of ['../rolling', '🚀', 'Rolling', 'constructor', '__proto__']) {
      await assertRefused(machine, 'unknown_strategy', /strategy/, deploy(name))
    }
    await assertRefused(machine, 'invalid_request', /NUL/, deploy('rolling\0'))
  })

  test('ids that cannot be are ids of nothing', async () => {
    for (const id of ['../shop', 'inst_🚀', "' or 1=1 --", '']) {
      await assertRefused(machine, 'not_found', /^There is no /, () => tenant.acting.instances.get(id))
      await assertRefused(machine, 'not_found', /^There is no /, () => tenant.acting.getDeployment(id))
      await assertRefused(machine, 'not_found', /^There is no /, () => tenant.acting.getRelease(id))
    }
  })
})
