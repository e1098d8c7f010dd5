import { unlessAborted } from '../abort.ts'
import { after, type Clock } from '../clock.ts'
import { SlipwayError } from '../errors.ts'
import type { Address, ProbeAnswer, Provider, Replica } from '../provider/provider.ts'
import { checkDefaults, type HealthCheck } from './check.ts'
import { probeHttp } from './http.ts'
import { probeTcp } from './tcp.ts'

/** What probes need of a provider. */
export type ProbeProvider = Pick<Provider, 'probe' | 'exec' | 'owns'>

/** One question to one replica. */
export interface ProbeRequest {
  readonly replica: Replica
  readonly check: HealthCheck
  readonly provider: ProbeProvider
  readonly clock: Clock
  /** Gives the probe up; it rejects with its reason. */
  readonly signal: AbortSignal
}

/**
 * Asks a replica once how it is: as the provider answers it, else over the network or by a command beside it. No answer in time is an
 * answer that is not ok. Rejects when nobody could be asked, which tells nothing about the replica.
 */
export async function probe({ replica, check, provider, clock, signal }: ProbeRequest): Promise<ProbeAnswer> {
  signal.throwIfAborted()
  const timeoutMs = check.timeoutMs ?? checkDefaults.timeoutMs
  const attempt = new AbortController()
  const giveUp = () => attempt.abort(signal.reason)
  signal.addEventListener('abort', giveUp, { once: true })
  let late = false
  const cancel = after(clock, timeoutMs, () => {
    late = true
    attempt.abort(new Error('late'))
  })
  try {
    // A provider that does not heed its signal must not hold up the next probe.
    return await unlessAborted(ask(replica, check, provider, timeoutMs, attempt.signal), attempt.signal)
  } catch (error) {
    if (late && !signal.aborted) return { ok: false, text: `no answer within ${timeoutMs} ms` }
    throw error
  } finally {
    cancel()
    signal.removeEventListener('abort', giveUp)
  }
}

/** The address that a network check asks, or undefined while the replica has none. */
export function checkedAddress(replica: Replica, check: HealthCheck): Address | undefined {
  if (check.type === 'command') return undefined
  return check.port === undefined ? Object.values(replica.addresses)[0] : replica.addresses[check.port]
}

async function ask(
  replica: Replica,
  check: HealthCheck,
  provider: ProbeProvider,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  if (provider.probe) return await provider.probe(replica, check, signal)
  if (check.type === 'command') return await askCommand(replica, check.command, provider, timeoutMs, signal)
  const address = checkedAddress(replica, check)
  if (!address) return { ok: false, text: `no address for port "${check.port ?? 'first'}" yet` }
  return await (check.type === 'http' ? probeHttp(address, check, signal) : probeTcp(address, signal))
}

async function askCommand(
  replica: Replica,
  command: readonly string[],
  provider: ProbeProvider,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  if (!provider.exec) {
    throw new SlipwayError('missing_capability', 'The provider cannot run a health check command beside a replica.', {
      next: 'Use an http or tcp check.',
    })
  }
  const { exitCode, output } = await provider.exec(replica, command, timeoutMs, signal)
  const last = output.findLast(line => line.trim() !== '')?.trim()
  const outcome = `exit code ${exitCode}`
  return { ok: exitCode === 0, text: last ? `${outcome}: ${last}` : outcome }
}
