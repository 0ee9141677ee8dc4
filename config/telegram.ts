import { z } from 'zod'
import type { Section, Variables } from './variable.ts'

/** The Bot API server of Telegram itself. */
export const telegramApiRoot = 'https://api.telegram.org'

const variables = {
  BOT_TOKEN: {
    schema: z.string().regex(/^\d+:[A-Za-z0-9_-]+$/),
    accepted:
      'a token as @BotFather gives it, such as 123456789:AAE… (number, colon, 30 or more characters)',
    description:
      'The token of your bot. Without one the program starts the playground, which needs no Telegram.',
    example: '123456789:replace-with-your-own-token',
    hint: 'Talk to @BotFather in Telegram: /newbot makes a bot, /token shows the token again. Copy it whole.',
    secret: true,
  },
  TELEGRAM_API_ROOT: {
    schema: z
      .string()
      .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text))
      .transform((text) => text.replace(/\/+$/, '')),
    fallback: telegramApiRoot,
    accepted: 'an http:// or https:// address',
    description: 'The Bot API server: Telegram’s own, or one that you run yourself.',
  },
  UPDATES: {
    schema: z.enum(['polling', 'webhook']),
    fallback: 'polling',
    accepted: 'polling or webhook',
    description:
      'How updates come: asked for, which works everywhere, or sent by Telegram to an address of yours (WEBHOOK_…).',
  },
} as const satisfies Variables

export const telegram: Section<typeof variables> = { title: 'Telegram', variables }
