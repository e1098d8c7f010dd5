import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ErrorCode } from '../../src/errors.ts'
import type { Instance } from '../../src/instance/instance.ts'
import { type Machine, startMachine, type Tenant } from '../support/machine.ts'
import { assertRefused } from '../support/refusal.ts'
import { routed, worker } from '../support/services.ts'

describe('services that cannot be', () => {
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

  /** Asked as an instance to create and as a complete deploy, refused alike. */
  const refused = async (code: ErrorCode, sentence: RegExp, ...services: readonly object[]): Promise<void> => {
    const given = services as Parameters<Tenant['up']>[0]
    await assertRefused(machine, code, sentence, () =>
      tenant.acting.instances.create({ name: 'other', services: given }),
    )
    await assertRefused(machine, code, sentence, () =>
      tenant.acting.deploy({ instanceId: shop.id, complete: true, services: given }),
    )
  }
  const web = (more: object = {}) => ({ ...routed('web', image), ...more })

  describe('a port no service has:', () => {
    test('in a health check', () =>
      refused('unknown_port', /names port "metrics"/, web({ healthCheck: { type: 'http', port: 'metrics' } })))
    test('of a service that is not there, in a $URL_', () =>
      refused('unknown_reference', /\$URL_DB, but no service/, web({ env: { DATABASE: 'pg+$URL_DB/shop' } })))
    test('of a service without one, in a $URL_', () =>
      refused(
        'unknown_reference',
        /\$URL_WORKER, but service "worker" has no port/,
        web({ args: ['$URL_WORKER'] }),
        worker(image),
      ))
    test('of the service to expose', () =>
      assertRefused(machine, 'unknown_port', /"worker" has no port to expose/, () =>
        tenant.acting.instances.update(shop.id, { expose: 'worker' }),
      ))
  })

  describe('a dependency', () => {
    test('cycle', () =>
      refused(
        'dependency_cycle',
        /web.*api|api.*web/,
        web({ dependsOn: ['api'] }),
        { ...routed('api', image), dependsOn: ['cache'] },
        { ...routed('cache', image), dependsOn: ['web'] },
      ))
    test('on itself', () => refused('dependency_cycle', /web/, web({ dependsOn: ['web'] })))
    test('on a service that is not there', () =>
      refused('unknown_service', /"db", which is not there/, web({ dependsOn: ['db'] })))
  })

  describe('a health check that cannot be:', () => {
    const checks: [string, ErrorCode, RegExp, object][] = [
      [
        'by HTTP without a port',
        'bad_health_check',
        /no port to ask by http/,
        { ports: [], healthCheck: { type: 'http' } },
      ],
      [
        'by TCP without a port',
        'bad_health_check',
        /no port to ask by tcp/,
        { ports: [], healthCheck: { type: 'tcp' } },
      ],
      [
        'a path that is none',
        'bad_health_check',
        /"healthz" is not one/,
        { healthCheck: { type: 'http', path: 'healthz' } },
      ],
      [
        'a path with a line break',
        'bad_health_check',
        /is not one/,
        { healthCheck: { type: 'http', path: '/\r\nHost: x' } },
      ],
      [
        'statuses the wrong way round',
        'bad_health_check',
        /from 500 to 200/,
        { healthCheck: { type: 'http', status: [500, 200] } },
      ],
      ['an empty command', 'bad_health_check', /command is empty/, { healthCheck: { type: 'command', command: [] } }],
      ['no time to answer', 'invalid_request', /timeoutMs/, { healthCheck: { type: 'http', timeoutMs: 0 } }],
      ['never asked', 'invalid_request', /intervalMs/, { healthCheck: { type: 'tcp', intervalMs: -1 } }],
      ['of an unknown type', 'invalid_request', /healthCheck/, { healthCheck: { type: 'prayer' } }],
    ]
    for (const [title, code, sentence, more] of checks) test(title, () => refused(code, sentence, web(more)))
  })

  describe('an image', () => {
    test('folder that is not there', () => refused('image_unavailable', /not there/, web({ image: 'file:/not/there' })))
    test('that is a file', async () => {
      const file = join(machine.dataDir, '..', 'a-file')
      await writeFile(file, '')
      await refused('image_unavailable', /not a folder/, web({ image: `file:${file}` }))
    })
    test('of another provider', () =>
      refused('image_unavailable', /names neither a folder nor a package/, web({ image: 'nginx:1.29' })))
    test('whose name holds a NUL', () => refused('invalid_request', /NUL/, web({ image: 'file:/tmp\0/x' })))
    test('whose name is longer than a path can be', () =>
      refused('invalid_request', /at most 1024/, web({ image: `file:/${'x'.repeat(5000)}` })))
  })

  describe('an environment', () => {
    const tenMegabytes = 'x'.repeat(10 * 1024 * 1024)
    test('of 10 MB in one variable', () =>
      refused('invalid_request', /\/env\/BIG/, web({ env: { BIG: tenMegabytes } })))
    test('of 10 MB in a hundred', () => {
      const many = Object.fromEntries(
        Array.from({ length: 100 }, (_, n) => [`BIG_${n}`, tenMegabytes.slice(0, 100_000)]),
      )
      return refused('invalid_request', /256 kB in all/, web({ env: many }))
    })
    test('with a NUL in a value', () => refused('invalid_request', /NUL/, web({ env: { A: 'b\0c' } })))
    for (const name of ['../A', 'A\0B', '🚀', 'A=B', '']) {
      test(`with a variable named ${JSON.stringify(name)}`, () =>
        refused('invalid_request', /\/env\//, web({ env: { [name]: 'x' } })))
    }
  })

  test('a field that is not known', () => refused('invalid_request', /replicsa|nrecognized/, web({ replicsa: 2 })))
  test('no replicas', () => refused('invalid_request', /at least 1/, web({ replicas: 0 })))
})
