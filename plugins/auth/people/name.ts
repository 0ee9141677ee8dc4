import type { BotUser } from 'opsgram'

type Named = Pick<BotUser, 'telegramId' | 'username' | 'firstName' | 'lastName'>

/** `Anna Petrova (@anna)`, as far as known, else the id. */
export function nameOf({ telegramId, username, firstName, lastName }: Named): string {
  const full = readable([firstName, lastName].filter(Boolean).join(' '))
  const handle = username ? `@${username}` : ''
  if (full !== '') return handle === '' ? full : `${full} (${handle})`
  return handle === '' ? String(telegramId) : handle
}

/** Names come from strangers: none may turn the line round, hide in it, or fill the screen. */
export function readable(name: string): string {
  const shown = name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim()
  return shown.length > longest ? `${Array.from(shown).slice(0, longest).join('')}…` : shown
}

const longest = 64

/** `5 minutes ago`, in a person's language. */
export function ago(then: Date, now: Date, language: string | undefined): string {
  const seconds = Math.round((then.getTime() - now.getTime()) / 1000)
  const format = new Intl.RelativeTimeFormat(supported(language), { numeric: 'auto' })
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit)
  }
  return format.format(0, 'minute')
}

const units = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

/** Anybody's client sends any tag; Intl throws on malformed ones. */
function supported(language: string | undefined): string {
  try {
    return Intl.getCanonicalLocales(language)[0] ?? 'en'
  } catch {
    return 'en'
  }
}
