import { createHash } from 'node:crypto'
import { ulid } from 'ulid'
import type { CardKind } from '../../card/card.ts'
import type { Cards } from '../../card/cards.ts'
import type { Database, Queries } from '../../database/connection.ts'
import type { Logger } from '../../log/logger.ts'
import type { Store } from '../../store/store.ts'
import {
  type Decision,
  type DecisionResult,
  type OpeningContent,
  openingKind,
} from '../cards/opening.ts'
import { endingOf } from '../cards/words.ts'
import type { Generation } from '../generation/generation.ts'
import type { ReloadReport } from '../reload/announce.ts'
import { type Cause, type Person, personBehind } from '../reload/cause.ts'
import type { Reloader } from '../reload/reloader.ts'
import { type AccessBaseline, keepAccepted } from './baseline.ts'
import {
  type Accepted,
  acceptedWhole,
  keyOf,
  nothingAccepted,
  type Opening,
  sameAccepted,
} from './diff.ts'
import type { Baseline } from './guarded.ts'

/** What waits for an approval in one plugin. */
export interface PluginOpenings {
  readonly openings: readonly Opening[]
  /** Those that somebody decided to keep closed. */
  readonly refused: ReadonlySet<Opening>
  /** Stands for exactly these: who decides has seen them. */
  readonly seal: string
}

export interface OpeningsParts {
  readonly reloader: Reloader
  readonly baseline: AccessBaseline
  readonly database: Database
  readonly cards: Cards
  /** Tells other instances what was decided. */
  readonly store: Store
  readonly log: Logger
}

/** The store's topic for "an owner decided what a plugin may open". */
const accessTopic = 'plugin-access'

/** Watches what plugins open beyond what was accepted, and carries out what owners decide about it. */
export class Openings {
  readonly #parts: OpeningsParts
  readonly #kind: CardKind<OpeningContent>
  /** By plugin, the seal of what was told of last. */
  #told: ReadonlyMap<string, string> = new Map()
  #saved: Baseline
  #saving: Promise<void> = Promise.resolve()

  constructor(parts: OpeningsParts) {
    this.#parts = parts
    this.#saved = parts.reloader.live.current.accepted
    this.#kind = openingKind((plugin, decision, by, seal) =>
      this.decide(plugin, decision, by, seal),
    )
    parts.cards.add(this.#kind)
  }

  /** To be called once the start has loaded what it could: all of that is written. @returns what ends it */
  watch(): () => void {
    const { reloader, cards, store } = this.#parts
    const { events, live } = reloader
    events.on('committed', (generation, reports) => {
      this.#tell(generation, reports)
      this.#save(generation.accepted)
    })
    this.#told = new Map(cards.openOf(this.#kind.name).map((plugin) => [plugin, '']))
    this.#tell(live.current, [])
    return store.subscribe(accessTopic, () => this.#follow())
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
    const { reloader, database, cards, store, log } = this.#parts
    const isDone = await reloader.acceptAccess(async (current) => {
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
      const ended = endingOf(decision, { why: 'approval', by })
      const tellCards = await database.transaction(async (transaction) => {
        await keepAccepted(transaction, [[plugin, after]])
        await auditDecision(transaction, { plugin, decision, by, found, before, current })
        return cards.decide(transaction, this.#kind.name, plugin, { ended })
      })
      tellCards()
      const keys = found.openings.map(keyOf)
      const event = decision === 'approve' ? 'access.approved' : 'access.refused'
      log.warn(event, { plugin, openings: keys, by: by.telegramId })
      return new Map([...current.accepted, [plugin, after]])
    }, by)
    if (!isDone) return 'changed'
    await store.publish(accessTopic)
    return 'done'
  }

  /** Once, in the log and on a card. */
  #tell({ unapproved, accepted, plugins }: Generation, reports: readonly ReloadReport[]): void {
    const { log, cards } = this.#parts
    const told = this.#told
    const now = new Map<string, string>()
    for (const plugin of unapproved.openings.keys()) {
      const found = openingsIn({ unapproved, accepted }, plugin)
      if (found === undefined) continue
      const { openings, refused, seal } = found
      now.set(plugin, seal)
      if (told.get(plugin) === seal) continue
      const hash = plugins.get(plugin)?.build.hash ?? ''
      const cause: Cause = reports.find((one) => one.plugin === plugin)?.cause ?? { why: 'start' }
      log.warn('access.opening', { plugin, hash, openings: openings.map(keyOf) })
      if (refused.size === openings.length) continue
      void cards.show(this.#kind, plugin, (before) =>
        before?.seal === seal ? undefined : contentOf(plugin, hash, cause, openings, seal),
      )
    }
    for (const plugin of told.keys()) {
      if (now.has(plugin)) continue
      const cause: Cause = reports.find((one) => one.plugin === plugin)?.cause ?? { why: 'start' }
      log.info('access.settled', { plugin })
      void cards.update(this.#kind, plugin, (before) => ({
        content: { ...before, ended: endingOf('withdrawn', cause) },
        state: 'withdrawn',
      }))
    }
    this.#told = now
  }

  /** Takes over what was decided on another instance. */
  async #follow(): Promise<void> {
    const { reloader, baseline } = this.#parts
    await reloader.acceptAccess(async ({ accepted }) => {
      await this.#saving
      const kept = await baseline.read()
      const changed = [...kept].filter(([plugin, own]) => !sameAccepted(accepted.get(plugin), own))
      return changed.length === 0 ? undefined : new Map([...accepted, ...changed])
    })
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
  { unapproved, accepted }: Pick<Generation, 'unapproved' | 'accepted'>,
  plugin: string,
): PluginOpenings | undefined {
  const openings = unapproved.openings.get(plugin)
  if (openings === undefined) return undefined
  const refusedKeys = accepted.get(plugin)?.refused ?? []
  const refused = new Set(openings.filter((opening) => refusedKeys.includes(keyOf(opening))))
  return { openings, refused, seal: sealOf(openings) }
}

function contentOf(
  plugin: string,
  hash: string,
  cause: Cause,
  openings: readonly Opening[],
  seal: string,
): OpeningContent {
  const by = personBehind(cause)?.name
  return {
    plugin,
    hash,
    why: cause.why,
    at: new Date().toISOString(),
    openings: [...openings],
    seal,
    ...(by === undefined ? {} : { by }),
  }
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
