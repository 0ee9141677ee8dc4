import { expect } from 'chai'
import { ticketIn } from './ticket.ts'

describe('a ticket', () => {
  it('is noticed in a text', () => {
    expect(ticketIn('replaced sw-12, ZAM-4711 and NET-12')).to.equal('ZAM-4711')
    expect(ticketIn('замена (#4711)')).to.equal('#4711')
  })

  it('is not seen where none is', () => {
    for (const text of ['replaced sw-12', 'room #1', 'abcZAM-4711', 'SW-1', 'ref#4711']) {
      expect(ticketIn(text), text).to.equal(undefined)
    }
  })
})
