import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Deployment } from '../../src/deploy/deployment.ts'
import type { Store, Stores } from '../../src/deploy/work.ts'
import { SlipwayError } from '../../src/errors.ts'
import { fakeClock } from '../../src/provider/fake/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { type House, house, web } from './harness.ts'

const ioError = new SlipwayError('unavailable', "The database file can't be used: disk I/O error.")

/** Through every kind of step, with a hold that is long enough to keep how long it was watched, and a pause that ends by itself. */
const canary = {
  strategy: 'canary',
  options: { steps: [{ weight: 50, holdSeconds: 6, pause: true, pauseSeconds: 1 }], keepWarmSeconds: 0 },
}

describe('a call of the store that fails once, whichever it is,', () => {
  test('fails no deployment', async t => {
    const calls = await each(
      t,
      ioError,
      async (h, change) => await h.acme.deploy({ ...change, ...canary }),
      'succeeded',
    )
    assert.ok(calls > 30, `${calls} calls`)
  })

  for (const fault of [ioError, new SlipwayError('overloaded', 'More is asked of the database than its disk takes.')]) {
    test(`keeps no undo from restoring, when it says ${fault.code}`, async t => {
      const begin = async (h: House, change: Change): Promise<Deployment> => {
        for (const { image } of change.services) h.world.script({ image }, { readyMs: 'never' })
        const asked = await h.acme.deploy({ ...change, strategy: 'blue-green' })
        await h.reach(asked, now => now.reason?.code === 'health')
        return await h.acme.cancel(asked.id)
      }
      const calls = await each(t, fault, begin, 'cancelled, restored')
      assert.ok(calls > 10, `${calls} calls`)
    })
  }
})

describe('a commit that is on disk, and is said to have failed,', () => {
  test('leaves no instance owned by nobody who works on it: the deployment ends', async t => {
    const clock = fakeClock()
    const real = await sqliteStore({ path: ':memory:', clock })
    const failing = { call: 'none' }
    const h = await house(t, { clock, store: failingAfterCommit(real, failing) })
    const { id } = await h.shop({ services: [web('fake:web-1')] })
    for (const [call, state] of [
      ['savePlan', 'succeeded'],
      ['saveUndoSteps', 'cancelled'],
    ]) {
      failing.call = call ?? ''
      h.world.script({ image: `fake:${call}` }, { readyMs: call === 'savePlan' ? 0 : 'never' })
      const asked = await h.acme.deploy({ instanceId: id, services: [{ name: 'web', image: `fake:${call}` }] })
      if (state === 'cancelled') {
        await h.reach(asked, now => now.reason?.code === 'health')
        await h.acme.cancel(asked.id)
      }
      assert.equal((await h.end(asked)).state, state)
      assert.equal(failing.call, 'none', 'a commit failed')
    }
  })
})

/** The first commit that this call of the engine's port is part of is made, and told to have failed. */
function failingAfterCommit(store: Store, failing: { call: string }): Store {
  return {
    ...store,
    async transaction(act) {
      let met = false
      const done = await store.transaction(tx =>
        act({
          ...tx,
          work: new Proxy(tx.work, {
            get: (work, name) => {
              met ||= name === failing.call
              return Reflect.get(work, name) as unknown
            },
          }),
        }),
      )
      if (!met) return done
      failing.call = 'none'
      throw ioError
    },
  }
}

interface Change {
  readonly instanceId: string
  readonly services: { readonly name: string; readonly image: string }[]
}

/** Makes one deployment after the other in which a call of the store fails, the first, the second and so on, until there is none to fail. */
async function each(
  t: TestContext,
  fault: SlipwayError,
  begin: (h: House, change: Change) => Promise<Deployment>,
  wanted: string,
): Promise<number> {
  const clock = fakeClock()
  const real = await sqliteStore({ path: ':memory:', clock })
  const failing = { left: Number.POSITIVE_INFINITY }
  const h = await house(t, { clock, store: failingOnce(real, fault, failing) })
  const { id } = await h.shop({ services: [web('fake:web-1')] })
  for (let call = 1; ; call++) {
    const asked = await begin(h, { instanceId: id, services: [{ name: 'web', image: `fake:web-${call + 1}` }] })
    failing.left = call
    const ended = async (): Promise<Deployment | undefined> => {
      const now = (await real.work.run(asked.id))?.deployment
      return now?.state === 'pending' || now?.state === 'running' ? undefined : now
    }
    await h.when(async () => (await ended()) !== undefined)
    const unmet = failing.left > 0
    failing.left = Number.POSITIVE_INFINITY
    const { state, restored, error } = (await ended()) ?? {}
    assert.equal(`${state}${restored ? ', restored' : ''}`, wanted, `call ${call}: ${error}`)
    if (unmet) return call
  }
}

function failingOnce(store: Store, fault: SlipwayError, failing: { left: number }): Store {
  const counted = (): void => {
    if (--failing.left === 0) throw fault
  }
  const port = <P extends Stores[keyof Stores]>(of: P): P =>
    new Proxy(of, {
      get: (_, name) => {
        const call = Reflect.get(of, name) as (...args: unknown[]) => Promise<unknown>
        return async (...args: unknown[]): Promise<unknown> => {
          counted()
          return await call(...args)
        }
      },
    })
  return {
    ...store,
    deploys: port(store.deploys),
    instances: port(store.instances),
    events: port(store.events),
    work: port(store.work),
    async transaction(work) {
      counted()
      return await store.transaction(work)
    },
  }
}
