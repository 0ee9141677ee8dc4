import { z } from 'zod'
import type { Logger } from '../../log/logger.ts'
import type { Menus } from '../../plugin/menu/menus.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import type { Instances } from '../instances.ts'

const subject = 'menu:'
const maxTold = 10_000

const person = z.object({
  kind: z.literal('user'),
  id: z.string(),
  telegramId: z.number(),
  name: z.string(),
  role: z.string(),
  language: z.exactOptional(z.string()),
  rights: z.exactOptional(z.string()),
})
const stranger = z.object({ kind: z.literal('stranger'), telegramId: z.number() })
const group = z.object({
  kind: z.literal('group'),
  chatId: z.number(),
  language: z.exactOptional(z.string()),
  off: z.array(z.string()),
})
const whom = z.discriminatedUnion('kind', [person, stranger, group])
type Met = z.output<typeof whom>

/** Of what is live, as far as menus follow from it. */
type Events = { on(event: 'committed', listener: () => void): unknown }

export interface MenuParts {
  readonly menus: Pick<Menus, 'refresh' | 'met' | 'metGroup'>
  readonly reloader: { readonly events: Events }
  readonly instances:
    | {
        readonly leadership: Pick<Instances['leadership'], 'leads' | 'onChange'>
        readonly news: Pick<Instances['news'], 'tell' | 'onHeard'>
      }
    | undefined
  readonly log: Logger
}

/**
 * Keeps menus to what is live. One instance alone sets them, the one that leads: with different versions of a plugin they
 * would overwrite each other's for ever. The others tell it whom they have met.
 *
 * @returns to be called after each update
 */
export function keepMenus({ menus, reloader, instances, log }: MenuParts): (run: Run) => void {
  const leads = () => instances?.leadership.leads !== false
  /** What the one that leads was told of people and groups, by their Telegram ids. */
  const told = new Map<number, string>()
  const meet = (met: Met) => (met.kind === 'group' ? menus.metGroup(met) : menus.met(met))
  const refresh = () => {
    // a menu may follow from the new version
    told.clear()
    if (leads()) void menus.refresh()
  }
  reloader.events.on('committed', refresh)
  instances?.leadership.onChange(refresh)
  instances?.news.onHeard((heard) => {
    if (!heard.startsWith(subject) || !leads()) return
    const given = whom.safeParse(JSON.parse(heard.slice(subject.length)))
    // another version of the core may tell it in another way
    if (given.success) meet(given.data)
    else log.warn('menu.not-understood', { error: given.error })
  })
  if (instances === undefined) refresh()
  return (run) => {
    const met = metIn(run)
    if (met === undefined) return
    if (leads()) {
      meet(met)
      return
    }
    const id = met.kind === 'group' ? met.chatId : met.telegramId
    const known = JSON.stringify(whom.parse(met))
    if (told.get(id) === known) return
    if (told.size >= maxTold) told.clear()
    told.set(id, known)
    instances?.news.tell(`${subject}${known}`).catch((error: unknown) => {
      told.delete(id)
      log.debug('menu.not-told', { error })
    })
  }
}

type Run = Pick<UpdateRun, 'actor' | 'facts' | 'chat'>

/** Whose menu may be another one than it was: a person's in private, that of a group for which something was decided. */
function metIn({ actor, facts, chat }: Run): Met | undefined {
  const { chatType, chatId } = facts
  if (chatType === 'private') {
    return actor.kind === 'user' || actor.kind === 'stranger' ? actor : undefined
  }
  if (chatId === undefined || chat === undefined || chatType === 'channel') return undefined
  const { language, off } = chat
  const group = { kind: 'group', chatId, off: [...off].sort() } as const
  return language === undefined ? group : { ...group, language }
}
