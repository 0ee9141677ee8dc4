import { z } from 'zod'
import type { CardKind, Face, Reader } from '../../card/card.ts'
import type { Cards } from '../../card/cards.ts'
import { bold, code, html } from '../../telegram/html.ts'
import type { Plugins } from '../catalog/plugins.ts'
import type { Quarantine } from '../generation/generation.ts'
import type { ReloadReport } from '../reload/announce.ts'
import { personBehind } from '../reload/cause.ts'
import { describeFailure } from '../reload/records.ts'
import type { Reloader } from '../reload/reloader.ts'
import { attempt } from './attempt.ts'
import {
  endingOf,
  endingShape,
  endingWords,
  managing,
  mayManage,
  shortOf,
  timeOf,
} from './words.ts'

const shape = z.object({
  plugin: z.string(),
  /** Code of the last failure. */
  code: z.string(),
  /** What the people were told it is on record as. */
  errorIds: z.array(z.string()),
  since: z.string(),
  /** Of the version that failed. */
  hash: z.string(),
  /** Of the build that a roll-back would bring. */
  previous: z.string().optional(),
  canKeepOff: z.boolean(),
  /** Its middleware stands before every update, and lets nobody through while it fails. */
  guards: z.boolean().default(false),
  /** Ids of the instances on which it is; others may serve it. */
  on: z.array(z.string()).default([]),
  /** The bot was started anew since: the plugin is tried again. */
  resumed: z.string().optional(),
  /** The last attempt to bring it back, which failed. */
  attempt: z.object({ code: z.string(), by: z.string().optional(), at: z.string() }).optional(),
  ended: endingShape.optional(),
})

type Content = z.output<typeof shape>

export interface QuarantineCardParts {
  readonly cards: Cards
  readonly reloader: Reloader
  /** Late: it is made over the reloader. */
  readonly catalog: () => Plugins
  /** Id of this instance. */
  readonly instance: string
  /** Ids of the other instances that live. */
  readonly elsewhere: () => Promise<readonly string[]>
}

/**
 * A card for each plugin that was taken out of service because it failed again and again.
 *
 * @returns to be called when the start has loaded what it could
 */
export function quarantineCards(parts: QuarantineCardParts): () => void {
  const { cards, reloader, catalog } = parts
  const kind: CardKind<Content> = {
    name: 'quarantine',
    shape,
    face,
    admits: mayManage,
    async press({ plugin }, action, presser, reader) {
      switch (action) {
        case 'reload':
          return attempt(plugin, reader, () => catalog().reload(plugin, presser))
        case 'rollback':
          return attempt(plugin, reader, () => catalog().rollBack(plugin, presser))
        case 'keepoff':
          return attempt(plugin, reader, async () => {
            await catalog().disable(plugin, presser)
            return undefined
          })
        default:
          return { outcome: 'failed', reason: 'stale', text: reader.t('button.stale') }
      }
    },
  }
  cards.add(kind)
  reloader.events.on('quarantined', (plugin, reason) => void begin(parts, kind, plugin, reason))
  reloader.events.on('committed', (_generation, reports) => {
    for (const report of reports) void follow(parts, kind, report)
  })
  reloader.events.on('aborted', (report) => void tried(parts, kind, report))
  return () => {
    // what was changed while the bot was stopped brought no event
    for (const plugin of cards.openOf(kind.name)) {
      const state = reloader.list().find(({ name }) => name === plugin)?.state
      if (state !== undefined && state !== 'disabled') continue
      const why = state === 'disabled' ? 'disable' : 'start'
      const cause = why === 'disable' ? ({ why, by: undefined } as const) : ({ why } as const)
      void cards.update(kind, plugin, (before) => ({
        content: { ...before, ended: endingOf('unload', cause) },
        state: 'withdrawn',
      }))
    }
  }
}

