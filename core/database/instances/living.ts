import { codeOf } from '../../errors.ts'
import type { Queries } from '../connection.ts'

/** Where a process stands; what others hold is shared out among those that serve. */
export type InstanceState = 'starting' | 'serving' | 'stopping'

/** A process that serves the bot, as its row tells. */
export interface Instance {
  /** The same as in `/healthz`. */
  readonly id: string
  readonly botId: number
  readonly state: InstanceState
  readonly host: string
  readonly pid: number
  readonly coreVersion: string
  /** Content hashes of its live plugins, by name. */
  readonly plugins: Readonly<Record<string, string>>
  readonly startedAt: Date
  readonly heartbeatAt: Date
}

/**
 * An instance that was not heard of for so long is dead to the others, ms: what it held is theirs. Each beats
 * twice a second.
 */
export const leaseMs = 3_000
export const beatMs = 500

/** When the question is whether one may still come back, e.g. after an outage of the database, ms. */
const mayComeBackMs = 2 * leaseMs

interface Row {
  id: string
  bot_id: number
  state: InstanceState
  host: string
  pid: number
  core_version: string
  plugins: Record<string, string>
  started_at: string
  heartbeat_at: string
}

/**
 * The instances that serve this database now, oldest first; `except` leaves one's own out. Cautious: one that was
 * killed counts for some seconds more. Nobody on an embedded database, where no one else can be.
 */
export async function livingInstances(
  database: Queries,
  except?: string,
): Promise<readonly Instance[]> {
  let rows: Row[]
  try {
    rows = await database.query<Row>(
      `select id, bot_id, state, host, pid, core_version, plugins, started_at, heartbeat_at from instances
       where heartbeat_at > now() - $1 * interval '1 ms' and id is distinct from $2
       order by started_at, id`,
      [mayComeBackMs, except ?? null],
    )
  } catch (error) {
    // 42P01: no such table, so none that registers has ever been here
    if (codeOf(error) === '42P01') return []
    throw error
  }
  return rows.map((row) => ({
    id: row.id,
    botId: row.bot_id,
    state: row.state,
    host: row.host,
    pid: row.pid,
    coreVersion: row.core_version,
    plugins: row.plugins,
    startedAt: new Date(row.started_at),
    heartbeatAt: new Date(row.heartbeat_at),
  }))
}

/** The instances that use the database beside this one, in words for a person. @param except one's own id */
export async function otherUsers(database: Queries, except?: string): Promise<readonly string[]> {
  const others = await livingInstances(database, except)
  return others.map(({ host, pid, heartbeatAt }) => {
    const seconds = Math.max(0, Math.round((Date.now() - heartbeatAt.getTime()) / 1000))
    return `${host} (process ${pid}, heard of ${seconds} s ago)`
  })
}
