import { expect } from 'chai'
import { isTimeZone, languageTag } from '../../../core/i18n/language.ts'

describe('a language tag', () => {
  it('is kept when Intl takes it', () => {
    expect(['ru', 'en-US', 'zh-hans'].map(languageTag)).to.deep.equal(['ru', 'en-US', 'zh-Hans'])
  })

  it('loses the end that is no tag, as in names of language packs', () => {
    expect(languageTag('zh-hans-raw')).to.equal('zh-Hans')
    expect(languageTag('ru_RU')).to.equal(undefined)
    expect(languageTag('-')).to.equal(undefined)
  })

  it('is undefined for nothing', () => {
    expect([languageTag(undefined), languageTag('')]).to.deep.equal([undefined, undefined])
  })
})

describe('a time zone', () => {
  it('is one that Intl knows', () => {
    expect(['UTC', 'Europe/Moscow', 'Mars/Olympus', ''].map(isTimeZone)).to.deep.equal([
      true,
      true,
      false,
      false,
    ])
  })
})
