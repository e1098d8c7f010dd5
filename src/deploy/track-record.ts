import type { Timestamp } from '../clock.ts'
import { timestamp } from '../clock.ts'
import { isSlipwayError } from '../errors.ts'
import type { Provider } from '../provider/provider.ts'
import type { Vault } from '../secrets/vault.ts'
import type { Outcome } from './history.ts'
import { requireImages, requireRestorable } from './refusal.ts'
import type { Release } from './release.ts'
import type { Store } from './work.ts'

/** A release with what became of it. */
export interface TrackedRelease extends Release {
  /** Whether a rollback to it would be accepted now, as far as the release goes. */
  readonly restorable: boolean
  /** Why not. */
  readonly unrestorable?: string
  /** When the first of its images was removed. Absent while all are there. */
  readonly prunedAt?: Timestamp
  /** How long it was the active one, all its turns together, milliseconds. Absent when it never was. */
  readonly ranForMs?: number
  /** What became of the deployment that brought it out. Absent when that is not recorded. */
  readonly outcome?: Omit<Outcome, 'instanceId' | 'releaseId'>
}

/** What is known of each release of one page of an instance. */
export async function tracked(
  releases: readonly Release[],
  instanceId: string,
  { store, provider, vault, now }: { store: Store; provider: Provider; vault: Vault; now: number },
): Promise<TrackedRelease[]> {
  const ids = releases.map(({ id }) => id)
  const ran = await store.history.ranForMs(instanceId, ids, timestamp(now))
  const brought = new Map((await store.history.broughtOut(ids)).map(outcome => [outcome.releaseId, outcome]))
  const digests = new Set(releases.flatMap(({ services }) => services.flatMap(({ digest }) => digest ?? [])))
  const pruned = await store.history.pruned([...digests])
  const asking = remembering(provider)
  return await Promise.all(
    releases.map(async release => {
      const why = await whyNot(release, asking, vault)
      const gone = why === undefined ? [] : release.services.flatMap(({ digest }) => pruned.get(digest) ?? [])
      const prunedAt = gone.toSorted()[0]
      const ranForMs = ran.get(release.id)
      const outcome = brought.get(release.id)
      return {
        ...release,
        restorable: why === undefined,
        ...(why === undefined ? {} : { unrestorable: why }),
        ...(prunedAt === undefined ? {} : { prunedAt }),
        ...(ranForMs === undefined ? {} : { ranForMs }),
        ...(outcome ? { outcome: shown(outcome) } : {}),
      }
    }),
  )
}

function shown({ instanceId, releaseId, ...outcome }: Outcome): Omit<Outcome, 'instanceId' | 'releaseId'> {
  void [instanceId, releaseId] // the release says so itself
  return outcome
}

async function whyNot(release: Release, provider: Provider, vault: Vault): Promise<string | undefined> {
  if (release.activatedAt === undefined) return 'It was never active.'
  try {
    await requireRestorable(release, release.tenantId, vault)
    await requireImages(release.services, `Release ${release.version}`, provider)
    return undefined
  } catch (error) {
    if (!isSlipwayError(error, 'unrestorable')) throw error
    return error.message
  }
}

/** The provider, asked once for each image. */
function remembering(provider: Provider): Provider {
  const asked = new Map<string, Promise<boolean>>()
  return new Proxy(provider, {
    get(target, key) {
      if (key !== 'has' || !target.has) return Reflect.get(target, key, target) as unknown
      return (digest: string) => {
        const answer = asked.get(digest) ?? target.has?.(digest) ?? Promise.resolve(true)
        asked.set(digest, answer)
        return answer
      }
    },
  })
}
