import type { Check } from './check.ts'
import { bad, good } from './finding.ts'

/** How far clocks may be apart, milliseconds, before tokens of jobs are refused. */
const skewMs = 5000

/** Whether this clock and the server’s tell the same time. */
export const clock: Check = {
  needs: 'server',
  look({ cli, reached }) {
    const date = reached?.date
    if (!date) return []
    const apartMs = Date.parse(date) - cli.world.now()
    // The header is cut to whole seconds.
    if (Math.abs(apartMs) <= skewMs + 1000) return [good('clock', 'this clock and the server’s agree')]
    return [
      bad(
        'clock',
        `the server’s clock is ${Math.round(apartMs / 1000)} s off from this one`,
        'Tokens of CI jobs are refused at more than 5 s, and “10m ago” means another time there.',
        'Set both by NTP, as with:  timedatectl set-ntp true',
      ),
    ]
  },
}
