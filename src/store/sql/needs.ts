import type { RunRequest } from '../../deploy/run.ts'
import type { Table } from '../../deploy/step.ts'
import type { WorkStore } from '../../deploy/work.ts'
import type { ServiceSnapshot } from '../../instance/service.ts'
import { releaseRow } from './releases.ts'
import { runs } from './runs.ts'
import type { Session } from './session.ts'

/** Which images an instance still needs. */
export function needs(session: Session): Pick<WorkStore, 'images'> {
  const { db } = session
  const ofInstance = (instanceId: string) =>
    db.selectFrom('releases').select('services').where('instance_id', '=', instanceId)

  return {
    async images(instanceId, keepReleases) {
      const instance = await db
        .selectFrom('instances')
        .select('wanted')
        .where('id', '=', instanceId)
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      if (!instance) return []
      const busy = await runs(session).queue(instanceId)
      const named = [
        ...(JSON.parse(instance.wanted) as Table).map(row => row.release),
        ...busy.flatMap(({ request }) => (request.kind === 'rollback' ? [request.releaseId] : [])),
      ]
      const newest = ofInstance(instanceId).orderBy('version', 'desc').limit(keepReleases)
      const kept = [
        ...(await newest.execute()),
        ...(await newest.where('activated_at', 'is not', null).execute()),
        ...(await ofInstance(instanceId).where('active', '=', 1).execute()),
        ...(named.length > 0 ? await ofInstance(instanceId).where('id', 'in', named).execute() : []),
      ]
      const services = [
        ...kept.flatMap(row => releaseRow.read(row).services),
        ...busy.flatMap(({ request, plan }) => [...broughtBy(request), ...Object.values(plan?.specs ?? {}).flat()]),
      ]
      return [...new Set(services.flatMap(({ digest }) => (digest === undefined ? [] : [digest])))]
    },
  }
}

/** The services that a deployment was asked to bring, resolved at the call. */
function broughtBy(request: RunRequest): readonly Partial<Pick<ServiceSnapshot, 'digest'>>[] {
  switch (request.kind) {
    case 'deploy':
      return [...request.services, ...(request.declared ?? [])].map(({ digest }) =>
        digest === undefined ? {} : { digest },
      )
    case 'provision':
      return request.services
    case 'rollback':
    case 'initial':
    case 'scale':
    case 'restart':
    case 'stop':
    case 'start':
    case 'delete':
      return []
  }
}
