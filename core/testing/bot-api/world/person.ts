import { OpsError } from '../../../errors.ts'
import type { Upload } from '../request.ts'
import { withFoundEntities } from '../text/entities.ts'
import { parseHtml } from '../text/html.ts'
import type { ApiUser } from '../wire.ts'
import type { Chat } from './chat.ts'
import { type MediaKind, mediaFields } from './files.ts'
import type { Press, StoredMessage } from './message.ts'
import type { Content, World } from './world.ts'

export interface SendOptions {
  /** Where; default the private chat with the bot. */
  chat?: Chat
  replyTo?: StoredMessage
  /** A topic of a forum. */
  threadId?: number
  /** As if forwarded from somebody else. */
  forwarded?: boolean
  /** The text is HTML of the Bot API: bold and the like as a person could type it. */
  html?: boolean
}

export interface FileOptions extends SendOptions {
  caption?: string
}

/** Somebody who uses Telegram: writes, presses, joins. What they do becomes updates for the bot. */
export class Person {
  readonly user: ApiUser
  /** The private chat with the bot. */
  readonly chat: Chat
  readonly #world: World

  constructor(world: World, user: ApiUser, chat: Chat) {
    this.#world = world
    this.user = user
    this.chat = chat
  }

  get id(): number {
    return this.user.id
  }

  /** Sends a text; commands, addresses and mentions in it become entities as in a real client. */
  sendText(text: string, options: SendOptions = {}): StoredMessage {
    const said = options.html ? parseHtml(text) : { text, entities: [] }
    const entities = withFoundEntities(said.text, said.entities)
    return this.#send({ text: said.text, ...(entities.length > 0 && { entities }) }, options)
  }

  sendDocument(file: Partial<Upload> & Pick<Upload, 'data'>, options?: FileOptions): StoredMessage {
    return this.sendFile('document', file, options)
  }

  sendPhoto(file: Partial<Upload> & Pick<Upload, 'data'>, options?: FileOptions): StoredMessage {
    return this.sendFile('photo', file, options)
  }

  sendFile(
    kind: MediaKind,
    file: Partial<Upload> & Pick<Upload, 'data'>,
    options: FileOptions = {},
  ): StoredMessage {
    const stored = this.#world.files.add(
      { name: file.name ?? 'file', mime: file.mime ?? 'application/octet-stream', data: file.data },
      kind,
    )
    const caption = options.caption
    const caption_entities = withFoundEntities(caption ?? '', [])
    const content = {
      ...mediaFields(stored, kind),
      ...(caption && { caption }),
      ...(caption_entities.length > 0 && { caption_entities }),
    }
    return this.#send(content, options)
  }

  /** Edits an own message. */
  editText(message: StoredMessage, text: string): void {
    const entities = withFoundEntities(text, [])
    const { entities: _old, ...rest } = message.api
    this.#world.edit(message, { ...rest, text, ...(entities.length > 0 && { entities }) })
    this.#world.deliver(message, true)
  }

  /** Deletes a message; Telegram tells bots nothing. */
  deleteMessage(message: StoredMessage): void {
    this.#world.remove(message)
  }

  /**
   * Presses a button of a message: by its text, its data, or a part of its text.
   * @throws {OpsError} OPS_TEST_MISSING when there is no such button to press
   */
  press(message: StoredMessage, button: string): Press {
    const buttons = message.buttons
    const found =
      buttons.find((b) => b.text === button) ??
      buttons.find((b) => b.callback_data === button) ??
      buttons.find((b) => b.text.includes(button))
    if (!found || message.deleted) {
      throw new OpsError('OPS_TEST_MISSING', `The message has no button "${button}"`, {
        details: { buttons: buttons.map((b) => b.text), message: message.text },
      })
    }
    if (found.callback_data === undefined) {
      throw new OpsError('OPS_TEST_MISSING', `The button "${button}" opens a link; nothing is sent`)
    }
    return this.pressData(message, found.callback_data)
  }

  /** A press with any data, as a changed client can send it. */
  pressData(message: StoredMessage, data: string): Press {
    return this.#world.press(this.user, message, data)
  }

  /** Sets the reactions to a message; none takes them back. */
  react(message: StoredMessage, ...emoji: string[]): void {
    const before = message.reactions.get(this.id) ?? []
    message.reactions.set(this.id, emoji)
    const reaction = (list: readonly string[]) => list.map((e) => ({ type: 'emoji', emoji: e }))
    this.#world.events.emit('reaction', message)
    this.#world.push('message_reaction', {
      chat: message.api.chat,
      message_id: message.id,
      user: this.user,
      date: Math.floor(this.#world.now() / 1000),
      old_reaction: reaction(before),
      new_reaction: reaction(emoji),
    })
  }

  joins(chat: Chat): void {
    this.#world.setMember(chat, this.user, 'member', this.user)
    this.#service(chat, { new_chat_members: [this.user] })
  }

  leaves(chat: Chat): void {
    this.#world.setMember(chat, this.user, 'left', this.user)
    this.#service(chat, { left_chat_member: this.user })
  }

  /** Adds the bot to a group, or makes it an administrator there. */
  addsBot(chat: Chat, as: 'member' | 'administrator' = 'member'): void {
    const isNew = !chat.isMember(this.#world.bot.id)
    chat.refusal = undefined
    this.#world.setMember(chat, this.#world.bot, as, this.user)
    if (isNew) this.#service(chat, { new_chat_members: [this.#world.bot] })
  }

  removesBot(chat: Chat): void {
    this.#world.setMember(chat, this.#world.bot, 'kicked', this.user)
    chat.refusal =
      chat.api.type === 'channel'
        ? 'bot was kicked from the channel chat'
        : chat.api.type === 'group'
          ? 'bot was kicked from the group chat'
          : 'bot was kicked from the supergroup chat'
  }

  /** From now on the bot gets 403 in the private chat. */
  blocksBot(): void {
    this.chat.refusal = 'bot was blocked by the user'
    this.#world.setMember(this.chat, this.#world.bot, 'kicked', this.user)
  }

  unblocksBot(): void {
    this.chat.refusal = undefined
    this.#world.setMember(this.chat, this.#world.bot, 'member', this.user)
  }

  #service(chat: Chat, content: Content): void {
    this.#world.deliver(this.#world.post(chat, { from: this.user, ...content }))
  }

  #send(content: Content, options: SendOptions): StoredMessage {
    const chat = options.chat ?? this.chat
    if (chat.isPrivate) chat.refusal = undefined
    const { reply_to_message: _nested, ...repliedTo } = options.replyTo?.api ?? {}
    const message = this.#world.post(chat, {
      ...(chat.api.type === 'channel' ? { sender_chat: chat.api } : { from: this.user }),
      ...(options.threadId && { message_thread_id: options.threadId, is_topic_message: true }),
      ...(options.forwarded && {
        forward_origin: {
          type: 'hidden_user',
          sender_user_name: 'Somebody',
          date: Math.floor(this.#world.now() / 1000),
        },
      }),
      ...('message_id' in repliedTo && { reply_to_message: repliedTo }),
      ...content,
    })
    this.#world.deliver(message)
    return message
  }
}
