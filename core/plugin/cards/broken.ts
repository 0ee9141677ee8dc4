import { z } from 'zod'
import type { CardKind, Face, Reader } from '../../card/card.ts'
import type { Cards } from '../../card/cards.ts'
import { bold, code, html } from '../../telegram/html.ts'
import type { PluginStatus, Plugins } from '../catalog/plugins.ts'
import type { ReloadReport } from '../reload/announce.ts'
import { describeFailure } from '../reload/records.ts'
import type { Reloader } from '../reload/reloader.ts'
import { attempt } from './attempt.ts'
import { endingOf, endingShape, endingWords, mayManage, timeOf } from './words.ts'

const failureShape = {
  code: z.string(),
  message: z.string(),
  /** Where, as far as that is known. */
  file: z.string().optional(),
  line: z.number().optional(),
}
const shape = z.object({
  plugin: z.string(),
  ...failureShape,
  /** Whether its last good build serves meanwhile. */
  serves: z.boolean(),
  at: z.string(),
  ended: endingShape.optional(),
})

type Content = z.output<typeof shape>

/** A message holds 4,096 characters; of an error the beginning tells most. */
const longestMessage = 600

export interface BrokenCardParts {
  readonly cards: Cards
  readonly reloader: Reloader
  /** Late: it is made over the reloader. */
  readonly catalog: () => Plugins
}

/**
 * A card for each plugin that a start found broken: whoever wrote it may be far away by then, and nobody
 * looks into the log of a bot that answers.
 *
 * @returns to be called when the start has loaded what it could
 */
export function brokenCards({ cards, reloader, catalog }: BrokenCardParts): () => void {
  const kind: CardKind<Content> = {
    name: 'broken',
    shape,
    face,
    admits: mayManage,
    press: ({ plugin }, _action, presser, reader) =>
      attempt(plugin, reader, () => catalog().reload(plugin, presser)),
  }
  cards.add(kind)
  const end = ({ plugin, action, after, cause }: ReloadReport) =>
    cards.update(kind, plugin, (before) => {
      const ended = endingOf(action, cause, after)
      return {
        content: { ...before, ended },
        state: ended.by === undefined ? 'withdrawn' : 'decided',
      }
    })
  return () => {
    for (const status of reloader.list()) {
      if (isBroken(status)) void cards.show(kind, status.name, (known) => news(known, status))
      else if (cards.openOf(kind.name).includes(status.name)) {
        void cards.update(kind, status.name, (before) => ({
          content: { ...before, ended: endingOf('load', { why: 'start' }) },
          state: 'withdrawn',
        }))
      }
    }
    for (const plugin of cards.openOf(kind.name)) {
      if (reloader.list().some(({ name }) => name === plugin)) continue
      void gone(cards, kind, plugin)
    }
    reloader.events.on('forgotten', (plugin) => void gone(cards, kind, plugin))
    reloader.events.on('committed', (_generation, reports) => {
      // with `last-good` it is as broken as before
      for (const report of reports) if (report.action !== 'last-good') void end(report)
    })
    reloader.events.on('aborted', ({ plugin, error }) => {
      const failure = failureOf(describeFailure(error, (text) => text))
      void cards.update(kind, plugin, (known) => {
        if (isSame(known, failure)) return undefined
        const { file: _, line: __, ...before } = known
        return { content: { ...before, ...failure, at: new Date().toISOString() }, state: 'open' }
      })
    })
  }
}

function gone(cards: Cards, kind: CardKind<Content>, plugin: string): Promise<void> {
  return cards.update(kind, plugin, (before) => ({
    content: { ...before, ended: endingOf('unload', { why: 'save' }) },
    state: 'withdrawn',
  }))
}

function isBroken({ state, lastReload }: PluginStatus): boolean {
  return (state === 'failed' || state === 'active') && lastReload?.ok === false
}

/** Broken as it was before is no news. */
function news(known: Content | undefined, status: PluginStatus): Content | undefined {
  const now = contentOf(status)
  if (known === undefined || now === undefined) return now
  return isSame(known, now) && known.serves === now.serves ? undefined : now
}

function isSame(known: Failure, now: Failure): boolean {
  return (['code', 'message', 'file', 'line'] as const).every((key) => known[key] === now[key])
}

function contentOf({ name, state, lastReload }: PluginStatus): Content | undefined {
  if (lastReload === undefined) return undefined
  return {
    plugin: name,
    ...failureOf(lastReload),
    serves: state === 'active',
    at: lastReload.at.toISOString(),
  }
}

type Failure = Pick<Content, 'code' | 'message' | 'file' | 'line'>

function failureOf(given: {
  readonly code?: string
  readonly message?: string
  readonly file?: string
  readonly line?: number
}): Failure {
  const { code = 'OPS_PLUGIN_LOAD', message = '', file, line } = given
  return {
    code,
    message: message.slice(0, longestMessage),
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
  }
}

function face(content: Content, state: string, reader: Reader): Face {
  const { plugin, message, file, line, serves, at, ended } = content
  const { t } = reader
  const isOver = ended !== undefined || state !== 'open'
  const place = file === undefined ? undefined : `${file}${line === undefined ? '' : `:${line}`}`
  const title = t(serves ? 'card.broken.lastGood' : 'card.broken.failed', { plugin })
  const text = html`${isOver ? '✅' : serves ? '🟡' : '🔴'} ${bold(title)}
${code(content.code)}${place && html` ${code(place)}`} · ${timeOf(at, reader)}
${message}

${ended === undefined ? t(serves ? 'card.broken.mendLastGood' : 'card.broken.mend') : endingWords(plugin, ended, reader)}`
  if (isOver) return { text, keys: [] }
  return { text, keys: [[{ action: 'reload', label: t('card.key.reload') }]] }
}
