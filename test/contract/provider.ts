import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isSlipwayError, SlipwayError } from '../../src/errors.ts'
import { newId } from '../../src/id.ts'
import type { Fence, LogLine, Provider, Replica, RevisionSpec } from '../../src/provider/provider.ts'

/** What an image of the suite does when it runs. Equal programs must get images of equal content, others of different content. */
export interface Program {
  /** Only there to tell programs apart. */
  readonly label: string
  /** Lines it writes to stdout at its start. */
  readonly prints?: readonly string[]
  /** It ends by itself, soon, with this code; otherwise it runs until it is told to end. */
  readonly exitsWith?: number
  /** It does not end on SIGTERM. */
  readonly ignoresTerm?: boolean
  /** What the command `./task` in it does; default: nothing, code 0. It counts its runs where `taskRuns` finds them. */
  readonly task?: { readonly prints: readonly string[]; readonly exitsWith: number | 'never' }
  /** Exit code of the command `./probe` in it. Default 0. */
  readonly probe?: number
}

/** A provider under test and the world around it. Made once per suite; tests use instances of their own. */
export interface ProviderWorld {
  readonly provider: Provider
  /** Name of an image that does this. */
  image(program: Program): string | Promise<string>
  /** Name of an image that is not there. */
  readonly missingImage: string
  /** How often `./task` ran for a service of an instance. */
  taskRuns(instanceId: string, service: string): number | Promise<number>
  /** Lets time pass: on a controllable clock that many milliseconds. Default: really waits. */
  pass?(ms: number): void | Promise<void>
  /** Closes the provider and opens another one on the same world, as a restarted control plane does. */
  reopen?(): Promise<Provider>
  /** Stops everything and removes what is left. */
  dispose(): Promise<void>
}

export interface ProviderContractOptions {
  /** Whether the provider compares epochs and refuses lower ones. Default true. */
  readonly comparesEpochs?: boolean
}

const untilMs = 15_000

