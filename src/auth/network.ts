import { BlockList, isIP } from 'node:net'

/** Whether this is an address or a network: `10.0.0.7`, `10.0.0.0/8`, `2001:db8::/32`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more !== undefined || address.includes('%')) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** Whether an address lies in one of these networks. An IPv4 address is the same when it is written as an IPv6 one. */
export function isWithin(networks: readonly string[], address: string): boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [from = '', bits] = network.split('/')
    const family = isIP(from) === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(from, family)
    else list.addSubnet(from, Number(bits), family)
  }
  const plain = plainAddress(address)
  const family = isIP(plain)
  return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

/** An address without what only this machine knows of it (`%eth0`), IPv4 as such. */
export function plainAddress(address: string): string {
  const [bare = ''] = address.split('%')
  return /^::ffff:(?<v4>\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.groups?.['v4'] ?? bare
}
