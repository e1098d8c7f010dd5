import assert from 'node:assert/strict'
import { after, before, describe, type TestContext } from 'node:test'
import { type Customer, startWorld, type World } from '../server/world.ts'
import { cases, failsAt, stopsAt, stopsAtChange } from './cases.ts'
import { later, seen, startUser, type User } from './world.ts'

const id = 'tok_01jd8xkz3mfy7t2v9q4b6n8r5w'

describe('tokens', () => {
  let world: World
  let reader: User
  const over: (() => unknown)[] = []
  before(async () => {
    const t = { after: (end: unknown) => void over.push(end as () => unknown) }
    world = await startWorld(t)
    const { issue } = await world.tenant()
    reader = await startUser(t, { url: world.url, token: (await issue({ name: 'bo', scopes: ['read'] })).secret })
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })
  const userOf = async (t: TestContext): Promise<User & Pick<Customer, 'id'>> => {
    const { id, token } = await world.tenant()
    return { ...(await startUser(t, { url: world.url, token })), id }
  }
  const missing = (line: string) => async (t: TestContext) => {
    const user = await userOf(t)
    assert.deepEqual(await user.call(line), {
      code: 5,
      out: '',
      err: '✖ There is no good token "nobody".\n  See them:  slipway tokens list\n  (not_found)\n',
    })
  }

  cases('tokens list', {
    happy: async t => {
      const user = await userOf(t)
      await user.call('tokens create ci --scope read --scope deploy')
      await user.call('tokens create old --scope deploy')
      await user.call('tokens revoke old')
      const called = await user.call('tokens list', later)
      // When a token was used last is written from time to time.
      assert.deepEqual(seen({ ...called, out: called.out.replace(/(?<=admin {2})never/, '1h   ') }), {
        code: 0,
        out: `ID                              NAME  SCOPES             LAST USED  EXPIRES     BY
tok_00000000000000000000000001  old   read,deploy        never      revoked     ana
tok_00000000000000000000000002  ci    read,deploy        never      YYYY-MM-DD  ana
tok_00000000000000000000000003  ana   read,deploy,admin  1h         YYYY-MM-DD  owner
`,
        err: '',
      })
      const { out } = await user.call('tokens ls --json')
      const listed = JSON.parse(out) as { name: string; secret?: string; revoked_at?: string }[]
      assert.deepEqual(
        listed.map(({ name, secret, revoked_at }) => [name, secret, revoked_at !== undefined]),
        [
          ['old', undefined, true],
          ['ci', undefined, false],
          ['ana', undefined, false],
        ],
      )
    },
    empty: async t => {
      // An operator looks at a tenant whose people log in in another way.
      const user = await startUser(t, { url: world.url, token: world.operator, tenant: 'newcomer' })
      assert.deepEqual(await user.call('tokens list'), {
        code: 0,
        out: '',
        err: 'No tokens yet. Make one:  slipway tokens create ci --scope deploy\n',
      })
      assert.deepEqual(await user.call('tokens list --json'), { code: 0, out: '[]\n', err: '' })
    },
    refused: async () => {
      assert.deepEqual(seen(await reader.call('tokens list')), {
        code: 4,
        out: '',
        err: `✖ "bo" may not do token.read: that takes the scope "admin".
  Its scopes are: read.
  As somebody who may:  --context NAME, or slipway login
  (forbidden, req_1)
`,
      })
    },
    failed: failsAt('tokens list', 'GET /v1/tokens?limit=200'),
    interrupted: stopsAt('tokens list'),
  })

  cases('tokens create', {
    happy: async t => {
      const user = await userOf(t)
      const called = await user.call('tokens create ci --scope deploy --expires 30d --allowed-ip 127.0.0.0/8')
      assert.deepEqual(seen(called), {
        code: 0,
        out: 'slip_SECRET\n',
        err: `✔ tok_00000000000000000000000001 is for ci until YYYY-MM-DD.
  Its secret stands on stdout, and is shown this once. For a job of CI, keep it as the secret SLIPWAY_TOKEN there:

    - run: npx slipway deploy INSTANCE --image IMAGE
      env:
        SLIPWAY_URL: "http://127.0.0.1:#####"
        SLIPWAY_TOKEN: \${{ secrets.SLIPWAY_TOKEN }}

`,
      })
      const made = await startUser(t, { url: world.url, token: called.out.trim() })
      assert.equal((await made.call('tokens revoke ci')).code, 4, 'it is good, and may only deploy')
      const { out: json } = await user.call('tokens create two --scope read --scope deploy --json')
      const issued = JSON.parse(json) as { secret: string; scopes: string[] }
      assert.deepEqual(issued.scopes.toSorted(), ['deploy', 'read'])
      assert.match(issued.secret, /^slip_/)
      const [two, ci] = JSON.parse((await user.call('tokens list --json')).out) as Record<string, string>[]
      assert.deepEqual([two?.['allowed_ips'], ci?.['allowed_ips']], [undefined, ['127.0.0.0/8']])
      const days = (Date.parse(ci?.['expires_at'] ?? '') - Date.now()) / 86_400_000
      assert.equal(Math.round(days), 30)
    },
    empty: async t => {
      const user = await userOf(t)
      assert.deepEqual(await user.call('tokens create ci'), {
        code: 2,
        out: '',
        err: "✖ Required option '--scope <scope>' not specified\n  See:  slipway tokens create --help\n  (usage)\n",
      })
      assert.deepEqual(await user.call('tokens create --scope deploy'), {
        code: 2,
        out: '',
        err: `✖ Missing required argument 'name'
  See:  slipway tokens create --help
  (usage)
`,
      })
    },
    refused: async t => {
      assert.deepEqual(seen(await reader.call('tokens create ci --scope deploy')), {
        code: 4,
        out: '',
        err: `✖ "bo" may not do token.write: that takes the scope "admin".
  Its scopes are: read.
  As somebody who may:  --context NAME, or slipway login
  (forbidden, req_1)
`,
      })
      const user = await userOf(t)
      assert.deepEqual(await user.call('tokens create ci --scope all'), {
        code: 2,
        out: '',
        err: `✖ Option '--scope <scope>' argument 'all' is invalid. It is read, deploy or admin.
  See:  slipway tokens create --help
  (usage)
`,
      })
      assert.deepEqual(await user.call('tokens create ci --scope read --expires 5h'), {
        code: 2,
        out: '',
        err: `✖ Option '--expires <time>' argument '5h' is invalid. It is a number of days, such as 30d.
  See:  slipway tokens create --help
  (usage)
`,
      })
      assert.deepEqual(await user.call('tokens create ci --scope read --expires soon'), {
        code: 2,
        out: '',
        err: `✖ Option '--expires <time>' argument 'soon' is invalid. It looks like 90s, 15m, 12h or 90d.
  See:  slipway tokens create --help
  (usage)
`,
      })
      assert.deepEqual(await user.call('tokens create ci --scope deploy --instance nothing'), {
        code: 5,
        out: '',
        err: `✖ There is no instance "nothing".
  See what there is:  slipway ps
  (not_found)
`,
      })
    },
    failed: failsAt('tokens create ci --scope deploy', 'POST /v1/tokens'),
    interrupted: stopsAt(
      'tokens create ci --scope deploy',
      'Look, and revoke it if it is there, for its secret is lost:  slipway tokens list',
    ),
  })

  cases('tokens rotate', {
    happy: async t => {
      const user = await userOf(t)
      const first = (await user.call('tokens create ci --scope read')).out.trim()
      const called = await user.call('tokens rotate ci --overlap 0s')
      assert.deepEqual(seen(called), {
        code: 0,
        out: 'slip_SECRET\n',
        err: `✔ tok_00000000000000000000000001 of ci has a new secret until YYYY-MM-DD.
  It stands on stdout, and is shown this once.
`,
      })
      const good = await startUser(t, { url: world.url, token: called.out.trim() })
      assert.equal((await good.call('secrets list')).code, 0)
      const old = await startUser(t, { url: world.url, token: first })
      assert.deepEqual(seen(await old.call('secrets list')), {
        code: 4,
        out: '',
        err: `✖ The token is not known here.
  Send a valid token as \`Authorization: Bearer slip_…\`.
  Log in:  slipway login
  (unauthenticated, req_1)
`,
      })
      const json = JSON.parse((await user.call('tokens rotate ci --json')).out) as { secret: string }
      assert.match(json.secret, /^slip_/)
    },
    empty: missing('tokens rotate nobody'),
    refused: async t => {
      const user = await userOf(t)
      assert.deepEqual(seen(await user.call('tokens rotate ana --overlap 8d')), {
        code: 2,
        out: '',
        err: `✖ Option '--overlap <time>' argument '8d' is invalid. It is at most 7d.
  See:  slipway tokens rotate --help
  (usage)
`,
      })
      assert.deepEqual(await user.call('tokens rotate ana --overlap long'), {
        code: 2,
        out: '',
        err: `✖ Option '--overlap <time>' argument 'long' is invalid. It looks like 90s, 15m, 12h or 90d.
  See:  slipway tokens rotate --help
  (usage)
`,
      })
    },
    failed: failsAt(`tokens rotate ${id}`, 'GET /v1/tokens/tok_1'),
    interrupted: async t => {
      await stopsAt(`tokens rotate ${id}`)(t)
      const user = await userOf(t)
      const [{ id: ana }] = JSON.parse((await user.call('tokens list --json')).out) as [{ id: string }]
      await stopsAtChange(
        t,
        user,
        `tokens rotate ${ana}`,
        `Do it again, for a new secret would be lost:  slipway tokens rotate ${ana}`,
      )
    },
  })

  cases('tokens revoke', {
    happy: async t => {
      const user = await userOf(t)
      const made = (await user.call('tokens create ci --scope read')).out.trim()
      assert.deepEqual(seen(await user.call('tokens revoke ci')), {
        code: 0,
        out: '',
        err: '✔ tok_00000000000000000000000001 of ci is good for nothing from now on.\n',
      })
      const ci = await startUser(t, { url: world.url, token: made })
      assert.equal((await ci.call('secrets list')).code, 4)
      const again = JSON.parse((await user.call('tokens create ci --scope read --json')).out) as { id: string }
      const revoked = await user.call(`tokens revoke ${again.id.slice(-10)} --json`)
      assert.equal((JSON.parse(revoked.out) as { id: string }).id, again.id, 'the end of an id is enough')
    },
    empty: missing('tokens revoke nobody'),
    refused: async t => {
      const user = await userOf(t)
      for (const _ of [1, 2]) await user.call('tokens create twin --scope read')
      assert.deepEqual(seen(await user.call('tokens revoke twin')), {
        code: 2,
        out: '',
        err: `✖ Several tokens are meant by "twin".
  tok_00000000000000000000000001  made YYYY-MM-DDThh:mm:ss.mmmZ
  tok_00000000000000000000000002  made YYYY-MM-DDThh:mm:ss.mmmZ
  (ambiguous)
`,
      })
    },
    failed: failsAt(`tokens revoke ${id}`, 'GET /v1/tokens/tok_1'),
    interrupted: async t => {
      await stopsAt(`tokens revoke ${id}`)(t)
      const user = await userOf(t)
      const [{ id: ana }] = JSON.parse((await user.call('tokens list --json')).out) as [{ id: string }]
      await stopsAtChange(t, user, `tokens revoke ${ana}`, 'Look:  slipway tokens list')
    },
  })
})
