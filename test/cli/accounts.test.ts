import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { until } from '../support/until.ts'
import { cases, failsAt, startFailingUser, startMute, stopsAt } from './cases.ts'
import { later, masked, seen, startUser, type User } from './world.ts'

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

/** Where a user's contexts are. */
function fileOf({ home }: User): string {
  return join(home, '.config/slipway/config.json')
}

function contextsOf(user: User): unknown {
  return JSON.parse(readFileSync(fileOf(user), 'utf8'))
}

/** A user with two contexts, the first in use. */
async function withContexts(t: Parameters<typeof startUser>[0]): Promise<User> {
  const user = await startUser(t)
  await mkdir(dirname(fileOf(user)), { recursive: true })
  const contexts = {
    near: { url: world.url, token: customer.token },
    far: { url: 'https://slipway.example', tenant: 'acme' },
  }
  writeFileSync(fileOf(user), JSON.stringify({ current: 'near', contexts }))
  return user
}

cases('login', {
  async happy(t) {
    const user = await startUser(t)
    const { code, out, err } = await user.call(['login', '--url', world.url, '--token-stdin', '--name', 'here'], {
      stdin: `${customer.token}\n`,
    })
    assert.deepEqual({ code, out }, { code: 0, out: '' })
    assert.equal(
      masked(err).replaceAll(user.home, '~'),
      `Logged in to http://127.0.0.1:PORT as ana, tenant ${customer.id} (read, deploy, admin).\nKept as context here in ~/.config/slipway/config.json, which only you can read.\n`,
    )
    assert.deepEqual(contextsOf(user), {
      current: 'here',
      contexts: { here: { url: world.url, token: customer.token } },
    })
    assert.equal(statSync(fileOf(user)).mode & 0o777, 0o600)
    assert.equal((await user.call('ps')).code, 0, 'and it is used')
  },
  async empty(t) {
    const user = await startUser(t)
    const { code, err } = await user.call(['login', '--url', world.url, '--token-stdin'], { stdin: '' })
    assert.equal(code, 2)
    assert.match(err, /^✖ The value is empty\./)
  },
  async refused(t) {
    const user = await startUser(t)
    const { code, err } = await user.call(['login', '--url', world.url, '--token-stdin'], { stdin: 'slip_wrong' })
    assert.equal(code, 4)
    assert.match(masked(err), /\(unauthenticated, req_/)
    assert.throws(() => contextsOf(user), /ENOENT/, 'what is no good is not kept')
    const blind = await user.call(['login', '--url', world.url])
    assert.equal(blind.code, 2)
    assert.match(blind.err, /there is no terminal.*\n.*--token-stdin/)
  },
  async failed(t) {
    const user = await startFailingUser(t)
    const { code, err } = await user.call('login --token-stdin', { stdin: 'slip_any' })
    assert.equal(code, 1)
    assert.match(err, /\(connection_/)
  },
  async interrupted(t) {
    const mute = await startMute(t, 'holds on')
    const user = await startUser(t, { url: mute.url })
    const call = user.call('login --token-stdin', { stdin: 'slip_any' })
    await mute.asked
    call.interrupt()
    const { code, err } = await call
    assert.equal(code, 130)
    assert.match(err, /nothing was changed/)
    assert.throws(() => contextsOf(user), /ENOENT/)
  },
})

describe('the token of a login', () => {
  test('is asked for on a terminal, and not shown', async t => {
    const user = await startUser(t)
    const call = user.call(['login', '--url', world.url], { terminal: {} })
    await call.told('not shown')
    call.type(`${customer.token}\r`)
    const { code, out, err } = await call
    assert.equal(code, 0, err)
    assert.ok(!(out + err).includes(customer.token))
    assert.deepEqual(Object.keys((contextsOf(user) as { contexts: object }).contexts), ['127.0.0.1'])
  })

  test('does not go to another machine over plain http unless that is said', async t => {
    const user = await startUser(t)
    const line = 'login --url http://slipway.invalid:7420 --token-stdin'
    assert.deepEqual(await user.call(line, { stdin: customer.token }), {
      code: 2,
      out: '',
      err: `✖ slipway.invalid:7420 is asked over plain http, and whoever is on the way there could read your token: nothing was sent.
  By https:                 slipway login --url https://slipway.invalid:7420
  In a network you trust:   the same again with --insecure-http
  (insecure_http)
`,
    })
    const { code, err } = await user.call(`${line} --insecure-http`, {
      stdin: customer.token,
      env: { SLIPWAY_RETRIES: '0' },
    })
    assert.equal(code, 1)
    assert.match(
      err,
      /^Your token goes to slipway\.invalid:7420 over plain http: whoever is on the way can read it\.\n✖ /,
    )
  })

  test('that would go over plain http is spoken of wherever its context is named', async t => {
    const user = await withContexts(t)
    const contexts = { lab: { url: 'http://lab.example', token: 'slip_any' } }
    writeFileSync(fileOf(user), JSON.stringify({ current: 'lab', contexts }))
    const said = /That is plain http: whoever is on the way there can read your token\.\n/
    assert.match((await user.call('context show')).err, said)
    assert.match((await user.call('context use lab')).err, said)
  })

  test('never goes to another server than its own', async t => {
    const user = await withContexts(t)
    const { code, err } = await user.call(['ps', '--url', 'http://127.0.0.1:1'])
    assert.equal(code, 4)
    assert.match(err, /not logged in/)
  })
})

cases('logout', {
  async happy(t) {
    const user = await withContexts(t)
    assert.deepEqual(seen(await user.call('logout')), {
      code: 0,
      out: '',
      err: `✔ Logged out of http://127.0.0.1:#####: the context near is gone.
  The token itself is good until it expires or is revoked:  slipway tokens revoke ID
`,
    })
    assert.deepEqual(contextsOf(user), { contexts: { far: { url: 'https://slipway.example', tenant: 'acme' } } })
  },
  async empty(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('logout'), { code: 0, out: '', err: 'You are not logged in anywhere.\n' })
  },
  async refused(t) {
    const user = await withContexts(t)
    assert.deepEqual(await user.call('logout nowhere'), {
      code: 5,
      out: '',
      err: `✖ There is no context "nowhere".
  There are: near, far
  (unknown_context)
`,
    })
    // What the environment names is what is in use.
    const far = await user.call('logout --json', { env: { SLIPWAY_CONTEXT: 'far' } })
    assert.deepEqual(JSON.parse(far.out), { context: 'far', url: 'https://slipway.example' })
    assert.deepEqual(Object.keys((contextsOf(user) as { contexts: object }).contexts), ['near'])
  },
  async failed(t) {
    const user = await withContexts(t)
    writeFileSync(fileOf(user), 'not JSON')
    assert.deepEqual(seen(await user.call('logout'), { [user.home]: '~' }), {
      code: 2,
      out: '',
      err: `✖ ~/.config/slipway/config.json is not a configuration of Slipway.
  Mend it, or remove it and log in again:  slipway login
  (config_malformed)
`,
    })
    assert.equal(readFileSync(fileOf(user), 'utf8'), 'not JSON', 'and it is left alone')
  },
  interrupted: { none: 'it asks nobody' },
})

cases('context list', {
  async happy(t) {
    const user = await withContexts(t)
    assert.deepEqual(seen(await user.call('context list')), {
      code: 0,
      out: `   NAME  SERVER                   TENANT  TOKEN
→  near  http://127.0.0.1:#####   -       yes
   far   https://slipway.example  acme    no
`,
      err: '',
    })
    assert.ok(!(await user.call('context list --json')).out.includes(customer.token))
  },
  async empty(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('context list'), {
      code: 0,
      out: '',
      err: 'No contexts yet. Make one:  slipway login --url URL\n',
    })
    assert.equal((await user.call('context list --json')).out, '[]\n')
  },
  async refused(t) {
    assert.deepEqual(await (await startUser(t)).call('context list near'), {
      code: 2,
      out: '',
      err: `✖ Too many arguments for 'list'. Expected 0 arguments but got 1.
  See:  slipway context list --help
  (usage)
`,
    })
  },
  async failed(t) {
    const user = await withContexts(t)
    writeFileSync(fileOf(user), '{}')
    assert.deepEqual(seen(await user.call('context list'), { [user.home]: '~' }), {
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

cases('context use', {
  async happy(t) {
    const user = await withContexts(t)
    assert.deepEqual(await user.call('context use far'), {
      code: 0,
      out: '',
      err: '✔ Commands go to https://slipway.example now.\n',
    })
    assert.equal((contextsOf(user) as { current: string }).current, 'far')
  },
  async empty(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('context use far'), {
      code: 5,
      out: '',
      err: `✖ There is no context "far".
  Make one:  slipway login --url URL
  (unknown_context)
`,
    })
  },
  async refused(t) {
    const user = await withContexts(t)
    assert.deepEqual(await user.call('context use nowhere'), {
      code: 5,
      out: '',
      err: `✖ There is no context "nowhere".
  There are: near, far
  (unknown_context)
`,
    })
    assert.equal((await user.call('context use constructor')).code, 5)
    assert.equal((contextsOf(user) as { current: string }).current, 'near')
  },
  async failed(t) {
    const user = await withContexts(t)
    // Where it would be written first there is a folder.
    await mkdir(`${fileOf(user)}.${process.pid}`)
    const also = { [user.home]: '~', [String(process.pid)]: 'PID' }
    assert.deepEqual(seen(await user.call('context use far'), also), {
      code: 1,
      out: '',
      err: `✖ ~/.config/slipway/config.json can't be written: EISDIR: illegal operation on a directory, open '~/.config/slipway/config.json.PID'.
  Look at whose it is, or name another one:  SLIPWAY_CONFIG=FILE
  (config_unwritable)
`,
    })
    assert.equal((contextsOf(user) as { current: string }).current, 'near', 'and the old ones are there')
  },
  interrupted: { none: 'it asks nobody' },
})

cases('context show', {
  async happy(t) {
    const user = await withContexts(t)
    const { code, out, err } = await user.call('context show')
    assert.deepEqual({ code, out: masked(out), err }, { code: 0, out: 'near  http://127.0.0.1:PORT\n', err: '' })
    const elsewhere = await user.call('context show --json', { env: { SLIPWAY_CONTEXT: 'far' } })
    assert.deepEqual(JSON.parse(elsewhere.out), {
      name: 'far',
      url: 'https://slipway.example',
      tenant: 'acme',
      logged_in: false,
    })
  },
  async empty(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('context show'), {
      code: 0,
      out: '(no context)  http://127.0.0.1:7420\n',
      err: 'Not logged in there:  slipway login\n',
    })
  },
  async refused(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('context show --context nowhere'), {
      code: 2,
      out: '',
      err: `✖ There is no context "nowhere" (from --context).
  Make one:  slipway login --url URL
  (unknown_context)
`,
    })
    // A name that every object has is no context either.
    assert.equal((await user.call('context show', { env: { SLIPWAY_CONTEXT: 'constructor' } })).code, 2)
  },
  async failed(t) {
    const user = await withContexts(t)
    await rm(fileOf(user))
    await mkdir(fileOf(user))
    assert.deepEqual(seen(await user.call('context show'), { [user.home]: '~' }), {
      code: 1,
      out: '',
      err: `✖ ~/.config/slipway/config.json can't be read: EISDIR: illegal operation on a directory, read.
  Look at whose it is, or name another one:  SLIPWAY_CONFIG=FILE
  (config_unreadable)
`,
    })
  },
  interrupted: { none: 'it asks nobody' },
})

cases('ps', {
  async happy(t) {
    const { id, token } = await world.tenant()
    const user = await startUser(t, { url: world.url, token })
    const acting = world.machine.slipway.as({ tenantId: id, subject: 'ana' })
    const image = await world.machine.worker('1')
    const made = await acting.instances.create({ name: 'shop', services: [{ name: 'worker', image, replicas: 2 }] })
    await acting.finished(made.deployment.id)
    await until('its health is known', async () => (await user.call('ps')).out.includes('2/2'))
    const bar = /[▁▇]/
    const table = await user.call('ps', later)
    assert.deepEqual(seen({ ...table, out: table.out.replace(bar, '▇') }), {
      code: 0,
      out: `INSTANCE  RELEASE  HEALTH  ROLLOUT  LAST 12  SINCE
shop      v1       ✔ 2/2   -        ▇        1h
`,
      err: '',
    })
    assert.deepEqual(seen(await user.call('ps shop'), { [image]: 'IMAGE', [' '.repeat(image.length - 5)]: '' }), {
      code: 0,
      out: `shop  tenant acme  running

SERVICE  READY  TRAFFIC  IMAGE  URL
worker   ✔ 2/2  -        IMAGE  -
`,
      err: '',
    })
    const [item] = JSON.parse((await user.call('ps --json')).out) as { name: string; release: { version: number } }[]
    assert.deepEqual([item?.name, item?.release.version], ['shop', 1])

    const asked = await acting.deploy({
      instanceId: made.instance.id,
      services: [{ name: 'worker', image: await world.machine.worker('2') }],
      strategy: 'canary',
      options: { steps: [{ weight: 50, pause: 'look' }], holdSeconds: 0 },
    })
    for await (const event of acting.watch(asked.id)) if (event.type === 'deploy.paused') break
    await until('its health is known', async () => / 3\/3 .* waiting/.test((await user.call('ps')).out))
    const waiting = await user.call('ps --ascii', later)
    assert.deepEqual(seen({ ...waiting, out: waiting.out.replace(/ since \S+/, ' since 1h') }), {
      code: 0,
      out: `INSTANCE  RELEASE   HEALTH  ROLLOUT               LAST 12  SINCE
shop      v1 -> v2  + 3/3   canary 3/6 = waiting  ..       1h

1 needs you:
  shop  shop waits for promote of look.  slipway promote dep_00000000000000000000000001
`,
      err: '',
    })
    await acting.cancel(asked.id)
    await acting.finished(asked.id)
  },
  async empty(t) {
    const { token } = await world.tenant()
    const user = await startUser(t, { url: world.url, token })
    assert.deepEqual(await user.call('ps'), {
      code: 0,
      out: '',
      err: 'No instances yet. Describe your app and release it:  slipway init, then slipway deploy -f slipway.yaml\n',
    })
    assert.equal((await user.call('ps --json')).out, '[]\n')
  },
  async refused(t) {
    const user = await startUser(t, { url: world.url, token: customer.token })
    const { code, err } = await user.call('ps nothing')
    assert.deepEqual(
      { code, err },
      { code: 5, err: '✖ There is no instance "nothing".\n  See what there is:  slipway ps\n  (not_found)\n' },
    )
  },
  failed: failsAt('ps', 'GET /v1/whoami'),
  interrupted: stopsAt('ps'),
})
