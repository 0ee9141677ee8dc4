import type { ApiEntity, EntityType } from '../wire.ts'

const patterns: readonly [EntityType, RegExp][] = [
  ['bot_command', /(?<![\w/@:.<>])\/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/@])/g],
  ['url', /(?<![\w@])(?:https?:\/\/|www\.)[^\s<>"']*[^\s<>"'.,;:!?)\]}]/gi],
  ['email', /(?<![\w@])[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}(?![\w@])/gi],
  ['mention', /(?<![\w@./])@[A-Za-z0-9_]{3,32}(?![\w@])/g],
  ['hashtag', /(?<![\w#/])#[\p{L}\p{N}_]{1,256}/gu],
]

/** Kinds inside which Telegram looks for nothing else. */
const opaque: ReadonlySet<EntityType> = new Set([
  'code',
  'pre',
  'text_link',
  'text_mention',
  'url',
  'email',
])

/**
 * Adds what Telegram finds in a text by itself: commands, addresses, mentions, hashtags; never
 * inside code or links.
 */
export function withFoundEntities(text: string, given: readonly ApiEntity[]): ApiEntity[] {
  // Nearly every text without one of these characters is done here; benches send many.
  if (!/[/@#]|www\./i.test(text)) return [...given]
  const all = [...given]
  for (const [type, pattern] of patterns) {
    for (const found of text.matchAll(pattern)) {
      const entity = { type, offset: found.index, length: found[0].length }
      if (!all.some((other) => opaque.has(other.type) && overlap(other, entity))) all.push(entity)
    }
  }
  return all.sort((a, b) => a.offset - b.offset || b.length - a.length)
}

function overlap(a: ApiEntity, b: ApiEntity): boolean {
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length
}

/** White space at both ends goes, and entities move or shrink with it. */
export function trimmed(text: string, entities: readonly ApiEntity[]) {
  const kept = text.trim()
  if (kept.length === text.length) return { text, entities: [...entities] }
  const cut = text.length - text.trimStart().length
  return {
    text: kept,
    entities: entities.flatMap((entity) => {
      const offset = Math.max(0, entity.offset - cut)
      const end = Math.min(kept.length, entity.offset + entity.length - cut)
      return end > offset ? [{ ...entity, offset, length: end - offset }] : []
    }),
  }
}
