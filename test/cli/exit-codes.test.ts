import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
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

  /** Writes what the shop of a user is: one worker, well when `check` ends with 0. */
  const declare = async (user: User, image: string | undefined, check = 'true', script?: string): Promise<void> => {
    const healthCheck = { type: 'command' as const, command: [check], minHealthyMs: 0, intervalMs: 100 }
    const command = script === undefined ? {} : { command: ['sh', '-c', script] }
    const services = [{ ...worker(image ?? ''), healthCheck, ...command }]
    const policies = { progressDeadlineMs: 1_000, drainMs: 500 }
    await writeFile(join(user.home, 'shop.json'), JSON.stringify(wire({ name: 'shop', services, policies })))
  }

  /** A user with that shop; the script is what it runs. */
  const withShop = async (t: Pick<TestContext, 'after'>, script?: string): Promise<{ user: User }> => {
    const user = await userOf(t)
    await declare(user, images[0], 'true', script)
    const { code, err } = await user.call('instances create -f shop.json')
    assert.equal(code, 0, err)
    return { user }
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
      // The old one comes up once and never again, and the new one not at all.
      const folder = await mkdtemp(join(tmpdir(), 'slipway-once-'))
      // Last of all: until the world has ended it is tried again and again, and would leave its mark anew.
      over.unshift(() => rm(folder, { recursive: true, force: true }))
      const { user } = await withShop(t, `cd '${folder}' && test ! -e mark && touch mark && exec sleep 1000`)
      await declare(user, images[1], 'false', 'exec sleep 1000')
      const { code, err } = await user.call('deploy -f shop.json --strategy recreate')
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
      await declare(user, images[1], 'false')
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
