import { shown } from '../shown.ts'
import { version } from '../version.ts'
import type { Check } from './check.ts'
import { bad, type Finding, good, warning } from './finding.ts'
import { looked } from './looked.ts'

/** The version of the API that this command speaks. */
const spoken = '1'

/** The API is the one that this command speaks. */
export const versions: Check = {
  needs: 'server',
  async look({ cli: { signal }, client }) {
    const found = await looked('api', signal, {
      look: async () =>
        ((await client.openapi({ signal })) as { info?: { version?: string } }).info?.version ?? 'unknown',
      why: 'What answers there does not describe an API.',
      next: 'Is it a Slipway server?  slipway config --sources',
    })
    if (!found.ok) return [found]
    if (found.text === spoken) return [good('api', `version ${spoken}, as this command speaks it`)]
    return [
      bad(
        'api',
        `the server speaks version ${shown(found.text)}, this command ${spoken}`,
        'They would misunderstand each other.',
        'Use a command of the version that the server has.',
      ),
    ]
  },
}

/** What is to be said of a server of this version, which tells it to those it knows. */
export function versionFinding(theirs: string, ours = version()): Finding {
  if (theirs === ours) return good('version', `the server is ${shown(theirs)}, as this command is`)
  return warning(
    'version',
    `the server is ${shown(theirs)}, this command ${ours}`,
    'They understand each other, but one may not know what is new in the other.',
    `npm install --global slipway@${shown(theirs)}`,
  )
}
