import type { FakeBotApi } from '../bot-api/api.ts'
import type { Person } from '../bot-api/world/person.ts'

/** Somebody the page can speak for. */
export interface PlaygroundPerson {
  readonly person: Person
  /** Shown beside the name: owner, operator, stranger. */
  readonly note: string
}

/**
 * Ids that Telegram never gives out (its own stay below 2^52), so that no role given in the playground
 * means anybody when the bot gets a real token.
 */
export const playgroundIds = {
  owner: 8_000_000_000_000_001,
  operator: 8_000_000_000_000_002,
  stranger: 8_000_000_000_000_003,
  group: -8_000_000_000_000_101,
  forum: -8_000_000_000_000_102,
} as const

/** Who they are. Two languages, so that both are seen at once. */
export const playgroundPeople = {
  owner: { firstName: 'Olga', lastName: 'Owner', username: 'olga_owner' },
  operator: {
    firstName: 'Pavel',
    lastName: 'Operator',
    username: 'pavel_operator',
    languageCode: 'ru',
  },
  stranger: { firstName: 'Sam', lastName: 'Stranger' },
} as const

/** The people and chats of the playground: three persons, a group with all, a forum with topics. */
export function createScene(api: FakeBotApi): readonly PlaygroundPerson[] {
  const { owner, operator, stranger, group, forum } = playgroundIds
  const olga = api.user({ id: owner, ...playgroundPeople.owner })
  const pavel = api.user({ id: operator, ...playgroundPeople.operator })
  const sam = api.user({ id: stranger, ...playgroundPeople.stranger })
  api.group({ id: group, title: 'Operations', administrators: [olga], members: [pavel, sam] })
  const rooms = api.group({
    id: forum,
    title: 'Data centre',
    administrators: [olga],
    members: [pavel],
    forum: true,
  })
  api.world.topic(rooms, 'Network')
  api.world.topic(rooms, 'Night shift')
  return [
    { person: olga, note: 'owner' },
    { person: pavel, note: 'operator' },
    { person: sam, note: 'stranger' },
  ]
}
