import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, type TestContext } from 'node:test'
import { startWorld, type World } from '../server/world.ts'
import { backupOf } from '../support/backup.ts'
import { startMachine } from '../support/machine.ts'
import { worker } from '../support/services.ts'
import { until } from '../support/until.ts'
import { cases, interrupted, startFailingUser } from './cases.ts'
import { masked, startUser, type User } from './world.ts'

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

/** No server there. */
async function unreachable(t: TestContext, line: string): Promise<void> {
  const { code, out, err } = await (await startFailingUser(t)).call(line)
  assert.deepEqual([code, out], [1, ''])
  assert.match(
    err,
    /^✖ .*\n {2}Is the server up\? {2}slipway doctor\n {2}Start one here: {4}slipway up\n {2}\(connection_/,
  )
}

/** Ctrl-C before anything was asked for. */
async function brokenOff(t: TestContext, line: string): Promise<void> {
  assert.deepEqual(await interrupted(t, line), {
    code: 130,
    out: '',
    err: '✖ Interrupted: nothing was changed.\n  (interrupted)\n',
  })
}

/** An instance that is not there. */
async function missing(t: TestContext, line: string): Promise<void> {
  assert.deepEqual(await (await ana(t)).call(line), {
    code: 5,
    out: '',
    err: '✖ There is no instance "gone".\n  See what there is:  slipway ps\n  (not_found)\n',
  })
}

/** Lines of events and the end, as they are told whatever they were called. */
async function succeeds(user: User, line: string): Promise<void> {
  const { code, out, err } = await user.call(line)
  assert.deepEqual([code, out], [0, ''], err)
  assert.match(err, / SUCCEEDED: /)
}

cases('instances list', {
  async happy(t) {
    const user = await shopkeeper(t)
    const { code, out, err } = await user.call('instances list')
    assert.deepEqual([code, err], [0, ''])
    assert.equal(
      masked(out).replaceAll(/ +/g, ' ').replace(/\d+s$/m, 'AGE'),
      `ID NAME TENANT STATE RELEASE SERVICES CREATED\ninst_1 shop ${user.tenant} running v1 worker=1 AGE\n`,
    )
    const listed = JSON.parse((await user.call('instances ls --json')).out) as { name: string }[]
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['shop'],
    )
  },
  async empty(t) {
    const user = await ana(t)
    assert.deepEqual(await user.call('instances list'), {
      code: 0,
      out: '',
      err: 'No instances yet. Make one:  slipway instances create -f FILE\n',
    })
    assert.equal((await user.call('instances list --status failed')).err, 'No instance is like this.\n')
    assert.equal((await user.call('instances list --json')).out, '[]\n')
  },
  async refused(t) {
    const { code, err } = await (await ana(t)).call('instances list --status rusty')
    assert.equal(code, 2)
    assert.match(err, /status/)
  },
  failed: t => unreachable(t, 'instances list'),
  interrupted: t => brokenOff(t, 'instances list'),
})

cases('instances get', {
  async happy(t) {
    const user = await shopkeeper(t)
    const { code, out, err } = await user.call('instances get shop')
    assert.deepEqual([code, err], [0, ''])
    assert.equal(
      masked(out).replace(image, 'IMAGE').replaceAll(/ +/g, ' '),
      `shop
 id inst_1
 tenant ${user.tenant}
 state running
 release v1
 provider process

SERVICE READY IMAGE
worker 1/1 IMAGE
`,
    )
    assert.equal(json((await user.call('instances get shop --json')).out)['name'], 'shop')
  },
  empty: t => missing(t, 'instances get gone'),
  refused: t => missing(t, 'instances get gone'),
  failed: t => unreachable(t, 'instances get shop'),
  interrupted: t => brokenOff(t, 'instances get shop'),
})

cases('instances create', {
  async happy(t) {
    const user = await ana(t)
    await project(user)
    const { code, out, err } = await user.call('instances create -f slipway.yaml')
    assert.deepEqual([code, out], [0, ''], err)
    assert.match(masked(err), /^shop is made: inst_1\n(?:.*\n)*hh:mm:ss SUCCEEDED: .*\n$/)

    const other = await ana(t)
    await project(other)
    const created = json((await other.call('instances create --detach --json')).out)
    assert.deepEqual(Object.keys(created).toSorted(), ['deployment', 'instance', 'last_event_id'])
  },
  async empty(t) {
    const { code, out, err } = await (await ana(t)).call('instances create')
    assert.deepEqual([code, out], [5, ''])
    assert.match(err, /^✖ There is no slipway\.yaml in .*\n {2}Write one: {2}slipway init, or name one with -f FILE\n/)
  },
  async refused(t) {
    const user = await shopkeeper(t)
    const again = await user.call('instances create')
    assert.deepEqual([again.code, again.out], [6, ''])
    assert.match(again.err, /shop/)
    await project(user, '    replics: 2\n')
    const { code, err } = await user.call('instances create')
    assert.equal(code, 2)
    assert.match(err, /slipway\.yaml:6:\d+: .*replics/)
  },
  async failed(t) {
    const user = await startFailingUser(t)
    await project(user)
    const { code, err } = await user.call('instances create')
    assert.equal(code, 1)
    assert.match(err, /Is the server up\?/)

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
    assert.match(masked(failed.err), /hh:mm:ss FAILED/)
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
    const { code, err } = await called
    assert.equal(code, 130)
    assert.match(masked(err), /Detached. Still running: slipway watch dep_1 {3}Stop it: slipway cancel dep_1\n$/)
    const late = await user.call('instances list --status provisioning --json')
    assert.match(late.out, /"name":"shop"/)
  },
})

