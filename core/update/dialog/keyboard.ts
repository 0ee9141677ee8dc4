import { z } from 'zod'
import { cardOwner } from '../../card/post.ts'
import type { Translate } from '../../i18n/texts.ts'
import { type Button, type Buttons, buttons } from '../../plugin/run/content.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import { type Html, html } from '../../telegram/html.ts'
import { type CalendarParts, calendarRows } from './calendar.ts'

/** In the place of an action in the data of a question's buttons. */
const buttonAction = 'step'
/** Labels up to that length share a row. */
const shortLabel = 12
const perRow = 3

const waysOut = { b: 'back', s: 'skip', x: 'cancel' } as const
type WayOut = (typeof waysOut)[keyof typeof waysOut]

/** What a person does at a question. */
export type DialogInput =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'choice'; readonly index: number }
  | { readonly kind: 'day'; readonly day: string }
  /** Another month of a calendar, as `2026-11`. */
  | { readonly kind: 'month'; readonly month: string }
  /** A button that only shows something. */
  | { readonly kind: 'nothing' }
  | { readonly kind: WayOut }

/** A pressed button of a question: it counts as long as that very question stands. */
export interface DialogButton {
  readonly revision: string
  readonly input: DialogInput
}

/** Short: it has to fit into Telegram's 64 bytes with the signature. */
const payloadShape = z.object({
  q: z.string().regex(/^[\w-]{12}\.(?:[bsxn]|\d{1,3}|d\d{8}|m\d{6})$/),
})

export interface KeyboardParts {
  readonly t: Translate
  readonly revision: string
  readonly presser: number
  readonly labels: readonly string[]
  readonly calendar?: CalendarParts | undefined
  readonly mayGoBack: boolean
  readonly maySkip: boolean
}

/** The answers on offer, and the ways out under them. */
export function dialogKeyboard(parts: KeyboardParts): Buttons {
  const { t, revision, presser, labels } = parts
  const button = (what: string, label: string): Button => ({
    kind: 'button',
    plugin: cardOwner,
    action: buttonAction,
    label,
    data: { q: `${revision}.${what}` },
    presser,
  })
  const width = labels.every((label) => label.length <= shortLabel) ? perRow : 1
  const rows: Button[][] = []
  for (let from = 0; from < labels.length; from += width) {
    const row = labels.slice(from, from + width)
    rows.push(row.map((label, index) => button(String(from + index), label)))
  }
  for (const row of parts.calendar === undefined ? [] : calendarRows(parts.calendar)) {
    rows.push(row.map(({ label, what }) => button(what, label)))
  }
  rows.push([
    ...(parts.mayGoBack ? [button('b', t('dialog.back'))] : []),
    ...(parts.maySkip ? [button('s', t('dialog.skip'))] : []),
    button('x', t('dialog.cancel')),
  ])
  return buttons(...rows)
}

export function readDialogButton(action: string, payload: unknown): DialogButton | undefined {
  const parsed = action === buttonAction ? payloadShape.safeParse(payload) : undefined
  if (parsed?.success !== true) return undefined
  const [revision = '', what = ''] = parsed.data.q.split('.')
  return { revision, input: inputOf(what) }
}

function inputOf(what: string): DialogInput {
  if (what === 'b' || what === 's' || what === 'x') return { kind: waysOut[what] }
  if (what === 'n') return { kind: 'nothing' }
  const [, kind, year = '', month = '', date = ''] = /^([dm])(\d{4})(\d\d)(\d\d)?$/.exec(what) ?? []
  if (kind === 'd') return { kind: 'day', day: `${year}-${month}-${date}` }
  if (kind === 'm') return { kind: 'month', month: `${year}-${month}` }
  return { kind: 'choice', index: Number(what) }
}

/** The question that was pressed at, with what came of it, in place of its buttons. */
export function closed(run: UpdateRun, outcome: string): Html {
  const pressed = 'callback_query' in run.update ? run.update.callback_query.message : undefined
  const question = pressed !== undefined && 'text' in pressed ? pressed.text : ''
  return html`${question}\n\n${outcome}`
}
