import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { worker } from '../support/services.ts'
import { cases, interrupted, startFailingUser } from './cases.ts'
import { masked, startUser } from './world.ts'

let world: World
let customer: Customer
let shop: { readonly id: string }
const over: (() => unknown)[] = []
before(async () => {
  world = await startWorld({ after: end => void over.push(end as () => unknown) })
  const tenant = world.machine.tenant()
  shop = await tenant.up([{ ...worker(await world.machine.worker('1')), graceMs: 300 }])
  const { secret } = await tenant.acting.tokens.create({ name: 'ana', scopes: ['admin'] })
  customer = {
    id: tenant.id,
    token: secret,
    issue: () => assert.fail(),
    send: (method, path, sent = {}) => world.send(method, path, { token: secret, ...sent }),
  }
})
after(async () => {
  for (const end of over.toReversed()) await end()
})

const ana = (t: TestContext) => startUser(t, { url: world.url, token: customer.token })
const waits = ['run', 'shop', 'worker', '--', 'sh', '-c', 'echo begun; exec sleep 600']
const taskIn = (text: string): string => /task_[0-9a-z]+/.exec(text)?.[0] ?? assert.fail(text)
/** How the newest task of the shop is. */
const newest = async () => (await customer.send('GET', `/v1/instances/${shop.id}/tasks?limit=1`)).body.items[0]
const finished = async (id: string): Promise<string> =>
  (await world.machine.slipway.as({ tenantId: customer.id, subject: 'ana' }).tasks.finished(id)).state

cases('run', {
  async happy(t) {
    const user = await ana(t)
    const said = await user.call([
      'run',
      'shop',
      'worker',
      '--',
      'sh',
      '-c',
      'echo one; echo two >&2; echo "$@"',
      'x',
      '--json',
      'a b',
    ])
    assert.deepEqual(said, { code: 0, out: 'one\ntwo\n--json a b\n', err: '' })

    const json = await user.call(['run', 'shop', 'worker', '--json', '--', 'echo', 'one'])
    assert.deepEqual([json.code, json.err], [0, ''])
    const [line, task] = json.out
      .trim()
      .split('\n')
      .map(text => JSON.parse(text) as Record<string, unknown>)
    assert.deepEqual([line?.['text'], line?.['stream']], ['one', 'stdout'])
    assert.deepEqual([task?.['state'], task?.['exit_code']], ['succeeded', 0])

    const detached = await user.call(['run', 'shop', 'worker', '--detach', '--', 'true'])
    assert.equal(masked(detached.out), 'task_1\n')
    assert.match(masked(detached.err), /^Come back to it: {2}slipway tasks watch task_1\n$/)
    assert.equal(await finished(detached.out.trim()), 'succeeded')
  },
  async empty(t) {
    const { code, out, err } = await (await ana(t)).call('run shop worker')
    assert.deepEqual(
      { code, out, err },
      {
        code: 2,
        out: '',
        err: "✖ Missing required argument 'command'\n  See --help\n  (usage)\n",
      },
    )
  },
  async refused(t) {
    const user = await ana(t)
    const failed = await user.call(['run', 'shop', 'worker', '--', 'sh', '-c', 'echo "no such table"; exit 3'])
    assert.deepEqual([failed.code, failed.out], [3, 'no such table\n'])
    assert.equal(masked(failed.err), 'task_1 failed: It ended with 3: "no such table".\n')
    const unknown = await user.call('run shop nothing -- true')
    assert.equal(
      masked(unknown.err),
      '✖ Instance "shop" has no service "nothing".\n  Its services are: worker.\n  (unknown_service, req_1)\n',
    )
    const late = await user.call(['run', 'shop', 'worker', '--timeout', '1s', '--', 'sleep', '600'])
    assert.equal(late.code, 124)
    assert.equal(masked(late.err), 'task_1 failed: It took longer than 1 s and was stopped.\n')
  },
  async failed(t) {
    const { code, err } = await (await startFailingUser(t)).call('run shop worker -- true')
    assert.equal(code, 1)
    assert.match(err, /Is the server up\? {2}slipway doctor/)
  },
  async interrupted(t) {
    const unasked = await interrupted(t, 'run shop worker -- true')
    assert.deepEqual([unasked.code, unasked.out], [130, ''])
    assert.match(unasked.err, /Interrupted: nothing was changed/)

    const user = await ana(t)
    const left = user.call(waits)
    await left.told('begun')
    left.interrupt()
    const detached = await left
    assert.deepEqual([detached.code, detached.out], [130, 'begun\n'])
    assert.equal(
      masked(detached.err),
      `✖ Detached: task_1 goes on.
  Come back to it:  slipway tasks watch task_1
  Stop it:          slipway tasks cancel task_1
  (interrupted)
`,
    )
    const id = taskIn(detached.err)
    assert.equal((await newest()).state, 'running')
    assert.equal((await user.call(`tasks cancel ${id}`)).code, 0)
    assert.equal(await finished(id), 'cancelled')

    const stopped = user.call([...waits.slice(0, 3), '--cancel-on-interrupt', ...waits.slice(3)])
    await stopped.told('begun')
    stopped.interrupt()
    const { code, err } = await stopped
    assert.equal(code, 7)
    assert.equal(masked(err), 'Stopping task_1. Ctrl-C again does not wait for it.\ntask_1 was stopped.\n')
    assert.equal(await finished(taskIn(err)), 'cancelled')
  },
})

