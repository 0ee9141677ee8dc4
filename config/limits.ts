import { z } from 'zod'
import type { Section, Variables } from './variable.ts'

/** So many in a time: so many at once, which come back evenly over it. */
export interface Rate {
  readonly count: number
  readonly perMs: number
}

const units = { s: 1_000, m: 60_000, h: 3_600_000 } as const

const rate: z.ZodType<Rate | 'off', string> = z
  .string()
  .regex(/^(off|[1-9]\d{0,5}\/[1-9]\d{0,3}[smh])$/)
  .transform((text) => {
    if (text === 'off') return 'off'
    const [count = '', time = ''] = text.split('/')
    const unit = units[time.at(-1) as keyof typeof units]
    return { count: Number(count), perMs: Number.parseInt(time, 10) * unit }
  })

const accepted = 'off, or how many in which time: 60/1m, 5/10s, 1000/1h'

const variables = {
  RATE_LIMIT_PERSON: {
    schema: rate,
    fallback: '60/1m',
    accepted,
    description:
      'How much one person may ask for: commands, buttons, private messages. So many at once, which come back evenly over the time; what is more is refused, politely once. Owners have no limit.',
  },
  RATE_LIMIT_CHAT: {
    schema: rate,
    fallback: '240/1m',
    accepted,
    description: 'The same for all people of a group together.',
  },
  RATE_LIMIT_GLOBAL: {
    schema: rate,
    fallback: 'off',
    accepted,
    description:
      'How many updates are handled at most, by all instances together. What is more waits, and is not refused.',
  },
} as const satisfies Variables

export const limits: Section<typeof variables> = { title: 'Rate limits', variables }
