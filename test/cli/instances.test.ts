import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, type TestContext } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { startWorld, type World } from '../server/world.ts'
import { backupOf } from '../support/backup.ts'
import { startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { until } from '../support/until.ts'
import { cases, failsAt, startFailingUser, stopsAt, stopsAtChange, type Way } from './cases.ts'
import { type Called, later, masked, seen, startUser, type User } from './world.ts'

let world: World
let image: string
const over: (() => unknown)[] = []
before(async () => {
  world = await startWorld({ after: end => void over.push(end as () => unknown) })
  image = await world.machine.worker('1')
})
after(async () => {
  for (const end of over.toReversed()) await end()
})

/** A user of a new tenant, and its name. */
async function ana(t: TestContext): Promise<User & { readonly tenant: string }> {
  const { id, token } = await world.tenant()
  return { ...(await startUser(t, { url: world.url, token })), tenant: id }
}

/** Writes the project `shop` with one worker into the user's folder. */
async function project(user: User, more = ''): Promise<void> {
  await mkdir(user.home, { recursive: true })
  await writeFile(
    join(user.home, 'slipway.yaml'),
    `name: shop
services:
  - name: worker
    image: ${image}
    health_check: { type: command, command: ['true'], min_healthy_ms: 0, interval_ms: 10000 }
${more}`,
  )
}

/** A user whose shop is up. */
async function shopkeeper(t: TestContext) {
  const user = await ana(t)
  await project(user)
  const { code, err } = await user.call('instances create')
  assert.equal(code, 0, err)
  return user
}

const json = (text: string) => JSON.parse(text) as Record<string, never>

/** An instance that is not there. */
const missing =
  (line: string): Way =>
  async t => {
    assert.deepEqual(await (await ana(t)).call(line), {
      code: 5,
      out: '',
      err: '✖ There is no instance "gone".\n  See what there is:  slipway ps\n  (not_found)\n',
    })
  }

/** The first question about an instance that is named. */
const lookup = 'GET /v1/instances?q=shop&limit=200'

/** Lines of the log that tell how it is going: which there are depends on when it was looked at, and test/cli/watch has them. */
const onTheWay = /^\d\d:\d\d:\d\d (?! *dep_|SUCCEEDED|FAILED|CANCELLED).*\n/gm

/** The story from its first line to its last. */
const story = (called: Called): Called =>
  seen({
    ...called,
    err: called.err
      .replaceAll(onTheWay, '')
      .replaceAll(/ (?:pending|running)$/gm, ' STATE')
      .replaceAll(/ (?:v1|rel_\w+)(?= .* STATE$)/gm, ' RELEASE')
      .replaceAll(/(?:v1|the release)(?= serves\.)/g, 'RELEASE')
      .replaceAll(/\b\d+s\b/g, 'Ns'),
  })

cases('instances list', {
  async happy(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(seen(await user.call('instances list', later)), {
      code: 0,
      out: `ID                               NAME  TENANT  STATE    RELEASE  SERVICES  CREATED
inst_00000000000000000000000001  shop  acme    running  v1       worker=1  1h
`,
      err: '',
    })
    const listed = JSON.parse((await user.call('instances ls --json')).out) as { name: string }[]
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['shop'],
    )
    // Just made, its replicas were not looked at yet; from here on nothing of it moves.
    await until('its health is known', async () =>
      (await user.call('instances list --json')).out.includes('"state":"ready"'),
    )
    assert.deepEqual(
      await user.call('instances list --name hop --status running --json'),
      await user.call('instances list --json'),
    )
    assert.equal((await user.call('instances list --name else --json')).out, '[]\n')
    // An operator who names no tenant sees those of all, and says which with the name.
    const operator = await startUser(t, { url: world.url, token: world.operator })
    for (const line of ['instances list', 'instances list --all-tenants']) {
      assert.match((await operator.call(line)).out, new RegExp(` shop +${user.tenant} `), line)
    }
    assert.deepEqual(
      JSON.parse((await operator.call(`instances get ${user.tenant}/shop --json`)).out),
      JSON.parse((await user.call('instances get shop --json')).out),
    )
  },
  async empty(t) {
    const user = await ana(t)
    assert.deepEqual(await user.call('instances list'), {
      code: 0,
      out: '',
      err: 'No instances yet. Make one:  slipway instances create -f FILE\n',
    })
    assert.deepEqual(await user.call('instances list --status failed'), {
      code: 0,
      out: '',
      err: 'No instance is like this. All of them:  slipway instances list\n',
    })
    assert.deepEqual(await user.call('instances list --name x --json'), { code: 0, out: '[]\n', err: '' })
  },
  async refused(t) {
    assert.deepEqual(seen(await (await ana(t)).call('instances list --status rusty')), {
      code: 2,
      out: '',
      err: `✖ The query is not valid.
  /status: must be some of provisioning, running, failed, stopping, stopped, starting, deleting, deleted, needs_attention, separated by commas
  Mend it and send it again.
  (invalid_request, req_1)
`,
    })
  },
  failed: failsAt('instances list', 'GET /v1/instances?limit=200'),
  interrupted: stopsAt('instances list'),
})

