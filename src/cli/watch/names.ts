import { type Client, type OneDeployment, SlipwayApiError } from '../../client/index.ts'
import type { Names } from './story.ts'

/** What people call the things that a deployment names by id. What is gone meanwhile keeps its id. */
export async function namesOf(client: Client, deployment: OneDeployment, signal: AbortSignal): Promise<Names> {
  const { id, created_at, instance_id, from_release_id, release_id, state } = deployment
  const versionOf = async (release: string | undefined): Promise<number | undefined> =>
    release === undefined ? undefined : (await found(client.releases.get(release, { signal })))?.version
  const ahead = async (): Promise<string[] | undefined> => {
    if (state !== 'pending') return undefined
    const { items } = await client.deployments.list({ instance_id, state: ['pending', 'running'] }, { signal }).page()
    const before = items.filter(other => other.id !== id && other.created_at <= created_at)
    return before.toReversed().map(other => other.id)
  }
  const [instance, from, to, first] = await Promise.all([
    found(client.instances.get(instance_id, { signal })),
    versionOf(from_release_id),
    versionOf(release_id),
    ahead(),
  ])
  return { instance: instance?.name ?? instance_id, from, to, ahead: first }
}

async function found<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof SlipwayApiError && error.code === 'not_found') return undefined
    throw error
  }
}
