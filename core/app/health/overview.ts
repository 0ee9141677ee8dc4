import { hostname } from 'node:os'
import type { Database } from '../../database/connection.ts'
import { livingInstances } from '../../database/instances/living.ts'
import type { HealthChecks } from '../../http/health.ts'
import type { OverviewApi, OverviewInstance, Waiting } from '../../plugin/offered/overview.ts'

/** The bot as a whole, as plugins see it. */
export function overviewOf(parts: {
  health: HealthChecks
  database: Database
  version: string
  waiting: () => Promise<Waiting>
  standStill: OverviewApi['standStill']
}): OverviewApi {
  const { health, database, version, waiting, standStill } = parts
  const { instance, startedAt } = health
  return {
    version,
    startedAt,
    instance,
    checks: () => health.look(),
    async instances() {
      if (database.kind === 'embedded') {
        return [{ id: instance, host: hostname(), version, startedAt, leads: true, own: true }]
      }
      const leader = await leaderOf(database)
      const living = await livingInstances(database)
      return living.map(
        ({ id, host, coreVersion, startedAt }): OverviewInstance => ({
          id,
          host,
          version: coreVersion,
          startedAt,
          leads: id === leader,
          own: id === instance,
        }),
      )
    },
    waiting,
    standStill,
  }
}

async function leaderOf(database: Database): Promise<string | undefined> {
  const [row] = await database.query<{ owner: string }>(
    `select owner from leases where name = 'leader'`,
  )
  return row?.owner
}
