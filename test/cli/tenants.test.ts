import assert from 'node:assert/strict'
import { after, before, describe, type TestContext } from 'node:test'
import { startWorld, type World } from '../server/world.ts'
import { type Case, cases, failsAt, stopsAt } from './cases.ts'
import { masked, startUser, type User } from './world.ts'

describe('tenants', () => {
  let world: World
  const over: (() => unknown)[] = []
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })
  const operator = async (t: TestContext): Promise<User> =>
    await startUser(t, { url: world.url, token: world.operator })
  let made = 0
  /** A name that no other test uses, and an operator who made it. */
  const withTenant = async (t: TestContext): Promise<{ user: User; id: string }> => {
    const [user, id] = [await operator(t), `made-${++made}`]
    await user.call(`tenants create ${id} --title Title --instances 5`)
    return { user, id }
  }
  /** Nobody but an operator does this. */
  const forOperators =
    (line: string): Case =>
    async t => {
      const user = await startUser(t, { url: world.url, token: (await world.tenant()).token })
      const { code, out, err } = await user.call(line)
      assert.deepEqual({ code, out }, { code: 4, out: '' })
      assert.match(err, /^✖ .*\n(?: {2}.*\n)* {2}\(forbidden, req_\w+\)\n$/)
    }
  const missing =
    (line: string): Case =>
    async t => {
      const { code, out, err } = await (await operator(t)).call(line)
      assert.deepEqual({ code, out }, { code: 5, out: '' })
      assert.match(err, /\(not_found, req_\w+\)\n$/)
    }

  cases('tenants list', {
    happy: async t => {
      const { user, id } = await withTenant(t)
      const { code, out, err } = await user.call('tenants ls')
      assert.deepEqual({ code, err }, { code: 0, err: '' })
      assert.match(
        out,
        new RegExp(`^ID +STATE +TITLE +CREATED +BY\\n(?:.*\\n)*${id} +active +Title +\\d{4}-\\d\\d-\\d\\d +root\\n`),
      )
    },
    empty: async t => {
      const empty = await startWorld(t)
      const user = await startUser(t, { url: empty.url, token: empty.operator })
      assert.deepEqual(await user.call('tenants list'), {
        code: 0,
        out: '',
        err: 'No tenants yet. Make one:  slipway tenants create NAME\n',
      })
      assert.equal((await user.call('tenants list --json')).out, '[]\n')
    },
    refused: forOperators('tenants list'),
    failed: failsAt('tenants list', 'GET /v1/tenants?limit=200'),
    interrupted: stopsAt('tenants list'),
  })

  cases('tenants create', {
    happy: async t => {
      const user = await operator(t)
      assert.deepEqual(await user.call('tenants create fine --memory 8GiB'), {
        code: 0,
        out: '',
        err: '✔ fine is there.\n  A token of it:  slipway tokens create NAME --scope admin --tenant fine\n',
      })
      const { out } = await user.call('tokens create ana --scope admin --tenant fine')
      const ana = await startUser(t, { url: world.url, token: out.trim() })
      assert.equal((await ana.call('secrets list --json')).out, '[]\n', 'what it says to type works')
    },
    empty: async t => {
      assert.equal((await (await operator(t)).call('tenants create')).code, 2)
    },
    refused: async t => {
      const { user, id } = await withTenant(t)
      const { code, err } = await user.call(`tenants create ${id}`)
      assert.equal(code, 6)
      assert.match(err, /\(already_exists, req_/)
      assert.equal((await user.call('tenants create Not_So')).code, 2)
      assert.equal((await user.call('tenants create other --memory much')).code, 2)
    },
    failed: failsAt('tenants create acme', 'POST /v1/tenants'),
    interrupted: stopsAt('tenants create acme', 'Look:  slipway tenants list'),
  })

  cases('tenants get', {
    happy: async t => {
      const { user, id } = await withTenant(t)
      const { code, out, err } = await user.call(`tenants get ${id}`)
      assert.deepEqual(
        { code, out: masked(out), err },
        {
          code: 0,
          out: `id       ${id}\ntitle    Title\nstate    active\ncreated  TIME\nby       root\n`,
          err: '',
        },
      )
    },
    empty: missing('tenants get nobody'),
    refused: forOperators('tenants get acme'),
    failed: failsAt('tenants get acme', 'GET /v1/tenants/acme'),
    interrupted: stopsAt('tenants get acme'),
  })

  cases('tenants update', {
    happy: async t => {
      const { user, id } = await withTenant(t)
      assert.deepEqual(await user.call(`tenants update ${id} --title "New name"`), {
        code: 0,
        out: '',
        err: `✔ ${id} is called New name from now on.\n`,
      })
      assert.match((await user.call(`tenants update ${id} --no-title`)).err, /is called nothing else from now on/)
    },
    empty: async t => {
      assert.deepEqual(await (await operator(t)).call('tenants update acme'), {
        code: 2,
        out: '',
        err: '✖ Nothing is named that should change.\n  Say it:  --title TEXT or --no-title\n  (nothing_to_change)\n',
      })
    },
    refused: forOperators('tenants update acme --title new'),
    failed: failsAt('tenants update acme --title new', 'GET /v1/tenants/acme'),
    interrupted: stopsAt('tenants update acme --title new'),
  })

  cases('tenants suspend', {
    happy: async t => {
      const { user, id } = await withTenant(t)
      assert.deepEqual(await user.call(`tenants suspend ${id} --reason "an invoice"`), {
        code: 0,
        out: '',
        err: `✔ ${id} is suspended: it takes no new work, and what runs runs on.\n  Undo it:  slipway tenants activate ${id}\n`,
      })
      assert.match((await user.call(`tenants get ${id}`)).out, /state +suspended\nreason +an invoice\n/)
    },
    empty: missing('tenants suspend nobody'),
    refused: forOperators('tenants suspend acme'),
    failed: failsAt('tenants suspend acme', 'GET /v1/tenants/acme'),
    interrupted: stopsAt('tenants suspend acme'),
  })

  cases('tenants activate', {
    happy: async t => {
      const { user, id } = await withTenant(t)
      await user.call(`tenants suspend ${id}`)
      assert.deepEqual(await user.call(`tenants activate ${id}`), { code: 0, out: '', err: `✔ ${id} is active.\n` })
    },
    empty: missing('tenants activate nobody'),
    refused: forOperators('tenants activate acme'),
    failed: failsAt('tenants activate acme', 'GET /v1/tenants/acme'),
    interrupted: stopsAt('tenants activate acme'),
  })

  cases('tenants delete', {
    happy: async t => {
      const { user, id } = await withTenant(t)
      assert.deepEqual(await user.call(`tenants delete ${id} --confirm-name ${id}`), {
        code: 0,
        out: '',
        err: `✔ ${id} is deleted.\n`,
      })
    },
    empty: missing('tenants delete nobody --confirm-name nobody'),
    refused: async t => {
      const { user, id } = await withTenant(t)
      const { code, err } = await user.call(`tenants delete ${id}`)
      assert.equal(code, 2)
      assert.match(err, new RegExp(`--confirm-name ${id}\n`))
      await user.call(`secrets set KEY --tenant ${id}`, { stdin: 'one' })
      const full = await user.call(`tenants delete ${id} --confirm-name ${id}`)
      assert.equal(full.code, 6)
      assert.match(full.err, /\(tenant_not_empty, req_/)
    },
    failed: failsAt('tenants delete acme --confirm-name acme', 'GET /v1/tenants/acme'),
    interrupted: stopsAt('tenants delete acme --confirm-name acme'),
  })

  cases('tenants quota get', {
    happy: async t => {
      const { user, id } = await withTenant(t)
      assert.deepEqual(await user.call(`tenants quota get ${id}`), {
        code: 0,
        out: `OF           USED  LIMIT
instances    0     5
replicas     0     no limit
deployments  0     no limit
memory       0     no limit
`,
        err: '',
      })
    },
    empty: missing('tenants quota get nobody'),
    refused: forOperators('tenants quota get acme'),
    failed: failsAt('tenants quota get acme', 'GET /v1/tenants/acme/quota'),
    interrupted: stopsAt('tenants quota get acme'),
  })

  cases('tenants quota set', {
    happy: async t => {
      const { user, id } = await withTenant(t)
      const { code, out, err } = await user.call(`tenants quota set ${id} --replicas 7 --memory 1536MiB`)
      assert.deepEqual(
        { code, out, err },
        {
          code: 0,
          out: `OF           USED  LIMIT
instances    0     5
replicas     0     7
deployments  0     no limit
memory       0     1536MiB
`,
          err: `✔ ${id} may have, from now on:\n`,
        },
      )
      const { out: json } = await user.call(`tenants quota set ${id} --instances none --json`)
      assert.deepEqual((JSON.parse(json) as { limits: unknown }).limits, {
        replicas: 7,
        memory_bytes: 1536 * 1024 ** 2,
      })
    },
    empty: async t => {
      const { code, err } = await (await operator(t)).call('tenants quota set acme')
      assert.equal(code, 2)
      assert.match(err, /^✖ No limit is named\.\n/)
    },
    refused: forOperators('tenants quota set acme --replicas 7'),
    failed: failsAt('tenants quota set acme --replicas 7', 'GET /v1/tenants/acme/quota'),
    interrupted: stopsAt('tenants quota set acme --replicas 7'),
  })
})
