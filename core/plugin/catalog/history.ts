import { z } from 'zod'
import type { Queries } from '../../database/connection.ts'
import type { PluginEvent } from './plugins.ts'

const versionShape = z.object({
  hash: z.string().optional(),
  ms: z.number().optional(),
  cause: z.string().optional(),
})

interface Row {
  created_at: string
  action: string
  actor_name: string | null
  reason: string | null
  before: unknown
  after: unknown
}

/** So many entries are shown. */
const length = 8

/** What became of each plugin, as the audit has it. */
export class PluginHistory {
  readonly #database: Queries

  constructor(database: Queries) {
    this.#database = database
  }

  /** The last entries of one plugin, newest first. */
  async of(plugin: string): Promise<readonly PluginEvent[]> {
    const rows = await this.#database.query<Row>(
      `select created_at, action, actor_name, reason, before, after from audit_log
        where target = $1 and outcome <> 'refused' and split_part(action, '.', 1) in ('plugin', 'access')
        order by created_at desc, id desc limit ${length}`,
      [`plugin:${plugin}`],
    )
    return rows.map(({ created_at, action, actor_name, reason, before, after }) => {
      const [was, is] = [versionShape.safeParse(before).data, versionShape.safeParse(after).data]
      return {
        at: new Date(created_at),
        action: action.slice(action.indexOf('.') + 1),
        by: actor_name ?? undefined,
        cause: is?.cause,
        code: reason === null ? undefined : reason.split(':', 1).join(),
        before: was?.hash,
        after: is?.hash,
        ms: is?.ms,
      }
    })
  }
}
