import type { Whoami } from '../../client/index.ts'
import { isGithubJob } from '../github-oidc.ts'
import { shown } from '../shown.ts'
import type { Check, Looked } from './check.ts'
import { bad, type Finding, good, warning } from './finding.ts'
import { looked } from './looked.ts'
import { versionFinding } from './versions.ts'

/** How long before its end a token is worth a word, milliseconds: a week. */
const soonMs = 7 * 86_400_000

/** Who one is to the server, what one may there, and for how long. */
export const token: Check = {
  needs: 'server',
  async look(given) {
    const { cli, client, settings } = given
    const isJob = settings.token === undefined && isGithubJob(cli.world.env)
    if (!settings.token && !isJob) {
      return [
        bad(
          'token',
          'there is none for this server',
          'Whatever it is asked, it has to know who asks.',
          'slipway login',
        ),
      ]
    }
    let me: Whoami | undefined
    const found = await looked('token', cli.signal, {
      look: async () => {
        me = await client.whoami({ signal: cli.signal })
        const who = me.operator ? 'operator' : `tenant ${shown(me.tenant_id)}`
        const how = isJob ? ', by what GitHub says of this job (OIDC)' : ''
        return `${shown(me.subject)}, ${who} (${me.scopes.join(', ')})${how}`
      },
      why: isJob
        ? 'There is no token here, so it is asked as the job of GitHub Actions that this is, by OIDC.'
        : `The token is the one of ${settings.token?.source}.`,
      next: isJob
        ? 'Look at the rules of the server (slipway up --oidc), and at SLIPWAY_OIDC_AUDIENCE, which has to be what they expect.'
        : 'slipway login',
    })
    if (!me) return [found]
    const version = me.server_version
    return [
      found,
      ...(version === undefined ? [] : [versionFinding(version)]),
      ...(me.token_id === undefined ? [] : await expiry(given, me)),
    ]
  },
}

async function expiry({ cli, client }: Looked, { token_id: id = '', tenant_id }: Whoami): Promise<Finding[]> {
  try {
    const { expires_at } = await client.tokens.get(id, { signal: cli.signal, tenant: tenant_id })
    const text = `good until ${expires_at.slice(0, 10)}`
    if (Date.parse(expires_at) - cli.world.now() > soonMs) return [good('expiry', text)]
    return [warning('expiry', text, 'From then on it is refused.', `slipway tokens rotate ${id}`)]
  } catch (error) {
    cli.signal.throwIfAborted()
    void error // because a token need not be allowed to look at tokens
    return []
  }
}
