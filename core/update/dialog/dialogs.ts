import type { Texts, Translate } from '../../i18n/texts.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import { isPermitted } from '../../plugin/manifest/usable.ts'
import { edit, message } from '../../plugin/run/content.ts'
import { contextFor, type LiveContext } from '../../plugin/run/context.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import type { Session, SessionKey, Sessions } from '../../session/sessions.ts'
import { closed, type DialogButton, type DialogInput } from './keyboard.ts'
import {
  type ArgumentDialog,
  answerArgument,
  askArgument,
  type CompleteCommand,
} from './missing.ts'
import { type Beginning, beginDialog, takeStep } from './step.ts'

/** What is to be done for an answer: code of the plugin, which the dispatcher runs. */
export type TakenAnswer =
  | {
      readonly kind: 'step'
      readonly instance: PluginInstance
      readonly name: string
      readonly work: (ctx: LiveContext) => Promise<unknown>
    }
  /** A command that has all its arguments now. */
  | ({ readonly kind: 'command' } & CompleteCommand)
  /** Nothing more: the person was told. */
  | { readonly kind: 'told' }

const told: TakenAnswer = { kind: 'told' }

/** Why a dialog is over before it was finished. */
type Ending = 'cancelled' | 'expired' | 'changed' | 'refused'

/** Leads people through dialogs: finds the one that is open, and what an update means to it. */
export class Dialogs {
  readonly #sessions: Sessions
  readonly #texts: Texts

  constructor({ sessions, texts }: { sessions: Sessions; texts: Texts }) {
    this.#sessions = sessions
    this.#texts = texts
  }

  /** A message that is no command. @returns undefined when no dialog waits for it */
  async answered(run: UpdateRun): Promise<TakenAnswer | undefined> {
    const text = answerTextOf(run)
    if (text === undefined) return undefined
    const session = await this.#open(run)
    return session === undefined ? undefined : this.#take(run, session, { kind: 'text', text })
  }

  /** `/back`, `/skip` and `/cancel`. @returns undefined when no dialog is open */
  async told(run: UpdateRun, word: string): Promise<TakenAnswer | undefined> {
    if (word !== 'back' && word !== 'skip' && word !== 'cancel') return undefined
    const session = await this.#open(run)
    return session === undefined ? undefined : this.#take(run, session, { kind: word })
  }

  /** A button under a question: it counts as long as that very question stands. */
  async pressed(run: UpdateRun, { revision, input }: DialogButton): Promise<TakenAnswer> {
    const session = await this.#open(run)
    if (session?.revision === revision) return this.#take(run, session, input)
    run.outcome = 'stale'
    run.alert = this.#in(run)('dialog.stale')
    return told
  }

  /** The first question of a dialog that a handler began; what was open there is over. */
  async begin(run: UpdateRun, { instance, name, given }: Beginning): Promise<unknown> {
    const before = await this.#open(run)
    const key = keyOf(run)
    const dialog = instance.dialogs.get(name)
    if (key === undefined || dialog === undefined) return undefined
    const session: Session = {
      ...key,
      plugin: instance.name,
      name,
      step: dialog.start,
      version: dialog.version,
      revision: before?.revision ?? '',
      context: { answers: { ...given }, path: [], choices: [] },
      expiresAt: new Date(run.clock.now()),
    }
    const ctx = contextFor(run, instance)
    return beginDialog({ run, ctx, dialog, session, isNew: before === undefined, t: this.#in(run) })
  }

  /** Asks for an argument that a command lacks. @returns false when it can't be asked for */
  async askArgument(run: UpdateRun, asked: ArgumentDialog, field: string): Promise<boolean> {
    const key = keyOf(run)
    if (key === undefined || run.facts.chatType !== 'private') return false
    const before = await this.#open(run)
    return askArgument(run, { ...asked, key, from: before?.revision, t: this.#in(run) }, field)
  }

  /** The command was given anew: an answer that comes later is no answer to what it lacked before. */
  async dropArgument(run: UpdateRun, path: string): Promise<void> {
    const session = run.facts.chatType === 'private' ? await this.#open(run) : undefined
    if (session?.name !== `/${path}`) return
    run.keepSession({ key: session, from: session.revision, to: undefined })
  }

  async #open(run: UpdateRun): Promise<Session | undefined> {
    const key = keyOf(run)
    if (key === undefined) return undefined
    // the inbox looked for whom Telegram names; an authenticator may take them for somebody else
    if (run.noDialog && key.userId === run.facts.userId) return undefined
    // in groups plugins' own dialogs alone can be open
    const mayBe = run.facts.chatType === 'private' || run.generation.routes.dialogs.size > 0
    const found = mayBe ? await this.#sessions.find(key) : undefined
    run.question = found?.question
    return found
  }

  #take(run: UpdateRun, session: Session, input: DialogInput): TakenAnswer {
    run.asked = true
    run.route = { plugin: session.plugin, name: `${session.name}.${session.step}` }
    if (input.kind === 'cancel') return this.#end(run, session, 'cancelled')
    if (run.clock.now() >= session.expiresAt.getTime()) return this.#end(run, session, 'expired')
    const t = this.#in(run)
    const end = (why: Ending): TakenAnswer => this.#end(run, session, why)
    if (session.context.command !== undefined) {
      return answerArgument(run, { session, input, t, end }) ?? told
    }
    const route = run.routes.dialogs.get(`${session.plugin}:${session.name}`)
    if (route === undefined) {
      if (run.generation.plugins.has(session.plugin)) return end('changed')
      // it may come back
      run.say(message(t('dialog.away')))
      return told
    }
    const { instance, name, dialog } = route
    if (!isPermitted(dialog, run)) return end('refused')
    const work = (ctx: LiveContext) => takeStep({ run, ctx, dialog, session, input, t, end })
    return { kind: 'step', instance, name: `${name}.${session.step}`, work }
  }

  #end(run: UpdateRun, session: Session, why: Ending): TakenAnswer {
    run.keepSession({ key: session, from: session.revision, to: undefined })
    const text = this.#in(run)(`dialog.ended.${why}`)
    if (why === 'refused') run.refuse('permission')
    run.say(run.pressId === undefined ? message(text) : edit(closed(run, text)))
    return told
  }

  #in(run: UpdateRun): Translate {
    return this.#texts.in(run.language)
  }
}

function keyOf({ actor, facts }: UpdateRun): SessionKey | undefined {
  if (actor.kind !== 'user' || facts.chatId === undefined) return undefined
  // who writes as a chat is no person
  if (facts.senderChatId !== undefined) return undefined
  return { chatId: facts.chatId, userId: actor.telegramId }
}

/**
 * The text by which a message may be an answer. In groups people talk to each other: there it has to be a reply to
 * the bot.
 */
function answerTextOf({ update, facts, botInfo }: UpdateRun): string | undefined {
  if (facts.kind !== 'message' || facts.isForwarded || !('message' in update)) return undefined
  const { message: said } = update
  if (!('text' in said) || said.via_bot !== undefined) return undefined
  if (facts.chatType !== 'private' && said.reply_to_message?.from?.id !== botInfo.id) {
    return undefined
  }
  return said.text
}
