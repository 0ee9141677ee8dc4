import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { clientAddress } from '../../../core/http/client-address.ts'

describe('where a request comes from', () => {
  const from = (remoteAddress: string, forwarded?: string, proxies: string[] = []) => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
    // only these two are looked at
    return clientAddress(proxies)({ socket: { remoteAddress }, headers } as IncomingMessage)
  }

  it('is the other end, whatever it says of itself', () => {
    expect(from('203.0.113.9', '198.51.100.1')).to.equal('203.0.113.9')
    expect(from('::ffff:203.0.113.9')).to.equal('203.0.113.9')
  })

  it('is the last address before proxies of ours', () => {
    const proxies = ['10.0.0.0/8', '192.0.2.5', '2001:db8::/32']
    expect(from('10.0.0.1', '198.51.100.1', proxies)).to.equal('198.51.100.1')
    expect(from('::ffff:10.0.0.1', '6.6.6.6, 198.51.100.1, 192.0.2.5', proxies)).to.equal(
      '198.51.100.1',
    )
    expect(from('2001:db8::1', '198.51.100.1', proxies)).to.equal('198.51.100.1')
    expect(from('203.0.113.9', '198.51.100.1', proxies)).to.equal('203.0.113.9')
    expect(from('10.0.0.1', undefined, proxies)).to.equal('10.0.0.1')
    expect(from('10.0.0.1', 'nonsense', proxies)).to.equal('10.0.0.1')
  })
})
