import type { Check } from './check.ts'
import { good } from './finding.ts'
import { looked } from './looked.ts'

/** The server answers, and so do its parts: its database, disk, router and providers. */
export const reached: Check = {
  needs: 'server',
  look: async ({ cli: { signal }, client, url, settings }) => [
    good('server', `${url.href.replace(/\/+$/, '')} answers (${settings.url.source})`),
    await looked('parts', signal, {
      look: async () => {
        await client.ready({ signal })
        return 'all answer'
      },
      why: 'A part of the server does not do what it is for; what runs already serves on.',
      next: 'Mend what is named; the log of the server may say more.',
    }),
  ],
}
