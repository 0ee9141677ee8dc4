import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Database } from '../../database/connection.ts'
import type { Texts, Translate } from '../../i18n/texts.ts'
import { asPlugin } from '../../plugin/code/owner.ts'
import type { CommandRoute } from '../../plugin/generation/routes.ts'
import { parseArguments } from '../../plugin/manifest/arguments.ts'
import type { Command, Confirm } from '../../plugin/manifest/command.ts'
import { isPermitted } from '../../plugin/manifest/usable.ts'
import { type Button, buttons, edit, message } from '../../plugin/run/content.ts'
import { contextFor, contextOver, type LiveContext } from '../../plugin/run/context.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import { type Html, html } from '../../telegram/html.ts'
import { findCommand } from '../find-command.ts'
import type { Gate } from '../gate.ts'
import { type Confirmation, ConfirmationRows } from './rows.ts'

/** The name in the place of a plugin's in the data of a question's buttons. */
const confirmOwner = 'core'
const defaultWithinS = 120

export interface ConfirmationsParts {
  readonly database: Database
  readonly texts: Texts
  readonly gate: Pick<Gate, 'become'>
}

/** A command with `confirm`, and what it was given. */
interface Asked {
  readonly route: CommandRoute
  readonly command: Command & { readonly confirm: Confirm }
  readonly path: string
  readonly text: string
  readonly value: unknown
}

/** A yes that holds: the command is to be run now. */
export interface Confirmed {
  readonly route: CommandRoute
  readonly command: Command
  readonly path: string
  readonly value: unknown
  readonly ctx: LiveContext
}

/** Dangerous commands wait here for a yes: of whoever gave them, or of another one who may give them too. */
export class Confirmations {
  readonly #rows: ConfirmationRows
  readonly #parts: ConfirmationsParts

  constructor(parts: ConfirmationsParts) {
    this.#parts = parts
    this.#rows = new ConfirmationRows(parts.database)
  }

  /** Shows what would be done, and asks. */
  async ask(run: UpdateRun, { route, command, path, text, value }: Asked): Promise<void> {
    const { instance } = route
    const { confirm } = command
    const t = this.#in(run)
    const { user, facts } = run
    if (facts.chatId === undefined) return
    const plugin = instance.name
    const wait = await this.#coolDown(run, { requester: user.telegramId, plugin, path }, confirm)
    if (wait !== undefined) {
      run.refuse('cool-down')
      return run.say(message(wait))
    }
    const preview = await asPlugin(instance.name, () =>
      // typed where the plugin was written
      confirm.preview(contextFor(run, instance) as never, value as never),
    )
    const by = confirm.by ?? 'self'
    const withinS = confirm.withinS ?? defaultWithinS
    const question = {
      plugin,
      path,
      arguments: text,
      hash: hashOf(value),
      update: run.update,
      by,
      requester: user.telegramId,
      requester_name: user.name,
      chat_id: facts.chatId,
    }
    const id = await this.#rows.ask(question, new Date(run.clock.now() + withinS * 1000))
    run.outcome = 'asked'
    const line = [`/${path}`, text].filter(Boolean).join(' ')
    const shown = html`⚠️ <b>${line}</b>\n${preview}\n\n${t(`confirm.ask.${by}`, { name: user.name, count: withinS })}`
    const presser = by === 'self' ? user.telegramId : 'anyone'
    const button = (action: 'yes' | 'no'): Button => ({
      kind: 'button',
      plugin: confirmOwner,
      action,
      label: t(`confirm.${action}`),
      data: { id },
      presser,
    })
    run.say(message(shown, buttons([button('yes'), button('no')])))
  }

