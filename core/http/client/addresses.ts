import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { OpsError } from '../../errors.ts'

/** Addresses of nobody's public server: special-purpose registries of IANA (RFC 6890), and what leads into them. */
const inside = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  inside.addSubnet(network, bits, 'ipv4')
}
for (const [network, bits] of [
  ['::', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  inside.addSubnet(network, bits, 'ipv6')
}

/** Whether an IP address is of the public internet. IPv4 in IPv6 counts as what it holds. */
export function isPublic(address: string): boolean {
  const family = isIP(address)
  // a block list checks ::ffff:10.0.0.1 against its IPv4 networks
  return family !== 0 && !inside.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** @throws OPS_API_ADDRESS for what can't be a public address by its looks; names are looked at when they are resolved */
export function checkAddress({ protocol, hostname }: URL): void {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol !== 'http:' && protocol !== 'https:') throw refused(`${protocol}//`)
  if (isIP(host) !== 0 && !isPublic(host)) throw refused(host)
}

/** Resolves names for connections to strangers' addresses: what is checked is what is connected to. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, '', 0)
    const addresses = found.filter(({ address }) => isPublic(address))
    const [first] = addresses
    // one public answer among others is no excuse: such names are made to be tried twice
    if (first === undefined || addresses.length < found.length) {
      return callback(refused(hostname), '', 0)
    }
    if (options.all === true) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}

function refused(host: string): OpsError & NodeJS.ErrnoException {
  return new OpsError('OPS_API_ADDRESS', `${host} is no public address`, { details: { host } })
}
