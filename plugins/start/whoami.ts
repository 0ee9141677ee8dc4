import {
  type ActiveUser,
  BotUser,
  bold,
  code,
  type HeldPermission,
  type Html,
  html,
  type OpsContext,
} from 'opsgram'

type Asking = Pick<OpsContext, 'em' | 't' | 'language' | 'timeZone' | 'now' | 'facts'> & {
  readonly actor: ActiveUser
}

/** What the bot knows of a person, for that person; what they may is that of the chat where they ask. */
export async function whoami(ctx: Asking, permissions: readonly HeldPermission[]): Promise<Html> {
  const { em, t, language, timeZone, facts, actor } = ctx
  const person = await em.findOne(BotUser, { telegramId: actor.telegramId })
  const names = new Intl.DisplayNames(language, { type: 'language' })
  const time = ctx.now().toLocaleTimeString(language, { timeZone, timeStyle: 'short' })
  const until = person?.accessUntil?.toLocaleString(language, {
    timeZone,
    dateStyle: 'medium',
    timeStyle: 'short',
  })
  const role = t(`roles.${actor.role}`, { defaultValue: actor.role })
  const isOwner = actor.role === 'owner'
  const isPrivate = facts.chatType === 'private'
  const held = permissions.map(({ name, description }) => html`\n• ${code(name)} — ${description}`)
  const lines = [
    html`${t('whoami.id')} ${code(actor.telegramId)}`,
    actor.username !== undefined && html`${t('whoami.username')} @${actor.username}`,
    html`${t('whoami.role', { role })}`,
    until !== undefined && !isOwner && html`${t('whoami.until', { until })}`,
    html`${t('whoami.language', { language: `${names.of(language)} (${language})` })}`,
    html`${t('whoami.timeZone', { timeZone, time })}`,
    !isPrivate &&
      html`${t('whoami.chat')} ${code(String(facts.chatId))}${facts.threadId !== undefined && html`/${code(facts.threadId)}`}`,
  ]
  const may = isOwner
    ? t('whoami.owner', { count: held.length })
    : t(isPrivate ? 'whoami.permissions' : 'whoami.permissionsHere', { count: held.length })
  return html`${bold(actor.name)}${lines.map((line) => line && html`\n${line}`)}\n\n${may}${!isOwner && held}`
}