  /** A press of yes or no. @returns the command to run, if that is what it means */
  async decide(run: UpdateRun, id: string, answer: 'yes' | 'no'): Promise<Confirmed | undefined> {
    const { user, facts } = run
    const question = await this.#rows.find(id)
    // the buttons are bound to the chat of the question: a copy elsewhere means nothing
    if (question === undefined || question.chat_id !== facts.chatId)
      return this.#refuse(run, 'over')
    const isAgain = question.decided_update === facts.updateId
    if (question.state === 'expired' && !isAgain) {
      this.#close(run, question, 'expired', user.name)
      return this.#refuse(run, 'expired')
    }
    if (question.state !== 'open' && !isAgain) return this.#refuse(run, 'over')
    const at = new Date(run.clock.now())
    const decider = { telegramId: user.telegramId, name: user.name, updateId: facts.updateId, at }
    const end = (state: 'confirmed' | 'declined' | 'expired' | 'void', reason: string) =>
      this.#rows.end(question, state, decider, reason)
    // who is told to have decided presses now: what follows may be done in another one's name
    const closing = (key: string) => this.#close(run, question, key, user.name)
    if (at.getTime() >= new Date(question.expires_at).getTime() && !isAgain) {
      await end('expired', 'confirm-expired')
      this.#refuse(run, 'expired')
      closing('expired')
      return undefined
    }
    const isRequester = user.telegramId === question.requester
    const found = findCommand(run, question)
    if (question.by === 'self' && !isRequester) return this.#refuse(run, 'presser')
    const may = found !== undefined && isPermitted(found.command, run)
    if (answer === 'no' && (isRequester || may)) {
      if (!(await end('declined', 'confirm-no'))) return this.#refuse(run, 'over')
      closing('declined')
      return undefined
    }
    if (question.by === 'another' && isRequester) return this.#refuse(run, 'another')
    if (found !== undefined && !may) return this.#refuse(run, 'permission')
    // it is their command: what it may is what they may, at this moment
    const ctx = found && (await this.#inTheNameOf(run, question, found))
    const value = found && this.#valueOf(run, question, found)
    if (found === undefined || ctx === undefined || value === undefined) {
      await end('void', 'confirm-void')
      closing('void')
      return this.#refuse(run, 'void')
    }
    // several may have been asked before the first was carried out
    const wait = isAgain ? undefined : await this.#coolDown(run, question, found.command.confirm)
    if (wait !== undefined) {
      run.refuse('confirm-cool-down')
      run.alert = wait
      return undefined
    }
    if (!(await end('confirmed', question.by === 'self' ? 'confirmed' : 'approved'))) {
      return this.#refuse(run, 'over')
    }
    closing(question.by === 'self' ? 'confirmed' : 'approved')
    return { ...found, path: question.path, value: value.parsed, ctx }
  }

  /** @returns undefined when they may not do it any more */
  async #inTheNameOf(
    run: UpdateRun,
    { requester, update }: Confirmation,
    { route, command }: { route: CommandRoute; command: Command },
  ): Promise<LiveContext | undefined> {
    if (run.user.telegramId !== requester && !(await this.#parts.gate.become(run, requester))) {
      return undefined
    }
    return isPermitted(command, run) ? contextOver(run, route.instance, update) : undefined
  }

  /** @returns undefined when the arguments are read as something else by now than what was shown */
  #valueOf(
    run: UpdateRun,
    { arguments: text, hash }: Confirmation,
    { route, command }: { route: CommandRoute; command: Command },
  ): { parsed: unknown } | undefined {
    if (command.args === undefined) return hashOf({}) === hash ? { parsed: {} } : undefined
    const own = route.instance.texts.in(run.language)
    const parsed = parseArguments(command.args, text, {
      t: this.#in(run),
      own,
      language: run.language,
    })
    return parsed.ok && hashOf(parsed.value) === hash ? { parsed: parsed.value } : undefined
  }

  /** @returns what to tell who is too early; undefined when they aren't */
  async #coolDown(
    run: UpdateRun,
    { requester, plugin, path }: Pick<Confirmation, 'requester' | 'plugin' | 'path'>,
    { coolDownS = 0 }: Pick<Confirm, 'coolDownS'> = {},
  ): Promise<string | undefined> {
    if (coolDownS === 0) return undefined
    const last = await this.#rows.lastConfirmed(requester, plugin, path)
    if (last === undefined) return undefined
    const leftS = Math.ceil(coolDownS - (run.clock.now() - last.getTime()) / 1000)
    if (leftS <= 0) return undefined
    return this.#in(run)('confirm.coolDown', { command: `/${path}`, count: leftS })
  }

  /** The question is over, and its buttons go. */
  #close(run: UpdateRun, question: Confirmation, key: string, name: string): void {
    const end = this.#in(run)(`confirm.ended.${key}`, { name })
    run.say(edit(html`${titleOf(question)}\n${end}`))
  }

  #refuse(run: UpdateRun, reason: string): undefined {
    run.refuse(`confirm-${reason}`)
    run.alert = this.#in(run)(`confirm.refused.${reason}`)
    return undefined
  }

  #in(run: UpdateRun): Translate {
    return this.#parts.texts.in(run.language)
  }
}

function titleOf({ path, arguments: text, requester_name }: Confirmation): Html {
  return html`<b>${[`/${path}`, text].filter(Boolean).join(' ')}</b> · ${requester_name}`
}

/** Of what a person was shown: keys in the order of the schema. */
function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('base64url')
}

/** What a yes or no carries. */
export const confirmPayload = z.object({ id: z.string() })
