import { messageOf } from '../../errors.ts'
import { ephemeralRange, replicaRange } from '../../provider/process/ports.ts'
import { defaultPortRange } from '../../router/proxy/ports.ts'
import type { Check } from './check.ts'
import { bad, type Finding, good } from './finding.ts'

/** What Linux has when nobody changed it. */
const setRange = 'sysctl -w net.ipv4.ip_local_port_range="32768 60999"'

type Range = readonly [number, number]

/** Where services and replicas get their ports from: not where the system gives them to whoever connects. */
export const ports: Check = {
  needs: 'this machine',
  look() {
    const ephemeral = ephemeralRange()
    try {
      return [
        portsFinding(ephemeral, {
          services: defaultPortRange(ephemeral),
          replicas: replicaRange(undefined, ephemeral),
        }),
      ]
    } catch (error) {
      // The system gives all there are to outgoing connections.
      return [bad('ports', messageOf(error), 'Replicas need ports that nobody else is given.', setRange)]
    }
  },
}

/** What is to be said of these ranges, beside the one that outgoing connections get their ports from. */
export function portsFinding(ephemeral: Range, taken: Readonly<Record<string, Range>>): Finding {
  const named = Object.entries(taken).map(([name, [first, last]]) => `${name} ${first} to ${last}`)
  const text = `${named.join(', ')}; outgoing connections ${ephemeral[0]} to ${ephemeral[1]}`
  const met = Object.entries(taken).find(([, [first, last]]) => first <= ephemeral[1] && last >= ephemeral[0])
  if (!met) return good('ports', text)
  return bad(
    'ports',
    text,
    `An outgoing connection can take a port that ${met[0]} need, and then one does not come up.`,
    setRange,
  )
}
