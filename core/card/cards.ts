import { ulid } from 'ulid'
import type { Database, Queries } from '../database/connection.ts'
import type { Texts } from '../i18n/texts.ts'
import type { Logger } from '../log/logger.ts'
import type { Store } from '../store/store.ts'
import type { CardChange, CardKind, CardState, Face, Presser, Reader } from './card.ts'
import { Delivery } from './delivery.ts'
import type { CardPost } from './post.ts'
import { type Recipient, Recipients } from './recipients.ts'
import { type CardRow, CardRows } from './rows.ts'

export interface CardsParts {
  readonly database: Database
  readonly post: CardPost
  /** Tells other instances which cards there are. */
  readonly store: Store
  readonly texts: Texts
  /** People of ADMIN_IDS. */
  readonly ownerIds: readonly number[]
  readonly defaults: { readonly language: string; readonly timeZone: string }
  /** NOTICES: with false cards are kept, and the log has them, but none is sent. */
  readonly notices: boolean
  /** A card is shown anew at most so often, ms; default 3,000. */
  readonly paceMs?: number | undefined
  readonly log: Logger
}

/** The store's topic for "there is a card more or less". */
const cardsTopic = 'cards'

/** A press of a card's button. */
export interface CardPress {
  readonly card: number
  /** Of the card as the presser saw it. */
  readonly version: number
  readonly action: string
  readonly presser: Presser
  readonly reader: Omit<Reader, 't'>
  readonly chatId: number | undefined
}

/** What the presser is told; `refused`: why nothing was done. */
export interface PressAnswer {
  readonly text: string
  readonly refused?: 'stale' | 'permission' | 'decided' | 'changed'
}

/** A kind whose contents are parsed before it sees them. */
interface BoundKind {
  readonly isAwaited: boolean
  readonly recipients: (() => Promise<readonly number[]>) | undefined
  targetOf(subject: string): string
  face(row: CardRow, reader: Reader): Face | undefined
  admits(presser: Presser): boolean
  press(row: CardRow, action: string, presser: Presser, reader: Reader): ReturnType<AnyPress>
}

type AnyPress = CardKind<never>['press']

/**
 * Messages with buttons that owners, or others who may decide, get unasked: one a subject, edited in place as things change. Cards
 * are rows first, so a restart goes on with them, and a press works as long as its card is there.
 */
export class Cards {
  readonly #parts: CardsParts
  readonly #rows: CardRows
  readonly #recipients: Recipients
  readonly #delivery: Delivery
  /** By name; of one that a plugin made, each version that is set up, the newest last. */
  readonly #kinds = new Map<string, readonly BoundKind[]>()
  #started = false
  /** `kind subject` of all open ones. */
  #open: ReadonlySet<string> = new Set()
  #endFollowing: () => void = () => undefined
  /** Changes, one after the other, so that the last one stays. */
  #changes: Promise<unknown> = Promise.resolve()
  /** By card: who presses second finds what the first did. */
  readonly #presses = new Map<number, Promise<unknown>>()

