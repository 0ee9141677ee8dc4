import { expect } from 'chai'
import type { Database, Queries } from '../../../../core/database/connection.ts'
import { InboxRows } from '../../../../core/update/inbox/rows.ts'
import { freshDatabase } from '../../../support/database.ts'

/** A node of a plan, as EXPLAIN (format json) tells it. */
interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly Plan[]
}

const nodesOf = (plan: Plan): readonly Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]

describe('plans of the inbox, made of a table that the server knows nothing of yet', function () {
  this.timeout(20_000)
  let database: Database

  before(async () => {
    database = await freshDatabase({ migrated: true })
    await database.query(
      `insert into inbox (bot_id, update_id, part, lane, state, done_at)
       select 1, i, i % 64, 'chat:' || i % 50, 1, now() from generate_series(1, 300) i`,
    )
  })
  after(() => database.close())

  async function planOf(asks: (rows: InboxRows) => Promise<unknown>): Promise<readonly Plan[]> {
    let asked = ''
    const sql: Queries = {
      query: async (text) => {
        asked = text
        return []
      },
    }
    await asks(new InboxRows({ sql, botId: 1, owner: 'i' }))
    return database.transaction(async ({ query }) => {
      // as the connections of the inbox have it
      await query('set local enable_seqscan = off')
      await query('set local plan_cache_mode = force_generic_plan')
      await query(`prepare asked as ${asked}`)
      const values = [...new Set(asked.match(/\$\d+/g))].map(() => 'null').join(', ')
      const [row] = await query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
        `explain (format json) execute asked(${values})`,
      )
      await query('deallocate asked')
      return nodesOf(row!['QUERY PLAN'][0]!.Plan)
    })
  }

  const statements: Readonly<Record<string, (rows: InboxRows) => Promise<unknown>>> = {
    'an accept with marks': (rows) => rows.insert([], { elsewhere: [], done: [] }),
    marks: (rows) => rows.finish([1]),
    'a look for open rows': (rows) => rows.open([1]),
    'an update that is put aside': (rows) => rows.bury(1, 'reason', 'E-1'),
    'a try': (rows) => rows.countTry(1),
    'whether it is done': (rows) => rows.isDone(1),
  }
  for (const [name, asks] of Object.entries(statements)) {
    it(`look for single rows: ${name}`, async () => {
      const scans = (await planOf(asks)).filter(
        (node) => node['Relation Name'] === 'inbox' && node['Node Type'] !== 'ModifyTable',
      )
      expect(scans).to.not.be.empty
      for (const scan of scans) {
        // of all that the bot has, or of all that was open once, no statement may read through
        expect(scan['Index Cond'], JSON.stringify(scan)).to.match(/update_id = |lane = /)
      }
    })
  }
})
