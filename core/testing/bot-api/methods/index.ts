import { botMethods } from './bot.ts'
import { chatMethods } from './chats.ts'
import { editMethods } from './edits.ts'
import { mediaMethods } from './media.ts'
import { messageMethods } from './messages.ts'
import type { Method } from './method.ts'
import { updateMethods } from './updates.ts'

/** Every method the fake knows, by its proper name. */
export const methods: Readonly<Record<string, Method>> = {
  ...updateMethods,
  ...botMethods,
  ...messageMethods,
  ...editMethods,
  ...mediaMethods,
  ...chatMethods,
}
