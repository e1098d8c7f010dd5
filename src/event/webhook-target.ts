import { BlockList, isIP } from 'node:net'
import { SlipwayError } from '../errors.ts'

/** Where webhooks may lead beside public addresses by https. */
export interface TargetOptions {
  /** Addresses that are allowed though they are not public: `10.1.0.0/16`, `127.0.0.1`. Default: none. */
  readonly allowAddresses?: readonly string[]
  /** Whether `http:` is allowed. Default false: the events could be read on their way. */
  readonly allowHttp?: boolean
}

/** Says which addresses and URLs webhooks may lead to. */
export interface Targets {
  /** Why a connection to this address is refused; undefined when it is not. */
  refusal(address: string): string | undefined
  /** A URL as it is kept. Throws `invalid_request` for one that is never sent to. */
  checked(url: string): string
}

/** What the registries of special addresses (RFC 6890) keep from being public; and of IPv6, all but the global unicast addresses. */
const special = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '2001::/23',
  '2001:db8::/32',
  // Of 6to4: what it leads to is an IPv4 address of any kind.
  '2002::/16',
  '3fff::/20',
]
const globalUnicast = ['2000::/3']

/** The rule of these options. Throws `invalid_request` for an address that is none. */
export function targets({ allowAddresses = [], allowHttp = false }: TargetOptions = {}): Targets {
  const allowed = listOf(allowAddresses)
  const refused = listOf(special)
  const unicast = listOf(globalUnicast)

  const refusal = (address: string): string | undefined => {
    const version = isIP(address)
    if (version === 0) return `${JSON.stringify(address)} is no address`
    const family = version === 4 ? 'ipv4' : 'ipv6'
    if (allowed.check(address, family)) return undefined
    const isPublic = !refused.check(address, family) && (version === 4 || unicast.check(address, family))
    return isPublic ? undefined : `${address} is not a public address`
  }

  return {
    refusal,
    checked(given) {
      const url = new URL(given)
      const why = faultOf(url, allowHttp) ?? literalFault(url, refusal)
      if (why === undefined) return url.href
      throw new SlipwayError('invalid_request', `Webhooks are not sent to that URL: it ${why}.`, {
        next: 'Take one that begins with https:// and leads to a public address.',
        fields: [{ pointer: '/url', detail: why }],
      })
    },
  }
}

function faultOf(url: URL, allowHttp: boolean): string | undefined {
  if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:')) return 'is not https'
  if (url.username !== '' || url.password !== '') return 'carries a user or a password'
  if (url.hash !== '') return 'has a part behind #, which is never sent'
  return undefined
}

/** A name is only asked for when it is connected to: what it says now is not what it says then. */
function literalFault(url: URL, refusal: Targets['refusal']): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) === 0) return undefined
  const why = refusal(host)
  return why === undefined ? undefined : `leads nowhere: ${why}`
}

function listOf(addresses: readonly string[]): BlockList {
  const list = new BlockList()
  for (const address of addresses) {
    const [net = '', prefix] = address.split('/')
    const version = isIP(net)
    const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix)
    if (version === 0 || !Number.isInteger(bits) || bits < 0 || bits > (version === 4 ? 32 : 128)) {
      throw new SlipwayError('invalid_request', `${JSON.stringify(address)} is neither an address nor a range.`, {
        next: 'Write 10.1.0.0/16 or 127.0.0.1.',
      })
    }
    list.addSubnet(net, bits, version === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}
