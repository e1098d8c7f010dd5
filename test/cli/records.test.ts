import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Acting } from '../../src/index.ts'
import { createServer } from '../../src/server/index.ts'
import { startWorld, type World } from '../server/world.ts'
import { worker } from '../support/services.ts'
import { cases, failsAt, stopsAt } from './cases.ts'
import { type Called, later, masked, seen, startUser, type User } from './world.ts'

/** What is different in every run of these, beyond what is masked anyway. */
function told({ code, out, err }: Called): Called {
  const plain = (text: string): string =>
    masked(text)
      .replaceAll(/file:\S*\/[0-9a-f]{12}\b/g, 'file:IMAGE')
      .replaceAll(/sha256:[0-9a-f]{64}/g, 'sha256:DIGEST')
      .replaceAll(/\b[0-9a-f]{12}\b/g, 'IMAGE_OF_12__')
      .replaceAll(/\bworker\.[0-9a-f]{16}/g, 'worker.REVISION')
      // A column is as wide as its heading, whether what stands in it is 4s or 12s.
      .replaceAll(/\b\d+[sm]\b( *)/g, (span, after: string) => (after === '' ? 'NOW' : 'NOW'.padEnd(span.length + 1)))
  return { code, out: plain(out), err: plain(err) }
}

const lookup = 'GET /v1/instances?q=shop&limit=200'

/** There is no such instance. */
const unknown: Called = {
  code: 5,
  out: '',
  err: '✖ There is no instance "nope".\n  See what there is:  slipway ps\n  (not_found)\n',
}

