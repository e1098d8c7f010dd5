import type { Session } from './session.ts'
import { statement } from './statement.ts'

const holding = statement<{ id: string }, object>((db, of) =>
  db.selectFrom('instances').select('id').where('id', '=', of('id')).forNoKeyUpdate(),
)
const holdingOf = statement<{ deploymentId: string }, object>((db, of) =>
  db
    .selectFrom('instances')
    .select('id')
    .where('id', '=', e => e.selectFrom('deployments').select('instance_id').where('id', '=', of('deploymentId')))
    .forNoKeyUpdate(),
)

/**
 * Inside a transaction: until its end nobody else's transaction holds this instance. Whoever changes anything of an instance holds it before
 * anything is read, so what is done to one is done in a row, and none waits for another in a circle.
 */
export async function holdInstance(session: Session, id: string): Promise<void> {
  if (session.db.isTransaction && !session.flavour.soleProcess) await holding(session, { id })
}

/** The same of the instance that a deployment is of. */
export async function holdInstanceOf(session: Session, deploymentId: string): Promise<void> {
  if (session.db.isTransaction && !session.flavour.soleProcess) await holdingOf(session, { deploymentId })
}
