import { type EntityMetadata, MikroORM, ReferenceKind } from '@mikro-orm/core'
import type { Database } from './connection.ts'
import { type Entity, OpsDriver, ormOptions } from './orm.ts'

interface NeededColumn {
  readonly name: string
  readonly type: string
  /** The code may write null. */
  readonly nullable: boolean
}

/** What the entities need of the schema; made once a version of a plugin. */
export interface SchemaNeeds {
  readonly entityNames: readonly string[]
  /** Columns by table name, many-to-many tables included. */
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, NeededColumn>>
  /** Equal for equal needs. */
  readonly signature: string
}

/** Reads the entities' metadata, about 5 ms: no query is made. */
export function schemaNeeds(entities: readonly Entity[]): SchemaNeeds {
  const entityNames: string[] = []
  const tables = new Map<string, Map<string, NeededColumn>>()
  if (entities.length > 0) collect(entities, entityNames, tables)
  const signature = JSON.stringify(
    [...tables].map(([table, columns]) => [table, [...columns.values()]]),
  )
  return { entityNames, tables, signature }
}

/**
 * What the schema lacks, one readable line each: tables, columns, types that can't hold the
 * values, and columns that the code doesn't know but has to fill. Anything more in the schema is fine: an older
 * version runs on a newer schema.
 */
export async function missingFromSchema(
  database: Database,
  { tables: needed }: SchemaNeeds,
): Promise<string[]> {
  if (needed.size === 0) return []
  const present = await presentTables(database, [...needed.keys()])
  const lines: string[] = []
  for (const [table, columns] of needed) {
    const found = present.get(table)
    if (found === undefined) {
      lines.push(`table ${table} is missing`)
      continue
    }
    for (const column of columns.values()) {
      const problem = problemOf(column, found.get(column.name))
      if (problem !== undefined) lines.push(`table ${table}: column ${column.name} ${problem}`)
    }
    for (const column of found.values()) {
      if (columns.has(column.name) || !column.required) continue
      lines.push(
        `table ${table}: column ${column.name} must be filled and the code doesn't know it`,
      )
    }
  }
  return lines
}

function collect(
  entities: readonly Entity[],
  entityNames: string[],
  tables: Map<string, Map<string, NeededColumn>>,
): void {
  // Metadata only: this ORM never connects. It also discovers what the entities refer to, which isn't asked for.
  const orm = new MikroORM({
    ...ormOptions,
    driver: OpsDriver,
    dbName: 'none',
    entities: [...entities],
  })
  const metadata = orm.getMetadata()
  const wanted = entities.map((entity) => metadata.get<object>(entity))
  for (const meta of wanted) {
    entityNames.push(meta.className)
    if (meta.virtual === true || meta.embeddable === true) continue
    addColumns(tables, meta)
    for (const { pivotEntity, kind, owner } of meta.relations) {
      if (kind !== ReferenceKind.MANY_TO_MANY || !owner) continue
      const pivot = metadata.find<object>(pivotEntity)
      if (pivot !== undefined) addColumns(tables, pivot)
    }
  }
}

function addColumns(
  tables: Map<string, Map<string, NeededColumn>>,
  meta: EntityMetadata<object>,
): void {
  // Several entities may share a table (single-table inheritance).
  const columns = tables.get(meta.tableName) ?? new Map<string, NeededColumn>()
  tables.set(meta.tableName, columns)
  for (const prop of meta.props) {
    // A property that isn't persisted, or is computed in the query, has no column of its own.
    if (prop.persist === false || prop.formula !== undefined) continue
    // The other side of a relation keeps it, or a table between the two does.
    if (prop.kind === ReferenceKind.ONE_TO_MANY || prop.kind === ReferenceKind.MANY_TO_MANY)
      continue
    if (prop.kind === ReferenceKind.ONE_TO_ONE && !prop.owner) continue
    // Inlined embeddables are there again as one property for each of theirs.
    if (prop.kind === ReferenceKind.EMBEDDED && prop.object !== true) continue
    prop.fieldNames?.forEach((name, i) => {
      columns.set(name, {
        name,
        type: prop.columnTypes[i] ?? '',
        nullable: prop.nullable === true,
      })
    })
  }
}

interface PresentColumn {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  /** Has to be given: not null, and neither default nor identity. */
  readonly required: boolean
}

async function presentTables(
  database: Database,
  tables: readonly string[],
): Promise<Map<string, Map<string, PresentColumn>>> {
  // pg_catalog directly: information_schema joins far more, and hides what the user owns no rights on.
  const rows = await database.query<PresentColumn & { table: string }>(
    `select c.relname::text as table, a.attname::text as name,
            format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as "notNull",
            a.attnotnull and not a.atthasdef and a.attidentity = '' as required
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = current_schema()::regnamespace and c.relname = any($1::text[])
        and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped`,
    [tables],
  )
  const present = new Map<string, Map<string, PresentColumn>>()
  for (const { table, ...column } of rows) {
    const columns = present.get(table) ?? new Map<string, PresentColumn>()
    present.set(table, columns.set(column.name, column))
  }
  return present
}

function problemOf(needed: NeededColumn, present: PresentColumn | undefined): string | undefined {
  if (present === undefined) return 'is missing'
  if (!holds(present.type, needed.type)) return `is ${present.type}, the code needs ${needed.type}`
  if (needed.nullable && present.required) return 'must allow null'
  return undefined
}

const families: readonly (readonly string[])[] = [
  ['varchar', 'character varying', 'text', 'char', 'character', 'bpchar', 'citext'],
  ['numeric', 'decimal', 'real', 'double precision', 'float4', 'float8'],
  ['boolean', 'bool'],
  ['json', 'jsonb'],
  ['timestamptz', 'timestamp', 'timestamp with time zone', 'timestamp without time zone'],
  ['date'],
  ['uuid'],
  ['bytea'],
]
const widths: Readonly<Record<string, number>> = {
  smallint: 2,
  int2: 2,
  smallserial: 2,
  int: 4,
  integer: 4,
  int4: 4,
  serial: 4,
  bigint: 8,
  int8: 8,
  bigserial: 8,
}

/** Whether a column of one type can hold the values of another; what we don't know is taken to fit. */
function holds(present: string, needed: string): boolean {
  const [has, wants] = [plain(present), plain(needed)]
  if (has === wants) return true
  const [hasWidth, wantsWidth] = [widths[has], widths[wants]]
  if (hasWidth !== undefined && wantsWidth !== undefined) return hasWidth >= wantsWidth
  const family = (type: string) =>
    widths[type] === undefined
      ? families.findIndex((members) => members.includes(type))
      : families.length
  const [hasFamily, wantsFamily] = [family(has), family(wants)]
  return hasFamily === -1 || wantsFamily === -1 || hasFamily === wantsFamily
}

/** `character varying(26)` → `character varying`; precision and length are the database's to enforce. */
function plain(type: string): string {
  return type
    .toLowerCase()
    .replace(/\s*\([^)]*\)/g, '')
    .trim()
}
