import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as fc from 'fast-check'
import { createSlipway } from '../../src/index.ts'
import { fakeClock, fakeProvider, fakeRouter } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import * as laws from '../deploy/plan/laws.ts'
import { worlds } from '../deploy/plan/world.ts'
import { parts, partsIn } from '../support/part.ts'
import { blocksOf, sectionOf, textOf } from './markdown.ts'
import { soak } from './soak.ts'

test('CI, and CONTRIBUTING, name every part that a test would be left out without; a name that is none is refused', () => {
  for (const name of ['.ci/run', 'CONTRIBUTING.md']) {
    const [, list = ''] = /SLIPWAY_TEST_REQUIRE[-=]([\w,-]+)/.exec(textOf(name)) ?? []
    assert.deepEqual(partsIn(list), new Set(parts), name)
  }
  assert.throws(() => partsIn('registry,smalldisk'), /names smalldisk/)
})

test('the strategy in CONTRIBUTING is the one that is tested here', () => {
  const [written] = blocksOf(sectionOf(textOf('CONTRIBUTING.md'), 'Add a strategy'))
  const moved = (written?.code ?? '')
    .replaceAll("from './", "from '../../src/deploy/strategies/")
    .replaceAll("from '../strategy", "from '../../src/deploy/strategy")
  assert.deepEqual(apart(moved), apart(textOf('test/docs/soak.ts')))
})

test('its plans are lawful: tables follow, weights are whole, capacity holds, the release is reached', () => {
  fc.assert(
    fc.property(worlds, ({ input: { options: _others, ...rest } }) => {
      const input = { ...rest, options: soak.options?.({}) ?? {} }
      const steps = soak.plan?.(input) ?? []
      const world = { strategy: soak, input }
      laws.tablesChain(input.table, steps, input)
      laws.weightsAreWhole(input.table, steps, laws.mayStop(world))
      laws.preparesFirst(input.table, steps)
      laws.capacityHolds(input.table, steps, input)
      laws.endsAtRelease(steps.at(-1)?.table ?? input.table, world)
    }),
    { numRuns: 500, seed: 20_261_123 },
  )
})

test('it carries a deployment out, step by step as planned', async t => {
  const { acme, clock } = await house(t)
  const services = [{ name: 'web', image: 'fake:web-1', replicas: 2, ports: [{ name: 'http' }] }]
  const { instance, deployment } = await acme.instances.create({ name: 'shop', services })
  assert.equal((await clock.until(acme.finished(deployment.id))).state, 'succeeded')

  const request = {
    instanceId: instance.id,
    strategy: 'soak',
    options: { soakSeconds: 10 },
    services: [{ name: 'web', image: 'fake:web-2' }],
  }
  const planned = (await acme.plan(request)).steps?.map(step => step.name) ?? []
  assert.deepEqual(
    planned.map(name => name.replace(/[0-9a-f]{6}(?:\.\d)?/, 'it')),
    ['prepare web', 'run 2 of web it', 'hold 10 s', 'route web 100 % to it', 'retire web it to 0'],
  )
  const { id } = await acme.deploy(request)
  const performed: unknown[] = []
  const follow = async () => {
    for await (const event of acme.watch(id)) if (event.type === 'deploy.progress') performed.push(event.data?.['name'])
  }
  await clock.until(follow())
  assert.deepEqual(performed, planned)
  assert.equal((await acme.getDeployment(id)).state, 'succeeded')
})

/** A Slipway on fakes that knows the strategy. */
async function house(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), 'slipway-docs-'))
  const clock = fakeClock()
  const slipway = await createSlipway({
    dataDir,
    clock,
    store: await sqliteStore({ path: ':memory:', clock }),
    providers: [fakeProvider({ clock })],
    router: fakeRouter({ clock }),
    strategies: [soak],
  })
  t.after(async () => {
    await slipway.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  return { acme: slipway.as({ tenantId: 'acme', subject: 'ana' }), clock }
}

/** The imports of a program, in any order, and the rest of it. */
function apart(program: string): { imports: string[]; rest: string[] } {
  const lines = program.trimEnd().split('\n')
  return {
    imports: lines.filter(line => line.startsWith('import ')).toSorted(),
    rest: lines.filter(line => !line.startsWith('import ')),
  }
}
