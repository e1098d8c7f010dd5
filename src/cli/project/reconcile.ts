import type { DeployRequest, Instance, UpdateInstance } from '../../client/index.ts'
import { type Difference, diffServices } from '../../deploy/diff.ts'
import { sameContent } from '../../deploy/revision.ts'
import { SlipwayError } from '../../errors.ts'
import type { ServiceSnapshot } from '../../instance/service.ts'
import { snakeCase, unwire } from '../../wire.ts'
import type { Act } from './act.ts'
import { deployOf, instanceOf, type Project } from './project.ts'

/** What a deploy is given beside what the file says: it goes before the file. */
export type DeployTerms = Omit<DeployRequest, 'services' | 'complete'>

/**
 * What has to be done so that an instance is as its file says. What the file says nothing of (hosts, a policy, the replicas of a service
 * that is there) stays as it is; services are as the file says, all of them. Pure.
 *
 * @param instance as it is on the server; absent when there is none of this name
 * @throws SlipwayError `instance_state` when it runs on another provider
 */
export function reconcile(project: Project, instance: Instance | undefined, terms: DeployTerms = {}): Act[] {
  if (!instance) return [{ kind: 'create', instance: instanceOf(project) }]
  if (project.provider !== undefined && project.provider !== instance.provider) {
    throw new SlipwayError(
      'instance_state',
      `Instance "${instance.name}" runs on the provider "${instance.provider}", and the file says "${project.provider}".`,
      { next: 'An instance stays where it was made: take the provider out of the file, or make another instance.' },
    )
  }
  const change = { ...changeOf(project, instance), ...exposeNow(project, instance) }
  const { now, later } = scales(project, instance)
  const expose = exposeLater(project, instance)
  return [
    ...(Object.keys(change).length > 0 ? [{ kind: 'update', change, from: instance } as const] : []),
    deployTo(project, instance, terms),
    ...(now ? [now] : []),
    ...(expose === undefined ? [] : [{ kind: 'expose', service: expose } as const]),
    ...(later ? [later] : []),
  ]
}

/** Hosts and policies, as far as the file names them and they differ. */
function changeOf({ hosts, policies }: Project, instance: Instance): UpdateInstance {
  const known: Readonly<Record<string, unknown>> = instance.policies
  const changed = Object.entries(policies ?? {}).filter(([name, value]) => !sameContent(value, known[name]))
  return {
    ...(hosts === undefined || sameContent(hosts, instance.hosts) ? {} : { hosts }),
    ...(changed.length === 0 ? {} : { policies: Object.fromEntries(changed) }),
  }
}

/** The exposed service, when it can be told before the deploy: none at all, or one that is there and has a port. */
function exposeNow(project: Project, instance: Instance): Pick<UpdateInstance, 'expose'> {
  const wanted = exposedBy(project)
  if (wanted === instance.expose) return {}
  if (wanted !== undefined) return isReachable(wanted, instance) ? { expose: wanted } : {}
  // When it is removed, its deploy takes the mark away.
  return project.services.some(({ name }) => name === instance.expose) ? { expose: null } : {}
}

/** The exposed service, when the deploy has to bring it, or its port, first. */
function exposeLater(project: Project, instance: Instance): string | undefined {
  const wanted = exposedBy(project)
  return wanted === undefined || wanted === instance.expose || isReachable(wanted, instance) ? undefined : wanted
}

function exposedBy({ services }: Project): string | undefined {
  return services.find(({ expose }) => expose === true)?.name
}

function isReachable(name: string, { services }: Instance): boolean {
  return services.some(service => service.name === name && (service.ports?.length ?? 0) > 0)
}

function deployTo(project: Project, instance: Instance, terms: DeployTerms): Extract<Act, { kind: 'deploy' }> {
  const request = { ...deployOf(project), ...terms }
  if (terms.strategy !== undefined && terms.strategy !== project.strategy && terms.options === undefined) {
    delete request.options // they are of the strategy that the file names
  }
  const changes = diffServices(comparable(instance.services), comparable(request.services)).map(wired)
  const names = (change: Difference['change']): string[] =>
    changes.filter(it => it.field === undefined && it.change === change).map(({ service }) => service)
  return { kind: 'deploy', request, changes, adds: names('added'), removes: names('removed') }
}

/** Services without what is the instance's own, in the words of the library. */
function comparable(services: readonly { readonly replicas?: number | undefined }[]): ServiceSnapshot[] {
  return services.map(service => {
    const { replicas, ...spec } = service
    void replicas // told by a scale
    return unwire(spec) as ServiceSnapshot
  })
}

/** The field by the name it has in the file. */
function wired({ field, ...difference }: Difference): Difference {
  if (field === undefined) return difference
  return { ...difference, field: field.includes('.') ? field : snakeCase(field) }
}

/** Counts the file names that are others on the server. A deploy brings a service its count only when it is new. */
function scales(project: Project, instance: Instance): { now?: Act; later?: Act } {
  const now: Record<string, number> = {}
  const later: Record<string, number> = {}
  for (const { name, replicas } of project.services) {
    if (replicas === undefined) continue
    const there = instance.services.find(service => service.name === name)
    if (there && there.replicas !== replicas) (instance.current_release_id === undefined ? later : now)[name] = replicas
    // A service that comes back has the count it had when it was removed.
    const before = instance.removed_replicas?.[name]
    if (!there && before !== undefined && before !== replicas) later[name] = replicas
  }
  return {
    ...(Object.keys(now).length > 0 ? { now: { kind: 'scale', replicas: now, afterSuccess: false } as const } : {}),
    ...(Object.keys(later).length > 0
      ? { later: { kind: 'scale', replicas: later, afterSuccess: true } as const }
      : {}),
  }
}
