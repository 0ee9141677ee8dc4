import { z } from 'zod'
import type { Section, Variables } from './variable.ts'

const variables = {
  DATABASE_URL: {
    schema: z.string().refine((text) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text)),
    accepted: 'a PostgreSQL address, such as postgres://user:password@host:5432/name',
    description:
      'The PostgreSQL database. Without it an embedded PostgreSQL runs in this process, in DATA_DIR.',
    example: 'postgres://opsgram:password@127.0.0.1:5432/opsgram',
    hint: 'Special characters of the password are percent-encoded in an address: @ is %40, / is %2F, # is %23, % is %25.',
    secret: true,
  },
  REDIS_URL: {
    schema: z.string().refine((text) => /^rediss?:\/\//.test(text) && URL.canParse(text)),
    accepted: 'a Redis address, such as redis://user:password@host:6379/0, or rediss:// with TLS',
    description:
      'Redis 7, for a bot of several processes: shared limits, and news between them. Without it each process has limits of its own, and news go through PostgreSQL.',
    example: 'redis://127.0.0.1:6379',
    hint: 'Special characters of the password are percent-encoded in an address: @ is %40, / is %2F, # is %23, % is %25.',
    secret: true,
  },
  MIGRATIONS: {
    schema: z.enum(['auto', 'manual']),
    fallback: 'auto',
    accepted: 'auto or manual',
    description:
      'auto: pending migrations run at start and at reload; manual: the start is refused and says which are pending.',
  },
  DATA_DIR: {
    schema: z.string(),
    fallback: './var',
    accepted: 'a path, relative ones from where the program starts',
    description: 'Holds the embedded database, builds of plugins and logs.',
  },
} as const satisfies Variables

export const database: Section<typeof variables> = { title: 'Data', variables }
