import { expect } from 'chai'
import { type Period, period, rangeOf } from './period.ts'

const range = (wanted: Period, timeZone: string, now: string) => {
  const { from, to } = rangeOf(wanted, timeZone, new Date(now))
  return [from.toISOString(), to.toISOString()]
}

describe('a period', () => {
  it('is read from words of both languages and from a number of days', () => {
    const read = (text: string) => period().safeParse(text).data
    expect(read('Week')).to.deep.equal({ kind: 'week' })
    expect(read('вчера')).to.deep.equal({ kind: 'yesterday' })
    expect(read('14')).to.deep.equal({ kind: 'days', days: 14 })
    for (const text of ['0', '93', '1.5', '-1', 'soon', ''])
      expect(read(text), text).to.equal(undefined)
  })

  it('begins at midnight of the reader', () => {
    const today: Period = { kind: 'today' }
    const now = '2026-11-24T22:30:00Z'
    expect(range(today, 'UTC', now)).to.deep.equal([
      '2026-11-24T00:00:00.000Z',
      '2026-11-25T00:00:00.000Z',
    ])
    expect(range(today, 'Europe/Moscow', now)).to.deep.equal([
      '2026-11-24T21:00:00.000Z',
      '2026-11-25T21:00:00.000Z',
    ])
    expect(range({ kind: 'yesterday' }, 'America/St_Johns', now)).to.deep.equal([
      '2026-11-23T03:30:00.000Z',
      '2026-11-24T03:30:00.000Z',
    ])
  })

  it('has a day of 23 or 25 hours when the clocks change', () => {
    expect(range({ kind: 'today' }, 'Europe/Berlin', '2026-03-29T12:00:00Z')).to.deep.equal([
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ])
    expect(range({ kind: 'today' }, 'Europe/Berlin', '2026-10-25T12:00:00Z')).to.deep.equal([
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ])
  })

  it('begins a week on Monday and a month on its first day', () => {
    const from = (kind: 'week' | 'month', now: string) => range({ kind }, 'UTC', now)[0]
    expect(from('week', '2026-11-24T12:00:00Z')).to.equal('2026-11-23T00:00:00.000Z')
    expect(from('week', '2026-11-29T12:00:00Z')).to.equal('2026-11-23T00:00:00.000Z')
    expect(from('month', '2026-11-24T12:00:00Z')).to.equal('2026-11-01T00:00:00.000Z')
  })

  it('counts today among the last days', () => {
    expect(range({ kind: 'days', days: 1 }, 'UTC', '2026-11-24T12:00:00Z')).to.deep.equal(
      range({ kind: 'today' }, 'UTC', '2026-11-24T12:00:00Z'),
    )
  })
})
