import type { Message, Update } from 'telegraf/types'
import type { Former } from './command.ts'
import type { Audience, ContextFor, PermissionFor, PluginTypes } from './view.ts'

/** Kinds of update that Telegraf's types know; newer ones are routed too, with a plain context. */
export type UpdateKind =
  | 'message'
  | 'edited_message'
  | 'channel_post'
  | 'edited_channel_post'
  | 'message_reaction'
  | 'message_reaction_count'
  | 'inline_query'
  | 'chosen_inline_result'
  | 'callback_query'
  | 'shipping_query'
  | 'pre_checkout_query'
  | 'poll'
  | 'poll_answer'
  | 'my_chat_member'
  | 'chat_member'
  | 'chat_join_request'
  | 'chat_boost'
  | 'removed_chat_boost'

type MessageKind = 'message' | 'edited_message' | 'channel_post' | 'edited_channel_post'
type KeysOf<T> = T extends unknown ? keyof T : never
type MessageContent = Exclude<KeysOf<Message>, number | symbol>

/** `my_chat_member`, or a kind of message and what it must hold: `message:photo`. */
export type EventQuery = UpdateKind | `${MessageKind}:${MessageContent}`

type UpdateOf<Q extends EventQuery> = Q extends `${infer K extends MessageKind}:${infer F}`
  ? Update & Record<K, Extract<Message, Record<F, unknown>>>
  : Extract<Update, Record<Q, unknown>>

export interface EventDefinition<
  P extends PluginTypes,
  Q extends EventQuery,
  W extends Audience = never,
> {
  /** Who triggers it; absent: every active user. Others are passed over in silence. */
  permission?: PermissionFor<P, W>
  /** `everyone`: strangers, chats and updates of nobody trigger it too. */
  audience?: W
  run(ctx: ContextFor<P, W, UpdateOf<Q>>): unknown
}

export interface EventListener {
  readonly kind: 'event'
  readonly query: EventQuery
  readonly permission?: string
  readonly audience?: Audience
  readonly former?: Former
  readonly run: (ctx: never) => unknown
}

export interface EventKit<P extends PluginTypes> {
  /** All listeners of one update share its unit of work: a throw of one ends it for all. Commands are no events. */
  event<Q extends EventQuery, const W extends Audience = never>(
    query: Q,
    definition: EventDefinition<P, Q>['run'] | EventDefinition<P, Q, W>,
  ): EventListener
}
