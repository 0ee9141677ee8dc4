import { Html } from '../../telegram/html.ts'

/** A button of one of the plugin's own actions; made by `ctx.button`, put on a message by `buttons`. */
export interface Button {
  readonly kind: 'button'
  readonly plugin: string
  readonly action: string
  readonly label: string
  /** The action's parsed data. */
  readonly data: Readonly<Record<string, unknown>>
  /** Who may press: the person it was made for, or everybody with the action's permission. */
  readonly presser: number | 'anyone'
  /** Until when it may be pressed, Unix seconds. */
  readonly expiresAt?: number
  /** Of what it was made for, as it was then. */
  readonly fingerprint?: string
}

/** Rows of buttons under a message. */
export interface Buttons {
  readonly kind: 'buttons'
  readonly rows: readonly (readonly Button[])[]
}

/** A message as a handler returns it: sent (or put in place of the pressed one) after the commit. */
export interface Content {
  readonly kind: 'content'
  readonly text: string | Html
  readonly buttons: readonly (readonly Button[])[]
  /** `send`: a new message. `edit`: the message whose button was pressed is replaced. */
  readonly mode: 'send' | 'edit'
}

/** What a handler may return to answer. Anything else it returns is ignored. */
export type Answer = string | Html | Content

/** Buttons under a message: each argument is a button or a row of them. */
export function buttons(...rows: (Button | readonly Button[])[]): Buttons {
  return { kind: 'buttons', rows: rows.map((row) => ('kind' in row ? [row] : row)) }
}

/** A message with buttons. Strings are plain text; use `html` for markup. */
export function message(text: string | Html, keyboard?: Buttons): Content {
  return { kind: 'content', text, buttons: keyboard?.rows ?? [], mode: 'send' }
}

/**
 * Replaces the message whose button was pressed; its keyboard goes unless a new one is given.
 * Returned by anything but an action it is sent as a new message.
 */
export function edit(text: string | Html, keyboard?: Buttons): Content {
  return { kind: 'content', text, buttons: keyboard?.rows ?? [], mode: 'edit' }
}

/** What a handler returned, as content; undefined when it is nothing to send. */
export function contentOf(returned: unknown): Content | undefined {
  if (typeof returned === 'string') return returned === '' ? undefined : message(returned)
  if (returned instanceof Html) return message(returned)
  if (typeof returned !== 'object' || returned === null || !('kind' in returned)) return undefined
  return returned.kind === 'content' ? (returned as Content) : undefined
}
