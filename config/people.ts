import { z } from 'zod'
import { flag } from './text.ts'
import type { Section, Variables } from './variable.ts'

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

const variables = {
  LOCALE: {
    schema: z.enum(['en', 'ru']),
    fallback: 'en',
    accepted: 'en or ru',
    description: 'Language for people whose own is not known or not spoken.',
  },
  TIMEZONE: {
    schema: z.string().refine(isTimeZone),
    fallback: 'UTC',
    accepted: 'a time zone of the IANA list, such as UTC or Europe/Berlin',
    description: 'Time zone for people who have not set their own.',
  },
  NOTICES: {
    schema: flag,
    fallback: 'true',
    accepted: 'true or false',
    description:
      'With false owners get no message that they did not ask for; the log has them all.',
  },
} as const satisfies Variables

export const people: Section<typeof variables> = { title: 'People', variables }
