import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type ApiDocument, apiPages } from '../../scripts/api-pages.ts'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { blocksOf, root, textOf } from './markdown.ts'

const run = promisify(execFile)

describe('docs/api.md', () => {
  const over: (() => unknown)[] = []
  let world: World
  let customer: Customer
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) }, { beatMs: 200 })
    customer = await world.tenant()
  })
  after(async () => {
    for (const end of over.reverse()) await end()
  })
  const environment = () => ({ ...process.env, SLIPWAY_URL: world.url, SLIPWAY_TOKEN: customer.token })

  test('is what `npm run docs:api` makes of the document', async () => {
    const document = (await (await fetch(`${world.url}/v1/openapi.json`)).json()) as ApiDocument
    assert.ok(textOf('docs/api.md') === apiPages(document), 'run `npm run docs:api`')
  })

  test('every field of the OpenAPI document is described', () => {
    assert.deepEqual(
      undescribed(world.document.components.schemas),
      [],
      'say it in the schema, or in src/server/words.ts',
    )
  })

  test('its commands do what they say', async () => {
    const script = blocksOf(textOf('docs/api.md')).filter(({ language }) => language === 'sh')
    const code = ['set -e', ...script.map(block => block.code)].join('\n')
    await run('bash', ['-c', code], { cwd: root, env: environment(), timeout: 120_000 })
  })

  test('the program in it does what it says', async () => {
    const { stdout } = await run(process.execPath, ['examples/client.ts'], {
      cwd: root,
      env: environment(),
      timeout: 120_000,
    })
    assert.equal(
      stdout,
      'created: succeeded\ndeployed\nrelease 2\nrelease 1\nrefused: already_ended\ndeleted: succeeded\n',
    )
  })
})

function undescribed(schema: unknown, where = ''): string[] {
  if (schema === null || typeof schema !== 'object') return []
  return Object.entries(schema).flatMap(([key, part]) => {
    if (key === 'example') return []
    const here =
      key !== 'properties'
        ? []
        : Object.entries(part as Record<string, object>).filter(([, field]) => !('description' in field))
    return [...here.map(([name]) => `${where}.${name}`), ...undescribed(part, `${where}/${key}`)]
  })
}
