import { answerMs, inTime } from '../abort.ts'
import { audited } from '../audit/entry.ts'
import type { Claims } from '../auth/auth.ts'
import type { Clock } from '../clock.ts'
import type { Store, Stores } from '../deploy/work.ts'
import { isSlipwayError, SlipwayError } from '../errors.ts'
import type { ProviderRegistry } from '../provider/registry.ts'
import { type Instance, isHeld } from './instance.ts'
import { requireThere } from './refusal.ts'
import { wantedIds } from './status.ts'

/** What came of adopting an instance. */
export interface Adopted {
  readonly instance: Instance
  /** Names of the replicas that its table does not want: they go once what it wants is ready. Absent when the platform did not answer. */
  readonly leaves?: readonly string[]
}

interface Adopting {
  readonly store: Store
  readonly providers: ProviderRegistry
  readonly clock: Clock
  /** Who has looked at it. */
  readonly by: Claims
  /** Reads the instance of the caller's tenant. */
  readonly get: (id: string, reader: Pick<Stores, 'instances'>) => Promise<Instance>
}

/** Makes what is stored of an instance what is wanted again, and takes its flag away. */
export async function adopt(id: string, parts: Adopting): Promise<Adopted> {
  const { store, by, get } = parts
  const before = await get(id, store)
  const leaves = await unwanted(before, parts)
  const told = leaves ? { leaves } : {}
  const instance = await store.transaction(async tx => {
    const current = await get(id, tx)
    requireThere(current)
    const because = current.needsAttention
    if (because === undefined || !isHeld(current)) {
      if (current.state === 'deleting') {
        throw new SlipwayError(
          'instance_state',
          `Instance "${current.name}" is being deleted: nothing of it is wanted.`,
          {
            next: 'Delete it again when its delete is stuck.',
            details: { state: current.state },
          },
        )
      }
      throw new SlipwayError('instance_state', `Instance "${current.name}" needs no attention.`, {
        next: 'There is nothing to adopt: its table is what is wanted already.',
        details: { state: current.state },
      })
    }
    await tx.instances.update(id, { needsAttention: null })
    await tx.events.append({
      type: 'instance.adopted',
      tenantId: current.tenantId,
      instanceId: id,
      data: { by: by.subject, because, ...told },
    })
    const object = { kind: 'instance', id, name: current.name }
    const change = { before: { needsAttention: because }, after: told }
    await tx.audit.append(audited(by, { action: 'instance.adopt', object, instanceId: id, ...change }))
    await tx.work.wake(id)
    return await get(id, tx)
  })
  return { instance, ...told }
}

/** What is there beyond the table. Adopting does not wait for a platform that is away: what it runs is looked at when it is back. */
async function unwanted({ id, provider: name }: Instance, parts: Adopting): Promise<string[] | undefined> {
  const { store, providers, clock } = parts
  const record = await store.work.load(id)
  const provider = providers.get(name)
  try {
    const patience = { who: `The provider "${name}"`, ms: answerMs, clock }
    const there = await inTime(patience, signal => provider.observe(id, signal))
    const ours = there.filter(replica => replica.storeId === store.storeId && replica.state !== 'exited')
    const wanted = wantedIds(record?.table ?? [], ours)
    return ours.filter(replica => !wanted.has(replica.id)).map(replica => replica.name)
  } catch (error) {
    if (isSlipwayError(error, 'unavailable')) return undefined
    throw error
  }
}
