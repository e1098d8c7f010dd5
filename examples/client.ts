import { createClient, SlipwayApiError } from '../src/client/index.ts' // for you: 'slipway/client'

const client = createClient({
  url: process.env['SLIPWAY_URL'] ?? 'http://127.0.0.1:7420',
  token: () => process.env['SLIPWAY_TOKEN'] ?? '',
})

const web = { name: 'web', image: 'file:examples/hello-1', ports: [{ name: 'http' }], expose: true }
const created = await client.instances.create({ name: 'kiosk', services: [web] })
console.log('created:', (await client.deployments.finished(created)).state)

const asked = await client.deployments.create(created.instance.id, {
  services: [{ name: 'web', image: 'file:examples/hello-2' }],
  strategy: 'blue-green',
})
for await (const event of client.deployments.watch(asked)) {
  if (event.type === 'deploy.succeeded') console.log('deployed')
}
for await (const release of client.releases.list(created.instance.id)) console.log('release', release.version)

try {
  await client.deployments.cancel(asked.id)
} catch (error) {
  if (!(error instanceof SlipwayApiError)) throw error
  console.log('refused:', error.code)
}
const kiosk = await client.instances.get(created.instance.id)
const deleting = await client.instances.delete(kiosk, 'kiosk')
console.log('deleted:', (await client.deployments.finished(deleting)).state)