cases('instances get', {
  async happy(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(seen(await user.call('instances get shop'), { [image]: 'IMAGE' }), {
      code: 0,
      out: `shop
  id        inst_00000000000000000000000001
  tenant    acme
  state     running
  release   v1
  provider  process

SERVICE  READY  IMAGE
worker   1/1    IMAGE
`,
      err: '',
    })
    assert.equal(json((await user.call('instances get shop --json')).out)['name'], 'shop')
  },
  empty: missing('instances get gone'),
  async refused(t) {
    const user = await shopkeeper(t)
    const { id } = json((await user.call('instances get shop --json')).out)
    // To somebody else it is not there, by its name or by its id.
    const other = await ana(t)
    assert.deepEqual(seen(await other.call(`instances get ${id}`)), {
      code: 5,
      out: '',
      err: `✖ There is no instance "inst_00000000000000000000000001".
  See them:  slipway instances list
  (not_found, req_1)
`,
    })
    for (const name of ['shop', `${user.tenant}/shop`, '/shop', `x/${user.tenant}/shop`]) {
      assert.equal((await other.call(`instances get ${name}`)).code, name === `${user.tenant}/shop` ? 4 : 5, name)
    }
  },
  failed: failsAt('instances get shop', lookup),
  interrupted: stopsAt('instances get shop'),
})

cases('instances create', {
  async happy(t) {
    const user = await ana(t)
    await project(user)
    assert.deepEqual(story(await user.call('instances create -f slipway.yaml')), {
      code: 0,
      out: '',
      err: `shop is made: inst_00000000000000000000000001.
hh:mm:ss dep_00000000000000000000000001 shop RELEASE blue-green STATE
hh:mm:ss SUCCEEDED: Done after Ns: RELEASE serves.
`,
    })

    const other = await ana(t)
    await project(other)
    const created = json((await other.call('instances create --detach --json')).out)
    assert.deepEqual(Object.keys(created).toSorted(), ['deployment', 'instance', 'last_event_id'])
  },
  async empty(t) {
    const user = await ana(t)
    assert.deepEqual(seen(await user.call('instances create'), { [user.home]: '~' }), {
      code: 5,
      out: '',
      err: `✖ There is no slipway.yaml in ~, nor in a folder above it.
  Write one:  slipway init, or name one with -f FILE
  (not_found)
`,
    })
  },
  async refused(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(seen(await user.call('instances create')), {
      code: 6,
      out: '',
      err: `✖ There is an instance named "shop" already.
  Take another name, or delete that instance first.
  (already_exists, req_1)
`,
    })
    await project(user, '    replics: 2\n')
    assert.deepEqual(await user.call('instances create'), {
      code: 2,
      out: '',
      err: `✖ slipway.yaml has one fault.
  slipway.yaml:6:5: services[0] unknown key \`replics\`, did you mean \`replicas\`?
    6 |     replics: 2
      |     ^
  Every key is told of in docs/slipway-yaml.md.
  (invalid_request)
`,
    })
  },
  async failed(t) {
    const user = await startFailingUser(t)
    await project(user)
    assert.deepEqual(seen(await user.call('instances create')), {
      code: 1,
      out: '',
      err: `✖ POST http://127.0.0.1:#####/v1/instances had no answer: socket hang up.
  Is the server up?  slipway doctor
  Start one here:    slipway up
  (connection_unreachable)
`,
    })

    const doomed = await ana(t)
    await writeFile(
      join(doomed.home, 'slipway.yaml'),
      `name: shop
services:
  - { name: worker, image: '${image}', command: [sh, -c, exit 3] }
policies: { progress_deadline_ms: 1000 }
`,
    )
    const failed = await doomed.call('instances create')
    assert.deepEqual([failed.code, failed.out], [8, ''], failed.err)
    assert.match(masked(failed.err), /\nhh:mm:ss FAILED, RESTORED: .*\n$/)
  },
  async interrupted(t) {
    // Services that never get ready: it is left while it comes up.
    const user = await ana(t)
    await project(user)
    await writeFile(
      join(user.home, 'slipway.yaml'),
      `name: shop
services:
  - { name: worker, image: '${image}', health_check: { type: command, command: ['false'] } }
`,
    )
    const called = user.call('instances create')
    await called.told('run 1 of worker')
    called.interrupt()
    assert.deepEqual(story(await called), {
      code: 130,
      out: '',
      err: `shop is made: inst_00000000000000000000000001.
hh:mm:ss dep_00000000000000000000000001 shop RELEASE blue-green STATE
Detached. Still running: slipway watch dep_00000000000000000000000001   Stop it: slipway cancel dep_00000000000000000000000001
`,
    })
    const late = await user.call('instances list --status provisioning --json')
    assert.match(late.out, /"name":"shop"/)
    await stopsAt('instances create -f slipway.yaml', 'Look:  slipway instances list', { cwd: user.home })(t)
  },
})

