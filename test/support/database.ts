import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import pg from 'pg'
import { type Database, openDatabase } from '../../core/database/connection.ts'
import { coreMigrations } from '../../core/database/migration/core.ts'
import { migrate } from '../../core/database/migration/migrator.ts'
import { putEmbedded } from '../../core/testing/test-bot/seed.ts'
import { freshFolder, lives } from './folders.ts'
import { silentLog } from './log.ts'

const serverUrl = process.env.TEST_DATABASE_URL || undefined

/** Which database this run of the tests uses. */
export const testKind: Database['kind'] = serverUrl === undefined ? 'embedded' : 'postgres'

let count = 0
let embedded: Promise<Database> | undefined
const names = new Set<string>()

const dropAll = `
  const [server, ...names] = process.argv.slice(1)
  const client = new (require('pg').Client)({ connectionString: server })
  client.connect().then(async () => {
    for (const name of names) await client.query('drop database if exists ' + name + ' with (force)')
    await client.end()
  })`

// Test files share this process one after another; what they forgot goes when it ends. The runner ends it by
// process.exit, so nothing asynchronous would be waited for.
process.on('exit', () => {
  if (names.size === 0 || serverUrl === undefined) return
  spawnSync(process.execPath, ['-e', dropAll, serverUrl, ...names], { cwd: import.meta.dirname })
})

/**
 * An empty database, or one with the core's tables; `close` it when done. On PostgreSQL it is a new one; embedded it
 * is the one of this process, emptied, so use one at a time.
 */
export async function freshDatabase(options: { migrated?: boolean } = {}): Promise<Database> {
  const database = serverUrl === undefined ? await emptied() : await created(serverUrl)
  if (options.migrated === true) await migrate(database, await coreMigrations())
  return database
}

/** The address of an empty PostgreSQL database; dropped when the process ends. */
export async function freshUrl(): Promise<string> {
  if (serverUrl === undefined) throw new Error('freshUrl needs TEST_DATABASE_URL')
  const server = serverUrl
  if (count === 0) await dropLeftovers(server)
  const name = `opsgram_test_${process.pid}_${++count}`
  await onServer(server, `create database ${name}`)
  // nothing here survives a crash of the server, so no commit has to wait for the disk
  await onServer(server, `alter database ${name} set synchronous_commit = off`)
  names.add(name)
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

async function created(server: string): Promise<Database> {
  const url = await freshUrl()
  const database = await openDatabase({ url, dir: '', log: silentLog })
  return {
    ...database,
    async close() {
      await database.close()
      const name = new URL(url).pathname.slice(1)
      names.delete(name)
      await onServer(server, `drop database if exists ${name} with (force)`)
    },
  }
}

async function emptied(): Promise<Database> {
  embedded ??= openCopy()
  const database = await embedded
  await database.query('drop schema public cascade; create schema public')
  return { ...database, close: async () => undefined }
}

async function openCopy(): Promise<Database> {
  const dir = join(freshFolder(), 'database')
  await putEmbedded(dir, silentLog)
  return openDatabase({ dir, log: silentLog })
}

/** Databases of test processes that were killed before they could drop them. */
async function dropLeftovers(server: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    const { rows } = await client.query<{ datname: string }>(
      "select datname from pg_database where datname ~ '^opsgram_test_[0-9]+_'",
    )
    for (const { datname } of rows) {
      if (lives(Number(datname.split('_')[2]))) continue
      // Another run that has just begun may be doing the same.
      await client.query(`drop database if exists ${datname} with (force)`).catch(() => undefined)
    }
  } finally {
    await client.end()
  }
}

async function onServer(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
