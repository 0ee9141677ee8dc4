import { z } from 'zod'
import type { Section, Variables } from './variable.ts'

const variables = {
  LOG_LEVEL: {
    schema: z.enum(['error', 'warn', 'info', 'debug']),
    fallback: 'info',
    accepted: 'error, warn, info or debug',
    description: 'The least important lines that are still written.',
  },
  LOG_FORMAT: {
    schema: z.enum(['pretty', 'json']),
    fallbackText: 'pretty on a terminal, else json',
    accepted: 'pretty or json',
    description: 'How lines look on standard output. The log file holds JSON always.',
  },
  LOG_DIR: {
    schema: z.string(),
    fallbackText: 'DATA_DIR/logs',
    accepted: 'a path, relative ones from where the program starts',
    description: 'Folder of the log files: opsgram.log and four older ones of 10 MiB each.',
  },
} as const satisfies Variables

export const log: Section<typeof variables> = { title: 'Log', variables }
