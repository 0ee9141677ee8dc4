import {
  type ActiveUser,
  AuditEntry,
  BotUser,
  type ChatsApi,
  type CoreSettings,
  isTimeZone,
  languageTag,
  type OpsContext,
  type Translate,
} from 'opsgram'
import { languageName } from './languages.ts'
import { timeIn } from './zones.ts'

/** Who chooses, for themselves in private, for the chat in a group. */
export type Chooser = OpsContext & {
  readonly actor: ActiveUser
  readonly plugin: { readonly texts: (language?: string) => Translate }
  readonly use: { readonly chats: ChatsApi; readonly settings: CoreSettings }
  can(permission: 'preferences.chat'): boolean
}

export interface Choice {
  readonly kind: 'language' | 'timeZone'
  /** Null: as before anybody chose. */
  readonly to: string | null
}

/** In private everybody chooses for themselves; a chat's language is for who may. */
export function mayChoose(ctx: Pick<Chooser, 'facts' | 'can'>): boolean {
  return ctx.facts.chatType === 'private' || ctx.can('preferences.chat')
}

/** Keeps a choice, asked at the moment of the press. @returns what to tell, in the language that was chosen */
export async function choose(ctx: Chooser, choice: Choice): Promise<string> {
  const { t, facts } = ctx
  if (!mayChoose(ctx)) return t('refused')
  // a button of another version may carry what this Node doesn't know
  if (choice.to !== null && !isKnown(choice.kind, choice.to)) return t('gone')
  if (facts.chatType === 'private') return ofPerson(ctx, choice)
  return facts.chatId === undefined ? t('refused') : ofChat(ctx, choice, facts.chatId)
}

async function ofPerson(ctx: Chooser, { kind, to }: Choice): Promise<string> {
  const { actor, use } = ctx
  const person = await ctx.em.findOneOrFail(BotUser, actor.id)
  if (kind === 'language') {
    person.chosenLanguage = to
    const language = to ?? languageTag(person.language ?? undefined) ?? use.settings.defaultLanguage
    const key = to === null ? 'language.done.guess' : 'language.done.you'
    return ctx.plugin.texts(language)(key, { language: languageName(language, language) })
  }
  person.timeZone = to
  return told(ctx, to ?? use.settings.defaultTimeZone, to === null ? 'default' : 'you')
}

async function ofChat(ctx: Chooser, { kind, to }: Choice, chatId: number): Promise<string> {
  const { em, actor, use, t } = ctx
  const before = use.chats.of(chatId)[kind] ?? null
  await use.chats.change(ctx, chatId, { [kind]: to })
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'preferences',
    action: `preferences.${kind}`,
    target: `chat:${chatId}`,
    chatId,
    outcome: 'done',
    before: { [kind]: before },
    after: { [kind]: to },
  })
  if (kind === 'timeZone') {
    return to === null ? t('zone.done.each') : told(ctx, to, 'chat')
  }
  if (to === null) return t('language.done.each')
  return ctx.plugin.texts(to)('language.done.chat', { language: languageName(to, to) })
}

function told(ctx: Chooser, timeZone: string, whose: string): string {
  const time = timeIn(timeZone, ctx.now(), ctx.language)
  return ctx.t(`zone.done.${whose}`, { timeZone, time })
}

function isKnown(kind: Choice['kind'], name: string): boolean {
  return kind === 'timeZone' ? isTimeZone(name) : languageTag(name) === name
}
