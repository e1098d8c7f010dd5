import type {
  Accepted,
  Client,
  Created,
  CreateInstance,
  DeployRequest,
  Instance,
  OneInstance,
  UpdateInstance,
} from '../../client/index.ts'
import type { Difference } from '../../deploy/diff.ts'

/** One thing that is done to bring an instance to what its file says. What is printed is what is performed. */
export type Act =
  | { readonly kind: 'create'; readonly instance: CreateInstance }
  /** `from`: the instance as it was read, so that nobody's change is lost. */
  | { readonly kind: 'update'; readonly change: UpdateInstance; readonly from: Instance }
  | {
      readonly kind: 'deploy'
      readonly request: DeployRequest
      /** What differs between the file and what is declared; the server's plan tells what differs between images as well. */
      readonly changes: readonly Difference[]
      readonly adds: readonly string[]
      readonly removes: readonly string[]
    }
  | { readonly kind: 'scale'; readonly replicas: Readonly<Record<string, number>>; readonly afterSuccess: boolean }
  /** After the deploy has succeeded: only then is there something to expose. */
  | { readonly kind: 'expose'; readonly service: string }

/** What came of an act. */
export type Performed =
  | { readonly kind: 'create'; readonly answer: Created }
  | { readonly kind: 'update' | 'expose'; readonly answer: OneInstance }
  | { readonly kind: 'deploy' | 'scale'; readonly answer: Accepted }

/** Whose instance it is; `id` is absent for one that is to be created. */
export interface Target {
  readonly id?: string | undefined
  readonly tenant?: string | undefined
  /** Ends the call. */
  readonly signal?: AbortSignal
}

/** Whether it can only be done once the deploy before it has succeeded. */
export function waitsForSuccess(act: Act): boolean {
  return act.kind === 'expose' || (act.kind === 'scale' && act.afterSuccess)
}

/** The services that acts remove: nobody removes them without having been asked. */
export function removedBy(acts: readonly Act[]): string[] {
  return acts.flatMap(act => (act.kind === 'deploy' ? act.removes : []))
}

/** Performs one act. The acts of a list are performed in their order. */
export async function perform(act: Act, client: Client, { id = '', tenant, signal }: Target): Promise<Performed> {
  const options = { ...(tenant === undefined ? {} : { tenant }), ...(signal === undefined ? {} : { signal }) }
  const { instances, deployments } = client
  switch (act.kind) {
    case 'create':
      return { kind: 'create', answer: await instances.create(act.instance, options) }
    case 'update':
      return { kind: 'update', answer: await instances.update(act.from, act.change, options) }
    case 'deploy':
      return { kind: 'deploy', answer: await deployments.create(id, act.request, options) }
    case 'scale':
      return { kind: 'scale', answer: await instances.scale(id, { ...act.replicas }, options) }
    case 'expose': {
      const now = await instances.get(id, options)
      return { kind: 'expose', answer: await instances.update(now, { expose: act.service }, options) }
    }
  }
}
