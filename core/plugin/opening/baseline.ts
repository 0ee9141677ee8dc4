import type { Database, Queries } from '../../database/connection.ts'
import type { Logger } from '../../log/logger.ts'
import type { Generation } from '../generation/generation.ts'
import type { PluginDeclaration } from '../generation/instance.ts'
import { type Accepted, acceptedWhole, nothingAccepted, sameAccepted, settled } from './diff.ts'
import type { Baseline } from './guarded.ts'
import { acceptedShape } from './surface.ts'

/** What a reload needs to know about accepted access. */
export interface Acceptance {
  /** What was accepted before this process. */
  readonly baseline: Baseline
  /** What is accepted when these plugins go live. Pure but for the first start. */
  settle(before: Baseline, loaded: readonly Loaded[]): Baseline
  /** Told when all was loaded that could be at the start, before anything else is loaded. */
  started(generation: Generation): Promise<void>
}

type Loaded = Pick<PluginDeclaration, 'name' | 'surface'>

/** Accepts whatever plugins declare, and keeps nothing. */
export const acceptEverything: Acceptance = {
  baseline: new Map(),
  settle: (before, loaded) => settledBy(acceptedWhole, before, loaded),
  started: async () => undefined,
}

/** Stands for no plugin: its row says that there was a first start. Reserved as a plugin's name. */
const marker = 'core'

interface Row {
  plugin: string
  accepted: unknown
}

/**
 * What of the plugins' access was accepted, in the database. The first start ever accepts what it finds;
 * from then on only what an owner approved is added, unless nobody is to be asked.
 */
export class AccessBaseline implements Acceptance {
  readonly baseline: Baseline
  readonly #database: Database
  readonly #log: Logger
  readonly #asks: boolean
  /** Before the end of the first start ever. */
  #isFirst: boolean

  private constructor(parts: BaselineParts, baseline: Baseline, isFirst: boolean) {
    this.#database = parts.database
    this.#log = parts.log
    this.#asks = parts.asks
    this.baseline = baseline
    this.#isFirst = isFirst
  }

  static async open(parts: BaselineParts): Promise<AccessBaseline> {
    const { baseline, isBegun } = await readBaseline(parts)
    return new AccessBaseline(parts, baseline, !isBegun)
  }

  /** What is kept by now. */
  async read(): Promise<Baseline> {
    return (await readBaseline({ database: this.#database, log: this.#log })).baseline
  }

  settle(before: Baseline, loaded: readonly Loaded[]): Baseline {
    const asks = this.#asks && !this.#isFirst
    if (!asks) return settledBy(acceptedWhole, before, loaded)
    return settledBy(settled, withFirstGuards(before, loaded), loaded)
  }

  async started({ accepted }: Generation): Promise<void> {
    if (!this.#isFirst) return this.save(this.baseline, accepted)
    await keepAccepted(this.#database, [...accepted, [marker, nothingAccepted]])
    this.#isFirst = false
    this.#log.info('access.baseline', { plugins: [...accepted.keys()].sort() })
  }

  /** Writes what changed from one generation to the next. */
  async save(before: Baseline, after: Baseline): Promise<void> {
    const changed = [...after].filter(([plugin, own]) => before.get(plugin) !== own)
    if (changed.length > 0) await keepAccepted(this.#database, changed)
  }
}

export interface BaselineParts {
  readonly database: Database
  readonly log: Logger
  /** False: whatever plugins open is accepted, as in the playground. */
  readonly asks: boolean
}

/** What another version wrote and this one can't read counts as nothing: it is asked for anew. */
async function readBaseline({
  database,
  log,
}: Pick<BaselineParts, 'database' | 'log'>): Promise<{ baseline: Baseline; isBegun: boolean }> {
  const rows = await database.query<Row>('select plugin, accepted from plugin_access')
  const known = rows.filter(({ plugin }) => plugin !== marker)
  const baseline = new Map<string, Accepted>()
  for (const { plugin, accepted } of known) {
    const parsed = acceptedShape.safeParse(accepted)
    if (parsed.success) baseline.set(plugin, parsed.data)
    else log.warn('access.unreadable', { plugin, error: parsed.error })
  }
  return { baseline, isBegun: known.length < rows.length }
}

/** Writes what is accepted of some plugins, in one statement. */
export async function keepAccepted(
  database: Queries,
  accepted: readonly (readonly [plugin: string, accepted: Accepted])[],
): Promise<void> {
  await database.query(
    `insert into plugin_access (plugin, accepted, changed_at)
     select key, value, now() from jsonb_each($1::jsonb)
     on conflict (plugin) do update set accepted = excluded.accepted, changed_at = excluded.changed_at`,
    [JSON.stringify(Object.fromEntries(accepted))],
  )
}

/**
 * The first plugin ever that lets people in is accepted as the first start accepts what it finds: before it
 * nobody could use the bot, so there is nobody to ask.
 */
function withFirstGuards(before: Baseline, loaded: readonly Loaded[]): Baseline {
  const known = new Set([...before.values()].flatMap(({ ways }) => Object.keys(ways)))
  const first = loaded.flatMap(({ name, surface }) => {
    const guards = Object.entries(surface.ways).filter(
      ([key]) => key.startsWith('guard:') && !known.has(key),
    )
    if (guards.length === 0) return []
    const was = before.get(name) ?? nothingAccepted
    return [[name, { ...was, ways: { ...was.ways, ...Object.fromEntries(guards) } }] as const]
  })
  return first.length === 0 ? before : new Map([...before, ...first])
}

function settledBy(
  rule: (accepted: Accepted, declared: Loaded['surface']) => Accepted,
  before: Baseline,
  loaded: readonly Loaded[],
): Baseline {
  const changed = loaded.flatMap(({ name, surface }) => {
    const was = before.get(name)
    const now = rule(was ?? nothingAccepted, surface)
    return sameAccepted(was, now) ? [] : [[name, now] as const]
  })
  return changed.length === 0 ? before : new Map([...before, ...changed])
}
