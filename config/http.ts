import { z } from 'zod'
import { listOf, wholeNumber } from './text.ts'
import type { Section, Variables } from './variable.ts'

const variables = {
  HTTP_HOST: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9.:_-]+$/)
      .refine((host) => !/^[^:]+:\d+$/.test(host)),
    fallback: '127.0.0.1',
    accepted: 'an address or a host name of this machine, without scheme and port',
    description:
      'Where the HTTP server listens. 0.0.0.0 = all addresses, also from outside. The playground listens on loopback only.',
  },
  HTTP_PORT: {
    schema: wholeNumber(0, 65_535),
    fallback: '3000',
    accepted: 'a whole number from 0 to 65535',
    description: 'Its port; 0 = any free one, which the log names.',
  },
  TRUST_PROXY: {
    schema: listOf(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])),
    accepted: 'addresses or networks, such as 10.0.0.5,172.16.0.0/12',
    description:
      'Proxies in front of the HTTP server whose X-Forwarded-… headers count. Others’ are ignored.',
    example: '10.0.0.5',
  },
  METRICS_TOKEN: {
    schema: z.string().regex(/^[\x21-\x7e]{16,}$/),
    accepted: '16 or more characters without blanks',
    description:
      'Who reads /metrics from another machine sends it as a bearer token. Without one they are for programs on this machine alone.',
    example: 'replace-with-the-output-of-openssl-rand-hex-32',
    hint: 'Make one with: openssl rand -hex 32.',
    secret: true,
  },
} as const satisfies Variables

export const http: Section<typeof variables> = { title: 'HTTP', variables }
