import { z } from 'zod'
import { clean, type Environment, isSet } from './environment.ts'
import { type Problem, problemOf } from './problem.ts'
import { telegramApiRoot } from './telegram.ts'
import { listOf } from './text.ts'
import type { Section, Variables } from './variable.ts'

/** Paths that the HTTP server needs itself. */
const taken = /^\/(healthz|readyz|metrics|api|hooks|playground|telegram\/files)(\/|$)/

const variables = {
  WEBHOOK_URL: {
    schema: z
      .string()
      .refine((text) => {
        if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false
        const { search, hash, username } = new URL(text)
        return search === '' && hash === '' && username === ''
      })
      .transform((text) => text.replace(/\/+$/, '')),
    accepted: 'the https:// address under which Telegram reaches this bot, without a query',
    description:
      'The public address of the HTTP server, without WEBHOOK_PATH. Required with UPDATES=webhook.',
    example: 'https://bot.example.org',
    hint: 'It is the address of the proxy that ends TLS, such as https://bot.example.org; docs/webhooks.md shows one.',
  },
  WEBHOOK_PATH: {
    schema: z
      .string()
      .regex(/^(\/[A-Za-z0-9._~-]+)+$/)
      .refine((path) => !taken.test(path)),
    fallback: '/telegram/webhook',
    accepted:
      'a path that begins with a slash, of letters, digits, ".", "_", "~" and "-", that is not another one of this server',
    description: 'Where Telegram’s updates arrive on the HTTP server.',
  },
  WEBHOOK_SECRET: {
    schema: listOf(z.string().regex(/^[A-Za-z0-9_-]{1,256}$/)).pipe(z.array(z.string()).max(2)),
    accepted: '1 to 256 letters, digits, "_" and "-"; two of them, OLD,NEW, while it is replaced',
    description:
      'What Telegram sends along so that nobody else can. Required with UPDATES=webhook. OLD,NEW: both are accepted, NEW is told to Telegram.',
    example: 'replace-with-the-output-of-openssl-rand-hex-32',
    hint: 'Make one with: openssl rand -hex 32. Any other character than letters, digits, _ and - is refused by Telegram.',
    secret: true,
  },
  WEBHOOK_CERT: {
    schema: z.string(),
    accepted: 'the path of a PEM file',
    description:
      'The public certificate that Telegram is to trust, if it is self-signed. Never the private key.',
    example: './webhook.pem',
  },
  WEBHOOK_IP: {
    schema: z.union([z.ipv4(), z.ipv6()]),
    accepted: 'an address, such as 203.0.113.7',
    description: 'Telegram connects to it instead of looking the name up.',
    example: '203.0.113.7',
  },
} as const satisfies Variables

export const webhook: Section<typeof variables> = { title: 'Webhook', variables }

/** Ports that Telegram's own servers call (Bot API, setWebhook). */
const telegramPorts = new Set(['', '443', '80', '88', '8443'])

/** What only together makes no webhook; what is wrong by itself was found already. */
export function webhookProblems(env: Environment, apiRoot: string): Problem[] {
  const missing = (['WEBHOOK_URL', 'WEBHOOK_SECRET'] as const).filter((name) => !isSet(env[name]))
  const problems = missing.map((name) => problemOf(name, variables[name], undefined))
  const given = clean(env.WEBHOOK_URL)
  if (given === undefined || !URL.canParse(given) || apiRoot !== telegramApiRoot) return problems
  // a Bot API server of one's own may call without TLS, on any port
  const { protocol, port } = new URL(given)
  if (protocol === 'http:') {
    problems.push({
      ...problemOf('WEBHOOK_URL', variables.WEBHOOK_URL, given),
      hint: 'Telegram sends updates over TLS alone: put a proxy with a certificate before the bot and give its https:// address.',
    })
  } else if (protocol === 'https:' && !telegramPorts.has(port)) {
    problems.push({
      ...problemOf('WEBHOOK_URL', variables.WEBHOOK_URL, given),
      hint: 'Telegram calls the ports 443, 80, 88 and 8443 alone.',
    })
  }
  return problems
}
