import type { Translate } from '../../i18n/texts.ts'
import type { Opening } from './diff.ts'

/** One thing that a plugin opens, as a line for people. */
export function wordsOf(opening: Opening, t: Translate): string {
  const { kind, before, now } = opening
  const what = nameOf(opening, t)
  switch (kind) {
    case 'new':
      if (opening.what.startsWith('guard:')) return t('opening.guard', { what })
      if (opening.what.startsWith('hook:'))
        return t('opening.hook', { what, proof: proofIn(now, t) })
      return now === null ? t('opening.new', { what }) : t('opening.newFor', { what, now })
    case 'permission':
      return now === null
        ? t('opening.permission', { what, before })
        : t('opening.otherPermission', { what, before, now })
    case 'proof':
      return t('opening.proof', { what, before: proofIn(before, t), now: proofIn(now, t) })
    case 'chats':
      return t('opening.chats', {
        what,
        before: t(`opening.in.${before}`),
        now: t(`opening.in.${now}`),
      })
    default:
      return t(`opening.${kind}`, { what, before, now })
  }
}

function proofIn(proof: string | null, t: Translate): string {
  return t(`opening.by.${proof?.replaceAll(' ', '-') ?? 'own'}`)
}

function nameOf({ kind, what }: Opening, t: Translate): string {
  if (kind === 'roles') return what
  const [type = '', name = ''] = splitOnce(what)
  return t(`opening.way.${type}`, { name })
}

function splitOnce(key: string): [string, string] {
  const at = key.indexOf(':')
  return at === -1 ? [key, ''] : [key.slice(0, at), key.slice(at + 1)]
}
