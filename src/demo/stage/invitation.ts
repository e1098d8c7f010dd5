import { join } from 'node:path'
import { writeContexts } from '../../cli/contexts.ts'
import { type Stage, tenant } from './stage.ts'

/**
 * Lines to paste into another terminal while the demo stays up. Who pastes them works as the tenant with a token of their own, kept in a file of
 * the demo's folder that only its owner reads; it goes with the demo.
 */
export async function invite({ folder, client, controlPlane }: Stage): Promise<readonly string[]> {
  const { secret } = await client.tokens.create({ name: 'demo', scopes: ['admin'] })
  const file = join(folder, 'config.json')
  const context = { url: controlPlane.url, token: secret }
  await writeContexts(
    { env: { SLIPWAY_CONFIG: file }, home: folder },
    { current: tenant, contexts: { [tenant]: context } },
  )
  return [`export SLIPWAY_CONFIG='${file}'`, 'npx slipway tokens list']
}
