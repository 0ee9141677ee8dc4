import { z } from 'zod'
import { listOf, wholeNumber } from './text.ts'
import type { Section, Variables } from './variable.ts'

const variables = {
  ADMIN_IDS: {
    schema: listOf(z.string().regex(/^[1-9]\d{0,15}$/)).transform((ids) => ids.map(Number)),
    accepted: 'numeric Telegram ids of people (no names, no groups), separated by commas',
    description:
      'People who are always owners. Taking one out takes the role away at the next start. Required with BOT_TOKEN.',
    example: '123456789,987654321',
    hint: 'An id is a positive number: send /start to @userinfobot in Telegram to see yours. A @name can be changed by its owner and is not accepted; a negative number is a group.',
  },
  ACCESS: {
    schema: z.enum(['preset', 'request']),
    fallback: 'preset',
    accepted: 'preset or request',
    description:
      'preset: only ADMIN_IDS and people added by those who may; request: strangers may ask, by a button, those who may let them in. Either way a stranger’s first private message is answered once by a sentence that holds their id.',
  },
  AUTH_BLOCK_AFTER: {
    schema: wholeNumber(1, 1000),
    fallback: '5',
    accepted: 'a whole number from 1 to 1000',
    description:
      'Refused updates within 10 minutes until a stranger is blocked. A person with a role never is.',
  },
} as const satisfies Variables

export const access: Section<typeof variables> = { title: 'Who may use the bot', variables }
