import { parseArgs } from 'node:util'
import type { Queries } from '../../database/connection.ts'
import { isBreaking, type MigrationSet } from '../../database/migration/set.ts'
import { readState } from '../../database/migration/tracking.ts'
import { withDatabase } from '../database.ts'
import { eachSet } from './sets.ts'

/** `opsgram migrate status`: every migration of the core and the plugins, and what came of it. Changes nothing. */
export async function statusCommand(args: readonly string[]): Promise<number> {
  parseArgs({ args: [...args], options: {} })
  return withDatabase(({ database, config }) =>
    eachSet(config.plugins, async (set) => {
      for (const line of await linesOf(database, set)) console.log(line)
    }),
  )
}

async function linesOf(database: Queries, set: MigrationSet): Promise<string[]> {
  const { recorded, pending, edited, missing } = await readState(database, set)
  const has = (list: readonly { readonly name: string }[], name: string) =>
    list.some((one) => one.name === name)
  const rows = [
    ...recorded.map(({ name, breaking, executedAt }) => ({
      name,
      what: [
        `applied ${executedAt.toISOString().slice(0, 16).replace('T', ' ')}`,
        ...(breaking ? ['breaking'] : []),
        ...(has(edited, name) ? ['edited since: see migrate redo'] : []),
        ...(has(missing, name) ? ['not in this version of the code'] : []),
      ],
    })),
    ...pending.map((one) => ({
      name: one.name,
      what: ['pending', ...(isBreaking(one) ? ['breaking'] : [])],
    })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1))
  const width = Math.max(0, ...rows.map(({ name }) => name.length))
  return [set.owner, ...rows.map(({ name, what }) => `  ${name.padEnd(width)}  ${what.join(', ')}`)]
}
