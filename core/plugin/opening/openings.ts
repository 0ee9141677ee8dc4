import { createHash } from 'node:crypto'
import { ulid } from 'ulid'
import type { Database, Queries } from '../../database/connection.ts'
import type { Logger } from '../../log/logger.ts'
import type { Generation } from '../generation/generation.ts'
import type { Person } from '../reload/cause.ts'
import type { Reloader } from '../reload/reloader.ts'
import { type AccessBaseline, keepAccepted } from './baseline.ts'
import { type Accepted, acceptedWhole, keyOf, nothingAccepted, type Opening } from './diff.ts'
import type { Baseline } from './guarded.ts'

/** What waits for an approval in one plugin. */
export interface PluginOpenings {
  readonly openings: readonly Opening[]
  /** Those that somebody decided to keep closed. */
  readonly refused: ReadonlySet<Opening>
  /** Stands for exactly these: who decides has seen them. */
  readonly seal: string
}

export type Decision = 'approve' | 'refuse'

/** `changed`: what is open by now is not what the decision was about. */
export type DecisionResult = 'done' | 'changed'

export interface OpeningsParts {
  readonly reloader: Reloader
  readonly baseline: AccessBaseline
  readonly database: Database
  readonly log: Logger
}

/** Watches what plugins open beyond what was accepted, and carries out what owners decide about it. */
export class Openings {
  readonly #parts: OpeningsParts
  #told: ReadonlyMap<string, string> = new Map()
  #saved: Baseline
  #saving: Promise<void> = Promise.resolve()

  constructor(parts: OpeningsParts) {
    this.#parts = parts
    this.#saved = parts.reloader.live.current.accepted
  }

  /** To be called once the start has loaded what it could: all of that is written. */
  watch(): void {
    const { events, live } = this.#parts.reloader
    events.on('committed', (generation) => {
      this.#tell(generation)
      this.#save(generation.accepted)
    })
    this.#tell(live.current)
  }

  /** Resolves when what was accepted so far is written. */
  async written(): Promise<void> {
    await this.#saving
  }

  /** What waits in a plugin; undefined when nothing does. */
  of(plugin: string): PluginOpenings | undefined {
    return openingsIn(this.#parts.reloader.live.current, plugin)
  }

  /**
   * Carries out what an owner decided, for exactly the openings that were shown.
   *
   * @param seal of the openings that were shown
   */
  async decide(
    plugin: string,
    decision: Decision,
    by: Person,
    seal: string,
  ): Promise<DecisionResult> {
    const { reloader, database, log } = this.#parts
    let result: DecisionResult = 'changed'
    await reloader.acceptAccess(async (current) => {
      const found = openingsIn(current, plugin)
      const surface = current.plugins.get(plugin)?.surface
      if (found === undefined || surface === undefined || found.seal !== seal) return undefined
      const before = current.accepted.get(plugin) ?? nothingAccepted
      // a write that is on its way would take back what is decided here
      await this.#saving
      const after: Accepted =
        decision === 'approve'
          ? acceptedWhole(before, surface)
          : { ...before, refused: found.openings.map(keyOf) }
      await database.transaction(async (transaction) => {
        await keepAccepted(transaction, [[plugin, after]])
        await auditDecision(transaction, { plugin, decision, by, found, before, current })
      })
      result = 'done'
      const keys = found.openings.map(keyOf)
      const event = decision === 'approve' ? 'access.approved' : 'access.refused'
      log.warn(event, { plugin, openings: keys, by: by.telegramId })
      return new Map([...current.accepted, [plugin, after]])
    }, by)
    return result
  }

  /** In the log once, whether or not anybody is told otherwise. */
  #tell({ unapproved, plugins }: Generation): void {
    const now = new Map(
      [...unapproved.openings].map(([plugin, openings]) => [plugin, sealOf(openings)]),
    )
    for (const [plugin, openings] of unapproved.openings) {
      if (this.#told.get(plugin) === now.get(plugin)) continue
      const hash = plugins.get(plugin)?.build.hash
      this.#parts.log.warn('access.opening', { plugin, hash, openings: openings.map(keyOf) })
    }
    for (const plugin of this.#told.keys()) {
      if (!now.has(plugin)) this.#parts.log.info('access.settled', { plugin })
    }
    this.#told = now
  }

  /** Behind the commit. What isn't written is narrower than what is: the next start compares with that. */
  #save(accepted: Baseline): void {
    this.#saving = this.#saving.then(async () => {
      const { baseline, log } = this.#parts
      try {
        await baseline.save(this.#saved, accepted)
        this.#saved = accepted
      } catch (error) {
        log.warn('access.not-saved', { error })
      }
    })
  }
}

function openingsIn(
  { unapproved, accepted }: Generation,
  plugin: string,
): PluginOpenings | undefined {
  const openings = unapproved.openings.get(plugin)
  if (openings === undefined) return undefined
  const refusedKeys = accepted.get(plugin)?.refused ?? []
  const refused = new Set(openings.filter((opening) => refusedKeys.includes(keyOf(opening))))
  return { openings, refused, seal: sealOf(openings) }
}

function sealOf(openings: readonly Opening[]): string {
  const keys = openings.map(keyOf).sort()
  return createHash('sha256').update(JSON.stringify(keys)).digest('base64url').slice(0, 12)
}

async function auditDecision(
  transaction: Queries,
  parts: {
    plugin: string
    decision: Decision
    by: Person
    found: PluginOpenings
    before: Accepted
    current: Generation
  },
): Promise<void> {
  const { plugin, decision, by, found, before, current } = parts
  const loaded = current.plugins.get(plugin)
  const touched = (rules: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(found.openings.map(({ what }) => [what, rules[what] ?? null]))
  await transaction.query(
    `insert into audit_log (id, actor_id, actor_name, plugin, action, target, outcome, before, after, created_at)
     values ($1, $2, $3, $4, $5, $6, 'done', $7, $8, now())`,
    [
      ulid(),
      by.telegramId,
      by.name,
      plugin,
      `access.${decision}`,
      `plugin:${plugin}`,
      JSON.stringify(touched({ ...before.ways, ...before.roles })),
      JSON.stringify({
        ...touched({ ...loaded?.surface.ways, ...loaded?.surface.roles }),
        hash: loaded?.build.hash,
      }),
    ],
  )
}