/** Everything a Provider promises. Run it against each implementation. */
export function providerContract(
  name: string,
  makeWorld: () => ProviderWorld | Promise<ProviderWorld>,
  options: ProviderContractOptions = {},
): void {
  describe(`the provider contract: ${name}`, () => {
    let world: ProviderWorld
    let provider: Provider
    const storeId = newId('store')

    before(async () => {
      world = await makeWorld()
      provider = world.provider
    })
    after(() => world?.dispose())

    const pass = async (ms: number) => (world.pass ? world.pass(ms) : sleep(ms))

    /** Lets time pass until it is so. */
    async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
      for (const end = performance.now() + untilMs; performance.now() < end; ) {
        const seen = await look()
        if (seen !== undefined && seen !== false) return seen
        await pass(10)
        if (world.pass) await sleep(0)
      }
      throw new Error(`not within ${untilMs} ms: ${what}`)
    }

    /** Lets time pass until the call is over. */
    async function over<T>(call: Promise<T>): Promise<T> {
      let done = false
      const settled = call.then(
        () => (done = true),
        () => (done = true),
      )
      await until('the call is over', async () => done)
      await settled
      return call
    }

    function fence(instanceId: string, given: Partial<Fence> = {}): Fence {
      return { storeId, instanceId, epoch: 1, signal: new AbortController().signal, check: () => undefined, ...given }
    }

    async function revision(program: Program, given: Partial<RevisionSpec> = {}): Promise<RevisionSpec> {
      const image = await world.image(program)
      const { digest } = await provider.resolve(image)
      const spec: RevisionSpec = {
        tenantId: 'ten_test',
        instanceId: newId('inst'),
        service: 'web',
        revision: `${program.label.padEnd(16, '0')}.1`,
        image,
        digest,
        env: {},
        secrets: {},
        urls: {},
        ports: [],
        ...given,
      }
      await over(provider.prepare(spec, () => undefined, new AbortController().signal))
      return spec
    }

    const observed = (spec: RevisionSpec) => provider.observe(spec.instanceId)

    async function running(spec: RevisionSpec, count: number): Promise<Replica[]> {
      return until(`${count} replicas run`, async () => {
        const replicas = (await observed(spec)).filter(replica => replica.state === 'running')
        return replicas.length === count && replicas.toSorted((a, b) => a.ordinal - b.ordinal)
      })
    }

    async function started(
      program: Program,
      given: Partial<RevisionSpec> = {},
      count = 1,
    ): Promise<[RevisionSpec, Replica[]]> {
      const spec = await revision(program, given)
      await provider.start(spec, [...Array(count).keys()], fence(spec.instanceId))
      return [spec, await running(spec, count)]
    }

    async function stopAll(spec: RevisionSpec, graceMs = 5000): Promise<void> {
      const ids = (await observed(spec)).map(replica => replica.id)
      await over(provider.stop(spec.instanceId, ids, graceMs, fence(spec.instanceId)))
    }

    const serves: Program = { label: 'serves' }

    test('equal content has equal digests, other content another one', async () => {
      const [first, second, other] = await Promise.all(
        [serves, serves, { label: 'other' }].map(async program => provider.resolve(await world.image(program))),
      )
      assert.equal(first?.digest, second?.digest)
      assert.notEqual(first?.digest, other?.digest)
    })

    test('an image that is not there is refused with a sentence and a next step', async () => {
      await assert.rejects(
        provider.resolve(world.missingImage),
        error => isSlipwayError(error, 'image_unavailable') && error.message !== '' && error.next !== undefined,
      )
    })

    test('a revision whose image nobody has any more cannot be prepared', async () => {
      const spec = await revision(serves)
      const gone = { ...spec, digest: `sha256:${'0'.repeat(64)}` }
      await assert.rejects(
        over(provider.prepare(gone, () => undefined, new AbortController().signal)),
        error => isSlipwayError(error, 'image_gone') || isSlipwayError(error, 'image_unavailable'),
      )
    })

    test('images are pruned but for those that are wanted, run, or were used a while ago; the others are gone and can be had again', async () => {
      if (!provider.prune || !provider.has) return
      const { has } = provider
      const unused = await revision({ label: 'unused' })
      const wanted = await revision({ label: 'wanted' })
      const [ran] = await started({ label: 'ran' })
      const all = [unused, wanted, ran].map(({ digest }) => digest)
      const there = () => Promise.all(all.map(digest => has.call(provider, digest)))
      assert.deepEqual(await there(), [true, true, true])
      assert.deepEqual(await provider.prune(new Set(), 3_600_000), [])
      assert.deepEqual(await there(), [true, true, true])
      // Whatever other tests resolved goes too: nobody waits for it here.
      const removed = await provider.prune(new Set([wanted.digest]), 0)
      assert.deepEqual(
        all.map(digest => removed.includes(digest)),
        [true, false, false],
      )
      assert.deepEqual(await there(), [false, true, true])
      await assert.rejects(over(provider.prepare(unused, () => undefined, new AbortController().signal)), error =>
        isSlipwayError(error, 'image_gone'),
      )
      assert.equal((await provider.resolve(unused.image)).digest, unused.digest)
      await over(provider.prepare(unused, () => undefined, new AbortController().signal))
      await stopAll(ran)
      assert.ok((await provider.prune(new Set(), 0)).includes(ran.digest))
    })

    test('replicas are named by service, revision and ordinal, and carry store and epoch', async () => {
      const spec = await revision(serves, { ports: [{ name: 'http' }, { name: 'metrics' }] })
      await provider.start(spec, [0, 2], fence(spec.instanceId, { epoch: 7 }))
      const replicas = await running(spec, 2)
      assert.deepEqual(
        replicas.map(replica => replica.name),
        [`web.${spec.revision}.0`, `web.${spec.revision}.2`],
      )
      for (const replica of replicas) {
        assert.equal(replica.service, 'web')
        assert.equal(replica.revision, spec.revision)
        assert.equal(replica.storeId, storeId)
        assert.equal(replica.epoch, 7)
        assert.deepEqual(Object.keys(replica.addresses), ['http', 'metrics'])
        assert.ok(!Number.isNaN(Date.parse(replica.startedAt)))
      }
      const addresses = replicas.flatMap(replica => Object.values(replica.addresses))
      assert.equal(new Set(addresses.map(({ host, port }) => `${host}:${port}`)).size, 4)
      await over(
        provider.stop(
          spec.instanceId,
          replicas.map(replica => replica.id),
          5000,
          fence(spec.instanceId, { epoch: 7 }),
        ),
      )
    })

    test('a replica that is there already is not started again', async () => {
      const [spec, [first]] = await started(serves)
      await provider.start(spec, [0, 1], fence(spec.instanceId))
      const replicas = await running(spec, 2)
      assert.equal(replicas[0]?.id, first?.id)
      await stopAll(spec)
    })

    test('ten starts at the same time make each replica once', async () => {
      const spec = await revision(serves, { ports: [{ name: 'http' }] })
      const ordinals = [0, 1, 2]
      await Promise.all(Array.from({ length: 10 }, () => provider.start(spec, ordinals, fence(spec.instanceId))))
      const replicas = await running(spec, 3)
      assert.deepEqual(
        replicas.map(replica => replica.ordinal),
        ordinals,
      )
      assert.equal(new Set(replicas.map(replica => replica.id)).size, 3)
      await stopAll(spec)
    })

    test('two revisions of a service run side by side, and an instance sees only its own', async () => {
      const [old] = await started(serves)
      const next = await revision({ label: 'next' }, { instanceId: old.instanceId })
      await provider.start(next, [0], fence(next.instanceId))
      const replicas = await running(old, 2)
      assert.equal(new Set(replicas.map(replica => replica.revision)).size, 2)
      assert.deepEqual(await provider.observe(newId('inst')), [])
      await stopAll(old)
    })

    test('stop returns when they are gone; ids nobody knows are gone already', async () => {
      const [spec, replicas] = await started(serves, {}, 2)
      await over(provider.stop(spec.instanceId, ['nobody', replicas[0]?.id ?? ''], 5000, fence(spec.instanceId)))
      assert.deepEqual(
        (await observed(spec)).map(replica => replica.id),
        [replicas[1]?.id],
      )
      await stopAll(spec)
      assert.deepEqual(await observed(spec), [])
    })

    test('one that does not heed SIGTERM is killed after its grace, not before', async () => {
      const [spec] = await started({ label: 'stubborn', ignoresTerm: true, prints: ['up'] })
      await until('it heeds nothing', async () => (await lines(spec)).some(line => line.text === 'up'))
      let stopped = false
      const stop = stopAll(spec, 300).then(() => (stopped = true))
      const stopping = await until('it is stopping', async () =>
        (await observed(spec)).find(replica => replica.state === 'stopping'),
      )
      assert.equal(stopped, false)
      assert.equal(stopping.name, `web.${spec.revision}.0`)
      await stop
      assert.deepEqual(await observed(spec), [])
    })

    test('one that ended is observed with its exit code, holds its name until it is stopped, and its successor has another id', async () => {
      const spec = await revision({ label: 'ends', exitsWith: 3 })
      const exited = () =>
        until('it ended', async () => (await observed(spec)).find(replica => replica.state === 'exited'))
      await provider.start(spec, [0], fence(spec.instanceId))
      const first = await exited()
      assert.equal(first.exitCode, 3)
      await provider.start(spec, [0], fence(spec.instanceId))
      assert.deepEqual(
        (await observed(spec)).map(replica => replica.id),
        [first.id],
      )
      await stopAll(spec)
      await provider.start(spec, [0], fence(spec.instanceId))
      const second = await exited()
      assert.equal(second.name, first.name)
      assert.notEqual(second.id, first.id)
      await stopAll(spec)
    })

    test('a change is hinted at when a replica ends', async () => {
      if (!provider.watch) return
      const hints: string[] = []
      const end = provider.watch(instanceId => hints.push(instanceId))
      const spec = await revision({ label: 'ends', exitsWith: 0 })
      await provider.start(spec, [0], fence(spec.instanceId))
      await until('it ended', async () => (await observed(spec)).some(replica => replica.state === 'exited'))
      await until('the hint came', async () => hints.includes(spec.instanceId))
      end()
      await stopAll(spec)
    })

    test('nothing is started or stopped without the lease', async () => {
      const [spec, [replica]] = await started(serves)
      const lost = fence(spec.instanceId, {
        check: () => {
          throw new SlipwayError('lease_lost', 'The lease is lost.')
        },
      })
      const isLost = (error: unknown) => isSlipwayError(error, 'lease_lost')
      await assert.rejects(provider.start(spec, [1], lost), isLost)
      await assert.rejects(provider.stop(spec.instanceId, [replica?.id ?? ''], 0, lost), isLost)
      await assert.rejects(provider.runTask(spec, ['./task'], 'lost', lost), isLost)
      await assert.rejects(provider.forget(spec.instanceId, lost), () => true)
      assert.deepEqual(
        (await observed(spec)).map(({ id, state }) => ({ id, state })),
        [{ id: replica?.id, state: 'running' }],
      )
      await stopAll(spec)
    })

    test('a stop that loses its lease in the middle ends, and what it began is seen', async () => {
      const [spec, [replica]] = await started({ label: 'stubborn', ignoresTerm: true, prints: ['up'] })
      await until('it heeds nothing', async () => (await lines(spec)).some(line => line.text === 'up'))
      const lease = new AbortController()
      const stop = provider.stop(
        spec.instanceId,
        [replica?.id ?? ''],
        60_000,
        fence(spec.instanceId, { signal: lease.signal }),
      )
      await until('it is stopping', async () => (await observed(spec)).some(({ state }) => state === 'stopping'))
      lease.abort(new SlipwayError('lease_lost', 'The lease is lost.'))
      await assert.rejects(over(stop))
      assert.equal((await observed(spec))[0]?.state, 'stopping')
      await stopAll(spec, 0)
    })

    test('an epoch below the highest one seen is refused', async () => {
      if (options.comparesEpochs === false) return
      const [spec, [replica]] = await started(serves)
      await provider.start(spec, [1], fence(spec.instanceId, { epoch: 5 }))
      const stale = fence(spec.instanceId, { epoch: 4 })
      const isLost = (error: unknown) => isSlipwayError(error, 'lease_lost')
      await assert.rejects(provider.start(spec, [2], stale), isLost)
      await assert.rejects(provider.stop(spec.instanceId, [replica?.id ?? ''], 0, stale), isLost)
      const replicas = await running(spec, 2)
      await over(
        provider.stop(
          spec.instanceId,
          replicas.map(({ id }) => id),
          5000,
          fence(spec.instanceId, { epoch: 6 }),
        ),
      )
    })

    test("another store's replica is never touched", async () => {
      const [spec, [replica]] = await started(serves)
      const stranger = fence(spec.instanceId, { storeId: newId('store') })
      await over(provider.stop(spec.instanceId, [replica?.id ?? ''], 0, stranger)).catch((error: unknown) => void error) // refusing aloud is as good
      assert.equal((await observed(spec))[0]?.state, 'running')
      await stopAll(spec)
    })

    test('a task says how it ended and what it wrote, and is run once', async () => {
      const spec = await revision({ label: 'task', task: { prints: ['one', 'two'], exitsWith: 0 } })
      const run = () => over(provider.runTask(spec, ['./task'], 'dep_1.web', fence(spec.instanceId)))
      const result = await run()
      assert.equal(result.exitCode, 0)
      assert.deepEqual(result.output, ['one', 'two'])
      assert.deepEqual(await run(), result)
      assert.equal(await world.taskRuns(spec.instanceId, 'web'), 1)
      assert.deepEqual(await observed(spec), [])
    })

    test('the same task asked for twice at once runs once; another name runs again', async () => {
      const spec = await revision({ label: 'failing', task: { prints: ['no'], exitsWith: 4 } })
      const run = (name: string) => over(provider.runTask(spec, ['./task'], name, fence(spec.instanceId)))
      const [first, second] = await Promise.all([run('a'), run('a')])
      assert.equal(first.exitCode, 4)
      assert.deepEqual(second, first)
      await run('b')
      assert.equal(await world.taskRuns(spec.instanceId, 'web'), 2)
    })

    test('a task that is stopped ends, and who waits for it is told; one that is not there is ended already', async () => {
      const spec = await revision({ label: 'long', task: { prints: ['up'], exitsWith: 'never' } })
      const { instanceId, service } = spec
      const stop = (name: string) => over(provider.stopTask(instanceId, service, name, 5000, fence(instanceId)))
      await stop('long')
      const result = provider.runTask(spec, ['./task'], 'long', fence(instanceId))
      await until('it runs', async () => (await world.taskRuns(instanceId, service)) === 1)
      await stop('long')
      assert.notEqual((await over(result)).exitCode, 0)
      await stop('long')
      assert.equal(await world.taskRuns(instanceId, service), 1)
    })

    test('what a task wrote is found under its name', async () => {
      const spec = await revision({ label: 'says', task: { prints: ['one', 'two'], exitsWith: 0 } })
      await over(provider.runTask(spec, ['./task'], 'says', fence(spec.instanceId)))
      const told = await lines(spec, { replicaName: `${spec.service}.task.says` })
      assert.deepEqual(
        told.map(({ text }) => text),
        ['one', 'two'],
      )
    })

    test('a probe command runs beside its replica', async () => {
      if (!provider.capabilities.has('command-probe')) return
      const [spec, [replica]] = await started({ label: 'probed', probe: 5 })
      const { signal } = new AbortController()
      const result = replica && (await provider.exec?.(replica, ['./probe'], 5000, signal))
      assert.equal(result?.exitCode, 5)
      await stopAll(spec)
    })

    async function lines(spec: RevisionSpec, query = {}): Promise<LogLine[]> {
      const found: LogLine[] = []
      for await (const line of provider.logs({ instanceId: spec.instanceId, ...query })) found.push(line)
      return found
    }

    test('logs say who wrote what and when, all or the last of it', async () => {
      const spec = await revision({ label: 'prints', prints: ['one', 'two', 'three'] })
      await provider.start(spec, [0, 1], fence(spec.instanceId))
      const all = await until('both have written', async () => {
        const seen = await lines(spec)
        return seen.length === 6 && seen
      })
      for (const line of all) {
        assert.equal(line.service, 'web')
        assert.equal(line.stream, 'stdout')
        assert.ok(!Number.isNaN(Date.parse(line.at)))
      }
      const mine = await lines(spec, { replicaName: `web.${spec.revision}.1` })
      assert.deepEqual(
        mine.map(({ replica, text }) => [replica, text]),
        ['one', 'two', 'three'].map(text => [`web.${spec.revision}.1`, text]),
      )
      assert.deepEqual(
        (await lines(spec, { replicaName: `web.${spec.revision}.1`, tail: 2 })).map(({ text }) => text),
        ['two', 'three'],
      )
      assert.deepEqual(await lines(spec, { service: 'api' }), [])
      assert.deepEqual(await lines(spec, { since: '2999-01-01T00:00:00.000Z' }), [])
      assert.equal((await lines(spec, { since: '2000-01-01T00:00:00.000Z' })).length, 6)
      await stopAll(spec)
    })

    test('logs that are followed go on with what is written later, until nobody listens', async () => {
      const spec = await revision({ label: 'prints', prints: ['one'] })
      const reader = new AbortController()
      const seen: string[] = []
      const following = (async () => {
        for await (const line of provider.logs({ instanceId: spec.instanceId, follow: true }, reader.signal)) {
          seen.push(line.replica)
        }
      })()
      await provider.start(spec, [0], fence(spec.instanceId))
      await until('the first was heard', async () => seen.length === 1)
      await provider.start(spec, [1], fence(spec.instanceId))
      await until('the second was heard', async () => seen.length === 2)
      assert.deepEqual(seen, [`web.${spec.revision}.0`, `web.${spec.revision}.1`])
      reader.abort()
      await over(following)
      await stopAll(spec)
    })

    test('an instance is forgotten only once nothing of it runs, and then leaves nothing', async () => {
      const [spec] = await started({ label: 'forgotten', prints: ['here'], task: { prints: [], exitsWith: 0 } })
      await assert.rejects(provider.forget(spec.instanceId, fence(spec.instanceId)))
      assert.equal((await observed(spec)).length, 1)
      await stopAll(spec)
      await provider.forget(spec.instanceId, fence(spec.instanceId))
      await provider.forget(spec.instanceId, fence(spec.instanceId))
      assert.deepEqual(await observed(spec), [])
      assert.deepEqual(await lines(spec), [])
    })

    test('it says that it is well', async () => {
      const health = await provider.check()
      assert.equal(health.ok, true, health.message)
    })

    test('replicas live on while no control plane does, and the next one finds them', async () => {
      if (!world.reopen) return
      const [spec, before] = await started(serves, { ports: [{ name: 'http' }] }, 2)
      provider = await world.reopen()
      assert.deepEqual(
        (await observed(spec)).toSorted((a, b) => a.ordinal - b.ordinal),
        before,
      )
      await provider.start(spec, [0, 1], fence(spec.instanceId))
      assert.equal((await observed(spec)).length, 2)
      await stopAll(spec)
      assert.deepEqual(await observed(spec), [])
    })
  })
}