  constructor(parts: CardsParts) {
    this.#parts = parts
    this.#rows = new CardRows(parts.database)
    this.#recipients = new Recipients(parts)
    this.#delivery = new Delivery({
      rows: this.#rows,
      post: parts.post,
      recipientsOf: (card) => this.#recipientsOf(card),
      paceMs: parts.paceMs,
      log: parts.log,
      faceOf: (card, { language, timeZone }) =>
        this.#kind(card.kind)?.face(card, this.#reader({ language, timeZone })),
    })
  }

  /**
   * Makes a kind known, the core's own before `start`: what is open of a plugin's is shown from then on.
   *
   * @returns what makes it unknown again
   */
  add<C>(kind: CardKind<C>): () => void {
    const contentOf = (row: CardRow) => kind.shape.safeParse(row.content).data
    const bound: BoundKind = {
      isAwaited: kind.isAwaited === true,
      recipients: kind.recipients?.bind(kind),
      targetOf: (subject) => kind.targetOf?.(subject) ?? `plugin:${subject}`,
      face(row, reader) {
        const content = contentOf(row)
        return content === undefined ? undefined : kind.face(content, row.state, reader)
      },
      admits: (presser) => kind.admits(presser),
      async press(row, action, presser, reader) {
        const content = contentOf(row)
        if (content === undefined) {
          return { outcome: 'failed', reason: 'stale', text: reader.t('button.stale') }
        }
        return kind.press(content, action, presser, reader)
      },
    }
    this.#kinds.set(kind.name, [...(this.#kinds.get(kind.name) ?? []), bound])
    if (this.#started) void this.#touchBehind()
    return () => {
      const others = (this.#kinds.get(kind.name) ?? []).filter((other) => other !== bound)
      this.#kinds.set(kind.name, others)
    }
  }

  #kind(name: string): BoundKind | undefined {
    return this.#kinds.get(name)?.at(-1)
  }

  /** Goes on with the cards of the process before. */
  async start(): Promise<void> {
    await this.#rows.prune()
    await this.#look()
    this.#endFollowing = this.#parts.store.subscribe(cardsTopic, () => this.#look())
    this.#started = true
    await this.#touchBehind()
  }

  async #touchBehind(): Promise<void> {
    try {
      for (const card of await this.#rows.behind()) this.#delivery.touch(card)
    } catch (error) {
      this.#parts.log.warn('card.not-shown', { error })
    }
  }

  /** Undefined: of a kind that nobody knows now, or not to be sent. */
  #recipientsOf({ kind: name }: CardRow): Promise<readonly Recipient[]> | undefined {
    const kind = this.#kind(name)
    if (kind === undefined || !(this.#parts.notices || kind.isAwaited)) return undefined
    const { recipients } = kind
    if (recipients === undefined) return this.#recipients.all()
    return recipients().then((telegramIds) => this.#recipients.these(telegramIds))
  }

  async stop(): Promise<void> {
    this.#endFollowing()
    await this.#changes
    await this.#delivery.stop()
  }

  /** Subjects of the open cards of a kind. */
  openOf(kind: string): readonly string[] {
    return [...this.#open].filter((key) => key.startsWith(`${kind} `)).map(subjectOf)
  }

  /**
   * Shows a subject's card: a new one, or the one that is there changed. Never rejects: a card is news of
   * what has happened already.
   *
   * @param change gets what the open card says, if there is one
   */
  show<C>(
    kind: CardKind<C>,
    subject: string,
    change: (before: C | undefined) => C | undefined,
  ): Promise<void> {
    return this.#change(kind, subject, (row) => {
      const content = change(
        row?.state === 'open' ? kind.shape.safeParse(row.content).data : undefined,
      )
      return content === undefined ? undefined : { content, state: 'open' }
    })
  }

  /** Changes a subject's card if it is open, else does nothing. Never rejects. */
  async update<C>(
    kind: CardKind<C>,
    subject: string,
    change: (before: C) => CardChange<C> | undefined,
  ): Promise<void> {
    await this.#changes
    if (!this.#open.has(keyOf(kind.name, subject))) return
    return this.#change(kind, subject, (row) => {
      const content = row?.state === 'open' ? kind.shape.safeParse(row.content).data : undefined
      return content === undefined ? undefined : change(content)
    })
  }

  /**
   * Says the last word on a subject's open card within the transaction of what was decided.
   *
   * @param words merged into its content
   * @returns to be called after the commit
   */
  async decide(
    transaction: Queries,
    kind: string,
    subject: string,
    words: object,
  ): Promise<() => void> {
    const row = await this.#rows.decide(transaction, kind, subject, words)
    return () => {
      if (row !== undefined) this.#changed(row)
    }
  }

  /** An owner wrote in private: from now on they can be written to. */
  met(telegramId: number): void {
    if (!this.#recipients.meet(telegramId) || this.#open.size === 0) return
    this.#rows.open().then(
      (rows) => {
        for (const { id } of rows) this.#delivery.touch(id)
      },
      (error: unknown) => this.#parts.log.warn('card.not-shown', { error }),
    )
  }

  /** Carries out a press. What it changes is shown on everybody's card. */
  press(press: CardPress): Promise<PressAnswer> {
    const before = this.#presses.get(press.card) ?? Promise.resolve()
    const work = before.then(() => this.#press(press))
    const settled = work.catch(() => undefined)
    this.#presses.set(press.card, settled)
    void settled.then(() => {
      if (this.#presses.get(press.card) === settled) this.#presses.delete(press.card)
    })
    return work
  }

  async #press(press: CardPress): Promise<PressAnswer> {
    const { presser, action } = press
    const reader = this.#reader(press.reader)
    await this.#changes
    const row = await this.#rows.find(press.card)
    const kind = row && this.#kind(row.kind)
    if (row === undefined || kind === undefined) {
      return { refused: 'stale', text: reader.t('button.stale') }
    }
    const refused = refusalOf(row, press, kind)
    if (refused !== undefined) {
      await this.#audit(row, press, 'refused', refused)
      // what is seen there is out of date
      this.#delivery.touch(row.id)
      const text = refused === 'permission' ? 'refused.press' : `card.${refused}`
      return { refused, text: reader.t(text) }
    }
    const { outcome, reason, text } = await kind.press(row, action, presser, reader)
    await this.#audit(row, press, outcome, reason)
    return { text }
  }

  async #audit(
    { kind, subject }: CardRow,
    { action, presser, chatId }: CardPress,
    outcome: 'done' | 'failed' | 'refused',
    reason: string | undefined,
  ): Promise<void> {
    const { database, log } = this.#parts
    const { telegramId, name } = presser
    log.info('card.pressed', { kind, subject, action, userId: telegramId, outcome, reason })
    await database.query(
      `insert into audit_log (id, actor_id, actor_name, action, target, chat_id, outcome, reason, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, now())`,
      [
        ulid(),
        telegramId,
        name,
        `card.${kind}.${action}`,
        this.#kind(kind)?.targetOf(subject) ?? subject,
        chatId ?? null,
        outcome,
        reason ?? null,
      ],
    )
  }

  #change<C>(
    kind: CardKind<C>,
    subject: string,
    decide: (row: CardRow | undefined) => CardChange<C> | undefined,
  ): Promise<void> {
    const work = this.#changes.then(async () => {
      try {
        const row = await this.#rows.change(kind.name, subject, decide)
        if (row !== undefined) this.#changed(row)
      } catch (error) {
        this.#parts.log.error('card.not-kept', { kind: kind.name, subject, error })
      }
    })
    this.#changes = work
    return work
  }

  #changed({ id, kind, subject, state, version }: CardRow): void {
    const key = keyOf(kind, subject)
    const others = [...this.#open].filter((other) => other !== key)
    this.#open = new Set(state === 'open' ? [...others, key] : others)
    const { notices, store, log } = this.#parts
    void store.publish(cardsTopic)
    log.info('card.changed', { card: id, kind, subject, state, version, sent: notices })
    this.#delivery.touch(id)
  }

  /** Another instance may have shown or ended some. */
  async #look(): Promise<void> {
    await this.#changes
    const open = await this.#rows.open()
    this.#open = new Set(open.map(({ kind, subject }) => keyOf(kind, subject)))
  }

  #reader(reader: Omit<Reader, 't'>): Reader {
    return { ...reader, t: this.#parts.texts.in(reader.language) }
  }
}

function refusalOf(
  { state, version }: { state: CardState; version: number },
  press: CardPress,
  kind: BoundKind,
): 'permission' | 'decided' | 'changed' | undefined {
  if (!kind.admits(press.presser)) return 'permission'
  if (state !== 'open') return 'decided'
  return version === press.version ? undefined : 'changed'
}

function keyOf(kind: string, subject: string): string {
  return `${kind} ${subject}`
}

function subjectOf(key: string): string {
  return key.slice(key.indexOf(' ') + 1)
}
