import { join } from 'node:path'
import { writeContexts } from '../../cli/contexts.ts'
import { imageIn } from './images.ts'
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
  return [`export SLIPWAY_CONFIG='${file}'`, ...commandsOn('shop', join(folder, 'images'))]
}

/** What there is to try, each after the one before it. */
function commandsOn(instance: string, images: string): readonly string[] {
  const image = (service: string, name: string): string => `--image '${service}=${imageIn(images, name)}'`
  const steps = JSON.stringify([{ weight: 25, pause: true }, 100])
  return [
    'npx slipway ps',
    `npx slipway deploy ${instance} ${image('web', 'web-4')} --strategy canary --option 'steps=${steps}' --until pause`,
    'npx slipway promote',
    `npx slipway rollback ${instance} --yes`,
    `npx slipway deploy ${instance} ${image('api', 'api-broken')} --strategy rolling`,
    `npx slipway logs ${instance} -n 20`,
  ]
}
