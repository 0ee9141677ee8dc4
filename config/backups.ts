import { z } from 'zod'
import { wholeNumber } from './text.ts'
import type { Section, Variables } from './variable.ts'

const variables = {
  BACKUP_CRON: {
    schema: z.string().regex(/^\S+(\s+\S+){4}$/),
    accepted: 'a cron expression of five fields, such as 15 3 * * *, in the time zone of TIMEZONE',
    description:
      'When a backup of the database is written by the bot itself, by the leading instance; of PostgreSQL by pg_dump, which has to be there. Not set: never.',
    example: '15 3 * * *',
  },
  BACKUP_DIR: {
    schema: z.string(),
    fallbackText: 'DATA_DIR/backups',
    accepted: 'a path, relative ones from where the program starts',
    description: 'Where they are written to, each for its owner alone to read.',
  },
  BACKUP_KEEP: {
    schema: wholeNumber(1, 10_000),
    fallback: '14',
    accepted: 'a whole number from 1 to 10000',
    description: 'So many stay; older ones are deleted after each that was written.',
  },
} as const satisfies Variables

export const backups: Section<typeof variables> = { title: 'Backups', variables }
