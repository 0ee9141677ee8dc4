import { expect } from 'chai'
import { Recurrence } from '../../../core/job/cron.ts'

/** What a process does that looks at the clock every half hour: each time that is later than the one before. */
function seen(recurrence: Recurrence, from: string, hours: number): string[] {
  const times: string[] = []
  let last = new Date(from)
  for (let half = 0; half <= hours * 2; half++) {
    const due = recurrence.last(new Date(new Date(from).getTime() + half * 1_800_000))
    if (due <= last) continue
    times.push(due.toISOString().slice(5, 16))
    last = due
  }
  return times
}

describe('a recurrence', () => {
  it('loses no time that falls into an hour which is left out', () => {
    const nightly = new Recurrence('30 2 * * *', 'Europe/Berlin')
    // at 01:00 UTC it becomes 03:00 in Berlin
    const times = ['03-28T01:30', '03-29T01:30', '03-30T00:30']
    expect(seen(nightly, '2026-03-27T12:00:00Z', 72)).to.deep.equal(times)
  })

  it('doubles none in an hour which comes twice, also for who looks half a year later', () => {
    const nightly = new Recurrence('30 2 * * *', 'Europe/Berlin')
    const times = ['10-24T00:30', '10-25T00:30', '10-26T01:30']
    expect(seen(nightly, '2026-10-23T12:00:00Z', 72)).to.deep.equal(times)
    const yearly = new Recurrence('30 2 25 10 *', 'Europe/Berlin')
    expect(yearly.last(new Date('2027-07-01T00:00:00Z')).toISOString()).to.equal(
      '2026-10-25T00:30:00.000Z',
    )
  })

  it('goes on by the hour through both', () => {
    const hourly = new Recurrence('0 * * * *', 'Europe/Berlin')
    const hours = ['23:00', '00:00', '01:00', '02:00', '03:00']
    for (const [day, from] of [
      [['10-24', '10-25'], '2026-10-24T22:10:00Z'],
      [['03-28', '03-29'], '2026-03-28T22:10:00Z'],
    ] as const) {
      const times = hours.map((hour, n) => `${day[n === 0 ? 0 : 1]}T${hour}`)
      expect(seen(hourly, from, 5)).to.deep.equal(times)
    }
  })

  it('is none of a time that is drawn, nor of a step that never comes', () => {
    for (const [expression, why] of [
      ['H 4 * * *', 'nobody knows'],
      ['*/90 * * * *', 'a step of 90'],
      ['0 */36 * * *', 'of which there are 24'],
      ['0 0 30 2 *', 'day of month'],
    ] as const) {
      expect(() => new Recurrence(expression, 'UTC'), expression).to.throw(why)
    }
    for (const expression of ['*/15 * * * *', '0 0 L * *', '0 4 * * THU', '0 */12 * * *']) {
      expect(() => new Recurrence(expression, 'UTC'), expression).not.to.throw()
    }
  })
})
