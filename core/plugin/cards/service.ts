import type { CardChange, CardKind, CardState, Reader } from '../../card/card.ts'
import type { Cards } from '../../card/cards.ts'
import { asPlugin } from '../code/owner.ts'
import type { PluginScope } from '../scope.ts'

/** Cards that a plugin shows: messages with buttons whose first press decides, and that all others see change. */
export interface CardsApi {
  /** Makes a kind of cards known for as long as the plugin lives, with the plugin's own texts. */
  add<C>(kind: CardKind<C>): CardsOf<C>
}

/** The cards of one kind. None of its methods rejects: a card is news of what has happened already. */
export interface CardsOf<C> {
  /** Shows a subject's card: a new one, or the open one changed. */
  show(subject: string, content: C): Promise<void>
  /** Changes a subject's card if it is open. */
  update(subject: string, change: (before: C) => CardChange<C> | undefined): Promise<void>
  /** Subjects of those that are open. */
  open(): readonly string[]
}

/** Cards as one plugin makes them. */
export function cardsFor(scope: PluginScope<unknown, unknown>, cards: Cards): CardsApi {
  return {
    add<C>(own: CardKind<C>): CardsOf<C> {
      const { plugin } = scope
      const readerOf = (reader: Reader) => ({ ...reader, t: scope.texts(reader.language) })
      const kind: CardKind<C> = {
        ...own,
        name: `${plugin}.${own.name}`,
        face: (content: C, state: CardState, reader: Reader) =>
          asPlugin(plugin, () => own.face(content, state, readerOf(reader))),
        press: (content, action, presser, reader) =>
          asPlugin(plugin, () => own.press(content, action, presser, readerOf(reader))),
      }
      scope.atStart(() => scope.onDispose(cards.add(kind)))
      return {
        show: (subject, content) => cards.show(kind, subject, () => content),
        update: (subject, change) => cards.update(kind, subject, change),
        open: () => cards.openOf(kind.name),
      }
    },
  }
}
