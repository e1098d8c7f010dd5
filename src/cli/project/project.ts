import { z } from 'zod'
import type { CreateInstance, DeployRequest } from '../../client/index.ts'
import { deployRequestSchema } from '../../deploy/schema.ts'
import { createInstanceSchema, nameSchema } from '../../instance/schema.ts'
import { wireSchema } from '../../server/wire-schema.ts'

/** What a project file is called. */
export const projectFileName = 'slipway.yaml'

/** What may stand in a project file: an instance as the API takes it, and how it is deployed. */
export const projectSchema = wireSchema(
  createInstanceSchema.extend({
    /** For operators; others have the tenant of their token. */
    tenant: nameSchema.optional(),
    services: createInstanceSchema.shape.services.min(1, 'must name at least one service'),
    strategy: deployRequestSchema.shape.strategy,
    options: deployRequestSchema.shape.options,
  }),
)

/** An instance as a file describes it. Keys are those of the wire. */
export type Project = z.output<typeof projectSchema>

/** The instance that the file asks for, when there is none yet. */
export function instanceOf(project: Project): CreateInstance {
  const { tenant, strategy, options, ...instance } = project
  void [tenant, strategy, options] // the first is told with the call, the others are of a deploy
  return instance
}

/** A deploy to all that the file says: what it does not name is removed. */
export function deployOf({ services, strategy, options }: Project): DeployRequest {
  return {
    services: services.map(({ expose, ...service }) => {
      void expose // of the instance
      return service
    }),
    complete: true,
    ...(strategy === undefined ? {} : { strategy }),
    ...(options === undefined ? {} : { options }),
  }
}
