import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { type ExitCode, exit, exitMeanings } from '../../src/cli/exit.ts'
import { wire } from '../../src/wire.ts'
import { startWorld, type World } from '../server/world.ts'
import { worker } from '../support/services.ts'
import { interrupted, startFailingUser } from './cases.ts'
import { startUser, type User } from './world.ts'

/** Scripts read these numbers: each is met here once, by its name. */
describe('exit codes', { concurrency: true }, () => {
  let world: World
  let images: string[]
  const over: (() => unknown)[] = []
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
    images = await Promise.all(['1', '2'].map(version => world.machine.worker(version)))
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })

  const userOf = async (t: Pick<TestContext, 'after'>): Promise<User> =>
    await startUser(t, { url: world.url, token: (await world.tenant()).token })

  /** A user with a shop of one worker, which is well as long as `sign` lies in the user's home. */
  const withShop = async (t: Pick<TestContext, 'after'>): Promise<{ user: User; sign: string }> => {
    const user = await userOf(t)
    const sign = join(user.home, 'sign')
    await writeFile(sign, '')
    const healthCheck = { type: 'command' as const, command: ['test', '-e', sign], minHealthyMs: 0, intervalMs: 100 }
    const services = [{ ...worker(images[0] ?? ''), healthCheck }]
    const policies = { progressDeadlineMs: 1_000, drainMs: 500 }
    await writeFile(join(user.home, 'shop.json'), JSON.stringify(wire({ name: 'shop', services, policies })))
    const { code, err } = await user.call('instances create -f shop.json')
    assert.equal(code, 0, err)
    return { user, sign }
  }

  /** A deployment of the shop that waits at a pause. */
  const paused = async (user: User): Promise<{ code: number; id: string }> => {
    const steps = JSON.stringify([{ weight: 50, pause: true, holdSeconds: 0 }])
    const options = ['--strategy', 'canary', '--option', `steps=${steps}`, '--until', 'pause', '--json']
    const { code, out } = await user.call(['deploy', 'shop', '--image', images[1] ?? '', ...options])
    return { code, id: (JSON.parse(out.split('\n')[0] ?? '') as { deployment_id: string }).deployment_id }
  }

  const met: Readonly<Record<keyof typeof exit, (t: TestContext) => Promise<number>>> = {
    done: async t => (await (await userOf(t)).call('tokens list')).code,
    unexpected: async t => (await (await startFailingUser(t)).call('tokens list')).code,
    usage: async t => (await (await userOf(t)).call('tokens revoke')).code,
    failed: async t => {
      const { user, sign } = await withShop(t)
      const check = { type: 'command', command: ['false'] }
      const services = [{ name: 'worker', health_check: check, image: images[1] }]
      await writeFile(join(user.home, 'shop.json'), JSON.stringify({ name: 'shop', services }))
      const call = user.call('deploy -f shop.json --strategy recreate')
      // Neither the new replica gets well nor, once the old one is gone that was, another one of it.
      await call.told('run 1 of worker')
      await rm(sign)
      const { code, err } = await call
      assert.match(err, /FAILED/)
      return code
    },
    notAllowed: async t => (await (await startUser(t, { url: world.url })).call('tokens list')).code,
    notFound: async t => (await (await userOf(t)).call('ps nothing')).code,
    conflict: async t => {
      const user = await userOf(t)
      await user.call('secrets set KEY', { stdin: 'one' })
      return (await user.call('secrets set KEY', { stdin: 'two' })).code
    },
    cancelled: async t => {
      const { user } = await withShop(t)
      const { id } = await paused(user)
      const watched = user.call(`watch ${id}`)
      assert.equal((await user.call(`cancel ${id}`)).code, 0)
      return (await watched).code
    },
    restored: async t => {
      const { user } = await withShop(t)
      const services = [{ name: 'worker', health_check: { type: 'command', command: ['false'] } }]
      const file = join(user.home, 'shop.json')
      await writeFile(file, JSON.stringify({ name: 'shop', services: [{ ...services[0], image: images[1] }] }))
      return (await user.call('deploy -f shop.json')).code
    },
    paused: async t => {
      const { user } = await withShop(t)
      const { code } = await paused(user)
      assert.equal((await user.call('cancel')).code, 0)
      return code
    },
    changes: async t => {
      const { user } = await withShop(t)
      return (await user.call(`plan shop --image ${images[1]} --exit-code`)).code
    },
    timedOut: async t => {
      const { user } = await withShop(t)
      const { id } = await paused(user)
      const { code } = await user.call(`watch ${id} --timeout 1s`)
      assert.equal((await user.call('cancel')).code, 0)
      return code
    },
    interrupted: async t => (await interrupted(t, 'tokens list')).code,
  }

  for (const [name, number] of Object.entries(exit) as [keyof typeof exit, ExitCode][]) {
    test(`${number}: ${exitMeanings[number]}`, async t => {
      assert.equal(await met[name](t), number)
    })
  }
})
