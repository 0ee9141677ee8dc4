import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { addressOf, clientOptions } from './postgres.ts'

// One key per database: advisory locks are the database's own (PostgreSQL 15, §13.3.5).
const tryLock = "select pg_try_advisory_lock(hashtextextended('opsgram instance', 0)) as held"
const findHolder = `
  select a.pid, a.application_name as name
    from pg_locks l
    join pg_database d on d.oid = l.database and d.datname = current_database()
    join pg_stat_activity a on a.pid = l.pid
   where l.locktype = 'advisory' and l.granted and l.objsubid = 1
     and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended('opsgram instance', 0)`

/** A process that has just been stopped may still be closing its connections. */
const patienceMs = 2_000
const retryMs = 200
const beatMs = 5_000
const longestPauseMs = 5_000

export interface InstanceLock {
  /** Resolves when another process holds the lock: this one must stop. Never rejects. */
  readonly lost: Promise<OpsError>
  release(): Promise<void>
}

/**
 * Makes sure that one process alone serves a database, until several may: a session advisory lock on a connection
 * of its own. A dropped connection is made again and the lock re-taken; the server gives it to nobody else unless
 * another process asks first.
 *
 * @throws OpsError OPS_DATABASE_IN_USE naming the other one.
 */
export async function holdInstanceLock(url: string, log: Logger): Promise<InstanceLock> {
  const name = `opsgram lock ${hostname().slice(0, 24)}:${process.pid}:${randomUUID().slice(0, 8)}`
  const stopping = new AbortController()
  const lost = Promise.withResolvers<OpsError>()
  const deadline = performance.now() + patienceMs
  let client = await connectLocked(url, name, () => performance.now() < deadline)

  const keep = async () => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      try {
        await beat(client, stopping.signal)
        failures = 0
        continue
      } catch (error) {
        if (stopping.signal.aborted) return
        if (failures === 0) log.warn('database.instance-lock.lost', { error })
      }
      await client.end().catch(() => undefined)
      await delay(Math.min(100 * 2 ** failures++, longestPauseMs), undefined, {
        signal: stopping.signal,
      }).catch(() => undefined)
      try {
        client = await connectLocked(url, name, () => false)
        log.info('database.instance-lock.retaken')
        failures = 0
      } catch (error) {
        // Fail closed: two that serve one database would handle updates twice.
        if (error instanceof OpsError && error.code === 'OPS_DATABASE_IN_USE') {
          lost.resolve(error)
          return
        }
      }
    }
  }
  const keeping = keep()

  return {
    lost: lost.promise,
    async release() {
      stopping.abort()
      await keeping
      await client.end().catch(() => undefined)
    },
  }
}

async function connectLocked(
  url: string,
  name: string,
  mayWait: () => boolean,
): Promise<pg.Client> {
  const client = new pg.Client({ ...clientOptions(url, name), query_timeout: beatMs })
  // Without a listener a dropped connection would end the process; the next beat finds it.
  client.on('error', () => undefined)
  await client.connect()
  try {
    for (;;) {
      if ((await client.query<{ held: boolean }>(tryLock)).rows[0]?.held === true) return client
      const { rows } = await client.query<{ pid: number; name: string }>(findHolder)
      const holder = rows[0]
      if (holder?.name === name) {
        // Our own former session, whose end the server hasn't noticed.
        await client.query('select pg_terminate_backend($1)', [holder.pid])
      } else if (!mayWait()) throw inUse(url, holder)
      await delay(retryMs)
    }
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}

function inUse(url: string, holder: { pid: number; name: string } | undefined): OpsError {
  const { host, port, database } = addressOf(url)
  const who = holder?.name.replace(/^opsgram lock /, '').replace(/:[^:]*$/, '')
  return new OpsError(
    'OPS_DATABASE_IN_USE',
    `The database "${database}" at ${host}:${port} is used by another running bot${who ? ` (${who})` : ''}`,
    {
      hint: `Stop the other one, or use another database. If that machine is gone for good: select pg_terminate_backend(${holder?.pid ?? 'pid'})`,
      details: { host, port, database, holder: who, backend: holder?.pid },
    },
  )
}

/** Waits a beat, then asks the server whether it is still there; a connection that ends meanwhile is told at once. */
async function beat(client: pg.Client, signal: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<never>()
  const fail = () => ended.reject(new Error('Connection terminated'))
  client.once('end', fail)
  const pause = new AbortController()
  try {
    await Promise.race([
      delay(beatMs, undefined, { signal: AbortSignal.any([signal, pause.signal]), ref: false }),
      ended.promise,
    ])
  } finally {
    client.off('end', fail)
    pause.abort()
  }
  await client.query('select 1')
}
