import { z } from 'zod'
import { SlipwayError } from '../errors.ts'
import { contentTypes } from '../observe/prometheus/exposition.ts'
import type { ServerParts } from './context.ts'
import { resource, route } from './route.ts'

const scrape = route('GET /metrics', {
  summary: 'Metrics for Prometheus, of all tenants: as text, or as OpenMetrics where the caller accepts that',
  responses: {
    200: {
      description: 'Every metric as it is now',
      content: {
        'text/plain': { schema: z.string() },
        'application/openmetrics-text': { schema: z.string() },
      },
    },
  },
})

/** What Prometheus reads. */
export function metrics({ slipway }: ServerParts) {
  return resource().openapi(scrape, async c => {
    if (!slipway.metrics) {
      throw new SlipwayError('not_found', 'Nothing is counted here.', {
        next: 'Open Slipway without `metrics: false` to have metrics.',
      })
    }
    const wanted = c.req.header('Accept')?.includes('application/openmetrics-text') ? 'openmetrics' : 'text'
    const { text } = await slipway.metrics.scrape(wanted)
    return c.body(text, 200, { 'Content-Type': contentTypes[wanted] })
  })
}
