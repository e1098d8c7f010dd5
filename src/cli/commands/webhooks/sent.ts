import type { OneDelivery } from '../../../client/index.ts'
import type { Cli } from '../../cli.ts'
import { changed } from '../../told.ts'

/** Tells of a delivery that was asked for: its id is the data, and where to see what comes of it is the story. */
export function tellSent(cli: Cli, delivery: OneDelivery): number {
  const { id, webhook_id, event_type } = delivery
  if (!cli.json) cli.print(id)
  return changed(
    cli,
    delivery,
    `${event_type} is on its way.`,
    `See what comes of it:  slipway webhooks deliveries ${webhook_id} ${id}`,
  )
}
