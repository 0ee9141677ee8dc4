import type { Call } from './journal.ts'
import type { DeliveryAttempt } from './updates/delivery.ts'
import type { ApiUpdate } from './wire.ts'
import type { Chat } from './world/chat.ts'
import type { CallbackAnswer, Press, StoredMessage } from './world/message.ts'

/** What the bot is doing in a chat, as `sendChatAction` says; shown for 5 s or until it writes. */
export interface Typing {
  readonly chatId: number
  readonly threadId: number | undefined
  readonly action: string
}

/** What happens in the fake, for tests that wait and for the playground's page. */
export interface FakeBotApiEvents {
  /** A call has been answered (or cut). */
  call: [Call]
  /** The webhook has been called with an update, or it could not be. */
  delivery: [DeliveryAttempt]
  /** An update has been put up for the bot. */
  update: [ApiUpdate]
  /** Somebody, bot or person, has written. */
  message: [StoredMessage]
  edit: [StoredMessage]
  delete: [StoredMessage]
  reaction: [StoredMessage]
  press: [Press]
  /** The bot has answered a press. */
  answer: [CallbackAnswer]
  typing: [Typing]
  /** A command menu has changed. */
  commands: []
  /** A chat is new, or its title, members or pinned message changed. */
  chat: [Chat]
}
