import type { Client, Webhook } from '../client/index.ts'
import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'

/** The webhook that is meant by its id or the end of one, with the version it has. Throws a `Refusal` when none is, or several. */
export async function findWebhook(client: Client, text: string, signal: AbortSignal): Promise<Webhook> {
  if (text.startsWith('whk_')) return await client.webhooks.get(text, { signal })
  const found: Webhook[] = []
  for await (const webhook of client.webhooks.list({ limit: 200 }, { signal })) {
    if (webhook.id.endsWith(text)) found.push(webhook)
  }
  const [only, ...others] = found
  if (only && others.length === 0) return await client.webhooks.get(only.id, { signal })
  if (only) {
    throw new Refusal(
      exit.usage,
      'ambiguous',
      `Several webhooks end in ${JSON.stringify(text)}.`,
      `Say which: ${found.map(({ id }) => id).join(', ')}`,
    )
  }
  throw new Refusal(
    exit.notFound,
    'not_found',
    `There is no webhook ${JSON.stringify(text)}.`,
    'See them:  slipway webhooks list',
  )
}
