import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { cases, interrupted, startFailingUser, startMute } from './cases.ts'
import { masked, startUser, type User } from './world.ts'

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
    const { code, out, err } = await user.call('logout')
    assert.deepEqual({ code, out }, { code: 0, out: '' })
    assert.match(masked(err), /^Logged out of http:\/\/127\.0\.0\.1:PORT: the context near is gone\.\n/)
    assert.deepEqual(contextsOf(user), { contexts: { far: { url: 'https://slipway.example', tenant: 'acme' } } })
  },
  async empty(t) {
    const user = await startUser(t)
    assert.deepEqual(await user.call('logout'), { code: 0, out: '', err: 'You are not logged in anywhere.\n' })
  },
  async refused(t) {
    const user = await withContexts(t)
    const { code, err } = await user.call('logout nowhere')
    assert.equal(code, 5)
    assert.equal(err, '✖ There is no context "nowhere".\n  There are: near, far\n  (unknown_context)\n')
  },
  async failed(t) {
    const user = await withContexts(t)
    writeFileSync(fileOf(user), 'not JSON')
    const { code, err } = await user.call('logout')
    assert.equal(code, 2)
    assert.match(err, /is not a configuration of Slipway/)
    assert.equal(readFileSync(fileOf(user), 'utf8'), 'not JSON', 'and it is left alone')
  },
  interrupted: { none: 'it asks nobody' },
})

cases('context list', {
  async happy(t) {
    const user = await withContexts(t)
    const { code, out, err } = await user.call('context list')
    assert.deepEqual({ code, err }, { code: 0, err: '' })
    assert.equal(
      masked(out),
      '   NAME  SERVER                   TENANT  TOKEN\n*  near  http://127.0.0.1:PORT   -       yes\n   far   https://slipway.example  acme    no\n'.replace(
        'PORT   -',
        `PORT${' '.repeat('https://slipway.example'.length - masked(world.url).length + 2 + masked(world.url).length - world.url.length)}-`,
      ),
    )
    assert.ok(!(await user.call('context list --json')).out.includes(customer.token))
  },
  async empty(t) {
    const user = await startUser(t)
    const { code, out, err } = await user.call('context list')
    assert.deepEqual({ code, out }, { code: 0, out: '' })
    assert.match(err, /^No contexts yet\. Make one: {2}slipway login --url URL\n$/)
    assert.equal((await user.call('context list --json')).out, '[]\n')
  },
  refused: { none: 'there is nothing to refuse' },
  async failed(t) {
    const user = await withContexts(t)
    writeFileSync(fileOf(user), '{}')
    assert.equal((await user.call('context list')).code, 2)
  },
  interrupted: { none: 'it asks nobody' },
})

cases('context use', {
  async happy(t) {
    const user = await withContexts(t)
    assert.deepEqual(await user.call('context use far'), {
      code: 0,
      out: '',
      err: 'Commands go to https://slipway.example now.\n',
    })
    assert.equal((contextsOf(user) as { current: string }).current, 'far')
  },
  async empty(t) {
    const user = await startUser(t)
    const { code, err } = await user.call('context use far')
    assert.equal(code, 5)
    assert.match(err, /Make one: {2}slipway login --url URL/)
  },
  async refused(t) {
    const user = await withContexts(t)
    assert.equal((await user.call('context use nowhere')).code, 5)
    assert.equal((contextsOf(user) as { current: string }).current, 'near')
  },
  failed: { none: 'it asks nobody' },
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
    const { code, err } = await user.call('context show --context nowhere')
    assert.equal(code, 2)
    assert.match(err, /There is no context "nowhere" \(from --context\)/)
  },
  failed: { none: 'it asks nobody' },
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
    const { code, out, err } = await user.call('ps')
    assert.deepEqual({ code, err }, { code: 0, err: '' })
    assert.match(
      out,
      /^INSTANCE {2}RELEASE {2}HEALTH\s+ROLLOUT {2}LAST 12 {2}SINCE\nshop +v1 +\S+ \S+ +- +[▁▇] +\d+s\n$/,
    )
    const one = await user.call('ps shop')
    assert.match(
      one.out,
      /^shop {2}tenant t\d+ {2}running\n\nSERVICE {2}READY +TRAFFIC +IMAGE +URL\nworker +✔ 2\/2 +- +file:/,
    )
    const [item] = JSON.parse((await user.call('ps --json')).out) as { name: string; release: { version: number } }[]
    assert.deepEqual([item?.name, item?.release.version], ['shop', 1])

    const asked = await acting.deploy({
      instanceId: made.instance.id,
      services: [{ name: 'worker', image: await world.machine.worker('2') }],
      strategy: 'canary',
      options: { steps: [{ weight: 50, pause: 'look' }], holdSeconds: 0 },
    })
    for await (const event of acting.watch(asked.id)) if (event.type === 'deploy.paused') break
    const waiting = await user.call('ps --ascii')
    assert.match(waiting.out, /shop +v1 -> v2 .* canary \d\/\d = waiting/)
    assert.match(masked(waiting.out), /\n1 needs you:\n {2}shop .*slipway promote dep_1\n$/)
    await acting.cancel(asked.id)
    await acting.finished(asked.id)
  },
  async empty(t) {
    const { token } = await world.tenant()
    const user = await startUser(t, { url: world.url, token })
    const { code, out, err } = await user.call('ps')
    assert.deepEqual({ code, out }, { code: 0, out: '' })
    assert.match(err, /^No instances yet\./)
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
  async failed(t) {
    const user = await startFailingUser(t)
    const { code, err } = await user.call('ps')
    assert.equal(code, 1)
    assert.match(err, /Is the server up\? {2}slipway doctor/)
  },
  async interrupted(t) {
    const { code, err } = await interrupted(t, 'ps')
    assert.equal(code, 130)
    assert.match(err, /nothing was changed/)
  },
})
