import { codeOf, type ErrorCode, messageOf, OpsError } from '../../errors.ts'
import type { SourceMigration } from './set.ts'

const longestStatement = 300

/** A statement as one line of a message. */
export function shownStatement(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > longestStatement ? `${line.slice(0, longestStatement - 1)}…` : line
}

/** What a migration failed on, with PostgreSQL's own words and the statement. */
export function migrationFailed(
  code: ErrorCode,
  { owner, migration: { name, file } }: { owner: string; migration: SourceMigration },
  statement: string | undefined,
  error: unknown,
): OpsError {
  // MikroORM puts the whole statement before PostgreSQL's own words.
  const reason = messageOf(error).split(' - ').at(-1)?.trim() ?? ''
  const shown = statement === undefined ? undefined : shownStatement(statement)
  const details = {
    owner,
    migration: name,
    file,
    reason,
    sqlState: codeOf(error),
    ...(shown === undefined ? {} : { statement: shown }),
  }
  const where = shown === undefined ? '' : ` in: ${shown}`
  const what = code === 'OPS_MIGRATION_DOWN_FAILED' ? 'The down of migration' : 'Migration'
  return new OpsError(code, `${what} ${name} of ${owner} failed: ${reason}${where}`, {
    cause: error,
    details,
  })
}

/** Others live who can't live with it. @param living in words, as `OtherUsers` gives them */
export function needsMaintenance(
  owner: string,
  names: readonly string[],
  living: readonly string[],
): OpsError {
  const what = names.length === 0 ? 'What is pending' : names.join(', ')
  const who = living.length === 0 ? 'it serves' : `others use the database: ${living.join('; ')}`
  return new OpsError(
    'OPS_MIGRATION_NEEDS_MAINTENANCE',
    `${what} of ${owner} can't run while ${who}`,
    { details: { owner, migrations: names, living } },
  )
}

export function slowMigration(owner: string, limitMs: number, cause: unknown): OpsError {
  const details = cause instanceof OpsError ? cause.details : { owner }
  const { migration = 'What is pending', statement } = details
  const where = typeof statement === 'string' ? `: ${statement}` : ''
  return new OpsError(
    'OPS_MIGRATION_SLOW',
    `${String(migration)} of ${owner} takes longer than ${limitMs / 1000} s, while handlers wait for its tables${where}`,
    { cause, details },
  )
}