cases('instances scale', {
  async happy(t) {
    const user = await shopkeeper(t)
    await succeeds(user, 'instances scale shop worker=2')
    assert.match((await user.call('instances list')).out, /worker=2/)
  },
  empty: t => missing(t, 'instances scale gone web=1'),
  async refused(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(await user.call('instances scale shop worker=many'), {
      code: 2,
      out: '',
      err: '✖ "worker=many" is not a service and a number of replicas.\n  It looks like:  web=3\n  (bad_count)\n',
    })
    const { code, err } = await user.call('instances scale shop nothing=2')
    assert.deepEqual(
      [code, masked(err)],
      [2, '✖ Instance "shop" has no service "nothing".\n  Its services are: worker.\n  (unknown_service, req_1)\n'],
    )
  },
  failed: t => unreachable(t, 'instances scale shop worker=2'),
  interrupted: t => brokenOff(t, 'instances scale shop worker=2'),
})

cases('instances stop', {
  async happy(t) {
    const user = await shopkeeper(t)
    await succeeds(user, 'instances stop shop')
    assert.match((await user.call('instances list')).out, /stopped/)
    await succeeds(user, 'instances start shop')
    assert.match((await user.call('instances list')).out, /running/)
  },
  empty: t => missing(t, 'instances stop gone'),
  async refused(t) {
    const user = await shopkeeper(t)
    await succeeds(user, 'instances stop shop')
    const { code, err } = await user.call('instances stop shop')
    assert.equal(code, 6)
    assert.match(err, /\(instance_state, req_/)
  },
  failed: t => unreachable(t, 'instances stop shop'),
  interrupted: t => brokenOff(t, 'instances stop shop'),
})

cases('instances start', {
  async happy(t) {
    const user = await shopkeeper(t)
    await succeeds(user, 'instances stop shop')
    const detached = await user.call('instances start shop --detach')
    assert.deepEqual(
      [detached.code, masked(detached.out), masked(detached.err)],
      [0, 'dep_1\n', masked('Watch it:  slipway watch dep_1\n')],
    )
  },
  empty: t => missing(t, 'instances start gone'),
  async refused(t) {
    const { code, err } = await (await shopkeeper(t)).call('instances start shop')
    assert.equal(code, 6)
    assert.match(err, /\(instance_state, req_/)
  },
  failed: t => unreachable(t, 'instances start shop'),
  interrupted: t => brokenOff(t, 'instances start shop'),
})

cases('instances restart', {
  async happy(t) {
    const user = await shopkeeper(t)
    await succeeds(user, 'instances restart shop worker')
    const { code, out, err } = await user.call('instances restart shop --json')
    assert.deepEqual([code, err], [0, ''])
    const events = out.trim().split('\n').map(json)
    assert.equal(events.at(-1)?.['type'], 'deploy.succeeded')
  },
  empty: t => missing(t, 'instances restart gone'),
  async refused(t) {
    const { code, err } = await (await shopkeeper(t)).call('instances restart shop nothing')
    assert.equal(code, 2)
    assert.match(err, /has no service "nothing"/)
  },
  failed: t => unreachable(t, 'instances restart shop'),
  interrupted: t => brokenOff(t, 'instances restart shop'),
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
    assert.match((await user.call('instances get shop')).out, / needs attention The database went back/)
    const { code, out, err } = await user.call('instances adopt shop')
    assert.deepEqual([code, out], [0, ''])
    assert.match(err, /^shop is looked after again\.\n {2}leaves once what is wanted is ready: \S+\n$/)
    assert.equal((await user.call('instances list --status needs_attention --json')).out, '[]\n')
  },
  empty: t => missing(t, 'instances adopt gone'),
  async refused(t) {
    const { code, err } = await (await shopkeeper(t)).call('instances adopt shop')
    assert.equal(code, 6)
    assert.match(err, /\(instance_state, req_/)
  },
  failed: t => unreachable(t, 'instances adopt shop'),
  interrupted: t => brokenOff(t, 'instances adopt shop'),
})

cases('instances delete', {
  async happy(t) {
    const user = await shopkeeper(t)
    await succeeds(user, 'instances delete shop --confirm-name shop')
    assert.match((await user.call('instances get shop')).err, /There is no instance "shop"/)
    const typed = await shopkeeper(t)
    const asked = typed.call('instances delete shop', { terminal: {} })
    await asked.told('Type shop to confirm')
    asked.type('shop\r')
    assert.equal((await asked).code, 0)
  },
  empty: t => missing(t, 'instances delete gone --confirm-name gone'),
  async refused(t) {
    const user = await shopkeeper(t)
    assert.deepEqual(await user.call('instances delete shop'), {
      code: 2,
      out: '',
      err: `✖ shop (${user.tenant}) is destroyed with its data. That is asked for, and there is no terminal.
  Say it with the command:  --confirm-name shop
  (not_confirmed)
`,
    })
    assert.equal((await user.call('instances delete shop --yes')).code, 2)
    const { code, err } = await user.call('instances delete shop --confirm-name shops')
    assert.deepEqual([code, err], [2, '✖ "shops" is not shop: nothing was changed.\n  (not_confirmed)\n'])
    assert.match((await user.call('instances list')).out, /running/)
  },
  failed: t => unreachable(t, 'instances delete shop --confirm-name shop'),
  async interrupted(t) {
    await brokenOff(t, 'instances delete shop --confirm-name shop')
    const user = await shopkeeper(t)
    const asked = user.call('instances delete shop', { terminal: {} })
    await asked.told('Type shop to confirm')
    asked.type('\u0003')
    assert.equal((await asked).code, 130)
    assert.match((await user.call('instances list')).out, /running/)
  },
})
