import { z } from 'zod'
import { errorCodes, messageOf, SlipwayError } from '../errors.ts'
import { inWords, type Space } from '../room.ts'
import type { ServerParts } from './context.ts'
import { isErrorCode } from './problem.ts'
import { json, resource, route } from './route.ts'
import { codeSchema, problemSchema } from './schema/problem.ts'

const healthy = route('GET /healthz', {
  summary: 'Whether the process answers',
  responses: { 200: json('It does', z.object({ status: z.literal('ok') })) },
})
const ready = route('GET /readyz', {
  summary: 'Whether its parts answer',
  responses: {
    200: json('They do', z.object({ status: z.literal('ok') })),
    503: { description: 'One does not', content: { 'application/problem+json': { schema: problemSchema } } },
  },
})
const code = route('GET /v1/problems/{code}', {
  summary: 'What a code of a problem means',
  request: { params: z.object({ code: z.string().max(100) }) },
  responses: {
    200: json('Its meaning', codeSchema),
    404: { description: 'No such code', content: { 'application/problem+json': { schema: problemSchema } } },
  },
})

/** What everyone may ask: whether it lives, whether it works, and what a code means. */
export function meta({ slipway, closing }: ServerParts) {
  // Anybody may ask, and each look costs every part something: who asks during one is told what it finds.
  let looking: Promise<string[]> | undefined
  const faults = (): Promise<string[]> =>
    (looking ??= faultsOf(slipway).finally(() => {
      looking = undefined
    }))
  return resource()
    .openapi(healthy, c => c.json({ status: 'ok' as const }, 200))
    .openapi(ready, async c => {
      const found = closing.aborted ? ['the server is closing'] : await faults()
      if (found.length === 0) return c.json({ status: 'ok' as const }, 200)
      throw new SlipwayError('unavailable', `Not every part answers: ${found.join('; ')}.`, {
        next: 'Mend what is named; the log of the server may say more.',
      })
    })
    .openapi(code, c => {
      const { code } = c.req.valid('param')
      if (isErrorCode(code)) return c.json({ code, ...errorCodes[code] }, 200)
      throw new SlipwayError('not_found', `There is no code ${JSON.stringify(code)}.`, {
        next: 'The codes are listed in the OpenAPI document.',
      })
    })
}

async function faultsOf({ store, router, providers, space }: ServerParts['slipway']): Promise<string[]> {
  const signal = AbortSignal.timeout(2_000)
  const checks: [string, () => Promise<string | undefined>][] = [
    ['store', async () => void (await store.events.lastSeq())],
    ['disk', async () => spaceFaultOf(await space())],
    ['router', async () => faultOf(await router.check(signal))],
    ...providers
      .list()
      .map(
        provider =>
          [provider.name, async () => faultOf(await provider.check(signal))] as [
            string,
            () => Promise<string | undefined>,
          ],
      ),
  ]
  const faults = await Promise.all(
    checks.map(async ([name, check]) => {
      try {
        const fault = await check()
        return fault === undefined ? [] : [`${name}: ${fault}`]
      } catch (error) {
        return [`${name}: ${messageOf(error)}`]
      }
    }),
  )
  return faults.flat()
}

/** Under the reserve new work is refused: whoever shares it out should ask somebody else. What runs is not touched. */
function spaceFaultOf({ folder, freeBytes, reserveBytes }: Space): string | undefined {
  if (freeBytes >= reserveBytes) return undefined
  return `${inWords(freeBytes)} are free at ${folder}, less than the ${inWords(reserveBytes)} that are kept for what runs`
}

function faultOf({ ok, message }: { ok: boolean; message: string }): string | undefined {
  return ok ? undefined : message
}
