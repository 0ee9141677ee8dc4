import pg from 'pg'
import type { Logger } from '../log/logger.ts'
import type { Queries } from './connection.ts'
import { isDatabaseAway } from './failure.ts'
import { clientOptions } from './postgres.ts'

/** Whoever uses it holds leases of a few seconds: an answer that takes longer is of no use any more, ms. */
const patienceMs = 2_000

/**
 * One connection to PostgreSQL on which a process hears what others tell it, and which nobody else keeps busy. One
 * that breaks is made again at the next query.
 */
export class ServerSession implements Queries {
  readonly #url: string
  readonly #log: Logger
  readonly #channels = new Map<string, (payload: string) => void>()
  readonly #resumed: (() => void)[] = []
  #client: Promise<pg.Client> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #wasConnected = false
  #closed = false

  constructor({ url, log }: { url: string; log: Logger }) {
    this.#url = url
    this.#log = log
  }

  /** One after the other: pg 8.23 warns on standard error of a query while another one runs. */
  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const answer = this.#last.then(() => this.#query<Row>(sql, parameters))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  async #query<Row>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    if (this.#closed) throw new Error('Client was closed')
    this.#client ??= this.#connect()
    const connecting = this.#client
    try {
      const client = await connecting
      // The caller's promise about its own SQL.
      return (await client.query(sql, [...parameters])).rows as Row[]
    } catch (error) {
      if (isDatabaseAway(error)) this.#drop(connecting)
      throw error
    }
  }

  /**
   * Hears what is sent to a channel (NOTIFY). While the connection is broken, nothing: who relies on it has
   * to look by himself from time to time.
   */
  async listen(channel: string, heard: (payload: string) => void): Promise<void> {
    this.#channels.set(channel, heard)
    await this.query(`listen ${pg.escapeIdentifier(channel)}`)
  }

  /** Called when the connection is there again: what was sent to its channels meanwhile was missed. */
  onResumed(listener: () => void): void {
    this.#resumed.push(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    const client = await this.#client?.catch(() => undefined)
    await client?.end().catch(() => undefined)
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      ...clientOptions(this.#url, 'opsgram instance'),
      connectionTimeoutMillis: patienceMs,
      query_timeout: patienceMs,
    })
    // without a listener a dropped connection would end the process
    client.on('error', (error) => this.#log.warn('database.connection-lost', { error }))
    client.on('notification', ({ channel, payload }) => {
      this.#channels.get(channel)?.(payload ?? '')
    })
    await client.connect()
    for (const channel of this.#channels.keys()) {
      await client.query(`listen ${pg.escapeIdentifier(channel)}`)
    }
    if (this.#wasConnected) for (const listener of this.#resumed) listener()
    this.#wasConnected = true
    return client
  }

  #drop(connecting: Promise<pg.Client>): void {
    if (this.#client !== connecting || this.#closed) return
    this.#client = undefined
    connecting.then((client) => client.end()).catch(() => undefined)
  }
}
