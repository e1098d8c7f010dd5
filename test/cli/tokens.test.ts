import assert from 'node:assert/strict'
import { after, before, describe, type TestContext } from 'node:test'
import { startWorld, type World } from '../server/world.ts'
import { cases, failsAt, interrupted, stopsAt } from './cases.ts'
import { masked, startUser, type User } from './world.ts'

const id = 'tok_01jd8xkz3mfy7t2v9q4b6n8r5w'

describe('tokens', () => {
  let world: World
  const over: (() => unknown)[] = []
  before(async () => {
    world = await startWorld({ after: end => void over.push(end as () => unknown) })
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })
  const userOf = async (t: TestContext, scopes?: ('read' | 'deploy' | 'admin')[]): Promise<User> => {
    const tenant = await world.tenant()
    const token = scopes ? (await tenant.issue({ name: 'bo', scopes })).secret : tenant.token
    return await startUser(t, { url: world.url, token })
  }
  const missing = (line: string) => async (t: TestContext) => {
    const user = await userOf(t)
    assert.deepEqual(await user.call(line), {
      code: 5,
      out: '',
      err: '✖ There is no good token "nobody".\n  See them:  slipway tokens list\n  (not_found)\n',
    })
  }
  const forbidden = (line: string) => async (t: TestContext) => {
    const user = await userOf(t, ['read'])
    const { code, out, err } = await user.call(line)
    assert.deepEqual({ code, out }, { code: 4, out: '' })
    assert.match(err, /\(forbidden, req_\w+\)\n$/)
  }

  cases('tokens list', {
    happy: async t => {
      const user = await userOf(t)
      const { code, out, err } = await user.call('tokens list')
      assert.deepEqual({ code, err }, { code: 0, err: '' })
      assert.match(
        out,
        /^ID +NAME +SCOPES +LAST USED +EXPIRES +BY\ntok_\w+ +ana +read,deploy,admin +(?:never|\d+s) +\d{4}-\d\d-\d\d +owner\n$/,
      )
    },
    empty: { none: 'whoever lists tokens has one' },
    refused: forbidden('tokens list'),
    failed: failsAt('tokens list', 'GET /v1/tokens?limit=200'),
    interrupted: stopsAt('tokens list'),
  })

  cases('tokens create', {
    happy: async t => {
      const user = await userOf(t)
      const { code, out, err } = await user.call(
        'tokens create ci --scope deploy --expires 30d --allowed-ip 127.0.0.0/8',
      )
      assert.deepEqual(
        { code, out: masked(out), err: masked(err).replace(/\d{4}-\d\d-\d\d/, 'DAY') },
        {
          code: 0,
          out: 'slip_SECRET\n',
          err: `✔ tok_1 is for ci until DAY.
  Its secret stands on stdout, and is shown this once. For a job of CI, keep it as the secret SLIPWAY_TOKEN there:

    - run: npx slipway deploy INSTANCE --image IMAGE
      env:
        SLIPWAY_URL: "http://127.0.0.1:PORT"
        SLIPWAY_TOKEN: \${{ secrets.SLIPWAY_TOKEN }}

`,
        },
      )
      const made = await startUser(t, { url: world.url, token: out.trim() })
      assert.equal((await made.call('tokens revoke ci')).code, 4, 'it is good, and may only deploy')
      const { out: json } = await user.call('tokens create two --scope read --scope deploy --json')
      const issued = JSON.parse(json) as { secret: string; scopes: string[] }
      assert.deepEqual(issued.scopes.toSorted(), ['deploy', 'read'])
      assert.match(issued.secret, /^slip_/)
    },
    empty: async t => {
      const user = await userOf(t)
      assert.deepEqual(await user.call('tokens create ci'), {
        code: 2,
        out: '',
        err: "✖ Required option '--scope <scope>' not specified\n  See --help\n  (usage)\n",
      })
    },
    refused: async t => {
      await forbidden('tokens create ci --scope deploy')(t)
      const user = await userOf(t)
      for (const line of ['--scope all', '--scope read --expires 5h', '--scope read --expires soon']) {
        assert.equal((await user.call(`tokens create ci ${line}`)).code, 2, line)
      }
      assert.equal((await user.call('tokens create ci --scope deploy --instance nothing')).code, 5)
    },
    failed: failsAt('tokens create ci --scope deploy', 'POST /v1/tokens'),
    interrupted: async t => {
      assert.deepEqual(await interrupted(t, 'tokens create ci --scope deploy'), {
        code: 130,
        out: '',
        err: '✖ Interrupted before the answer came: it may have been done all the same.\n  Look, and revoke it if it is there, for its secret is lost:  slipway tokens list\n  (interrupted)\n',
      })
    },
  })

  cases('tokens rotate', {
    happy: async t => {
      const user = await userOf(t)
      const first = (await user.call('tokens create ci --scope read')).out.trim()
      const { code, out, err } = await user.call('tokens rotate ci --overlap 0s')
      assert.deepEqual(
        { code, out: masked(out), err: masked(err).replace(/\d{4}-\d\d-\d\d/, 'DAY') },
        {
          code: 0,
          out: 'slip_SECRET\n',
          err: '✔ tok_1 of ci has a new secret until DAY.\n  It stands on stdout, and is shown this once.\n',
        },
      )
      const old = await startUser(t, { url: world.url, token: first })
      assert.match((await old.call('secrets list')).err, /\(unauthenticated, /)
    },
    empty: missing('tokens rotate nobody'),
    refused: async t => {
      const user = await userOf(t)
      const { code, err } = await user.call('tokens rotate ana --overlap 8d')
      assert.equal(code, 2)
      assert.match(err, /\(invalid_request, req_/)
    },
    failed: failsAt(`tokens rotate ${id}`, 'GET /v1/tokens/tok_1'),
    interrupted: stopsAt(`tokens rotate ${id}`),
  })

  cases('tokens revoke', {
    happy: async t => {
      const user = await userOf(t)
      await user.call('tokens create ci --scope read')
      const { code, out, err } = await user.call('tokens revoke ci')
      assert.deepEqual(
        { code, out, err: masked(err) },
        { code: 0, out: '', err: '✔ tok_1 of ci is good for nothing from now on.\n' },
      )
      assert.match((await user.call('tokens list')).out, / ci .* revoked /)
    },
    empty: missing('tokens revoke nobody'),
    refused: async t => {
      const user = await userOf(t)
      for (const _ of [1, 2]) await user.call('tokens create twin --scope read')
      const { code, err } = await user.call('tokens revoke twin')
      assert.equal(code, 2)
      assert.match(
        masked(err),
        /^✖ Several tokens are meant by "twin"\.\n {2}tok_1 {2}made TIME\n {2}tok_2 {2}made TIME\n/,
      )
    },
    failed: failsAt(`tokens revoke ${id}`, 'GET /v1/tokens/tok_1'),
    interrupted: stopsAt(`tokens revoke ${id}`),
  })
})
