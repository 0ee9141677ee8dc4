import {
  type ActiveUser,
  bold,
  code,
  type HeldPermission,
  type Html,
  html,
  type OpsContext,
} from 'opsgram'

/** What the bot knows of a person, for that person. */
export function whoami(
  { t, language, timeZone }: Pick<OpsContext, 't' | 'language' | 'timeZone'>,
  actor: ActiveUser,
  permissions: readonly HeldPermission[],
): Html {
  const languageName = new Intl.DisplayNames(language, { type: 'language' }).of(language)
  const time = new Date().toLocaleTimeString(language, { timeZone, timeStyle: 'short' })
  const held = permissions.map(({ name, description }) => html`• ${code(name)} — ${description}\n`)
  return html`${bold(actor.name)}
${t('whoami.id')} ${code(actor.telegramId)}
${t('whoami.role', { role: t(`roles.${actor.role}`, { defaultValue: actor.role }) })}
${t('whoami.language', { language: `${languageName} (${language})` })}
${t('whoami.timeZone', { timeZone, time })}

${t('whoami.permissions', { count: held.length })}
${held}`
}
