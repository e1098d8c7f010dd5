import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Ajv } from 'ajv'
import * as fc from 'fast-check'
import { parse } from 'yaml'
import { withKeys } from '../../scripts/project-keys.ts'
import { perform } from '../../src/cli/project/act.ts'
import { projectJsonSchema } from '../../src/cli/project/json-schema.ts'
import { readProject } from '../../src/cli/project/read.ts'
import { reconcile } from '../../src/cli/project/reconcile.ts'
import { projectText } from '../../src/cli/project/write.ts'
import { createClient } from '../../src/client/index.ts'
import { anyProject } from '../cli/project/any.ts'
import { startWorld, type World } from '../server/world.ts'
import { blocksOf, textOf } from './markdown.ts'

const page = textOf('docs/slipway-yaml.md')
const example = blocksOf(page).find(({ language }) => language === 'yaml')?.code ?? ''

describe('docs/slipway.schema.json', () => {
  const schema = projectJsonSchema()
  const fits = new Ajv({ strict: false, allErrors: true, formats: { uri: true } }).compile(schema)

  test('and the keys in docs/slipway-yaml.md are what `npm run docs:schema` makes', () => {
    assert.equal(
      textOf('docs/slipway.schema.json'),
      `${JSON.stringify(schema, null, 2)}\n`,
      'run `npm run docs:schema`',
    )
    assert.ok(page === withKeys(page, schema), 'run `npm run docs:schema`')
    assert.doesNotMatch(page, /\| \|$/m)
  })

  test('takes what a project file may be', () => {
    fc.assert(
      fc.property(anyProject(), project => {
        assert.ok(fits(parse(projectText(project))), JSON.stringify(fits.errors))
      }),
      { numRuns: 50 },
    )
    assert.ok(fits(parse(example)), JSON.stringify(fits.errors))
    assert.ok(fits({ name: 'shop', services: [{ name: 'web', image: 'file:.', env: { PORT: 3000 }, args: [1] }] }))
  })

  test('refuses keys that there are not, in the options of the strategy as well', () => {
    const project = { name: 'shop', services: [{ name: 'web', image: 'file:.' }] }
    assert.ok(!fits({ ...project, replicas: 2 }))
    assert.ok(!fits({ ...project, services: [{ ...project.services[0], replica: 2 }] }))
    assert.ok(fits({ ...project, strategy: 'mine', options: { anything: 1 } }))
    assert.ok(!fits({ ...project, strategy: 'rolling', options: { holdSeconds: 1 } }))
  })
})

describe('docs/slipway-yaml.md', () => {
  let world: World
  const over: (() => unknown)[] = []
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })

  test('has an example that comes up, and is deployed again, as it stands', async () => {
    const folder = join(world.machine.dataDir, '..', 'example')
    const program = `import { createServer } from 'node:http'
createServer((_, answer) => answer.end([process.env.API, process.env.RELEASE, process.env.DATABASE_PASSWORD].join())).listen(process.env.PORT, '127.0.0.1')
`
    for (const name of ['web', 'api']) {
      await mkdir(join(folder, name), { recursive: true })
      await writeFile(join(folder, name, 'server.mjs'), program)
      await writeFile(join(folder, name, 'migrate.mjs'), '')
    }
    await writeFile(join(folder, 'slipway.yaml'), example)
    const { token } = await world.tenant()
    const client = createClient({ url: world.url, token })
    await client.secrets.store('shop-database', 'hunter2')
    const { project } = await readProject(undefined, { cwd: join(folder, 'web'), env: { RELEASE: '7' } })
    const [create] = reconcile(project, undefined)
    assert.ok(create)
    const created = await perform(create, client, {})
    assert.ok(created.kind === 'create')
    const up = await client.deployments.finished(created.answer.deployment.id)
    assert.equal(up.state, 'succeeded', up.error)
    const instance = await client.instances.get(created.answer.instance.id)
    assert.match(await (await fetch(instance.urls['web'] ?? '')).text(), /^http:\/\/[^,]+,7,$/)
    const acts = reconcile(project, instance)
    assert.deepEqual(
      acts.map(({ kind }) => kind),
      ['deploy'],
    )
    const [deploy] = acts
    assert.ok(deploy)
    const again = await perform(deploy, client, { id: instance.id })
    assert.ok(again.kind === 'deploy')
    const same = await client.deployments.finished(again.answer.id)
    assert.equal(same.state, 'succeeded', same.error)
  })
})
