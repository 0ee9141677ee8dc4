/**
 * The parts of the Bot API's objects that the fake makes. Names and meanings are those of
 * https://core.telegram.org/bots/api; a test compiles them against types we did not write.
 */

export interface ApiUser {
  id: number
  is_bot: boolean
  first_name: string
  last_name?: string
  username?: string
  language_code?: string
}

export interface ApiChat {
  /** Positive for people, negative for groups, below −1000000000000 for supergroups and channels. */
  id: number
  type: 'private' | 'group' | 'supergroup' | 'channel'
  title?: string
  username?: string
  first_name?: string
  last_name?: string
  is_forum?: true
}

export type EntityType =
  | 'mention'
  | 'hashtag'
  | 'bot_command'
  | 'url'
  | 'email'
  | 'bold'
  | 'italic'
  | 'underline'
  | 'strikethrough'
  | 'spoiler'
  | 'blockquote'
  | 'expandable_blockquote'
  | 'code'
  | 'pre'
  | 'text_link'
  | 'text_mention'
  | 'custom_emoji'

/** Offsets and lengths are in UTF-16 code units, as JavaScript counts. */
export interface ApiEntity {
  type: EntityType
  offset: number
  length: number
  url?: string
  language?: string
  user?: ApiUser
  custom_emoji_id?: string
}

export interface ApiInlineButton {
  text: string
  callback_data?: string
  url?: string
  [field: string]: unknown
}

export interface ApiInlineKeyboard {
  inline_keyboard: ApiInlineButton[][]
}

/** What stands under the input field: buttons that send their own text, or a forced reply. */
export interface ApiReplyKeyboard {
  keyboard?: { text: string }[][]
  remove_keyboard?: true
  force_reply?: true
  input_field_placeholder?: string
  one_time_keyboard?: boolean
  resize_keyboard?: boolean
}

export interface ApiFile {
  file_id: string
  file_unique_id: string
  /** Bytes. */
  file_size?: number
  file_name?: string
  mime_type?: string
  /** Pixels; of pictures and videos. */
  width?: number
  height?: number
  /** Seconds; of audio and video. */
  duration?: number
}

export interface ApiMessage {
  message_id: number
  /** Unix time, seconds. */
  date: number
  chat: ApiChat
  from?: ApiUser
  sender_chat?: ApiChat
  text?: string
  entities?: ApiEntity[]
  caption?: string
  caption_entities?: ApiEntity[]
  edit_date?: number
  reply_to_message?: ApiMessage
  message_thread_id?: number
  is_topic_message?: true
  reply_markup?: ApiInlineKeyboard
  media_group_id?: string
  has_protected_content?: true
  forward_origin?: Record<string, unknown>
  new_chat_members?: ApiUser[]
  left_chat_member?: ApiUser
  new_chat_title?: string
  pinned_message?: ApiMessage
  migrate_to_chat_id?: number
  migrate_from_chat_id?: number
  photo?: ApiFile[]
  document?: ApiFile
  audio?: ApiFile
  video?: ApiFile
  animation?: ApiFile
  voice?: ApiFile
  video_note?: ApiFile
  sticker?: ApiFile
}

export type MemberStatus = 'creator' | 'administrator' | 'member' | 'restricted' | 'left' | 'kicked'

/** An update: its id and one more key, which names its kind. */
export interface ApiUpdate {
  update_id: number
  [kind: string]: unknown
}

export interface ApiCommand {
  command: string
  description: string
}
