import { badRequest } from '../failure.ts'
import type { ApiEntity, ApiUser } from '../wire.ts'
import { checkedLink, linkedUserId } from './link.ts'

/** What a message holds once its markup is read. */
export interface FormattedText {
  text: string
  entities: ApiEntity[]
}

/** Finds a person for `tg://user?id=…` links. */
export type UserLookup = (id: number) => ApiUser | undefined

/** The entity of a link in markup; none where Telegram doesn't take the address. */
export function linkEntity(
  link: string,
  place: { offset: number; length: number },
  user: UserLookup,
): ApiEntity[] {
  const person = user(linkedUserId(link) ?? Number.NaN)
  if (person) return [{ type: 'text_mention', ...place, user: person }]
  const url = checkedLink(link)
  return url === undefined ? [] : [{ type: 'text_link', ...place, url }]
}

/** Outer entities first. */
export function outerFirst(entities: ApiEntity[]): ApiEntity[] {
  return entities.sort((a, b) => a.offset - b.offset || b.length - a.length)
}

export function unparsable(reason: string): Error {
  return badRequest(`can't parse entities: ${reason}`)
}