describe('what is on record', () => {
  const over: (() => unknown)[] = []
  let [world, acting, user, stranger]: [World, Acting, User, User] = [] as never
  let deployment: string
  before(async () => {
    const t = { after: (end: () => unknown) => void over.push(end) } as Parameters<typeof startWorld>[0]
    world = await startWorld(t)
    const { id, token } = await world.tenant()
    user = await startUser(t, { url: world.url, token })
    stranger = await startUser(t, { url: world.url, token: (await world.tenant()).token })
    acting = world.machine.slipway.as({ tenantId: id, subject: 'ana' })
    const services = [worker(await world.machine.worker('one'))]
    const created = await acting.instances.create({ name: 'shop', services })
    await acting.finished(created.deployment.id)
    const image = await world.machine.worker('two')
    const env = { FEATURE_TAX: 'on' }
    const { id: second } = await acting.deploy({
      instanceId: created.instance.id,
      services: [{ name: 'worker', image, env }],
    })
    deployment = second
    await acting.finished(second)
    // The first line of the second is there when it is asked for.
    const seen = acting.logs({ instanceId: created.instance.id, follow: true })
    for await (const line of seen) if (line.text === 'two') break
  })
  after(async () => {
    for (const end of over.toReversed()) await end()
  })

  cases('releases', {
    async happy() {
      assert.deepEqual(told(await user.call('releases shop')), {
        code: 0,
        out: [
          '   REL  STATE    IMAGE         BY   WHEN  RAN FOR  OUTCOME',
          '→  v2   serving  IMAGE_OF_12__  ana  NOW    NOW       ✔',
          '   v1   ready    IMAGE_OF_12__  ana  NOW    NOW       ✔',
          '',
        ].join('\n'),
        err: '',
      })
      const { out, err } = await user.call('releases shop -n 1')
      assert.equal(out.trim().split('\n').length, 2)
      assert.equal(err, '1 more:  slipway releases shop -n 2\n')
      const { out: json } = await user.call('releases shop --json')
      assert.deepEqual(
        (JSON.parse(json) as { version: number; active: boolean }[]).map(({ version, active }) => [version, active]),
        [
          [2, true],
          [1, false],
        ],
      )
    },
    empty: { none: 'an instance begins with a release' },
    async refused() {
      assert.deepEqual(await user.call('releases nope'), unknown)
    },
    failed: failsAt('releases shop', lookup),
    interrupted: stopsAt('releases shop'),
  })

  cases('diff', {
    async happy() {
      const differing = told(await user.call('diff shop v1 v2'))
      assert.deepEqual(differing, {
        code: 10,
        out: [
          'v1 → v2',
          '  ~  worker  image            file:IMAGE → file:IMAGE',
          '  ~  worker  digest           sha256:DIGEST → sha256:DIGEST',
          '  +  worker  env FEATURE_TAX  on',
          '',
        ].join('\n'),
        err: '',
      })
      const { out } = await user.call('releases shop --json')
      const [second, first] = JSON.parse(out) as { id: string }[]
      assert.deepEqual(told(await user.call(`diff ${first?.id} ${second?.id}`)), differing)
      const { code, out: json } = await user.call('diff shop v2 v1 --json')
      assert.equal(code, 10)
      assert.deepEqual((JSON.parse(json) as object[]).at(-1), {
        service: 'worker',
        field: 'env.FEATURE_TAX',
        change: 'removed',
        from: 'on',
      })
    },
    async empty() {
      assert.deepEqual(await user.call('diff shop v2 v2'), { code: 0, out: '', err: 'v2 and v2 are the same.\n' })
      assert.deepEqual(await user.call('diff shop v2 v2 --json'), { code: 0, out: '[]\n', err: '' })
    },
    async refused() {
      assert.deepEqual(await user.call('diff shop v1 v9'), {
        code: 5,
        out: '',
        err: '✖ shop has no release "v9".\n  See those it has:  slipway releases shop\n  (not_found)\n',
      })
      assert.deepEqual(await user.call('diff shop v1'), {
        code: 2,
        out: '',
        err: [
          '✖ Two releases are compared: by their ids, or by their versions with the instance before them.',
          '  Say it like this:  slipway diff shop v17 v18',
          '  (usage)\n',
        ].join('\n'),
      })
    },
    failed: failsAt('diff shop v1 v2', lookup),
    interrupted: stopsAt('diff shop v1 v2'),
  })

  cases('logs', {
    async happy() {
      assert.deepEqual(told(await user.call('logs shop')), {
        code: 0,
        out: 'TIME worker/worker.REVISION.1.0 one\nTIME worker/worker.REVISION.1.0 two\n',
        err: '',
      })
      for (const line of ['--grep tw', '-n 1', `--deployment ${deployment}`, '--service worker -n 1 --since 1h']) {
        const { out } = told(await user.call(`logs shop ${line}`))
        assert.equal(out, 'TIME worker/worker.REVISION.1.0 two\n', line)
      }
      const { out: json } = await user.call('logs shop --json')
      assert.deepEqual(
        (JSON.parse(json) as { text: string }[]).map(({ text }) => text),
        ['one', 'two'],
      )
    },
    async empty() {
      assert.deepEqual(await user.call('logs shop --grep nothing'), {
        code: 0,
        out: '',
        err: 'No such lines of shop. Wait for some:  slipway logs shop -f\n',
      })
      assert.deepEqual(await user.call('logs shop --grep nothing --json'), { code: 0, out: '[]\n', err: '' })
    },
    async refused() {
      assert.deepEqual(await stranger.call('logs nope'), unknown)
      assert.deepEqual(await user.call('logs shop --since yesterday'), {
        code: 2,
        out: '',
        err: [
          '✖ --since "yesterday" is no time.',
          '  It looks like 90s, 15m, 12h or 7d, or like 2026-11-24T12:00:00Z',
          '  (bad_time)\n',
        ].join('\n'),
      })
    },
    failed: failsAt('logs shop', lookup),
    async interrupted() {
      const following = user.call('logs shop -f')
      await following.told('two')
      following.interrupt()
      assert.deepEqual(told(await following), {
        code: 130,
        out: 'TIME worker/worker.REVISION.1.0 one\nTIME worker/worker.REVISION.1.0 two\n',
        err: 'No longer followed; what runs goes on.\n',
      })
    },
  })

  test('logs are searched however far back, told as the last so many that fit, and followed by the same text', async t => {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-chatty-'))
    t.after(() => rm(folder, { recursive: true }))
    // More lines follow than a server gives at once.
    await writeFile(
      join(folder, 'chatty.js'),
      `const needles = ['needle 1', 'needle 2', 'needle 3'].join('\\n')
       const said = process.env.PASSWORD
       process.stdout.write(needles + '\\n' + 'hay\\n'.repeat(6000) + said + '\\nall said\\n')
       setInterval(() => require('node:fs').existsSync(process.env.DATA + '/go') && console.log('needle 4'), 50)`,
    )
    await writeFile(join(folder, 'slipway.json'), '{ "command": ["node", "chatty.js"] }')
    const { id: tenantId, token } = await world.tenant()
    const acting = world.machine.slipway.as({ tenantId, subject: 'ana' })
    const user = await startUser(t, { url: world.url, token })
    await acting.secrets.store('password', 'opensesame')
    const { deployment: asked, instance } = await acting.instances.create({
      name: 'chatty',
      services: [{ ...worker(`file:${folder}`), secrets: { PASSWORD: 'password' } }],
    })
    const { state, error } = await acting.finished(asked.id)
    assert.equal(state, 'succeeded', error)
    const begun = user.call('logs chatty -f --grep "all said"')
    await begun.told('all said')
    begun.interrupt()
    await begun
    const texts = async (line: string): Promise<string[]> =>
      (JSON.parse((await user.call(`logs chatty --json ${line}`)).out) as { text: string }[]).map(({ text }) => text)
    assert.deepEqual(await texts('--grep needle'), ['needle 1', 'needle 2', 'needle 3'])
    assert.deepEqual(await texts('--grep needle -n 2'), ['needle 2', 'needle 3'])
    assert.deepEqual(await texts('--grep sesame'), [], 'a secret is not found by asking for it')
    const following = user.call('logs chatty -f --grep needle')
    await following.told('needle 3')
    await writeFile(join(world.machine.dataDir, 'instances', instance.id, 'data', 'worker', 'go'), '')
    await following.told('needle 4')
    following.interrupt()
    assert.doesNotMatch((await following).out, /hay/)
  })

  test('logs are followed beyond the end of the server, and say where the connection broke', async t => {
    const first = createServer(world.machine.slipway)
    const { url, port } = await first.listen()
    const following = user.call('logs shop -f --grep two', { env: { SLIPWAY_URL: url } })
    await following.told('two')
    await first.close()
    const second = createServer(world.machine.slipway)
    await second.listen({ port })
    t.after(() => second.close())
    const back = await following.told('(the connection broke')
    following.interrupt()
    const { code, out, err } = told(await following)
    assert.equal(code, 130, back)
    assert.equal(out, 'TIME worker/worker.REVISION.1.0 two\n')
    assert.equal(
      err,
      '(the connection broke after TIME, and is there again: lines of the time between may be missing)\nNo longer followed; what runs goes on.\n',
    )
  })

  cases('events', {
    async happy() {
      const called = await user.call('events -n 2')
      // Each line begins with its place in the log.
      assert.deepEqual(seen({ ...called, out: called.out.replaceAll(/^\d+/gm, 'N') }), {
        code: 0,
        out: `N  YYYY-MM-DDThh:mm:ss.mmmZ  deploy.succeeded      dep_00000000000000000000000001  kind=deploy strategy=rolling
N  YYYY-MM-DDThh:mm:ss.mmmZ  release.activated     dep_00000000000000000000000001
`,
        err: '',
      })
      const all = JSON.parse((await user.call('events -n 1000 --json')).out) as { seq: number; type: string }[]
      assert.equal(all[0]?.type, 'instance.created')
      const rest = await user.call(`events --after ${all[2]?.seq} -n 1000 --json`)
      assert.deepEqual(JSON.parse(rest.out), all.slice(3))
      const some = await user.call('events --type release.created,release.activated --instance shop -n 3 --json')
      assert.deepEqual(JSON.parse(some.out), all.filter(({ type }) => type.startsWith('release.')).slice(-3))
    },
    async empty() {
      assert.deepEqual(await user.call('events --type deploy.failed'), {
        code: 0,
        out: '',
        err: 'Nothing of this kind has happened. Wait for it:  slipway events -f\n',
      })
      assert.deepEqual(await stranger.call('events --json'), { code: 0, out: '[]\n', err: '' })
    },
    async refused() {
      const called = await user.call('events --type nonsense')
      assert.deepEqual(seen({ ...called, err: called.err.replace(/(?<=some of ).*(?=,)/, 'TYPES') }), {
        code: 2,
        out: '',
        err: `✖ The query is not valid.
  /type: must be some of TYPES, separated by commas
  Mend it and send it again.
  (invalid_request, req_1)
`,
      })
      assert.deepEqual(await user.call('events --after yesterday'), {
        code: 2,
        out: '',
        err: `✖ Option '--after <place>' argument 'yesterday' is invalid. It is the number that a line begins with, or the \`seq\` of an event.
  See:  slipway events --help
  (usage)
`,
      })
      assert.deepEqual(await user.call('events --instance nope'), unknown)
    },
    failed: failsAt('events', 'GET /v1/events?after=999999999999999&limit=1'),
    async interrupted() {
      const following = user.call('events -f --after 0 --type instance.created --json')
      await following.told('instance.created')
      following.interrupt()
      const { code, out, err } = await following
      assert.deepEqual({ code, err }, { code: 130, err: '' })
      assert.equal((JSON.parse(out) as { type: string }).type, 'instance.created')
      const people = user.call('events -f --after 0 --type instance.created')
      await people.told('instance.created')
      people.interrupt()
      const [place] = (await people).out.split(' ')
      assert.equal((await people).err, `No longer followed. Go on:  slipway events -f --after ${place}\n`)
    },
  })

  cases('audit', {
    async happy() {
      assert.deepEqual(seen(await user.call('audit --action deployment.create,instance.create', later)), {
        code: 0,
        out: `WHEN  ACTOR  ACTION             OBJECT                                TENANT  FROM  REQUEST
1h    ana    deployment.create  shop dep_00000000000000000000000001   acme    -     -
1h    ana    instance.create    shop inst_00000000000000000000000001  acme    -     -
`,
        err: '',
      })
      const { out: json } = await user.call('audit -n 1 --json')
      assert.equal((JSON.parse(json) as { action: string }[])[0]?.action, 'deployment.create')
      const { out: csv } = await user.call('audit --csv')
      assert.match(csv, /^"created_at","tenant_id","actor","action",/)
      const { out: lines } = await user.call(`audit --ndjson --object ${deployment}`)
      assert.equal((JSON.parse(lines) as { object: { id: string } }).object.id, deployment)
      const operator = await startUser(
        { after: end => void over.push(end as () => unknown) },
        {
          url: world.url,
          token: world.operator,
        },
      )
      assert.match((await operator.call('audit')).out, /the owner of the data folder/)
    },
    async empty() {
      assert.deepEqual(await user.call('audit --actor nobody'), {
        code: 0,
        out: '',
        err: 'Nobody did anything like this. Who did what at all:  slipway audit\n',
      })
      assert.deepEqual(await user.call('audit --actor nobody --json'), { code: 0, out: '[]\n', err: '' })
    },
    async refused() {
      const nonsense = await user.call('audit --action nonsense')
      assert.deepEqual(seen({ ...nonsense, err: nonsense.err.replace(/(?<=some of ).*(?=,)/, 'ACTIONS') }), {
        code: 2,
        out: '',
        err: `✖ The query is not valid.
  /action: must be some of ACTIONS, separated by commas
  Mend it and send it again.
  (invalid_request, req_1)
`,
      })
      assert.deepEqual(await user.call('audit -n 0'), {
        code: 2,
        out: '',
        err: `✖ Option '-n, --count <n>' argument '0' is invalid. It is at least 1.
  See:  slipway audit --help
  (usage)
`,
      })
      assert.deepEqual(await user.call('audit --since soon'), {
        code: 2,
        out: '',
        err: `✖ --since "soon" is no time.
  It looks like 90s, 15m, 12h or 7d, or like 2026-11-24T12:00:00Z
  (bad_time)
`,
      })
      assert.deepEqual(await user.call('audit --csv --ndjson'), {
        code: 2,
        out: '',
        err: "✖ Option '--csv' cannot be used with option '--ndjson'\n  See:  slipway audit --help\n  (usage)\n",
      })
    },
    failed: failsAt('audit', 'GET /v1/audit?limit=50'),
    interrupted: stopsAt('audit'),
  })
})
