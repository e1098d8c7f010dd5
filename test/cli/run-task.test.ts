import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { worker } from '../support/services.ts'
import { cases, failsAt, interrupted, stopsAt, stopsAtChange } from './cases.ts'
import { seen, startUser } from './world.ts'

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
    assert.deepEqual(seen(detached), {
      code: 0,
      out: 'task_00000000000000000000000001\n',
      err: 'Come back to it:  slipway tasks watch task_00000000000000000000000001\n',
    })
    assert.equal(await finished(detached.out.trim()), 'succeeded')
  },
  async empty(t) {
    const { code, out, err } = await (await ana(t)).call('run shop worker')
    assert.deepEqual(
      { code, out, err },
      {
        code: 2,
        out: '',
        err: "✖ Missing required argument 'command'\n  See:  slipway run --help\n  (usage)\n",
      },
    )
  },
  async refused(t) {
    const user = await ana(t)
    assert.deepEqual(
      seen(await user.call(['run', 'shop', 'worker', '--', 'sh', '-c', 'echo "no such table"; exit 3'])),
      {
        code: 3,
        out: 'no such table\n',
        err: 'task_00000000000000000000000001 failed: It ended with 3: "no such table".\n',
      },
    )
    assert.deepEqual(seen(await user.call('run shop nothing -- true')), {
      code: 2,
      out: '',
      err: `✖ Instance "shop" has no service "nothing".
  Its services are: worker.
  (unknown_service, req_1)
`,
    })
    assert.deepEqual(seen(await user.call(['run', 'shop', 'worker', '--timeout', '1s', '--', 'sleep', '600'])), {
      code: 124,
      out: '',
      err: 'task_00000000000000000000000001 failed: It took longer than 1 s and was stopped.\n',
    })
    assert.deepEqual(await user.call('run nothing worker -- true'), {
      code: 5,
      out: '',
      err: `✖ There is no instance "nothing".
  See what there is:  slipway ps
  (not_found)
`,
    })
  },
  failed: failsAt('run shop worker -- true', 'GET /v1/instances?q=shop&limit=200'),
  async interrupted(t) {
    await stopsAt('run shop worker -- true')(t)
    await stopsAtChange(t, await ana(t), 'run shop worker -- true', 'Look:  slipway events --type task.queued')

    const user = await ana(t)
    const left = user.call(waits)
    await left.told('begun')
    left.interrupt()
    const detached = await left
    assert.deepEqual(seen(detached), {
      code: 130,
      out: 'begun\n',
      err: `✖ Detached: task_00000000000000000000000001 goes on.
  Come back to it:  slipway tasks watch task_00000000000000000000000001
  Stop it:          slipway tasks cancel task_00000000000000000000000001
  (interrupted)
`,
    })
    const id = taskIn(detached.err)
    assert.equal((await newest()).state, 'running')
    assert.equal((await user.call(`tasks cancel ${id}`)).code, 0)
    assert.equal(await finished(id), 'cancelled')

    const stopped = user.call([...waits.slice(0, 3), '--cancel-on-interrupt', ...waits.slice(3)])
    await stopped.told('begun')
    stopped.interrupt()
    const ended = await stopped
    assert.deepEqual(seen(ended), {
      code: 7,
      out: 'begun\n',
      err: `Stopping task_00000000000000000000000001. Ctrl-C again does not wait for it.
task_00000000000000000000000001 was stopped.
`,
    })
    assert.equal(await finished(taskIn(ended.err)), 'cancelled')
  },
})

cases('tasks watch', {
  async happy(t) {
    const user = await ana(t)
    const { out: id } = await user.call(['run', 'shop', 'worker', '-d', '--', 'sh', '-c', 'echo one; exit 4'])
    assert.deepEqual(seen(await user.call(`tasks watch ${id.trim()}`)), {
      code: 4,
      out: 'one\n',
      err: 'task_00000000000000000000000001 failed: It ended with 4: "one".\n',
    })
  },
  async empty(t) {
    const user = await ana(t)
    const { out: id } = await user.call(['run', 'shop', 'worker', '-d', '--', 'true'])
    assert.deepEqual(await user.call(`tasks watch ${id.trim()}`), { code: 0, out: '', err: '' })
  },
  async refused(t) {
    assert.deepEqual(seen(await (await ana(t)).call('tasks watch task_none')), {
      code: 5,
      out: '',
      err: `✖ There is no task "task_none".
  See what became of them:  slipway events --type task.queued
  (not_found, req_1)
`,
    })
  },
  failed: failsAt('tasks watch task_none', 'GET /v1/tasks/task_none/logs/stream'),
  async interrupted(t) {
    assert.deepEqual(await interrupted(t, 'tasks watch task_none'), {
      code: 130,
      out: '',
      err: `✖ Detached: task_none goes on.
  Come back to it:  slipway tasks watch task_none
  Stop it:          slipway tasks cancel task_none
  (interrupted)
`,
    })
  },
})

cases('tasks cancel', {
  async happy(t) {
    const user = await ana(t)
    const id = taskIn((await user.call(['run', 'shop', 'worker', '-d', '--', 'sleep', '600'])).out)
    assert.deepEqual(seen(await user.call(`tasks cancel ${id}`)), {
      code: 0,
      out: '',
      err: `✔ task_00000000000000000000000001 is being stopped.
  See its end:  slipway tasks watch task_00000000000000000000000001
`,
    })
    assert.equal((await user.call(`tasks watch ${id}`)).code, 7, 'cancelled, and not interrupted')
  },
  async empty(t) {
    assert.deepEqual(await (await ana(t)).call('tasks cancel'), {
      code: 2,
      out: '',
      err: `✖ Missing required argument 'task'
  See:  slipway tasks cancel --help
  (usage)
`,
    })
  },
  async refused(t) {
    const user = await ana(t)
    assert.deepEqual(seen(await user.call('tasks cancel task_none')), {
      code: 5,
      out: '',
      err: `✖ There is no task "task_none".
  See what became of them:  slipway events --type task.queued
  (not_found, req_1)
`,
    })
    const { out: id } = await user.call(['run', 'shop', 'worker', '-d', '--', 'true'])
    assert.equal(await finished(id.trim()), 'succeeded')
    assert.deepEqual(seen(await user.call(`tasks cancel ${id.trim()}`)), {
      code: 6,
      out: '',
      err: `✖ Task task_00000000000000000000000001 has ended: it succeeded.
  Run it again, if that is what is wanted.
  (already_ended, req_1)
`,
    })
  },
  failed: failsAt('tasks cancel task_none', 'POST /v1/tasks/task_none/cancel'),
  interrupted: stopsAt('tasks cancel task_none', 'Look:  slipway tasks watch task_none'),
})