cases('instances scale', {
  async happy(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(story(await user.call('instances scale shop worker=2')), {
      code: 0,
      out: '',
      err: `hh:mm:ss dep_00000000000000000000000001 shop RELEASE blue-green STATE
hh:mm:ss SUCCEEDED: Done after Ns: RELEASE serves.
`,
    })
    assert.match((await user.call('instances list')).out, /worker=2/)
  },
  empty: missing('instances scale gone web=1'),
  async refused(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(await user.call('instances scale shop worker=many'), {
      code: 2,
      out: '',
      err: `✖ "worker=many" is not a service and a number of replicas.
  It looks like:  web=3
  (bad_count)
`,
    })
    assert.deepEqual(seen(await user.call('instances scale shop nothing=2')), {
      code: 2,
      out: '',
      err: `✖ Instance "shop" has no service "nothing".
  Its services are: worker.
  (unknown_service, req_1)
`,
    })
    assert.match((await user.call('instances list')).out, /worker=1/)
  },
  failed: failsAt('instances scale shop worker=2', lookup),
  async interrupted(t) {
    await stopsAt('instances scale shop worker=2')(t)
    await stopsAtChange(t, await shopkeeper(t), 'instances scale shop worker=2', 'Look:  slipway ps shop')
  },
})

cases('instances stop', {
  async happy(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(story(await user.call('instances stop shop')), {
      code: 0,
      out: '',
      err: `hh:mm:ss dep_00000000000000000000000001 shop RELEASE blue-green STATE
hh:mm:ss SUCCEEDED: Done after Ns: nothing of it runs any more.
`,
    })
    assert.match((await user.call('instances list')).out, / stopped /)
  },
  empty: missing('instances stop gone'),
  async refused(t) {
    const user = await shopkeeper(t)
    assert.equal((await user.call('instances stop shop')).code, 0)
    assert.deepEqual(seen(await user.call('instances stop shop')), {
      code: 6,
      out: '',
      err: `✖ Instance "shop" is stopped.
  This is for one that is running or failed.
  (instance_state, req_1)
`,
    })
  },
  failed: failsAt('instances stop shop', lookup),
  async interrupted(t) {
    await stopsAt('instances stop shop')(t)
    await stopsAtChange(t, await shopkeeper(t), 'instances stop shop', 'Look:  slipway ps shop')
  },
})

cases('instances start', {
  async happy(t) {
    const user = await shopkeeper(t)
    assert.equal((await user.call('instances stop shop')).code, 0)
    const called = await user.call('instances start shop --detach')
    assert.deepEqual(seen(called), {
      code: 0,
      out: 'dep_00000000000000000000000001\n',
      err: 'Watch it:  slipway watch dep_00000000000000000000000001\n',
    })
    assert.equal((await user.call(`watch ${called.out}`)).code, 0)
    assert.match((await user.call('instances list')).out, / running /)
  },
  empty: missing('instances start gone'),
  async refused(t) {
    assert.deepEqual(seen(await (await shopkeeper(t)).call('instances start shop')), {
      code: 6,
      out: '',
      err: `✖ Instance "shop" is running.
  This is for one that is stopped.
  (instance_state, req_1)
`,
    })
  },
  failed: failsAt('instances start shop', lookup),
  async interrupted(t) {
    await stopsAt('instances start shop')(t)
    await stopsAtChange(t, await shopkeeper(t), 'instances start shop', 'Look:  slipway ps shop')
  },
})

cases('instances restart', {
  async happy(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(story(await user.call('instances restart shop worker')), {
      code: 0,
      out: '',
      err: `hh:mm:ss dep_00000000000000000000000001 shop RELEASE rolling STATE
hh:mm:ss SUCCEEDED: Done after Ns: RELEASE serves.
`,
    })
    const { code, out, err } = await user.call('instances restart shop --json')
    assert.deepEqual([code, err], [0, ''])
    const events = out.trim().split('\n').map(json)
    assert.equal(events.at(-1)?.['type'], 'deploy.succeeded')
  },
  empty: missing('instances restart gone'),
  async refused(t) {
    assert.deepEqual(seen(await (await shopkeeper(t)).call('instances restart shop nothing')), {
      code: 2,
      out: '',
      err: `✖ Instance "shop" has no service "nothing".
  Its services are: worker.
  (unknown_service, req_1)
`,
    })
  },
  failed: failsAt('instances restart shop', lookup),
  async interrupted(t) {
    await stopsAt('instances restart shop')(t)
    await stopsAtChange(t, await shopkeeper(t), 'instances restart shop', 'Look:  slipway ps shop')
  },
})

