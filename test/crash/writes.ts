import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { providerReads, routerReads } from '../../src/fault/calls.ts'
import { storeReads } from '../../src/fault/store.ts'
import { fakeRouter } from '../../src/provider/fake/index.ts'
import { processProvider } from '../../src/provider/process/provider.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

const byTheCaretaker =
  'a minute after the start at the earliest; what it throws away nobody needs, and it begins anew: test/disk'
const byPeople = 'one commit of its own that no rollout is part of: test/secrets'
const byOperators = 'one commit of its own that no rollout is part of: test/tenant'

const byTheServer = 'of a request over HTTP, which no rollout is part of: test/server'
const ofTasks = 'of a task beside the deployments: test/task'
const toWebhooks = 'the shop has none: test/event/webhook-kill.test.ts'

/** What changes something and is met by no scenario, and why not. */
export const unplayed: Readonly<Record<string, string>> = {
  'events.prune': byTheCaretaker,
  'work.shrinkRuns': byTheCaretaker,
  'work.pruneHistory': byTheCaretaker,
  'provider.prune': byTheCaretaker,
  'store.tidy': byTheCaretaker,
  'audit.prune': byTheCaretaker,
  'tasks.prune': byTheCaretaker,
  'tasks.insert': ofTasks,
  'tasks.claim': ofTasks,
  'tasks.update': ofTasks,
  'provider.stopTask': ofTasks,
  'requests.begin': byTheServer,
  'requests.finish': byTheServer,
  'requests.drop': byTheServer,
  'requests.forget': byTheServer,
  'tokens.insert': byPeople,
  'tokens.used': byTheServer,
  'tokens.rotate': byPeople,
  'tokens.revoke': byPeople,
  'secrets.insert': byPeople,
  'secrets.revoke': byPeople,
  'secrets.delete': byPeople,
  'events.setCursor': 'of a named subscriber, and the shop has none: test/event',
  'webhooks.pruneDeliveries': byTheCaretaker,
  'webhooks.insert': toWebhooks,
  'webhooks.change': toWebhooks,
  'webhooks.delete': toWebhooks,
  'webhooks.reached': toWebhooks,
  'webhooks.enqueue': toWebhooks,
  'webhooks.attempted': toWebhooks,
  'webhooks.hurry': toWebhooks,
  'webhooks.cancel': toWebhooks,
  'tenants.insert': byOperators,
  'tenants.update': byOperators,
  'tokens.revokeAll': byOperators,
  'work.raise': 'only when the database went back to a backup: test/healing/went-back.test.ts',
  'work.removeWorker': 'only by a control plane that is closed, which none here is',
}

/** What a test tells the fake router, beside what the port has. */
const toldByTests = ['fault', 'clearFaults', 'setTraffic', 'setInFlight', 'forgetAll', 'restart']

/** Every method of the ports that changes something, as fault points name them: `work.saveStep`, `router.apply`. */
export async function writesOfPorts(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-writes-'))
  const store = await sqliteStore({ path: join(folder, 'slipway.db') })
  const provider = await processProvider({ dataDir: folder })
  try {
    return [
      ...Object.entries(storeReads).flatMap(([port, reads]) =>
        methodsOf(store[port as keyof typeof storeReads], reads).map(method => `${port}.${method}`),
      ),
      ...methodsOf(store, ['transaction', 'close']).map(method => `store.${method}`),
      ...methodsOf(provider, providerReads).map(method => `provider.${method}`),
      ...methodsOf(fakeRouter(), [...routerReads, ...toldByTests]).map(method => `router.${method}`),
    ]
  } finally {
    await provider.close()
    await store.close()
    await rm(folder, { recursive: true })
  }
}

/** The methods that stand in the names of fault points: `after commit[work.patch,events.append]` has two. */
export function methodsIn(names: Iterable<string>): Set<string> {
  return new Set([...names].flatMap(name => name.match(/\w+\.\w+/g) ?? []))
}

function methodsOf(target: object, except: readonly string[]): string[] {
  return Object.entries(target).flatMap(([name, value]) =>
    typeof value === 'function' && !except.includes(name) ? name : [],
  )
}
