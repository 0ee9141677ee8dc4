import { z } from 'zod'
import { wholeNumber } from './text.ts'
import type { Section, Variables } from './variable.ts'

const variables = {
  LOG_LEVEL: {
    schema: z.enum(['error', 'warn', 'info', 'debug']),
    fallback: 'info',
    accepted: 'error, warn, info or debug',
    description:
      'The least important lines that are still written, where /loglevel says nothing else.',
  },
  LOG_FORMAT: {
    schema: z.enum(['pretty', 'json']),
    fallbackText: 'pretty on a terminal, else json',
    accepted: 'pretty or json',
    description: 'How lines look on standard output. Log files hold JSON always.',
  },
  LOG_DIR: {
    schema: z.string(),
    fallbackText: 'DATA_DIR/logs',
    accepted: 'a path, relative ones from where the program starts',
    description:
      'Folder of the log files: opsgram.log with all lines, opsgram.error.log and so on with those of one level, and older ones, packed.',
  },
  LOG_FILE_MB: {
    schema: wholeNumber(1, 1_024),
    fallback: '10',
    accepted: 'a whole number of MiB from 1 to 1024',
    description: 'Another log file is begun after so much, and with each day (UTC).',
  },
  LOG_KEEP_DAYS: {
    schema: wholeNumber(1, 3_650),
    fallback: '30',
    accepted: 'a whole number of days from 1 to 3650',
    description: 'Older log files are deleted.',
  },
  LOG_KEEP_MB: {
    schema: wholeNumber(1, 1_048_576),
    fallback: '200',
    accepted: 'a whole number of MiB from 1 to 1048576',
    description: 'What all old log files together may take; then the oldest are deleted.',
  },
} as const satisfies Variables

export const log: Section<typeof variables> = { title: 'Log', variables }
