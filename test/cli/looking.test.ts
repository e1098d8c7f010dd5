import assert from 'node:assert/strict'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { advice, ownCodes } from '../../src/cli/explanations.ts'
import { errorCodes } from '../../src/errors.ts'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { cases, interrupted } from './cases.ts'
import { masked, seen, startUser } from './world.ts'

const over: (() => unknown)[] = []
let world: World
let customer: Customer
before(async () => {
  world = await startWorld({ after: end => void over.push(end as () => unknown) })
  customer = await world.tenant()
})
after(async () => {
  for (const end of over.toReversed()) await end()
})

cases('explain', {
  async happy(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('explain crash_loop'), {
      code: 0,
      out: `crash_loop  (HTTP 500)\n  ${errorCodes.crash_loop.meaning}\n  ${advice.crash_loop}\n`,
      err: '',
    })
    const own = await user.call('explain not_logged_in --json')
    assert.deepEqual(JSON.parse(own.out), { code: 'not_logged_in', ...ownCodes['not_logged_in'] })
  },
  async empty(t) {
    const user = await startUser(t)
    const { out } = await user.call('explain --json')
    const codes = (JSON.parse(out) as { code: string }[]).map(({ code }) => code)
    assert.deepEqual(codes, [...Object.keys(errorCodes), ...Object.keys(ownCodes)])
  },
  async refused(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('explain crashloop'), {
      code: 5,
      out: '',
      err: '✖ There is no code "crashloop".\n  Did you mean crash_loop?\n  All of them:  slipway explain\n  (unknown_code)\n',
    })
  },
  failed: { none: 'it asks nobody' },
  interrupted: { none: 'it asks nobody' },
})

cases('config', {
  async happy(t) {
    const user = await startUser(t, { url: world.url, token: customer.token })
    await writeFile(join(user.home, 'slipway.yaml'), '')
    const all = await user.call('config --sources --tenant acme')
    // Columns are as wide as where the home is.
    assert.deepEqual(seen({ ...all, out: all.out.replaceAll(/ {3,}/g, '  ') }, { [user.home]: '~' }), {
      code: 0,
      out: `NAME  VALUE  FROM
context  -  -
url  http://127.0.0.1:#####  SLIPWAY_URL
token  (set)  SLIPWAY_TOKEN
tenant  acme  --tenant
contexts  ~/.config/slipway/config.json  default
project  ~/slipway.yaml  found from the folder one is in
`,
      err: '',
    })
    const values = await user.call('config')
    assert.equal(values.out.split('\n')[0], 'NAME      VALUE')
    assert.ok(!(await user.call('config --json')).out.includes(customer.token))
  },
  async empty(t) {
    const user = await startUser(t)
    assert.deepEqual(seen(await user.call('config'), { [user.home]: '~' }), {
      code: 0,
      out: `NAME      VALUE
context   -
url       http://127.0.0.1:####
token     -
tenant    -
contexts  ~/.config/slipway/config.json
project   -
`,
      err: '',
    })
    const { out } = await user.call('config --json')
    assert.deepEqual(Object.keys(JSON.parse(out) as object), ['url', 'contexts'])
  },
  async refused(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('config --context nowhere'), {
      code: 2,
      out: '',
      err: `✖ There is no context "nowhere" (from --context).
  Make one:  slipway login --url URL
  (unknown_context)
`,
    })
  },
  async failed(t) {
    const user = await startUser(t)
    await mkdir(join(user.home, '.config/slipway'), { recursive: true })
    await writeFile(join(user.home, '.config/slipway/config.json'), '{"contexts":{"near":{"url":7}}}')
    assert.deepEqual(seen(await user.call('config'), { [user.home]: '~' }), {
      code: 2,
      out: '',
      err: `✖ ~/.config/slipway/config.json is not a configuration of Slipway.
  Mend it, or remove it and log in again:  slipway login
  (config_malformed)
`,
    })
  },
  interrupted: { none: 'it asks nobody' },
})

cases('doctor', {
  async happy(t) {
    const user = await startUser(t, { url: world.url, token: customer.token })
    const { code, out, err } = await user.call('doctor')
    assert.deepEqual({ code, err }, { code: 0, err: '' }, out)
    assert.deepEqual(
      masked(out)
        .replaceAll(user.home, '~')
        .replaceAll(/\d+\.\d+\.\d+(?![\d.]*:)/g, 'N')
        .replaceAll(/until [\d-]+/g, 'until DATE'),
      `✔ command   slipway N on Node N
✔ contexts  ~/.config/slipway/config.json is not there yet
✔ server    http://127.0.0.1:PORT answers (SLIPWAY_URL)
✔ parts     all answer
✔ api       version 1, as this command speaks it
✔ clock     this clock and the server’s agree
✔ token     ana, tenant ${customer.id} (read, deploy, admin)
✔ expiry    good until DATE
`,
    )
  },
  async empty(t) {
    const user = await startUser(t, { url: world.url })
    const { code, out } = await user.call('doctor')
    assert.equal(code, 1)
    assert.match(out, /✖ token {5}there is none for this server\n +slipway login\n$/)
  },
  async refused(t) {
    const user = await startUser(t, { url: world.url, token: 'slip_wrong' })
    const file = join(user.home, '.config/slipway/config.json')
    await mkdir(join(user.home, '.config/slipway'), { recursive: true })
    await writeFile(file, '{"contexts":{}}')
    await chmod(file, 0o644)
    const { code, out } = await user.call('doctor --json', { now: () => Date.now() + 3_600_000 })
    assert.equal(code, 1)
    const wrong = (JSON.parse(out) as { what: string; ok: boolean; next?: string }[]).filter(({ ok }) => !ok)
    assert.deepEqual(
      wrong.map(({ what }) => what),
      ['contexts', 'clock', 'token'],
    )
    assert.ok(
      wrong.every(({ next }) => next !== undefined),
      'each says what to do',
    )
  },
  async failed(t) {
    const user = await startUser(t, { url: 'http://127.0.0.1:1', token: 'slip_any' })
    const { code, out } = await user.call('doctor')
    assert.equal(code, 1)
    assert.match(
      out,
      /✖ server {4}http:\/\/127\.0\.0\.1:1 \(SLIPWAY_URL\) can't be reached: .*\n +Start one here: {2}slipway up/,
    )
  },
  async interrupted(t) {
    const { code, err } = await interrupted(t, 'doctor')
    assert.equal(code, 130)
    assert.match(err, /nothing was changed/)
  },
})

test('every code that the command line makes itself is explained', async () => {
  const { readdirSync, readFileSync } = await import('node:fs')
  const { root } = await import('../docs/markdown.ts')
  const files = readdirSync(join(root, 'src/cli'), { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.ts'),
  )
  const made = files.flatMap(name => {
    const text = readFileSync(join(root, 'src/cli', name), 'utf8')
    return [...text.matchAll(/new Refusal\(\s*exit\.\w+,\s*'(\w+)'/g)].map(([, code = '']) => code)
  })
  const known = new Set([...Object.keys(errorCodes), ...Object.keys(ownCodes)])
  assert.deepEqual(
    [...new Set(made)].filter(code => !known.has(code)),
    [],
  )
})
