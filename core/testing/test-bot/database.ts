import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Database, openDatabase } from '../../database/connection.ts'
import { OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import { Emptying } from './emptying.ts'
import { putEmbedded } from './seed.ts'

/** An empty database for one bot; `close` it when the bot has stopped. */
export async function takeDatabase(log: Logger): Promise<Database> {
  const server = process.env.TEST_DATABASE_URL
  return server === undefined || server === '' ? embedded.take(log) : createdOn(server, log)
}

/**
 * The embedded database of this process: starting one takes a second and 300 MB, so that bots use
 * the same one in turn and find it empty.
 */
class EmbeddedDatabase {
  #opening: Promise<{ database: Database; emptying: Emptying }> | undefined
  #taken = false

  async take(log: Logger): Promise<Database> {
    if (this.#taken) {
      throw new OpsError(
        'OPS_TEST_BUSY',
        'A test bot was made while another one of this process runs',
      )
    }
    this.#taken = true
    try {
      this.#opening ??= this.#open(log)
      const { database, emptying } = await this.#opening
      await emptying.run()
      return {
        ...database,
        close: async () => {
          this.#taken = false
        },
      }
    } catch (error) {
      this.#taken = false
      throw error
    }
  }

  async #open(log: Logger): Promise<{ database: Database; emptying: Emptying }> {
    const home = mkdtempSync(join(tmpdir(), 'opsgram-test-'))
    process.once('exit', () => rmSync(home, { recursive: true, force: true }))
    const dir = join(home, 'database')
    await putEmbedded(dir, log)
    const database = await openDatabase({ dir, log })
    return { database, emptying: new Emptying(database, log) }
  }
}

// the one piece of state of this folder that outlives a bot: see the class
const embedded = new EmbeddedDatabase()
let created = 0

/** A database of its own on the server, dropped when it is closed. */
async function createdOn(server: string, log: Logger): Promise<Database> {
  const name = `opsgram_test_${process.pid}_bot${++created}`
  await run(server, `create database ${name}`)
  // nothing of it outlives the test, so no commit has to wait for the disk
  await run(server, `alter database ${name} set synchronous_commit = off`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const database = await openDatabase({ url: url.href, dir: '', log })
  return {
    ...database,
    async close() {
      await database.close()
      await run(server, `drop database if exists ${name} with (force)`)
    },
  }
}

async function run(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
