import type { Instance } from '../../src/instance/instance.ts'
import type { Slipway } from '../../src/slipway.ts'

/** Ids of the replicas of an instance, or of one of its services, that the router sends new requests to. */
export async function servingOf(
  { router }: Pick<Slipway, 'router'>,
  { id }: Pick<Instance, 'id'>,
  service?: string,
): Promise<string[]> {
  const table = await router.observe(id)
  return Object.entries(table?.services ?? {})
    .filter(([name]) => service === undefined || name === service)
    .flatMap(([, { revisions }]) => Object.values(revisions))
    .flatMap(({ endpoints }) => endpoints.filter(({ state }) => state === 'serving').map(({ replica }) => replica))
}
