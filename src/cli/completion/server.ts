import type { CallOptions, Client } from '../../client/index.ts'
import { cliOf } from '../cli.ts'
import { listed } from '../find.ts'
import type { SettingFlags } from '../settings.ts'
import type { World } from '../world.ts'
import { remembered } from './memory.ts'

/** How long somebody who pressed Tab waits for a server. */
const patienceMs = 300

/** Instances by their names; where several tenants have one of that name, or when asked to, as `tenant/name`. */
export async function instancesKnown(world: World, said: SettingFlags, withTenants: boolean): Promise<string[]> {
  const known = await asked(world, said, 'instances', async (client, options) => {
    const { items } = await listed(options, of => client.instances.list({ limit: 200 }, of).page())
    return items.filter(({ state }) => state !== 'deleted').map(({ tenant_id, name }) => `${tenant_id}/${name}`)
  })
  const names = known.map(nameIn)
  return known.map(full => {
    const name = nameIn(full)
    return withTenants || names.indexOf(name) !== names.lastIndexOf(name) ? full : name
  })
}

/** The ids of deployments that run. */
export async function deploymentsKnown(world: World, said: SettingFlags): Promise<string[]> {
  return await asked(world, said, 'deployments', async (client, options) => {
    const { items } = await listed(options, of => client.deployments.list({ state: 'active', limit: 200 }, of).page())
    return items.map(({ id }) => id)
  })
}

type Ask = (client: Client, options: CallOptions) => Promise<string[]>

/** Asks the server that the line means, once and not for long. */
async function asked(world: World, said: SettingFlags, what: string, ask: Ask): Promise<string[]> {
  const cli = cliOf({ ...world, env: { ...world.env, SLIPWAY_RETRIES: '0' } }, said)
  const { url, token, tenant } = await cli.settings()
  return await remembered(world, what, [url.value, token?.value, tenant?.value], async () => {
    return await ask(await cli.connect(), { signal: AbortSignal.timeout(patienceMs) })
  })
}

function nameIn(full: string): string {
  return full.slice(full.indexOf('/') + 1)
}
