import { proxyRouter } from '../../../src/router/proxy/router.ts'
import { routerContract } from '../../contract/router.ts'
import { ask, proxyWorld } from './world.ts'

routerContract('embedded proxy', async () => {
  const world = await proxyWorld()
  return {
    router: world.router,
    request: async (address, { host }) => ask({ port: address.port, headers: host === undefined ? {} : { host } }),
    reopen: async () => {
      await world.router.close()
      world.router = await proxyRouter({ dataDir: world.dataDir })
      return world.router
    },
    dispose: () => world.dispose(),
  }
})
