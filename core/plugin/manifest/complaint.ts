import type { z } from 'zod'
import type { Translate } from '../../i18n/texts.ts'

export interface ArgumentTexts {
  /** The core's. */
  t: Translate
  /** The plugin's: asked first for the complaint that a custom issue names (`params: { key }`). */
  own: Translate
  /** Chooses zod's own messages (`en`, `ru`). */
  language: string | undefined
}

/** What is wrong with a value, as a clause for people: zod's own words are made for programmers. */
export function complaintOf(issue: z.core.$ZodIssue, { t, own }: ArgumentTexts): string {
  switch (issue.code) {
    case 'custom': {
      const key = issue.params?.key
      if (typeof key !== 'string') return issue.message
      // a key that nothing has comes back as it is: then the core's texts are asked
      const text = own(key)
      return text === key ? t(key) : text
    }
    case 'too_small':
      if (issue.origin === 'string') return t('args.tooShort', { count: Number(issue.minimum) })
      if (isNumber(issue.origin)) {
        const key = issue.inclusive === false ? 'args.notAbove' : 'args.tooSmall'
        return t(key, { limit: Number(issue.minimum) })
      }
      return issue.message
    case 'too_big':
      if (issue.origin === 'string') return t('args.tooLong', { count: Number(issue.maximum) })
      if (isNumber(issue.origin)) {
        const key = issue.inclusive === false ? 'args.notBelow' : 'args.tooBig'
        return t(key, { limit: Number(issue.maximum) })
      }
      return issue.message
    case 'invalid_value':
      return t('args.oneOf', { values: issue.values.map(String).join(', ') })
    case 'invalid_format':
      return issue.format === 'date' ? t('args.day') : issue.message
    default:
      return issue.message
  }
}

function isNumber(origin: string): boolean {
  return origin === 'number' || origin === 'int' || origin === 'bigint'
}
