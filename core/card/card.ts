import type { z } from 'zod'
import type { Translate } from '../i18n/texts.ts'
import type { Html } from '../telegram/html.ts'

/**
 * `open`: it has buttons, and a press decides. `withdrawn`: what it was about is over by itself. `decided`:
 * somebody did something about it. Both last ones are final words without buttons.
 */
export type CardState = 'open' | 'withdrawn' | 'decided'

/** What a card says by now, and whether it still asks. */
export interface CardChange<C> {
  readonly content: C
  readonly state: CardState
}

/** In whose language and time a card is shown. */
export interface Reader {
  readonly t: Translate
  readonly language: string
  readonly timeZone: string
}

/** A card as one person sees it. */
export interface Face {
  readonly text: Html
  /** Rows of buttons: what they do, and what stands on them. */
  readonly keys: readonly (readonly { readonly action: string; readonly label: string }[])[]
}

/** Somebody who pressed a card's button: an active user. */
export interface Presser {
  readonly telegramId: number
  readonly name: string
  readonly role: string
  can(permission: string): boolean
}

/** What came of a press. */
export interface PressResult {
  readonly outcome: 'done' | 'failed'
  /** Why it failed: a code, for the audit. */
  readonly reason?: string
  /** Shown to the presser. */
  readonly text: string
}

/** One sort of cards: what is kept of them, how they look, what their buttons do. */
export interface CardKind<C> {
  readonly name: string
  /** What is kept outlives the program's version: what no longer fits is not shown any more. */
  readonly shape: z.ZodType<C>
  face(content: C, state: CardState, reader: Reader): Face
  /** Who gets it: Telegram ids, asked whenever it is shown; default: the owners. */
  recipients?(): Promise<readonly number[]>
  /** Sent whatever NOTICES says: somebody waits for an answer. */
  readonly isAwaited?: boolean
  /** What the audit log says that a press was about; default `plugin:<subject>`. */
  targetOf?(subject: string): string
  /** Asked at the press, whoever the card was sent to. */
  admits(presser: Presser): boolean
  /** Carries out what a button of an open card says; how the card changes is told by `Cards.update`. */
  press(content: C, action: string, presser: Presser, reader: Reader): Promise<PressResult>
}
