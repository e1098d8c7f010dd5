import { messageOf } from '../errors.ts'
import { exit } from './exit.ts'
import { Refusal } from './refusal.ts'
import type { World } from './world.ts'

/** How long GitHub may take to say who a job is, milliseconds. */
const askMs = 10_000

/** How long before its end a token is not used any more, milliseconds. */
const slackMs = 60_000

/** Whether this is a job of GitHub Actions that may prove who it is (`permissions: id-token: write`). */
export function isGithubJob(env: World['env']): boolean {
  return Boolean(env['ACTIONS_ID_TOKEN_REQUEST_URL'] && env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'])
}

/**
 * Who this job is, said by GitHub for this audience: no secret is stored anywhere. What it hands out is asked for anew when it comes to its
 * end, for a job may watch for longer than a token lives.
 */
export function githubToken(env: World['env'], audience: string, now: () => number): () => Promise<string> {
  let held: { readonly token: string; readonly until: number } | undefined
  return async () => {
    if (!held || now() > held.until - slackMs) held = await ask(env, audience, now)
    return held.token
  }
}

async function ask(env: World['env'], audience: string, now: () => number): Promise<{ token: string; until: number }> {
  const url = new URL(env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '')
  url.searchParams.set('audience', audience)
  let answer: Response
  try {
    answer = await fetch(url, {
      headers: { Authorization: `Bearer ${env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}` },
      signal: AbortSignal.timeout(askMs),
    })
  } catch (error) {
    throw refused(`GitHub could not be asked who this job is: ${messageOf(error)}`)
  }
  if (!answer.ok) throw refused(`GitHub did not say who this job is: it answered ${answer.status}`)
  const { value } = (await answer.json()) as { value?: unknown }
  if (typeof value !== 'string') throw refused('GitHub did not say who this job is: its answer has no token')
  return { token: value, until: endOf(value) ?? now() + slackMs }
}

function refused(what: string): Refusal {
  return new Refusal(exit.notAllowed, 'no_job_token', `${what}.`, 'The job needs:  permissions: { id-token: write }')
}

/** When a JWT ends, milliseconds since 1970; only the server checks whether it is good. */
function endOf(token: string): number | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown }
    return typeof claims.exp === 'number' ? claims.exp * 1000 : undefined
  } catch (error) {
    void error // because a token that can't be read here may still be good for the server
    return undefined
  }
}
