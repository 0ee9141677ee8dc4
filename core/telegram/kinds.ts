/**
 * The update kinds of Bot API 7.1, the version whose types Telegraf 4.16.3 brings. A server that
 * refuses newer names gets these.
 */
export const classicUpdateKinds = [
  'message',
  'edited_message',
  'channel_post',
  'edited_channel_post',
  'message_reaction',
  'message_reaction_count',
  'inline_query',
  'chosen_inline_result',
  'callback_query',
  'shipping_query',
  'pre_checkout_query',
  'poll',
  'poll_answer',
  'my_chat_member',
  'chat_member',
  'chat_join_request',
  'chat_boost',
  'removed_chat_boost',
] as const

/**
 * Every update kind known here (Bot API 10.3), asked for explicitly and always: Telegram filters
 * when it creates an update, so a list that followed what plugins listen to would lose updates at
 * each reload. An empty list would leave out chat_member and the reactions.
 */
export const updateKinds = [
  ...classicUpdateKinds,
  'business_connection',
  'business_message',
  'edited_business_message',
  'deleted_business_messages',
  'purchased_paid_media',
  'managed_bot',
  'guest_message',
  'subscription',
  'stopped_message_generation',
] as const

export type KnownUpdateKind = (typeof updateKinds)[number]
