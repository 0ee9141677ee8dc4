/** The columns of `message_logs` that the bulk writer fills. */
export const messageLogs = {
  name: 'message_logs',
  columns: {
    direction: 'text',
    chat_id: 'bigint',
    user_id: 'text',
    message_id: 'bigint',
    kind: 'text',
    text: 'text',
    metadata: 'jsonb',
    command: 'text',
    plugin: 'text',
    outcome: 'text',
    duration_ms: 'integer',
    error_id: 'text',
    created_at: 'timestamptz',
  },
} as const

/** One row: a message or an event, in or out. Absent columns are null. */
export interface LogRow {
  readonly direction: 'in' | 'out'
  readonly chat_id?: number | undefined
  /** Of `bot_users`; strangers have none here, their Telegram id stands in `metadata.from`. */
  readonly user_id?: string | undefined
  readonly message_id?: number | undefined
  /** Kind of the update, or method of the call. */
  readonly kind: string
  readonly text?: string | undefined
  readonly metadata: Readonly<Record<string, unknown>>
  readonly command?: string | undefined
  readonly plugin?: string | undefined
  readonly outcome: string
  /** Of the handling, or of the call with its waits and repeats. */
  readonly duration_ms: number
  readonly error_id?: string | undefined
  readonly created_at: Date
}
