import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Listed } from '../../src/cli/command.ts'
import { commands } from '../../src/cli/commands.ts'
import { aReceiver } from '../event/receiver.ts'
import { startWorld, type World } from '../server/world.ts'
import { startMachine } from '../support/machine.ts'
import { until } from '../support/until.ts'
import { startUser, type User } from './world.ts'

/** Not called here, each for a reason. */
const notHere: Readonly<Record<string, string>> = {
  move: 'it needs PostgreSQL: test/cli/move.test.ts calls it so',
  up: 'it serves until it is ended; test/cli/up.test.ts reads its JSON',
  demo: 'it starts a shop and takes its time',
  'instances adopt': 'it needs a database that is older than what runs',
}

describe('--json', () => {
  const over: (() => unknown)[] = []
  let world: World
  let receiver: string
  before(async () => {
    const t = { after: (end: unknown) => void over.push(end as () => unknown) }
    receiver = (await aReceiver(t)).url
    const machine = await startMachine({ webhooks: { allowAddresses: ['127.0.0.1'], allowHttp: true } })
    t.after(() => machine.dispose())
    world = await startWorld(t, {}, machine)
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })

  test('every command writes JSON on stdout, and nothing else there', async t => {
    const operator = await startUser(t, { url: world.url, token: world.operator })
    const user = await startUser(t, { url: world.url, token: (await world.tenant()).token })
    const images = await Promise.all(['1', '2'].map(version => world.machine.worker(version)))
    const healthCheck = { type: 'command', command: ['true'], min_healthy_ms: 0, interval_ms: 10_000 }
    const shop = { name: 'shop', services: [{ name: 'worker', image: images[0], health_check: healthCheck }] }
    await writeFile(join(user.home, 'shop.json'), JSON.stringify(shop))

    const seen = new Set<string>()
    /** Performs one, and gives what stands on stdout, a value a line. */
    const call = async (words: string, args: string | string[] = '', code = 0, by: User = user): Promise<unknown[]> => {
      seen.add(words)
      const more = typeof args === 'string' ? args.split(' ').filter(word => word !== '') : args
      const [first = '', ...rest] = words.split(' ')
      // What stands after -- is another command.
      const at = more.indexOf('--')
      const own = at === -1 ? [...more, '--json'] : [...more.slice(0, at), '--json', ...more.slice(at)]
      const called = await by.call([first, ...rest, ...own], { stdin: 'value' })
      assert.equal(called.code, code, `${words}: ${called.err}`)
      const values = called.out.split('\n').filter(line => line !== '')
      assert.ok(values.length > 0, `${words} says something`)
      return values.map(value => {
        assert.doesNotThrow(() => JSON.parse(value), `${words}: ${value}`)
        return JSON.parse(value) as unknown
      })
    }
    const one = async <T>(...given: Parameters<typeof call>): Promise<T> => {
      const values = await call(...given)
      assert.equal(values.length, 1, `${given[0]} writes one value`)
      return values[0] as T
    }
    const idOf = async (...given: Parameters<typeof call>): Promise<string> => (await one<{ id: string }>(...given)).id

    // The command line itself.
    await one('explain', 'usage')
    await one('config')
    await one('completion', 'bash')
    await one('doctor')
    await one('login', '--token-stdin', 0, {
      ...user,
      call: (argv, calling) => user.call(argv, { ...calling, stdin: user.env['SLIPWAY_TOKEN'] ?? '' }),
    })
    await one('context list')
    await one('context show')
    await one('context use', '127.0.0.1')
    await one('logout')
    await one('down')
    await one('init', '--name other --image file:. --command true')

    // What runs.
    await call('instances create', '-f shop.json')
    await one('instances list')
    await one('instances get', 'shop')
    await one('ps')
    await one('plan', `shop --image ${images[1]}`)
    await call('deploy', `shop --image ${images[1]}`)
    await one('releases', 'shop')
    await one('diff', 'shop v1 v2', 10)
    await call('rollback', 'shop v1')
    const steps = JSON.stringify([{ weight: 50, pause: true, holdSeconds: 0 }])
    const canary = ['shop', '--image', images[1] ?? '', '--strategy', 'canary', '--option', `steps=${steps}`]
    const wait = async (): Promise<string> => {
      const [first] = await call('deploy', [...canary, '--until', 'pause'], 9)
      return (first as { deployment_id: string }).deployment_id
    }
    const stopped = await wait()
    await one('pause', stopped)
    await call('resume', stopped)
    const watched = call('watch', stopped, 7)
    await call('cancel', stopped)
    await watched
    await call('retry', `${stopped} --until pause`, 9)
    await call('promote')
    await call('run', ['shop', 'worker', '--', 'echo', 'done'])
    const task = await idOf('run', ['shop', 'worker', '--detach', '--', 'sleep', '60'])
    const followed = call('tasks watch', task, 7)
    await one('tasks cancel', task)
    await followed
    await until('the worker said something', async () => (await user.call('logs shop --json')).out !== '')
    await call('logs', 'shop')
    await call('events')
    await call('audit')
    await call('instances scale', 'shop worker=2')
    await call('instances restart', 'shop')
    await call('instances stop', 'shop')
    await call('instances start', 'shop')
    await call('instances delete', 'shop --confirm-name shop')

    // What belongs to a tenant.
    await one('secrets set', 'KEY')
    await one('secrets rotate', 'KEY')
    await one('secrets list')
    await one('secrets revoke', 'KEY 1 --confirm-name KEY')
    await one('secrets delete', 'KEY --confirm-name KEY')
    const token = await idOf('tokens create', 'ci --scope read')
    await one('tokens list')
    await one('tokens rotate', token)
    await one('tokens revoke', token)
    const webhook = await idOf('webhooks create', receiver)
    await one('webhooks list')
    await one('webhooks get', webhook)
    await one('webhooks update', `${webhook} --description test`)
    await one('webhooks rotate', webhook)
    const delivery = await idOf('webhooks test', webhook)
    await one('webhooks deliveries', webhook)
    await one('webhooks replay', `${webhook} ${delivery}`)
    await one('webhooks delete', `${webhook} --yes`)
    await one('tenants create', 'acme', 0, operator)
    await one('tenants list', '', 0, operator)
    await one('tenants get', 'acme', 0, operator)
    await one('tenants update', 'acme --title Acme', 0, operator)
    await one('tenants quota', 'acme', 0, operator)
    await one('tenants delete', 'acme --confirm-name acme', 0, operator)

    assert.deepEqual(
      leaves(commands).filter(words => !seen.has(words) && notHere[words] === undefined),
      [],
      'every command is called here',
    )
  })
})

/** Every command that help tells of, by its words. */
function leaves(listed: Readonly<Record<string, Listed>>, before: readonly string[] = []): string[] {
  return Object.entries(listed).flatMap(([name, entry]) => {
    if (entry.hidden) return []
    const words = [...before, name]
    return 'under' in entry ? leaves(entry.under, words) : [words.join(' ')]
  })
}
