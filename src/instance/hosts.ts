import { SlipwayError } from '../errors.ts'

/**
 * Refuses host names that belong to another tenant: whatever is called `<…>.<tenant>.<domain>` leads to that tenant's instances, whether or
 * not one of that name is there yet.
 *
 * @throws SlipwayError `invalid_request`
 */
export function requireOwnHosts(hosts: readonly string[], tenantId: string, domain: string): void {
  for (const [n, host] of hosts.entries()) {
    if (!host.endsWith(`.${domain}`)) continue
    const labels = host.slice(0, -domain.length - 1).split('.')
    if (labels.length < 2 || labels.at(-1) === tenantId) continue
    throw new SlipwayError('invalid_request', `The host name ${host} belongs to tenant "${labels.at(-1)}".`, {
      next: `Take one that does not end with .${domain}, or with .${tenantId}.${domain}.`,
      fields: [{ pointer: `/hosts/${n}`, detail: 'the name of another tenant' }],
    })
  }
}
