import { isReadable } from '../plain-http.ts'
import type { Check } from './check.ts'
import { warning } from './finding.ts'

/** Whether what is sent can be read on its way. */
export const transport: Check = {
  needs: 'nothing',
  look: ({ url }) =>
    !isReadable(url)
      ? []
      : [
          warning(
            'transport',
            `${url.host} is asked over plain http`,
            'Whoever is on the way between here and there can read your token, and use it.',
            'Serve it by https (slipway up --tls-cert, or a proxy), then:  slipway login --url https://…',
          ),
        ],
}