async function begin(
  parts: QuarantineCardParts,
  kind: CardKind<Content>,
  plugin: string,
  { code, errorIds }: Quarantine,
): Promise<void> {
  const { cards, reloader, instance } = parts
  const loaded = reloader.live.current.plugins.get(plugin)
  const hash = loaded?.build.hash ?? ''
  const guards = loaded?.middleware.some(({ phase }) => phase !== 'observe') === true
  const canKeepOff = !reloader.isProtected(plugin) && plugin !== managing
  const since = new Date().toISOString()
  // none is known when it can't be read: then there is no button for it
  const previous = await reloader.previousHash(plugin)
  const left = await leftOn(parts)
  await cards.show(kind, plugin, (before) => {
    // it may be back by now
    if (!reloader.live.current.quarantined.has(plugin)) return undefined
    return {
      plugin,
      code,
      errorIds: [...errorIds],
      since,
      hash,
      canKeepOff,
      guards,
      on: [...(before === undefined ? [] : left(before)), instance],
      ...(previous === undefined ? {} : { previous }),
    }
  })
}

/** Another version serves here, or none any more. */
async function follow(
  parts: QuarantineCardParts,
  kind: CardKind<Content>,
  { plugin, action, after, cause }: ReloadReport,
): Promise<void> {
  const left = await leftOn(parts)
  const by = personBehind(cause)
  return parts.cards.update(kind, plugin, (before) => {
    const on = left(before)
    // what a person asks for is done everywhere
    if (on.length > 0 && by === undefined) return { content: { ...before, on }, state: 'open' }
    if (cause.why === 'start' && after === before.hash) {
      const { attempt: _, ...rest } = before
      return { content: { ...rest, on, resumed: new Date().toISOString() }, state: 'open' }
    }
    const ended = endingOf(action, cause, after)
    return { content: { ...before, ended }, state: by === undefined ? 'withdrawn' : 'decided' }
  })
}

/** What lies in its folder could not be loaded: it stays where it is. */
async function tried(
  { cards, instance }: QuarantineCardParts,
  kind: CardKind<Content>,
  { plugin, error, cause }: ReloadReport,
): Promise<void> {
  const by = personBehind(cause)?.name
  return cards.update(kind, plugin, (before) => {
    if (by === undefined && before.on.length > 0 && !before.on.includes(instance)) return undefined
    const { code } = describeFailure(error, (text) => text)
    const attempt = { code, at: new Date().toISOString(), ...(by === undefined ? {} : { by }) }
    return { content: { ...before, attempt }, state: 'open' }
  })
}

/** On which other instances that live a plugin is in quarantine, as its card knows. */
async function leftOn({ instance, elsewhere }: QuarantineCardParts) {
  // with the database away the card can't be changed either
  const living = new Set(await elsewhere().catch(() => []))
  return ({ on }: Content) => on.filter((id) => id !== instance && living.has(id))
}

function face(content: Content, state: string, reader: Reader): Face {
  const { plugin, errorIds, since, hash, previous, canKeepOff, guards, attempt, resumed, ended } =
    content
  const { t } = reader
  const what = html`${t('card.quarantine.what', { count: errorIds.length, since: timeOf(since, reader) })}
${code(content.code)} · ${errorIds.join(', ')} · ${t('card.build', { hash: shortOf(hash) })}`
  if (ended !== undefined || state !== 'open') {
    const text = html`${ended?.why === 'disable' ? '⏹' : '✅'} ${bold(t('card.quarantine.title', { plugin }))}
${what}

${ended && `${endingWords(plugin, ended, reader)} ${timeOf(ended.at, reader)}`}`
    return { text, keys: [] }
  }
  const offered = [
    'reload',
    ...(previous === undefined ? [] : ['rollback']),
    ...(canKeepOff ? ['keepoff'] : []),
  ]
  const values = { plugin, hash: previous === undefined ? '' : shortOf(previous) }
  const notes = [
    resumed !== undefined && t('card.quarantine.resumed', { at: timeOf(resumed, reader) }),
    attempt !== undefined &&
      t(attempt.by === undefined ? 'card.quarantine.attempt' : 'card.quarantine.attemptBy', {
        ...attempt,
        at: timeOf(attempt.at, reader),
      }),
  ].filter((note) => note !== false)
  return {
    text: html`⛔ ${bold(t('card.quarantine.title', { plugin }))}
${what}
${t(guards ? 'card.quarantine.meanwhileGuard' : 'card.quarantine.meanwhile')}
${notes.map((note) => `\n${note}\n`)}
${offered.map((action) => html`${bold(t(`card.key.${action}`))}: ${t(`card.does.${action}`, values)}\n`)}`,
    keys: [offered.map((action) => ({ action, label: t(`card.key.${action}`) }))],
  }
}
