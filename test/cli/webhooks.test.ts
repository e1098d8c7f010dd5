import assert from 'node:assert/strict'
import { after, before, describe, type TestContext } from 'node:test'
import { aReceiver, type Receiver } from '../event/receiver.ts'
import { startWorld, type World } from '../server/world.ts'
import { startMachine } from '../support/machine.ts'
import { until } from '../support/until.ts'
import { type Case, cases, failsAt, stopsAt } from './cases.ts'
import { masked, startUser, type User } from './world.ts'

const some = 'whk_01jd8xkz3mfy7t2v9q4b6n8r5w'

describe('webhooks', () => {
  let world: World
  let receiver: Receiver
  const over: (() => unknown)[] = []
  before(async () => {
    const t = { after: (end: unknown) => void over.push(end as () => unknown) }
    receiver = await aReceiver(t)
    const machine = await startMachine({ webhooks: { allowAddresses: ['127.0.0.1'], allowHttp: true } })
    t.after(() => machine.dispose())
    world = await startWorld(t, {}, machine)
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })
  const userOf = async (t: TestContext): Promise<User> =>
    await startUser(t, { url: world.url, token: (await world.tenant()).token })
  /** A user with one webhook. */
  const withWebhook = async (t: TestContext): Promise<{ user: User; id: string }> => {
    const user = await userOf(t)
    const { out } = await user.call(`webhooks create ${receiver.url} --type deploy.* --json`)
    return { user, id: (JSON.parse(out) as { id: string }).id }
  }
  const forbidden =
    (line: string): Case =>
    async t => {
      const token = (await (await world.tenant()).issue({ name: 'bo', scopes: ['read'] })).secret
      const { code, out, err } = await (await startUser(t, { url: world.url, token })).call(line)
      assert.deepEqual({ code, out }, { code: 4, out: '' })
      assert.match(err, /\(forbidden, req_\w+\)\n$/)
    }
  const missing =
    (line: string): Case =>
    async t => {
      assert.deepEqual(await (await userOf(t)).call(line), {
        code: 5,
        out: '',
        err: '✖ There is no webhook "none".\n  See them:  slipway webhooks list\n  (not_found)\n',
      })
    }

  cases('webhooks list', {
    happy: async t => {
      const { user } = await withWebhook(t)
      const { code, out, err } = await user.call('webhooks ls')
      assert.deepEqual({ code, err }, { code: 0, err: '' })
      assert.match(
        masked(out),
        /^ID +STATE +TYPES +INSTANCES +URL\nwhk_1 +enabled +deploy\.\* +all +http:\/\/127\.0\.0\.1:PORT\S*\n$/,
      )
    },
    empty: async t => {
      const user = await userOf(t)
      assert.deepEqual(await user.call('webhooks list'), {
        code: 0,
        out: '',
        err: 'No webhooks yet. Make one:  slipway webhooks create URL\n',
      })
      assert.equal((await user.call('webhooks list --json')).out, '[]\n')
    },
    refused: async t => {
      const user = await startUser(t, { url: world.url, token: 'slip_nonsense' })
      assert.equal((await user.call('webhooks list')).code, 4)
    },
    failed: failsAt('webhooks list', 'GET /v1/webhooks?limit=200'),
    interrupted: stopsAt('webhooks list'),
  })

  cases('webhooks create', {
    happy: async t => {
      const user = await userOf(t)
      const { code, out, err } = await user.call(`webhooks create ${receiver.url}`)
      assert.equal(code, 0, err)
      assert.match(out, /^whsec_\S+\n$/)
      assert.match(
        masked(err),
        /^✔ whk_1 sends to http:\/\/127\.0\.0\.1:PORT\S* what happens from now on\.\n {2}The secret that its requests are signed with stands on stdout, and is shown this once\.\n {2}Try it: {2}slipway webhooks test whk_1\n$/,
      )
    },
    empty: async t => {
      assert.equal((await (await userOf(t)).call('webhooks create')).code, 2)
    },
    refused: async t => {
      await (forbidden(`webhooks create ${receiver.url}`) as (t: TestContext) => Promise<void>)(t)
      const user = await userOf(t)
      assert.equal((await user.call(`webhooks create ${receiver.url} --type nothing`)).code, 2)
      assert.equal((await user.call(`webhooks create ${receiver.url} --instance nothing`)).code, 5)
    },
    failed: failsAt('webhooks create https://ops.example', 'POST /v1/webhooks'),
    interrupted: stopsAt(
      'webhooks create https://ops.example',
      'Look, and rotate it if it is there, for its secret is lost:  slipway webhooks list',
    ),
  })

  cases('webhooks update', {
    happy: async t => {
      const { user, id } = await withWebhook(t)
      const { code, err } = await user.call(
        `webhooks update ${id.slice(-8)} --disable --all-types --description "on call"`,
      )
      assert.deepEqual({ code, err }, { code: 0, err: `✔ ${id} is disabled, as it was asked for.\n` })
      const [webhook] = JSON.parse((await user.call('webhooks list --json')).out) as Record<string, unknown>[]
      assert.deepEqual(
        [webhook?.['enabled'], webhook?.['types'], webhook?.['description']],
        [false, undefined, 'on call'],
      )
      assert.match((await user.call(`webhooks update ${id} --enable`)).err, /is enabled, as/)
    },
    empty: async t => {
      const { user, id } = await withWebhook(t)
      assert.deepEqual(await user.call(`webhooks update ${id}`), {
        code: 2,
        out: '',
        err: '✖ Nothing is named that should change.\n  See --help\n  (nothing_to_change)\n',
      })
    },
    refused: async t => {
      await (missing('webhooks update none --enable') as (t: TestContext) => Promise<void>)(t)
      const { user, id } = await withWebhook(t)
      assert.equal((await user.call(`webhooks update ${id} --enable --disable`)).code, 2)
    },
    failed: failsAt(`webhooks update ${some} --enable`, 'GET /v1/webhooks/whk_1'),
    interrupted: stopsAt(`webhooks update ${some} --enable`),
  })

  cases('webhooks delete', {
    happy: async t => {
      const { user, id } = await withWebhook(t)
      assert.deepEqual(await user.call(`webhooks delete ${id} --confirm-name ${id}`), {
        code: 0,
        out: '',
        err: `✔ ${id} is deleted.\n`,
      })
    },
    empty: missing('webhooks delete none'),
    refused: async t => {
      const { user, id } = await withWebhook(t)
      const { code, err } = await user.call(`webhooks delete ${id}`)
      assert.equal(code, 2)
      assert.match(err, new RegExp(`--confirm-name ${id}\n`))
    },
    failed: failsAt(`webhooks delete ${some}`, 'GET /v1/webhooks/whk_1'),
    interrupted: stopsAt(`webhooks delete ${some}`),
  })

  cases('webhooks test', {
    happy: async t => {
      const { user, id } = await withWebhook(t)
      const { code, out, err } = await user.call(`webhooks test ${id}`)
      assert.deepEqual(
        { code, out, err: masked(err) },
        {
          code: 0,
          out: '',
          err: '✔ dlv_1: a webhook.ping is on its way.\n  What came of it:  slipway webhooks deliveries whk_1\n',
        },
      )
      await until('a ping', () => receiver.received.some(({ event }) => event.type === 'webhook.ping'))
    },
    empty: missing('webhooks test none'),
    refused: async t => {
      const { user, id } = await withWebhook(t)
      await user.call(`webhooks update ${id} --disable`)
      const { code, err } = await user.call(`webhooks test ${id}`)
      assert.equal(code, 6)
      assert.match(err, /\(webhook_disabled, req_/)
    },
    failed: failsAt(`webhooks test ${some}`, 'GET /v1/webhooks/whk_1'),
    interrupted: stopsAt(`webhooks test ${some}`),
  })

  cases('webhooks rotate', {
    happy: async t => {
      const { user, id } = await withWebhook(t)
      const { code, out, err } = await user.call(`webhooks rotate ${id} --overlap 1h`)
      assert.deepEqual(
        { code, err },
        { code: 0, err: `✔ ${id} has a new secret.\n  It stands on stdout, and is shown this once.\n` },
      )
      assert.match(out, /^whsec_\S+\n$/)
    },
    empty: missing('webhooks rotate none'),
    refused: async t => {
      const { user, id } = await withWebhook(t)
      assert.equal((await user.call(`webhooks rotate ${id} --overlap soon`)).code, 2)
    },
    failed: failsAt(`webhooks rotate ${some}`, 'GET /v1/webhooks/whk_1'),
    interrupted: stopsAt(`webhooks rotate ${some}`),
  })

  cases('webhooks deliveries', {
    happy: async t => {
      const { user, id } = await withWebhook(t)
      await user.call(`webhooks test ${id}`)
      await until(
        'it is delivered',
        async () => (await user.call(`webhooks deliveries ${id} --state delivered --json`)).out !== '[]\n',
      )
      const { code, out, err } = await user.call(`webhooks deliveries ${id} -n 5`)
      assert.deepEqual({ code, err }, { code: 0, err: '' })
      assert.match(
        masked(out),
        /^ID +EVENT +STATE +TRIES +MADE +LAST ANSWER\ndlv_1 +webhook\.ping +delivered +1 +\d+s +200\n$/,
      )
    },
    empty: async t => {
      const { user, id } = await withWebhook(t)
      assert.deepEqual(await user.call(`webhooks deliveries ${id}`), {
        code: 0,
        out: '',
        err: `Nothing was sent to it yet. Try it:  slipway webhooks test ${id}\n`,
      })
      assert.match(
        (await user.call(`webhooks deliveries ${id} --state failed`)).err,
        /^Nothing that was sent to it is failed/,
      )
    },
    refused: missing('webhooks deliveries none'),
    failed: failsAt(`webhooks deliveries ${some}`, 'GET /v1/webhooks/whk_1'),
    interrupted: stopsAt(`webhooks deliveries ${some}`),
  })

  cases('webhooks replay', {
    happy: async t => {
      const { user, id } = await withWebhook(t)
      const { id: delivery } = JSON.parse((await user.call(`webhooks test ${id} --json`)).out) as { id: string }
      await until(
        'it is delivered',
        async () => (await user.call(`webhooks deliveries ${id} --state delivered --json`)).out !== '[]\n',
      )
      const { code, err } = await user.call(`webhooks replay ${id} ${delivery}`)
      assert.equal(code, 0, err)
      assert.match(
        masked(err),
        /^✔ dlv_1 is on its way again\.\n {2}What comes of it: {2}slipway webhooks deliveries whk_1\n$/,
      )
      const everything = await user.call(`webhooks replay ${id} --since 1h`)
      assert.match(masked(everything.err), /^✔ whk_1 is sent again what happened since TIME\.\n/)
    },
    empty: async t => {
      const { user, id } = await withWebhook(t)
      const { code, err } = await user.call(`webhooks replay ${id}`)
      assert.equal(code, 2)
      assert.match(err, /^✖ A replay is of one delivery, or of everything since a moment\.\n/)
    },
    refused: async t => {
      const { user, id } = await withWebhook(t)
      assert.equal((await user.call(`webhooks replay ${id} dlv_01jd8xkz3mfy7t2v9q4b6n8r5w`)).code, 5)
      assert.equal((await user.call(`webhooks replay ${id} --since soon`)).code, 2)
    },
    failed: failsAt(`webhooks replay ${some} --since 1h`, 'GET /v1/webhooks/whk_1'),
    interrupted: stopsAt(`webhooks replay ${some} --since 1h`),
  })
})
