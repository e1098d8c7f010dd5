import type { Client, Token } from '../client/index.ts'
import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'

/** The token that is meant by its id, the end of one, or the name of one that is still good. Throws a `Refusal` when none is, or several. */
export async function findToken(
  client: Client,
  text: string,
  signal: AbortSignal,
): Promise<Pick<Token, 'id' | 'name'>> {
  if (text.startsWith('tok_')) return await client.tokens.get(text, { signal })
  const found: Token[] = []
  for await (const token of client.tokens.list({ limit: 200 }, { signal })) {
    if (token.revoked_at === undefined && (token.name === text || token.id.endsWith(text))) found.push(token)
  }
  const [only, ...others] = found
  if (only && others.length === 0) return only
  if (only) {
    throw new Refusal(
      exit.usage,
      'ambiguous',
      `Several tokens are meant by ${JSON.stringify(text)}.`,
      ...found.slice(0, 5).map(({ id, created_at }) => `${id}  made ${created_at}`),
    )
  }
  throw new Refusal(
    exit.notFound,
    'not_found',
    `There is no good token ${JSON.stringify(text)}.`,
    'See them:  slipway tokens list',
  )
}