cases('tasks watch', {
  async happy(t) {
    const user = await ana(t)
    const { out: id } = await user.call(['run', 'shop', 'worker', '-d', '--', 'sh', '-c', 'echo one; exit 4'])
    const { code, out, err } = await user.call(`tasks watch ${id.trim()}`)
    assert.deepEqual([code, out, masked(err)], [4, 'one\n', 'task_1 failed: It ended with 4: "one".\n'])
  },
  async empty(t) {
    const user = await ana(t)
    const { out: id } = await user.call(['run', 'shop', 'worker', '-d', '--', 'true'])
    assert.deepEqual(await user.call(`tasks watch ${id.trim()}`), { code: 0, out: '', err: '' })
  },
  async refused(t) {
    const { code, err } = await (await ana(t)).call('tasks watch task_none')
    assert.equal(code, 5)
    assert.match(err, /\(not_found, req_/)
  },
  async failed(t) {
    const { code, err } = await (await startFailingUser(t)).call('tasks watch task_none')
    assert.equal(code, 1)
    assert.match(err, /connection_/)
  },
  async interrupted(t) {
    const { code, err } = await interrupted(t, 'tasks watch task_none')
    assert.equal(code, 130)
    assert.match(err, /Detached: task_none goes on/)
  },
})

cases('tasks cancel', {
  async happy(t) {
    const user = await ana(t)
    const id = taskIn((await user.call(['run', 'shop', 'worker', '-d', '--', 'sleep', '600'])).out)
    const { code, out, err } = await user.call(`tasks cancel ${id}`)
    assert.deepEqual([code, out], [0, ''])
    assert.equal(masked(err), 'Stopping task_1.  See its end:  slipway tasks watch task_1\n')
    assert.equal((await user.call(`tasks watch ${id}`)).code, 7, 'cancelled, and not interrupted')
  },
  empty: { none: 'a task is named by its id' },
  async refused(t) {
    const { code, err } = await (await ana(t)).call('tasks cancel task_none')
    assert.equal(code, 5)
    assert.match(err, /\(not_found, req_/)
  },
  async failed(t) {
    const { code, err } = await (await startFailingUser(t)).call('tasks cancel task_none')
    assert.equal(code, 1)
    assert.match(err, /connection_/)
  },
  async interrupted(t) {
    const { code, err } = await interrupted(t, 'tasks cancel task_none')
    assert.equal(code, 130)
    assert.match(err, /may have been done all the same\.\n {2}Look: {2}slipway tasks watch task_none/)
  },
})
