import type { Revision, Step, Table } from '../deploy/step.ts'
import type { PlanInput } from '../deploy/strategy.ts'
import { next } from '../deploy/table.ts'
import { SlipwayError } from '../errors.ts'
import type { Provider, ProviderView } from '../provider/provider.ts'

/** What the view is made from. */
interface ViewSources {
  readonly provider: Provider
  readonly instanceId: string
  readonly input: PlanInput
  readonly table: () => Table
  readonly perform: (step: Step) => Promise<void>
}

/** The provider as a custom strategy sees it: what it starts and stops is performed as steps, so that enforcing never undoes it. */
export function providerView({ provider, instanceId, input, table, perform }: ViewSources): ProviderView {
  return {
    name: provider.name,
    capabilities: provider.capabilities,
    observe: () => provider.observe(instanceId),
    async start(service, replicas) {
      const planned = input.next.find(candidate => candidate.name === service)
      if (!planned) throw new SlipwayError('unknown_service', `The release has no service "${service}".`)
      const move = { kind: 'run', service, revision: planned.revision, replicas, release: planned.release } as const
      await perform({ name: `run ${replicas} of ${service}`, ...move, table: next(table(), move) })
    },
    async stop(service: string, revision: Revision, remaining: number) {
      const move = { kind: 'retire', service, revision, replicas: remaining } as const
      await perform({ name: `retire ${service} to ${remaining}`, ...move, table: next(table(), move) })
    },
  }
}
