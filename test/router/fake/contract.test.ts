import { fakeRouter } from '../../../src/router/fake/router.ts'
import { routerContract } from '../../contract/router.ts'

routerContract('the fake', () => {
  let router = fakeRouter()
  const { proxy } = router
  return {
    router,
    async reopen() {
      await router.close()
      router = fakeRouter({ proxy })
      return router
    },
    dispose: () => router.close(),
  }
})
