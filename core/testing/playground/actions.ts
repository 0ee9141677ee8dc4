import { z } from 'zod'
import { OpsError } from '../../errors.ts'
import type { FakeBotApi } from '../bot-api/api.ts'
import type { Chat } from '../bot-api/world/chat.ts'
import type { StoredMessage } from '../bot-api/world/message.ts'
import type { Person } from '../bot-api/world/person.ts'
import type { PlaygroundPerson } from './scene.ts'

const who = { as: z.number().int(), chat: z.number().int() }
const which = { ...who, message: z.number().int() }
const text = z.string().trim().min(1).max(4096)

/** What the page can ask for, by the last part of the address; bodies are parsed here and nowhere else. */
const bodies = {
  messages: z.object({
    ...who,
    text,
    replyTo: z.number().int().optional(),
    thread: z.number().int().optional(),
  }),
  edits: z.object({ ...which, text }),
  deletions: z.object(which),
  presses: z.object({ ...which, data: z.string().min(1).max(64) }),
  reactions: z.object({ ...which, emoji: z.string().max(16) }),
  blocks: z.object({ ...who, blocked: z.boolean() }),
} as const

const fileQuery = z.object({
  as: z.coerce.number().int(),
  chat: z.coerce.number().int(),
  name: z.string().min(1).max(200),
  kind: z.enum(['photo', 'document']),
  mime: z.string().max(100).default('application/octet-stream'),
  caption: z.string().trim().max(1024).default(''),
  thread: z.coerce.number().int().optional(),
})

/** What people of the playground do; each action becomes what a real client would cause. */
export class Actions {
  readonly #api: FakeBotApi
  readonly #people: readonly PlaygroundPerson[]

  constructor(api: FakeBotApi, people: readonly PlaygroundPerson[]) {
    this.#api = api
    this.#people = people
  }

  /** @throws {OpsError} OPS_TEST_MISSING for a person, chat or message that is not there */
  messages(body: unknown): object {
    const { as, chat, text: said, replyTo, thread } = bodies.messages.parse(body)
    const [person, where] = this.find(as, chat)
    const message = person.sendText(said, {
      chat: where,
      ...(replyTo !== undefined && { replyTo: messageOf(where, replyTo) }),
      ...(thread !== undefined && { threadId: thread }),
    })
    return { id: message.id }
  }

  edits(body: unknown): object {
    const { as, chat, message, text: said } = bodies.edits.parse(body)
    const [person, where] = this.find(as, chat)
    person.editText(own(person, where, message), said)
    return {}
  }

  deletions(body: unknown): object {
    const { as, chat, message } = bodies.deletions.parse(body)
    const [person, where] = this.find(as, chat)
    person.deleteMessage(messageOf(where, message))
    return {}
  }

  presses(body: unknown): object {
    const { as, chat, message, data } = bodies.presses.parse(body)
    const [person, where] = this.find(as, chat)
    return { press: person.press(messageOf(where, message), data).id }
  }

  reactions(body: unknown): object {
    const { as, chat, message, emoji } = bodies.reactions.parse(body)
    const [person, where] = this.find(as, chat)
    const target = messageOf(where, message)
    const same = target.reactions.get(person.id)?.includes(emoji)
    person.react(target, ...(same || emoji === '' ? [] : [emoji]))
    return {}
  }

  blocks(body: unknown): object {
    const { as, chat, blocked } = bodies.blocks.parse(body)
    const [person] = this.find(as, chat)
    if (blocked) person.blocksBot()
    else person.unblocksBot()
    return {}
  }

  file(query: unknown, data: Buffer): object {
    const { as, chat, kind, name, mime, caption, thread } = fileQuery.parse(query)
    const [person, where] = this.find(as, chat)
    const message = person.sendFile(
      kind,
      { name, mime, data },
      { chat: where, caption, ...(thread !== undefined && { threadId: thread }) },
    )
    return { id: message.id }
  }

  /** The command menu of a person in a chat. */
  commands(as: number, chat: number): object {
    const [person, where] = this.find(as, chat)
    const language = person.user.language_code ?? ''
    return { commands: this.#api.world.commands.seenBy(as, where, language) }
  }

  find(as: number, chatId: number): [Person, Chat] {
    const person = this.#people.find((p) => p.person.id === as)?.person
    const chat = this.#api.world.chat(chatId)
    const inside = chat && (chat.isPrivate ? chat.id === as : chat.isMember(as))
    if (!person || !chat || !inside) {
      throw new OpsError('OPS_TEST_MISSING', `Person ${as} has no chat ${chatId}`)
    }
    return [person, chat]
  }
}

/** The actions that come as JSON. */
export const jsonActions = Object.keys(bodies) as (keyof typeof bodies)[]

function messageOf(chat: Chat, id: number): StoredMessage {
  const message = chat.message(id)
  if (!message) throw new OpsError('OPS_TEST_MISSING', `Chat ${chat.id} has no message ${id}`)
  return message
}

function own(person: Person, chat: Chat, id: number): StoredMessage {
  const message = messageOf(chat, id)
  if (message.api.from?.id === person.id) return message
  throw new OpsError('OPS_TEST_MISSING', `Message ${id} was not written by ${person.id}`)
}
