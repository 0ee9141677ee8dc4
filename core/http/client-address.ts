import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/**
 * Where a request comes from: the last address that no trusted proxy has. What others write into X-Forwarded-For
 * is theirs to invent.
 *
 * @param proxies addresses and networks of TRUST_PROXY
 */
export function clientAddress(
  proxies: readonly string[],
): (request: IncomingMessage) => string | undefined {
  const trusted = new BlockList()
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(bits), family)
  }
  const isProxy = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return (request) => {
    let address = plain(request.socket.remoteAddress)
    const header = request.headers['x-forwarded-for']
    const hops = typeof header === 'string' ? header.split(',').map((hop) => hop.trim()) : []
    while (address !== undefined && isProxy(address)) {
      const hop = plain(hops.pop())
      if (hop === undefined || isIP(hop) === 0) return address
      address = hop
    }
    return address
  }
}

/** IPv4 over an IPv6 socket is written `::ffff:10.0.0.1`. */
function plain(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.)/, '')
}