cases('instances adopt', {
  async happy(t) {
    const machine = await startMachine()
    t.after(() => machine.dispose())
    const tenant = machine.tenant()
    const { secret: token } = await tenant.acting.tokens.create({ name: 'ana', scopes: ['admin'] })
    const shop = await tenant.up([worker(await machine.worker('1'))])
    // Under the lease that was held when it was copied, a deploy would give no epoch that the copy does not know.
    await until('its lease is free', async () => (await machine.slipway.store.work.load(shop.id))?.owner === undefined)
    const backup = backupOf(join(machine.dataDir, 'slipway.db'))
    const services = [{ name: 'worker', image: await machine.worker('2') }]
    await tenant.done(await tenant.acting.deploy({ instanceId: shop.id, services }))
    await machine.reopen(() => backup.putBack())

    const { url } = await startWorld(t, {}, machine)
    const user = await startUser(t, { url, token })
    await until('it is noticed', async () =>
      (await user.call('instances list --status needs_attention')).out.includes('needs attention'),
    )
    assert.match((await user.call('instances get shop')).out, /\n {2}attention {2}The database went back/)
    const called = await user.call('instances adopt shop')
    assert.deepEqual(seen({ ...called, err: called.err.replace(/worker\.[0-9a-f]{16}/, 'worker.REVISION') }), {
      code: 0,
      out: '',
      err: `✔ shop is looked after again.
  Leaves once what is wanted is ready:  worker.REVISION.1.0
`,
    })
    assert.equal((await user.call('instances list --status needs_attention --json')).out, '[]\n')
  },
  empty: missing('instances adopt gone'),
  async refused(t) {
    assert.deepEqual(seen(await (await shopkeeper(t)).call('instances adopt shop')), {
      code: 6,
      out: '',
      err: `✖ Instance "shop" needs no attention.
  There is nothing to adopt: its table is what is wanted already.
  (instance_state, req_1)
`,
    })
  },
  failed: failsAt('instances adopt shop', lookup),
  async interrupted(t) {
    await stopsAt('instances adopt shop')(t)
    await stopsAtChange(t, await shopkeeper(t), 'instances adopt shop', 'Look:  slipway ps shop')
  },
})

cases('instances delete', {
  async happy(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(story(await user.call('instances delete shop --confirm-name shop')), {
      code: 0,
      out: '',
      err: `hh:mm:ss dep_00000000000000000000000001 shop RELEASE blue-green STATE
hh:mm:ss SUCCEEDED: Done after Ns: shop is gone, with its data.
`,
    })
    assert.match((await user.call('instances get shop')).err, /There is no instance "shop"/)
    const typed = await shopkeeper(t)
    const asked = typed.call('instances delete shop', { terminal: {} })
    await asked.told('Type shop to confirm')
    asked.type('shop\r')
    assert.equal((await asked).code, 0)
  },
  empty: missing('instances delete gone --confirm-name gone'),
  async refused(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(seen(await user.call('instances delete shop')), {
      code: 2,
      out: '',
      err: `✖ shop (acme) is destroyed with its data. That is asked for, and there is no terminal.
  Say it with the command:  --confirm-name shop
  (not_confirmed)
`,
    })
    assert.deepEqual(seen(await user.call('instances delete shop --yes')), {
      code: 2,
      out: '',
      err: `✖ shop (acme) is destroyed with its data. That is asked for, and there is no terminal.
  Say it with the command:  --confirm-name shop
  (not_confirmed)
`,
    })
    assert.deepEqual(await user.call('instances delete shop --confirm-name shops'), {
      code: 2,
      out: '',
      err: `✖ "shops" is not shop: nothing was changed.
  (not_confirmed)
`,
    })
    assert.match((await user.call('instances list')).out, / running /)
  },
  failed: failsAt('instances delete shop --confirm-name shop', lookup),
  async interrupted(t) {
    await stopsAt('instances delete shop --confirm-name shop')(t)
    const user = await shopkeeper(t)
    await stopsAtChange(t, user, 'instances delete shop --confirm-name shop', 'Look:  slipway instances list')
    const asked = user.call('instances delete shop', { terminal: {} })
    await asked.told('Type shop to confirm')
    asked.type('\u0003')
    const { code, err } = await asked
    assert.equal(code, 130)
    assert.match(stripVTControlCharacters(err), /\n✖ Interrupted: nothing was changed\.\n {2}\(interrupted\)\n$/)
    assert.match((await user.call('instances list')).out, / running /)
  },
})
