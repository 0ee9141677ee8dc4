import type { Queries } from '../database/connection.ts'

/** What a table held at one moment. The checksum doesn't depend on the order of rows. */
export interface TableState {
  /** With its schema: `public.bot_users`. */
  readonly table: string
  readonly rows: number
  readonly checksum: string
}

/** Counts and sums up all tables. Within one transaction that sees one moment, it is the state of that moment. */
export async function stateOfTables(sql: Queries): Promise<TableState[]> {
  // what a row looks like as text must not depend on who asks
  await sql.query(`set local timezone to 'UTC'`)
  await sql.query(`set local datestyle to 'ISO, YMD'`)
  await sql.query(`set local extra_float_digits to 1`)
  await sql.query(`set local bytea_output to 'hex'`)
  const tables = await sql.query<{ table: string; quoted: string }>(
    `select table_schema || '.' || table_name as table, format('%I.%I', table_schema, table_name) as quoted
       from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
      order by 1`,
  )
  const states: TableState[] = []
  for (const { table, quoted } of tables) {
    const [sum] = await sql.query<{ rows: number; checksum: string }>(
      `select count(*) as rows,
              coalesce(sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint), 0)::text as checksum
         from only ${quoted} t`,
    )
    if (sum !== undefined) states.push({ table, ...sum })
  }
  return states
}

/** What is not the same, in words; empty when all is. */
export function differences(
  expected: readonly TableState[],
  found: readonly TableState[],
): readonly string[] {
  const byName = new Map(found.map((state) => [state.table, state]))
  const expectedNames = new Set(expected.map(({ table }) => table))
  return [
    ...expected.flatMap(({ table, rows, checksum }) => {
      const other = byName.get(table)
      if (other === undefined) return [`${table} is missing`]
      if (other.rows !== rows) return [`${table} has ${other.rows} rows in place of ${rows}`]
      return other.checksum === checksum ? [] : [`${table} has other contents`]
    }),
    ...found.flatMap(({ table }) => (expectedNames.has(table) ? [] : [`${table} is one too many`])),
  ]
}
