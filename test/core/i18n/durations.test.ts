import { expect } from 'chai'
import { durationText } from '../../../core/i18n/durations.ts'

describe('a duration', () => {
  for (const [ms, en, ru] of [
    [0, '0 sec', '0 с'],
    [499, '0 sec', '0 с'],
    [61_400, '1 min, 1 sec', '1 мин 1 с'],
    [3_600_000, '1 hr', '1 ч'],
    [3_900_000, '1 hr, 5 min', '1 ч 5 мин'],
    [2 * 86_400_000 + 59_000, '2 days', '2 дн.'],
    [-5, '0 sec', '0 с'],
  ] as const) {
    it(`of ${ms} ms is told by its two largest units`, () => {
      expect(durationText(ms, 'en')).to.equal(en)
      // Intl puts no-break spaces
      expect(durationText(ms, 'ru').replaceAll('\u00a0', ' ')).to.equal(ru)
    })
  }
})
