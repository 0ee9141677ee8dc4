import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import type { Queries } from '../database/connection.ts'
import { addressOf, clientOptions, openingError } from '../database/postgres.ts'
import { codeOf, OpsError } from '../errors.ts'
import { differences, stateOfTables, type TableState } from './tables.ts'

/**
 * Writes a PostgreSQL database to `file` by pg_dump, beside whoever works with it: both see the same moment.
 *
 * @returns what the tables hold in it
 * @throws OPS_BACKUP_TOOL, OPS_BACKUP_FAILED, OPS_DATABASE_…
 */
export async function dumpServer(url: string, file: string): Promise<TableState[]> {
  return withClient(url, async (sql) => {
    await sql.query('begin isolation level repeatable read read only')
    const [row] = await sql.query<{ snapshot: string }>('select pg_export_snapshot() as snapshot')
    await runTool(
      'pg_dump',
      [
        '--format=custom',
        `--snapshot=${row?.snapshot}`,
        '--no-owner',
        '--no-privileges',
        `--file=${file}`,
      ],
      url,
    )
    return stateOfTables(sql)
  })
}

/** A restored database that waits beside the one that it is to replace. */
export interface Restored {
  /** Puts it in the other's place. @returns the name that the other one has from now on; undefined if there was none */
  swap(): Promise<string | undefined>
  drop(): Promise<void>
}

/**
 * Restores a dump into a new database on the same server and compares it with what the dump held.
 *
 * @throws OPS_BACKUP_DIFFERS if it is not the same, and OPS_BACKUP_TOOL, OPS_BACKUP_FAILED; nothing is left then
 */
export async function restoreServer(
  url: string,
  file: string,
  expected: readonly TableState[],
): Promise<Restored> {
  const { database } = addressOf(url)
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const scratch = `${database.slice(0, 40)}_restored_${stamp}`
  const before = `${database.slice(0, 40)}_before_${stamp}`
  const drop = () =>
    withMaintenance(url, async (sql) => {
      await sql.query(`drop database if exists ${quoted(scratch)} with (force)`)
    })
  await withMaintenance(url, (sql) =>
    sql.query(`create database ${quoted(scratch)} template template0`),
  )
  try {
    const scratchUrl = withDatabaseName(url, scratch)
    await runTool(
      'pg_restore',
      ['--exit-on-error', '--no-owner', '--no-privileges', `--dbname=${scratch}`, file],
      url,
    )
    const found = await withClient(scratchUrl, async (sql) => {
      await sql.query('begin isolation level repeatable read read only')
      return stateOfTables(sql)
    })
    throwIfDifferent(differences(expected, found))
  } catch (error) {
    await drop()
    throw error
  }
  const swap = () =>
    withMaintenance(url, async (sql) => {
      const there = await sql.query('select 1 from pg_database where datname = $1', [database])
      await sql.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1::text[]) and pid <> pg_backend_pid()',
        [[database, scratch]],
      )
      await sql.query('begin')
      if (there.length > 0) {
        await sql.query(`alter database ${quoted(database)} rename to ${quoted(before)}`)
      }
      await sql.query(`alter database ${quoted(scratch)} rename to ${quoted(database)}`)
      await sql.query('commit')
      return there.length > 0 ? before : undefined
    })
  return { swap, drop }
}

export function throwIfDifferent(found: readonly string[]): void {
  if (found.length === 0) return
  const more = found.length > 5 ? `, and ${found.length - 5} more` : ''
  throw new OpsError(
    'OPS_BACKUP_DIFFERS',
    `The restored database is not what was backed up: ${found.slice(0, 5).join('; ')}${more}`,
    {
      details: { differences: found },
    },
  )
}

function withDatabaseName(url: string, name: string): string {
  const other = new URL(url)
  other.pathname = `/${encodeURIComponent(name)}`
  return other.href
}

function withMaintenance<T>(url: string, work: (sql: Queries) => Promise<T>): Promise<T> {
  return withClient(withDatabaseName(url, 'postgres'), work)
}

/** One connection, whose statements may take as long as they like. */
async function withClient<T>(url: string, work: (sql: Queries) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    ...clientOptions(url, 'opsgram backup'),
    statement_timeout: 0,
    idle_in_transaction_session_timeout: 0,
  })
  // a lost connection is told by the statement that runs into it
  client.on('error', () => undefined)
  await client.connect().catch((error: unknown) => {
    throw openingError(error, addressOf(url))
  })
  try {
    return await work({
      query: async <Row>(sql: string, parameters: readonly unknown[] = []) =>
        (await client.query(sql, [...parameters])).rows as Row[],
    })
  } finally {
    await client.end()
  }
}

async function runTool(
  tool: 'pg_dump' | 'pg_restore',
  args: readonly string[],
  url: string,
): Promise<void> {
  const { host, port, user, password, database } = new pg.Client({ connectionString: url })
  const sslMode = new URL(url).searchParams.get('sslmode')
  const child = spawn(tool, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // not as an argument, which everybody on the machine can read
    env: {
      PATH: process.env.PATH,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGDATABASE: database,
      ...(typeof password === 'string' ? { PGPASSWORD: password } : {}),
      ...(sslMode === null ? {} : { PGSSLMODE: sslMode }),
    },
  })
  const ended = new Promise<number | null>((done, fail) =>
    child.on('close', done).on('error', fail),
  )
  // a program that isn't there ends both
  const [code, said] = await Promise.all([ended, text(child.stderr)]).catch((error: unknown) => {
    throw new OpsError('OPS_BACKUP_TOOL', `${tool} can't be run (${codeOf(error)})`, {
      cause: error,
    })
  })
  if (code === 0) return
  const words = said.trim().split('\n').slice(0, 3).join('; ')
  if (/version mismatch|unsupported version/.test(said)) {
    throw new OpsError(
      'OPS_BACKUP_TOOL',
      `${tool} is older than the server or the backup: ${words}`,
    )
  }
  throw new OpsError('OPS_BACKUP_FAILED', `${tool} ended with ${code}: ${words}`)
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
