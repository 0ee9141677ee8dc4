import { wholeNumber } from './text.ts'
import type { Section, Variables } from './variable.ts'

const variables = {
  SHUTDOWN_TIMEOUT_MS: {
    schema: wholeNumber(0, 600_000),
    fallback: '10000',
    accepted: 'a whole number of milliseconds from 0 to 600000',
    description: 'How long a stop waits for running handlers. Caps every other limit.',
  },
  STALL_LIMIT_MS: {
    schema: wholeNumber(0, 3_600_000),
    fallback: '60000',
    accepted: 'a whole number of milliseconds from 0 to 3600000',
    description:
      'How long code without an end may hold the whole process. Then the log names its place and the process ends, so that whoever runs it starts it anew. 0: it stays.',
  },
} as const satisfies Variables

export const lifecycle: Section<typeof variables> = { title: 'Stopping', variables }
