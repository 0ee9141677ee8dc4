import { wholeNumber } from './text.ts'
import type { Section, Variables } from './variable.ts'

const variables = {
  SHUTDOWN_TIMEOUT_MS: {
    schema: wholeNumber(0, 600_000),
    fallback: '10000',
    accepted: 'a whole number of milliseconds from 0 to 600000',
    description: 'How long a stop waits for running handlers. Caps every other limit.',
  },
} as const satisfies Variables

export const lifecycle: Section<typeof variables> = { title: 'Stopping', variables }
