import { z } from 'zod'
import type { AllowedAction } from '../deploy/actions.ts'
import type { DeployRequest, RollbackRequest } from '../deploy/schema.ts'
import { given } from '../deploy/schema.ts'
import { unwire, type Wired, wire } from '../wire.ts'
import { etagOf } from './conditional.ts'
import type { ServerParts } from './context.ts'
import { accepted, linksOf, pageAnswer } from './links.ts'
import { body, json, optionalBody, resource, route } from './route.ts'
import {
  acceptedSchema,
  deployBody,
  deploymentQuery,
  deploymentSchema,
  oneDeploymentSchema,
  performedStepSchema,
  planSchema,
  rollbackBody,
} from './schema/deployment.ts'
import { idParam, pageOf, tenantQuery } from './schema/shared.ts'

const one = { params: idParam, query: z.object(tenantQuery) }

const plan = route('POST /v1/instances/{id}/plan', {
  summary: 'What a deploy would do; writes nothing',
  request: { ...one, body: body(deployBody) },
  responses: { 200: json('The steps, and what changes', planSchema) },
})
const deploy = route('POST /v1/instances/{id}/deployments', {
  summary: 'Make a release and start its rollout',
  request: { ...one, body: body(deployBody) },
  responses: { 202: json('It is recorded', acceptedSchema) },
})
const rollback = route('POST /v1/instances/{id}/rollback', {
  summary: 'Bring a release back that was active before',
  request: { ...one, body: optionalBody(rollbackBody) },
  responses: { 202: json('It is recorded', acceptedSchema) },
})
const list = route('GET /v1/deployments', {
  summary: 'Deployments across instances, newest first',
  request: { query: deploymentQuery },
  responses: { 200: json('A page', pageOf(deploymentSchema)) },
})
const get = route('GET /v1/deployments/{id}', {
  summary: 'One deployment, and what may be asked of it',
  versioned: true,
  request: one,
  responses: { 200: json('The deployment', oneDeploymentSchema) },
})
const steps = route('GET /v1/deployments/{id}/steps', {
  summary: 'Its steps: what came of those that were begun, and those to come',
  request: one,
  responses: { 200: json('In order', z.object({ items: z.array(performedStepSchema) })) },
})

/** Deployments: asking for them, and reading them. */
export function deployments(parts: ServerParts) {
  return resource()
    .openapi(plan, async c => {
      const request = unwire(c.req.valid('json')) as Omit<DeployRequest, 'instanceId'>
      const preview = await c.var.acting.plan({ ...request, instanceId: c.req.valid('param').id })
      return c.json(wire(preview), 200)
    })
    .openapi(deploy, async c => {
      const { acting } = c.var
      const place = await acting.events.place()
      const request = unwire(c.req.valid('json')) as Omit<DeployRequest, 'instanceId'>
      const deployment = await acting.deploy({ ...request, instanceId: c.req.valid('param').id })
      return c.json(accepted(c, parts, deployment, place), 202)
    })
    .openapi(rollback, async c => {
      const { acting } = c.var
      const place = await acting.events.place()
      const instanceId = c.req.valid('param').id
      const { releaseId, ...more } = unwire(c.req.valid('json')) as Partial<RollbackRequest>
      const back = releaseId ?? (await acting.previousRelease(instanceId)).id
      const deployment = await acting.rollback({ ...more, instanceId, releaseId: back })
      return c.json(accepted(c, parts, deployment, place), 202)
    })
    .openapi(list, async c => {
      const { state, kind, instance_id, release_id, limit, cursor } = c.req.valid('query')
      const page = await c.var.acting.findDeployments(
        given({
          limit,
          cursor,
          states: state,
          kinds: kind,
          instanceIds: instance_id === undefined ? undefined : [instance_id],
          releaseId: release_id,
        }),
      )
      return c.json(pageAnswer(c, parts, page), 200)
    })
    .openapi(get, async c => {
      const { acting } = c.var
      const { id } = c.req.valid('param')
      const place = await acting.events.place()
      const { deployment, actions } = await acting.inspect(id)
      const progress = await acting.history.progress(id)
      const known = {
        ...wire(deployment),
        allowed_actions: wire(actions) as Wired<AllowedAction>[],
        steps: wire(await acting.steps(id)),
        ...wire(progress),
      }
      const { eta, ...steady } = known
      void eta // another number at each read, and no reason to read it all again
      c.set('etag', etagOf(steady))
      return c.json({ ...known, last_event_id: String(place), links: linksOf(parts.basePath, deployment, place) }, 200)
    })
    .openapi(steps, async c => c.json({ items: wire(await c.var.acting.steps(c.req.valid('param').id)) }, 200))
}
